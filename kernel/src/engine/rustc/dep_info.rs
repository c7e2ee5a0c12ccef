//! What rustc read besides the text of a crate: files that `include_str!` and the like name, and variables of the
//! environment that `env!` and `option_env!` ask for.
//!
//! rustc tells it in a file for `make`: see <https://doc.rust-lang.org/rustc/command-line-arguments.html#--emit-specifies-the-types-of-output-files-to-generate>.

use std::path::{Path, PathBuf};

/// The inputs of a crate besides its text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    pub files: Vec<PathBuf>,
    /// Name and value; `None` where the variable was not set.
    pub env: Vec<(String, Option<String>)>,
}

/// Reads rustc's dep-info. `directory` is where rustc ran, `source` the crate's own file.
pub fn parse(text: &str, directory: &Path, source: &str) -> Inputs {
    let mut inputs = Inputs::default();
    for line in text.lines() {
        if let Some(variable) = line.strip_prefix("# env-dep:") {
            let (name, value) = match variable.split_once('=') {
                Some((name, value)) => (name, Some(unescape(value))),
                None => (variable, None),
            };
            inputs.env.push((unescape(name), value));
        } else if let Some(file) = line.strip_suffix(':') {
            // Each file stands on a line of its own too, as a target without a rule.
            let file = file.replace("\\ ", " ");
            if file != source {
                inputs.files.push(directory.join(file));
            }
        }
    }
    inputs
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '\\' => match characters.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some(other) => other,
                None => '\\',
            },
            other => other,
        });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_variables_are_found() {
        let text = "/w/libctx.so: src/lib.rs /data/a\\ b.txt src/c.txt\n\n/w/libctx.d: src/lib.rs /data/a\\ b.txt src/c.txt\n\n\
                    src/lib.rs:\n/data/a\\ b.txt:\nsrc/c.txt:\n\n# env-dep:HOME=/home/x\\\\y\n# env-dep:NOT_SET\n";
        let inputs = parse(text, Path::new("/w"), "src/lib.rs");
        assert_eq!(
            inputs.files,
            [PathBuf::from("/data/a b.txt"), PathBuf::from("/w/src/c.txt")]
        );
        assert_eq!(
            inputs.env,
            [
                ("HOME".to_owned(), Some("/home/x\\y".to_owned())),
                ("NOT_SET".to_owned(), None)
            ]
        );
    }
}
