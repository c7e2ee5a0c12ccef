//! `cellar install`: registers the kernel with Jupyter, and the extension of JupyterLab and Notebook 7.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::environment::Environment;
use super::kernelspec::{self, KERNEL_JSON, LOGOS, Owner};
use super::{args, atomic, jupyter_paths, labextension};

/// What is to be installed where.
#[derive(Debug)]
struct Plan {
    /// The kernelspec's folder.
    folder: PathBuf,
    /// What Jupyter will start.
    executable: PathBuf,
}

/// Does what was typed and tells it to `out`.
///
/// # Errors
/// When the folder is unknown, belongs to another kernel or cannot be written.
pub fn run(typed: &args::Install, environment: &Environment, out: &mut impl Write) -> Result<()> {
    let plan = Plan {
        folder: folder(&typed.place, environment)?,
        executable: kernelspec::this_executable(environment)?,
    };
    if plan.is_packages(out)? {
        return Ok(());
    }
    plan.carry_out()?;
    let extension = labextension::folder(&jupyter_paths::data_dir(&typed.place, environment)?);
    labextension::write(&extension).context("the kernel is installed, its JupyterLab extension is not")?;
    writeln!(
        out,
        "Installed the kernel `{}` in {}",
        typed.place.name,
        plan.folder.display()
    )?;
    writeln!(
        out,
        "Installed the extension for JupyterLab and Notebook 7 in {}",
        extension.display()
    )?;
    writeln!(out, "Jupyter will start {}", plan.executable.display())?;
    if is_build_output(&plan.executable) {
        writeln!(
            out,
            "That is a build folder: the kernel is gone when it is cleaned. \
             `cargo install --locked --path kernel` in the checkout, and then `cellar install`, makes it last."
        )?;
    }
    writeln!(out, "{WITH_PYTHON}")?;
    Ok(())
}

/// What an installation from the executable alone cannot do.
const WITH_PYTHON: &str = "In a Python environment, `pip install .` in the checkout does all this and more: what cells \
     change of a notebook's parameters is saved by nbconvert, `jupyter execute` and papermill, and papermill \
     has its `-p` for Rust.";

/// The folder of the kernelspec that `place` names.
///
/// # Errors
/// As [`jupyter_paths::data_dir`].
pub fn folder(place: &args::Place, environment: &Environment) -> Result<PathBuf> {
    Ok(jupyter_paths::data_dir(place, environment)?
        .join("kernels")
        .join(&place.name))
}

impl Plan {
    /// Whether the Python package has been here before, and has done all that there is to do.
    fn is_packages(&self, out: &mut impl Write) -> Result<bool> {
        if !kernelspec::is_of_package(&self.folder) {
            return Ok(false);
        }
        let (folder, package) = (self.folder.display(), kernelspec::PACKAGE);
        if let Owner::Cellar { executable } = kernelspec::owner(&self.folder)
            && executable.canonicalize().ok() == self.executable.canonicalize().ok()
        {
            writeln!(
                out,
                "Nothing to do: the Python package {package} has installed the kernel in {folder}"
            )?;
            return Ok(true);
        }
        bail!(
            "{folder} belongs to the Python package {package}, and starts another executable than this one: \
             `pip uninstall {package}` first, or choose another name with --name"
        )
    }

    fn carry_out(&self) -> Result<()> {
        let folder = self.folder.display();
        match kernelspec::owner(&self.folder) {
            Owner::Nobody | Owner::Cellar { .. } => {}
            // A damaged file under our own name is mended; under another name it is not ours to judge.
            Owner::Unreadable { .. } if self.folder.ends_with(kernelspec::DEFAULT_NAME) => {}
            Owner::Unreadable { why } => bail!(
                "{folder} holds a {KERNEL_JSON} that cannot be read ({why}): remove that folder, or choose \
                 another name with --name"
            ),
            Owner::Other { display_name } => bail!(
                "{folder} belongs to another kernel (\"{display_name}\"), which stays as it is: choose \
                 another name with --name"
            ),
        }
        let written = if self.folder.is_dir() {
            self.update()
        } else {
            self.create()
        };
        written.with_context(|| {
            format!("cannot write the kernelspec to {folder} (another place: --user, --sys-prefix or --prefix DIR)")
        })
    }

    /// Writes a whole new folder beside its place and moves it there in one step.
    fn create(&self) -> Result<()> {
        let parent = self
            .folder
            .parent()
            .context("a kernelspec's folder has a parent")?;
        std::fs::create_dir_all(parent)?;
        let new = atomic::new_folder_in(parent)?;
        self.write_files(new.path())?;
        std::fs::rename(new.path(), &self.folder)?;
        // It is no longer where the guard would look for it.
        let _ = new.keep();
        Ok(())
    }

