//! Where Jupyter looks for kernels, as `jupyter_core.paths` defines it.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use super::args::Place;
use super::environment::Environment;

/// The data folder that `place` means: kernels live in its `kernels`.
///
/// # Errors
/// When there is no environment for `--sys-prefix`, or no home folder.
pub fn data_dir(place: &Place, environment: &Environment) -> Result<PathBuf> {
    if let Some(prefix) = &place.prefix {
        let prefix = std::path::absolute(prefix)
            .with_context(|| format!("`{}` is no folder that --prefix can name", prefix.display()))?;
        return Ok(prefix.join("share/jupyter"));
    }
    if place.sys_prefix {
        return Ok(active_environment(environment)?.join("share/jupyter"));
    }
    user_data_dir(environment)
}

/// `JUPYTER_DATA_DIR`, or the platform's folder for this user.
///
/// # Errors
/// When neither that variable is set nor a home folder is known.
pub fn user_data_dir(environment: &Environment) -> Result<PathBuf> {
    if let Some(dir) = environment.path("JUPYTER_DATA_DIR") {
        return std::path::absolute(&dir)
            .with_context(|| format!("JUPYTER_DATA_DIR is `{}`, which is no folder", dir.display()));
    }
    let home = || {
        environment
            .home()
            .context("this user has no home folder: set HOME or JUPYTER_DATA_DIR")
    };
    if cfg!(target_os = "macos") {
        return Ok(home()?.join("Library/Jupyter"));
    }
    if cfg!(windows) {
        return Ok(match environment.path("APPDATA") {
            Some(roaming) => roaming.join("jupyter"),
            None => home()?.join(".jupyter/data"),
        });
    }
    Ok(match environment.path("XDG_DATA_HOME") {
        Some(xdg) => xdg.join("jupyter"),
        None => home()?.join(".local/share/jupyter"),
    })
}

/// The root of the active Python environment. A virtual environment wins over conda's, because it is
/// the one that was activated last where both are active.
fn active_environment(environment: &Environment) -> Result<PathBuf> {
    for variable in ["VIRTUAL_ENV", "CONDA_PREFIX"] {
        let Some(root) = environment.path(variable) else {
            continue;
        };
        if !root.is_dir() {
            bail!(
                "{variable} is `{}`, which is no folder: activate an environment that exists, \
                 or use --prefix DIR",
                root.display()
            );
        }
        return Ok(root);
    }
    bail!(
        "--sys-prefix needs an active environment, and neither VIRTUAL_ENV nor CONDA_PREFIX is set: \
         activate one (`source ENV/bin/activate` or `conda activate ENV`), name it with --prefix DIR, \
         or use --user"
    )
}

/// Every data folder in which Jupyter looks, without asking Python: what is named by variables, the
/// user's, the active environment's and the system's.
pub fn search_path(environment: &Environment) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = Vec::new();
    if let Some(list) = environment.var("JUPYTER_PATH") {
        folders.extend(std::env::split_paths(&list).filter(|folder| !folder.as_os_str().is_empty()));
    }
    folders.extend(user_data_dir(environment));
    for variable in ["VIRTUAL_ENV", "CONDA_PREFIX"] {
        folders.extend(environment.path(variable).map(|root| root.join("share/jupyter")));
    }
    // The environment of the Jupyter on PATH may be another than the active one.
    if let Some(jupyter) = environment
        .find_program("jupyter")
        .and_then(|file| file.canonicalize().ok())
    {
        folders.extend(
            jupyter
                .parent()
                .and_then(|bin| bin.parent())
                .map(|root| root.join("share/jupyter")),
        );
    }
    if cfg!(unix) {
        folders.extend(["/usr/local/share/jupyter", "/usr/share/jupyter"].map(PathBuf::from));
    }
    let mut seen = std::collections::HashSet::new();
    folders.retain(|folder| seen.insert(folder.clone()));
    folders
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const HOME: &str = "/home/ada";

    fn place(sys_prefix: bool, prefix: Option<&str>) -> Place {
        Place {
            sys_prefix,
            prefix: prefix.map(PathBuf::from),
            ..Place::default()
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_users_folder() {
        let dir = |variables: &[(&str, &Path)]| {
            data_dir(&place(false, None), &Environment::of(Path::new(HOME), variables)).unwrap()
        };
        assert_eq!(dir(&[]), Path::new("/home/ada/.local/share/jupyter"));
        let xdg = ("XDG_DATA_HOME", Path::new("/x"));
        assert_eq!(dir(&[xdg]), Path::new("/x/jupyter"));
        assert_eq!(
            dir(&[xdg, ("JUPYTER_DATA_DIR", Path::new("/j"))]),
            Path::new("/j")
        );
    }

    #[test]
    fn a_prefix_is_made_absolute() {
        let environment = Environment::of(Path::new(HOME), &[]);
        let dir = data_dir(&place(false, Some("env")), &environment).unwrap();
        assert_eq!(dir, std::env::current_dir().unwrap().join("env/share/jupyter"));
    }

    #[test]
    fn a_virtual_environment_wins_over_conda() {
        let (venv, conda) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let both = [("CONDA_PREFIX", conda.path()), ("VIRTUAL_ENV", venv.path())];
        let environment = Environment::of(Path::new(HOME), &both);
        assert_eq!(
            data_dir(&place(true, None), &environment).unwrap(),
            venv.path().join("share/jupyter")
        );
        let environment = Environment::of(Path::new(HOME), &both[..1]);
        assert_eq!(
            data_dir(&place(true, None), &environment).unwrap(),
            conda.path().join("share/jupyter")
        );
    }

    #[test]
    fn sys_prefix_without_an_environment_says_what_to_do() {
        let environment = Environment::of(Path::new(HOME), &[]);
        let error = data_dir(&place(true, None), &environment)
            .expect_err("no environment")
            .to_string();
        assert!(
            error.contains("activate") && error.contains("--prefix"),
            "{error}"
        );

        let gone = [("VIRTUAL_ENV", Path::new("/no/such/env"))];
        let environment = Environment::of(Path::new(HOME), &gone);
        let error = data_dir(&place(true, None), &environment)
            .expect_err("gone")
            .to_string();
        assert!(error.contains("/no/such/env"), "{error}");
    }
}
