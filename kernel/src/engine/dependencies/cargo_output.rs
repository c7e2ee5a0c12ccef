//! What cargo prints as JSON while it builds dependencies
//! (<https://doc.rust-lang.org/cargo/reference/external-tools.html#json-messages>).

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;

use serde_json::Value;

/// What was told of a build.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct CargoOutput {
    /// The rendered texts of all errors.
    pub errors: String,
    /// Libraries that were made, or that were there.
    pub files: Vec<PathBuf>,
    /// For each build script what it has said, as a file.
    pub build_scripts: Vec<PathBuf>,
}

impl CargoOutput {
    /// Reads until cargo ends.
    pub fn read(output: impl Read) -> CargoOutput {
        let mut found = CargoOutput::default();
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Ok(message) = serde_json::from_str::<Value>(&line) {
                found.take(&message);
            }
        }
        found
    }

    fn take(&mut self, message: &Value) {
        match message["reason"].as_str() {
            Some("compiler-artifact") => {
                let files = message["filenames"].as_array().into_iter().flatten();
                self.files
                    .extend(files.filter_map(Value::as_str).map(PathBuf::from));
            }
            Some("build-script-executed") => {
                let folder = message["out_dir"].as_str().map(PathBuf::from);
                let output = folder.map(|folder| folder.with_file_name("output"));
                self.build_scripts.extend(output);
            }
            _ => {
                let message = &message["message"];
                if message["level"] == "error" {
                    self.errors
                        .push_str(message["rendered"].as_str().unwrap_or_default());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_libraries_and_build_scripts_are_found() {
        let output = concat!(
            "{\"reason\":\"compiler-artifact\",\"filenames\":[\"/t/liba.rlib\",\"/t/liba.rmeta\"]}\n",
            "no JSON\n",
            "{\"reason\":\"build-script-executed\",\"out_dir\":\"/t/build/a-1/out\"}\n",
            "{\"reason\":\"compiler-message\",\"message\":{\"level\":\"warning\",\"rendered\":\"w\"}}\n",
            "{\"reason\":\"compiler-message\",\"message\":{\"level\":\"error\",\"rendered\":\"e\"}}\n",
            "{\"reason\":\"build-finished\",\"success\":false}\n",
        );
        let expected = CargoOutput {
            errors: "e".to_owned(),
            files: vec!["/t/liba.rlib".into(), "/t/liba.rmeta".into()],
            build_scripts: vec!["/t/build/a-1/output".into()],
        };
        assert_eq!(CargoOutput::read(output.as_bytes()), expected);
    }
}
