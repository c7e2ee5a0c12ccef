//! What a command may know of the machine: environment variables, the home folder, the platform.
//! Kept in one value, so that tests need not change the process's own environment.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

type Lookup = Box<dyn Fn(&str) -> Option<OsString> + Send + Sync>;

/// The surroundings of a command.
pub struct Environment {
    lookup: Lookup,
    /// The user's home folder.
    home: Option<PathBuf>,
}

impl Environment {
    /// This process's own.
    pub fn of_process() -> Environment {
        Environment {
            lookup: Box::new(|name| std::env::var_os(name)),
            home: directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned()),
        }
    }

    /// The same as it is where the virtual environment is active that `executable` lies in, if it lies in one: `.venv/bin/cellar`
    /// speaks of that environment, as `.venv/bin/jupyter` does.
    #[must_use]
    pub fn where_installed(self, executable: &Path) -> Environment {
        let programs = executable.parent();
        let root = programs.and_then(Path::parent);
        let (Some(programs), Some(root)) = (programs, root.filter(|root| root.join("pyvenv.cfg").is_file()))
        else {
            return self;
        };
        let others = self.var("PATH").unwrap_or_default();
        let folders = std::iter::once(programs.to_owned()).chain(std::env::split_paths(&others));
        let path = std::env::join_paths(folders).unwrap_or(others);
        let root = root.as_os_str().to_owned();
        let Environment { lookup, home } = self;
        Environment {
            lookup: Box::new(move |name| match name {
                "PATH" => Some(path.clone()),
                "VIRTUAL_ENV" => Some(root.clone()),
                _ => lookup(name),
            }),
            home,
        }
    }

    /// One in which only `variables` are set.
    #[cfg(test)]
    pub fn of(home: &Path, variables: &[(&str, &Path)]) -> Environment {
        let variables: std::collections::HashMap<String, OsString> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_os_str().to_owned()))
            .collect();
        Environment {
            lookup: Box::new(move |name| variables.get(name).cloned()),
            home: Some(home.to_owned()),
        }
    }

    /// A variable; one that is set to nothing counts as not set, as Jupyter has it.
    pub fn var(&self, name: &str) -> Option<OsString> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    /// A variable that holds a path.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.var(name).map(PathBuf::from)
    }

    pub fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// The first executable file of that name on `PATH`.
    pub fn find_program(&self, name: &str) -> Option<PathBuf> {
        let path = self.var("PATH")?;
        let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        std::env::split_paths(&path)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(&file))
            .find(|program| is_executable(program))
    }

    /// The folder for Cellar's cache: `CELLAR_CACHE_DIR`, or `cellar` in the platform's cache folder.
    pub fn cache_dir(&self) -> Option<PathBuf> {
        if let Some(dir) = self.path("CELLAR_CACHE_DIR") {
            return Some(dir);
        }
        let home = self.home()?;
        Some(if cfg!(target_os = "macos") {
            home.join("Library/Caches/cellar")
        } else if cfg!(windows) {
            self.path("LOCALAPPDATA")
                .unwrap_or_else(|| home.join("AppData/Local"))
                .join("cellar")
        } else {
            // The XDG specification has a relative path ignored.
            let xdg = self.path("XDG_CACHE_HOME").filter(|dir| dir.is_absolute());
            xdg.unwrap_or_else(|| home.join(".cache")).join("cellar")
        })
    }
}

fn is_executable(file: &Path) -> bool {
    let Ok(metadata) = file.metadata() else {
        return false;
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        metadata.is_file() && metadata.permissions().mode() & 0o111 != 0
    }
    #[cfg(not(unix))]
    metadata.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_counts_as_unset() {
        let environment = Environment::of(Path::new("/h"), &[("CELLAR_CACHE_DIR", Path::new(""))]);
        assert_eq!(environment.var("CELLAR_CACHE_DIR"), None);
    }

    #[test]
    #[cfg(unix)]
    fn an_executable_speaks_of_its_own_virtual_environment() {
        let folder = tempfile::tempdir().unwrap();
        let (root, programs) = (folder.path().join("venv"), folder.path().join("venv/bin"));
        std::fs::create_dir_all(&programs).unwrap();
        let variables = [
            ("PATH", Path::new("/usr/bin")),
            ("VIRTUAL_ENV", Path::new("/other")),
        ];
        let environment =
            || Environment::of(Path::new("/h"), &variables).where_installed(&programs.join("cellar"));
        assert_eq!(environment().path("VIRTUAL_ENV"), Some("/other".into()));
        std::fs::write(root.join("pyvenv.cfg"), "").unwrap();
        assert_eq!(environment().path("VIRTUAL_ENV"), Some(root.clone()));
        let path = format!("{}:/usr/bin", programs.display());
        assert_eq!(environment().var("PATH"), Some(path.into()));
        assert_eq!(environment().home(), Some(Path::new("/h")));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_cache_folder() {
        let home = Path::new("/h");
        assert_eq!(
            Environment::of(home, &[]).cache_dir(),
            Some("/h/.cache/cellar".into())
        );
        let xdg = Environment::of(home, &[("XDG_CACHE_HOME", Path::new("/x"))]);
        assert_eq!(xdg.cache_dir(), Some("/x/cellar".into()));
        let own = Environment::of(home, &[("CELLAR_CACHE_DIR", Path::new("/c"))]);
        assert_eq!(own.cache_dir(), Some("/c".into()));
    }

    #[test]
    #[cfg(unix)]
    fn programs_are_files_that_may_be_executed() {
        use std::os::unix::fs::PermissionsExt as _;
        let (plain, right) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(plain.path().join("tool"), "").unwrap();
        let tool = right.path().join("tool");
        std::fs::write(&tool, "").unwrap();
        std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = std::env::join_paths([plain.path(), right.path()]).unwrap();
        let environment = Environment::of(Path::new("/h"), &[("PATH", Path::new(&path))]);
        assert_eq!(environment.find_program("tool"), Some(tool));
        assert_eq!(environment.find_program("other"), None);
    }
}
