//! The kernelspec: what `install` writes, `uninstall` removes and `doctor` looks for.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::environment::Environment;

/// The name under which Jupyter knows the kernel.
pub const DEFAULT_NAME: &str = "cellar";

/// The name people see.
pub const DISPLAY_NAME: &str = "Rust (Cellar)";

/// The file that makes a folder a kernelspec.
pub const KERNEL_JSON: &str = "kernel.json";

/// Everything besides [`KERNEL_JSON`], by name.
pub const LOGOS: [(&str, &[u8]); 3] = [
    (
        "logo-32x32.png",
        include_bytes!("../../../kernelspec/logo-32x32.png"),
    ),
    (
        "logo-64x64.png",
        include_bytes!("../../../kernelspec/logo-64x64.png"),
    ),
    ("logo-svg.svg", include_bytes!("../../../kernelspec/logo-svg.svg")),
];

/// The Python package that brings kernel, kernelspec and plug-in at once (`pip install .`).
pub const PACKAGE: &str = "cellar-jupyter";

/// Jupyter's word, in `argv`, for the folder of the kernelspec. That package writes it.
const RESOURCE_DIR: &str = "{resource_dir}";

/// What follows the executable in `argv`; by this a kernelspec is recognised as ours.
const ARGUMENTS: [&str; 3] = ["kernel", "--connection-file", "{connection_file}"];

/// Checks a kernel's name by Jupyter's rule. Jupyter ignores case and stores lower case, so do we.
///
/// # Errors
/// When Jupyter would not accept the name.
pub fn parse_name(typed: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if typed.is_empty() || !typed.chars().all(allowed) {
        return Err("Jupyter allows letters, digits, `.`, `_` and `-` in a kernel's name".to_owned());
    }
    if typed.chars().all(|c| c == '.') {
        return Err("a name of dots alone would be a folder of the system".to_owned());
    }
    Ok(typed.to_ascii_lowercase())
}

/// The content of `kernel.json` for a kernel that is started as `executable`.
pub fn kernel_json(executable: &Path) -> Value {
    let mut argv = vec![executable.to_string_lossy().into_owned()];
    argv.extend(ARGUMENTS.map(str::to_owned));
    json!({
        "argv": argv,
        "display_name": DISPLAY_NAME,
        "language": "rust",
        "interrupt_mode": "message",
        "env": {},
        "metadata": {"debugger": false},
    })
}

/// Whose kernelspec a folder holds.
#[derive(Debug, PartialEq, Eq)]
pub enum Owner {
    /// Nobody's: there is no `kernel.json`.
    Nobody,
    /// Cellar's, started as this executable.
    Cellar { executable: PathBuf },
    /// Another kernel's.
    Other { display_name: String },
    /// `kernel.json` cannot be read.
    Unreadable { why: String },
}

/// Looks whose kernelspec `folder` holds.
pub fn owner(folder: &Path) -> Owner {
    let text = match std::fs::read(folder.join(KERNEL_JSON)) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Owner::Nobody,
        Err(error) => {
            return Owner::Unreadable {
                why: error.to_string(),
            };
        }
    };
    let spec: Value = match serde_json::from_slice(&text) {
        Ok(spec) => spec,
        Err(error) => {
            return Owner::Unreadable {
                why: error.to_string(),
            };
        }
    };
    let argv: Vec<&str> = spec["argv"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    match argv.split_first() {
        Some((executable, rest)) if rest == ARGUMENTS => Owner::Cellar {
            executable: executable.replace(RESOURCE_DIR, &folder.to_string_lossy()).into(),
        },
        _ => Owner::Other {
            display_name: spec["display_name"]
                .as_str()
                .unwrap_or("without a name")
                .to_owned(),
        },
    }
}

/// Whether [`PACKAGE`] wrote the kernelspec in `folder`: only there the plug-in that it names is sure to be.
/// What a package has written, pip has to remove.
pub fn is_of_package(folder: &Path) -> bool {
    std::fs::read(folder.join(KERNEL_JSON))
        .ok()
        .and_then(|text| serde_json::from_slice::<Value>(&text).ok())
        .is_some_and(|spec| spec["metadata"]["kernel_provisioner"]["provisioner_name"] == DEFAULT_NAME)
}

