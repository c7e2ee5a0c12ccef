//! `cellar uninstall`: removes exactly what `install` wrote.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::environment::Environment;
use super::kernelspec::{self, KERNEL_JSON, LOGOS, Owner};
use super::{args, install, jupyter_paths, labextension};

/// What was found and done.
#[derive(Debug, Default, PartialEq, Eq)]
struct Removed {
    files: Vec<PathBuf>,
    /// Files that `install` did not write; the folder stays for them.
    left: Vec<PathBuf>,
}

/// Does what was typed and tells it to `out`.
///
/// # Errors
/// When the kernelspec is another kernel's or cannot be removed.
pub fn run(typed: &args::Uninstall, environment: &Environment, out: &mut impl Write) -> Result<()> {
    let folder = install::folder(&typed.place, environment)?;
    let mut removed = remove(&folder)?;
    let kernel_was_absent = removed.files.is_empty();
    let data_dir = jupyter_paths::data_dir(&typed.place, environment)?;
    let extension = labextension::folder(&data_dir);
    // Each Cellar kernel that is left, under whatever name, needs it.
    let needs_it = cellar_kernels(&data_dir).into_iter().next();
    if needs_it.is_none() {
        removed.files.extend(labextension::remove(&extension)?);
    }
    if removed.files.is_empty() {
        writeln!(
            out,
            "Nothing to remove: there is no Cellar kernel in {}",
            folder.display()
        )?;
        for other in elsewhere(&typed.place.name, &folder, environment) {
            writeln!(out, "There is one in {}", other.display())?;
        }
        return Ok(());
    }
    for file in &removed.files {
        writeln!(out, "Removed {}", file.display())?;
    }
    if removed.left.is_empty() && !kernel_was_absent {
        writeln!(out, "Removed {}", folder.display())?;
    }
    if let Some(kernel) = needs_it {
        writeln!(
            out,
            "Left {}, which {} needs",
            extension.display(),
            kernel.display()
        )?;
    }
    for file in &removed.left {
        writeln!(
            out,
            "Left {}, which `cellar install` did not write",
            file.display()
        )?;
    }
    Ok(())
}

