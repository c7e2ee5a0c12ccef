//! The Python plug-in: what nbconvert, `jupyter execute` and papermill know of the notebook's parameters.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Check;
use crate::cli::environment::Environment;
use crate::cli::jupyter_paths;
use crate::cli::kernelspec::{self, DEFAULT_NAME, PACKAGE};

const NAME: &str = "Python plug-in";

/// Whether it is there, and where its kernelspec is found, can be imported: Jupyter does not start a kernel whose
/// provisioner it does not have.
pub fn plug_in(environment: &Environment) -> Check {
    let folder = jupyter_paths::search_path(environment)
        .into_iter()
        .map(|data| data.join("kernels").join(DEFAULT_NAME))
        .find(|folder| kernelspec::is_of_package(folder));
    let Some(folder) = folder else {
        return Check::info(
            NAME,
            "not installed; `pip install .` in the checkout lets nbconvert and papermill save changed parameters, \
             and papermill pass them with -p",
        );
    };
    let shown = folder.display();
    match python_of_jupyter(environment) {
        Some(python) if !imports(&python) => Check::warn(
            NAME,
            format!(
                "{shown} needs the package {PACKAGE}, which {} does not have: Jupyter refuses to start the kernel",
                python.display()
            ),
            format!(
                "{} -m pip install . in the checkout, or pip uninstall {PACKAGE} where it is, and cellar install",
                python.display()
            ),
        ),
        _ => Check::ok(NAME, shown.to_string()),
    }
}

/// The interpreter that lies beside the `jupyter` on `PATH`.
fn python_of_jupyter(environment: &Environment) -> Option<PathBuf> {
    let python = environment.find_program("jupyter")?.with_file_name("python3");
    python.is_file().then_some(python)
}

fn imports(python: &Path) -> bool {
    Command::new(python)
        .args(["-c", "import cellar_jupyter.provisioner"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_kernelspec_whose_plug_in_jupyter_lacks() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let bin = home.path().join("bin");
        let environment = Environment::of(home.path(), &[("JUPYTER_PATH", home.path()), ("PATH", &bin)]);
        assert_eq!(plug_in(&environment).status, Status::Info);

        let mut spec = kernelspec::kernel_json(Path::new("/bin/cellar"));
        spec["metadata"]["kernel_provisioner"] = serde_json::json!({"provisioner_name": "cellar"});
        let folder = home.path().join("kernels/cellar");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(kernelspec::KERNEL_JSON), spec.to_string()).unwrap();
        assert_eq!(
            plug_in(&environment).status,
            Status::Ok,
            "no Jupyter that could refuse"
        );

        std::fs::create_dir(&bin).unwrap();
        let program = |name: &str, status: u8| {
            let file = bin.join(name);
            std::fs::write(&file, format!("#!/bin/sh\nexit {status}\n")).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        program("jupyter", 0);
        program("python3", 1);
        let check = plug_in(&environment);
        assert_eq!(check.status, Status::Warn);
        assert!(check.mend.unwrap().contains("pip install ."));
        program("python3", 0);
        assert_eq!(plug_in(&environment).status, Status::Ok);
    }
}