/// The absolute path under which this executable should be started later.
///
/// The path it was called by wins over the file behind it: where that is a link which a package
/// manager moves to the next version, the kernelspec then survives an upgrade.
///
/// # Errors
/// When the system does not tell, or the executable has been deleted meanwhile.
pub fn this_executable(environment: &Environment) -> anyhow::Result<PathBuf> {
    use anyhow::Context as _;
    let file = std::env::current_exe().context("the system does not tell where this executable is")?;
    let real = file
        .canonicalize()
        .with_context(|| format!("this executable, `{}`, is no longer there", file.display()))?;
    let called = std::env::args_os()
        .next()
        .map(PathBuf::from)
        .and_then(|name| called_as(&name, environment));
    Ok(called
        .filter(|path| path.canonicalize().is_ok_and(|target| target == real))
        .unwrap_or(real))
}

/// Where the system found the program that was called `name`.
fn called_as(name: &Path, environment: &Environment) -> Option<PathBuf> {
    if name.components().count() > 1 {
        return std::path::absolute(name).ok();
    }
    environment.find_program(name.to_str()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_by_jupyters_rule() {
        assert_eq!(parse_name("cellar-1.0_b"), Ok("cellar-1.0_b".to_owned()));
        assert_eq!(parse_name("Cellar"), Ok("cellar".to_owned()));
        for wrong in ["", "a b", "a/b", "..", ".", "käse", "a\n", "a\\b"] {
            assert!(parse_name(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_logos_have_the_size_in_their_names() {
        for (name, bytes) in &LOGOS[..2] {
            assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n", "{name}");
            let side = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
            assert_eq!(*name, format!("logo-{}x{}.png", side(16), side(20)));
        }
        assert!(LOGOS[2].1.starts_with(b"<svg"));
    }

    #[test]
    fn a_link_is_kept_where_it_leads_to_the_executable() {
        let folder = tempfile::tempdir().unwrap();
        let name = Path::new("sub/cellar");
        let environment = Environment::of(folder.path(), &[]);
        assert_eq!(
            called_as(name, &environment),
            Some(std::env::current_dir().unwrap().join(name))
        );
        assert_eq!(called_as(Path::new("cellar"), &environment), None);
        let executable = this_executable(&Environment::of_process()).unwrap();
        assert!(executable.is_absolute() && executable.is_file());
    }

    #[test]
    fn owners() {
        let folder = tempfile::tempdir().unwrap();
        let write = |text: &str| std::fs::write(folder.path().join(KERNEL_JSON), text).unwrap();
        assert_eq!(owner(folder.path()), Owner::Nobody);
        write(&kernel_json(Path::new("/bin/cellar")).to_string());
        assert_eq!(
            owner(folder.path()),
            Owner::Cellar {
                executable: "/bin/cellar".into()
            }
        );
        write(
            r#"{"argv": ["evcxr_jupyter", "--control_file", "{connection_file}"], "display_name": "Rust"}"#,
        );
        assert_eq!(
            owner(folder.path()),
            Owner::Other {
                display_name: "Rust".to_owned()
            }
        );
        assert!(!is_of_package(folder.path()));
        let mut packaged = kernel_json(Path::new("{resource_dir}/../../../../bin/cellar"));
        packaged["metadata"]["kernel_provisioner"] = json!({"provisioner_name": "cellar"});
        write(&packaged.to_string());
        assert!(is_of_package(folder.path()));
        let executable = folder.path().join("../../../../bin/cellar");
        assert_eq!(owner(folder.path()), Owner::Cellar { executable });
        write("{");
        assert!(matches!(owner(folder.path()), Owner::Unreadable { .. }));
        write("[]");
        assert!(matches!(owner(folder.path()), Owner::Other { .. }));
    }
}