    /// Replaces our files in a folder that is there, one by one, and leaves others alone.
    fn update(&self) -> Result<()> {
        self.write_files(&self.folder)
    }

    /// The logos first: a folder becomes a kernel with its `kernel.json`.
    fn write_files(&self, folder: &Path) -> Result<()> {
        for (name, bytes) in LOGOS {
            atomic::write(&folder.join(name), bytes)?;
        }
        let mut json = serde_json::to_vec_pretty(&kernelspec::kernel_json(&self.executable))?;
        json.push(b'\n');
        Ok(atomic::write(&folder.join(KERNEL_JSON), &json)?)
    }
}

/// Whether an executable lies where it will not stay.
fn is_build_output(executable: &Path) -> bool {
    executable.components().any(|part| part.as_os_str() == "target")
        || executable.starts_with(std::env::temp_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(root: &Path) -> Plan {
        Plan {
            folder: root.join("share/jupyter/kernels/cellar"),
            executable: "/opt/bin/cellar".into(),
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn installing_twice_is_harmless_and_leaves_no_litter() {
        let root = tempfile::tempdir().unwrap();
        let plan = plan(root.path());
        plan.carry_out().unwrap();
        plan.carry_out().unwrap();
        assert_eq!(names(plan.folder.parent().unwrap()), ["cellar"]);
        assert_eq!(
            names(&plan.folder),
            ["kernel.json", "logo-32x32.png", "logo-64x64.png", "logo-svg.svg"]
        );
        let spec: serde_json::Value =
            serde_json::from_slice(&std::fs::read(plan.folder.join(KERNEL_JSON)).unwrap()).unwrap();
        assert_eq!(
            spec["argv"],
            serde_json::json!([
                "/opt/bin/cellar",
                "kernel",
                "--connection-file",
                "{connection_file}"
            ])
        );
        assert_eq!(spec["display_name"], "Rust (Cellar)");
        assert_eq!(spec["interrupt_mode"], "message");
    }

    #[test]
    #[cfg(unix)]
    fn other_users_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let root = tempfile::tempdir().unwrap();
        let plan = plan(root.path());
        plan.carry_out().unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode();
        // What the umask allows to a folder and a file that were made the ordinary way.
        let (folder, file) = (root.path().join("folder"), root.path().join("file"));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(&file, "").unwrap();
        assert_eq!(mode(&plan.folder), mode(&folder));
        assert_eq!(mode(&plan.folder.join(KERNEL_JSON)), mode(&file));
    }

    #[test]
    fn an_older_one_is_brought_up_to_date_and_foreign_files_stay() {
        let root = tempfile::tempdir().unwrap();
        let plan = plan(root.path());
        plan.carry_out().unwrap();
        std::fs::write(plan.folder.join("kernel.js"), "mine").unwrap();
        let newer = Plan {
            executable: "/opt/new/cellar".into(),
            ..plan
        };
        newer.carry_out().unwrap();
        assert!(names(&newer.folder).contains(&"kernel.js".to_owned()));
        assert_eq!(
            kernelspec::owner(&newer.folder),
            Owner::Cellar {
                executable: "/opt/new/cellar".into()
            }
        );
    }

    #[test]
    fn another_kernel_is_never_touched() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("share/jupyter/kernels/rust");
        std::fs::create_dir_all(&folder).unwrap();
        let evcxr =
            r#"{"argv": ["evcxr_jupyter", "--control_file", "{connection_file}"], "display_name": "Rust"}"#;
        std::fs::write(folder.join(KERNEL_JSON), evcxr).unwrap();
        let error = Plan {
            folder: folder.clone(),
            ..plan(root.path())
        }
        .carry_out()
        .expect_err("evcxr's");
        assert!(error.to_string().contains("another kernel"), "{error}");
        assert_eq!(std::fs::read_to_string(folder.join(KERNEL_JSON)).unwrap(), evcxr);
        assert_eq!(names(&folder), [KERNEL_JSON]);
    }

    #[test]
    fn a_damaged_one_of_ours_is_mended() {
        let root = tempfile::tempdir().unwrap();
        let plan = plan(root.path());
        std::fs::create_dir_all(&plan.folder).unwrap();
        std::fs::write(plan.folder.join(KERNEL_JSON), "{").unwrap();
        plan.carry_out().unwrap();
        assert!(matches!(kernelspec::owner(&plan.folder), Owner::Cellar { .. }));
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("share"), "").unwrap();
        let error = plan(root.path()).carry_out().expect_err("a file is no folder");
        assert!(
            error.to_string().contains("share/jupyter/kernels/cellar"),
            "{error:#}"
        );
    }
}