fn remove(folder: &Path) -> Result<Removed> {
    match kernelspec::owner(folder) {
        Owner::Cellar { .. } => {}
        Owner::Nobody => return Ok(Removed::default()),
        Owner::Other { display_name } => {
            bail!(
                "{} belongs to another kernel (\"{display_name}\"), which stays as it is",
                folder.display()
            )
        }
        Owner::Unreadable { why } => bail!(
            "{} cannot be read ({why}), so nobody knows whose kernel it is: remove the folder yourself",
            folder.join(KERNEL_JSON).display()
        ),
    }
    if kernelspec::is_of_package(folder) {
        bail!(
            "{} belongs to a Python package, which pip removes whole: `pip uninstall {}`",
            folder.display(),
            kernelspec::PACKAGE
        );
    }
    let mut removed = Removed::default();
    // First the file that makes it a kernel: whatever goes wrong later, no half kernel is offered.
    for name in std::iter::once(KERNEL_JSON).chain(LOGOS.map(|(name, _)| name)) {
        let file = folder.join(name);
        match std::fs::remove_file(&file) {
            Ok(()) => removed.files.push(file),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot remove {}", file.display())),
        }
    }
    removed.left = std::fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    removed.left.sort();
    if removed.left.is_empty() {
        std::fs::remove_dir(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(removed)
}

/// The kernelspecs in a data folder that are Cellar's.
fn cellar_kernels(data_dir: &Path) -> Vec<PathBuf> {
    let Ok(folders) = std::fs::read_dir(data_dir.join("kernels")) else {
        return Vec::new();
    };
    let mut kernels: Vec<_> = folders
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|folder| matches!(kernelspec::owner(folder), Owner::Cellar { .. }))
        .collect();
    kernels.sort();
    kernels
}

/// Other folders that hold a Cellar kernel of that name.
fn elsewhere(name: &str, folder: &Path, environment: &Environment) -> Vec<PathBuf> {
    jupyter_paths::search_path(environment)
        .into_iter()
        .map(|data| data.join("kernels").join(name))
        .filter(|other| other != folder && matches!(kernelspec::owner(other), Owner::Cellar { .. }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installed(home: &Path) -> (Environment, args::Place, PathBuf) {
        let environment = Environment::of(home, &[("JUPYTER_DATA_DIR", home)]);
        let place = args::Place {
            name: "cellar".to_owned(),
            ..args::Place::default()
        };
        install::run(
            &args::Install { place: place.clone() },
            &environment,
            &mut Vec::new(),
        )
        .unwrap();
        let folder = install::folder(&place, &environment).unwrap();
        (environment, place, folder)
    }

    #[test]
    fn removes_all_that_install_wrote() {
        let home = tempfile::tempdir().unwrap();
        let (environment, place, folder) = installed(home.path());
        assert_eq!(folder, home.path().join("kernels/cellar"));
        let extension = labextension::folder(home.path());
        assert!(folder.is_dir() && extension.is_dir());
        run(&args::Uninstall { place }, &environment, &mut Vec::new()).unwrap();
        assert!(!folder.exists() && !extension.exists());
        assert_eq!(remove(&folder).unwrap(), Removed::default());
    }

    #[test]
    fn the_extension_stays_while_another_cellar_kernel_is_there() {
        let home = tempfile::tempdir().unwrap();
        let (environment, place, _) = installed(home.path());
        let other = args::Place {
            name: "cellar-next".to_owned(),
            ..place.clone()
        };
        install::run(
            &args::Install { place: other.clone() },
            &environment,
            &mut Vec::new(),
        )
        .unwrap();
        let extension = labextension::folder(home.path());
        let mut said = Vec::new();
        run(&args::Uninstall { place }, &environment, &mut said).unwrap();
        assert_eq!(labextension::look(&extension), labextension::Found::Current);
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains("cellar-next needs"), "{said}");
        run(&args::Uninstall { place: other }, &environment, &mut Vec::new()).unwrap();
        assert!(!extension.exists());
    }

    #[test]
    fn files_of_others_stay() {
        let home = tempfile::tempdir().unwrap();
        let (_, _, folder) = installed(home.path());
        let own = folder.join("notes.txt");
        std::fs::write(&own, "mine").unwrap();
        let removed = remove(&folder).unwrap();
        assert_eq!(removed.files.len(), 4);
        assert!(own.is_file());
        assert_eq!(removed.left, [own]);
    }

    #[test]
    fn another_kernel_stays() {
        let home = tempfile::tempdir().unwrap();
        let json = r#"{"argv": ["evcxr_jupyter"], "display_name": "Rust"}"#;
        std::fs::write(home.path().join(KERNEL_JSON), json).unwrap();
        assert!(
            remove(home.path())
                .unwrap_err()
                .to_string()
                .contains("another kernel")
        );
        assert!(home.path().join(KERNEL_JSON).is_file());
    }

    #[test]
    fn what_pip_installed_is_left_to_pip() {
        let home = tempfile::tempdir().unwrap();
        let (environment, place, folder) = installed(home.path());
        let file = folder.join(KERNEL_JSON);
        let mut spec: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        spec["metadata"]["kernel_provisioner"] = serde_json::json!({"provisioner_name": "cellar"});
        std::fs::write(&file, spec.to_string()).unwrap();
        let error = remove(&folder).unwrap_err().to_string();
        assert!(error.contains("pip uninstall cellar-jupyter"), "{error}");
        assert!(file.is_file());
        // The executable is the same, so there is nothing that could be installed.
        let mut said = Vec::new();
        install::run(&args::Install { place }, &environment, &mut said).unwrap();
        assert!(String::from_utf8(said).unwrap().contains("Nothing to do"));
        spec["argv"][0] = "/opt/other/cellar".into();
        std::fs::write(&file, spec.to_string()).unwrap();
        let place = args::Place {
            name: "cellar".to_owned(),
            ..args::Place::default()
        };
        let error = install::run(&args::Install { place }, &environment, &mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("--name"), "{error}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), spec.to_string());
    }

    #[test]
    fn one_elsewhere_is_pointed_at() {
        let (home, venv) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let environment = Environment::of(home.path(), &[("VIRTUAL_ENV", venv.path())]);
        let mut place = args::Place {
            sys_prefix: true,
            name: "cellar".to_owned(),
            ..args::Place::default()
        };
        install::run(
            &args::Install { place: place.clone() },
            &environment,
            &mut Vec::new(),
        )
        .unwrap();
        place.sys_prefix = false;
        let folder = install::folder(&place, &environment).unwrap();
        assert_eq!(
            elsewhere("cellar", &folder, &environment),
            [venv.path().join("share/jupyter/kernels/cellar")]
        );
    }
}
