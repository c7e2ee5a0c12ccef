//! The single checks of `cellar doctor`. Each looks and never changes anything that stays.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Check, python};
use crate::cli::environment::Environment;
use crate::cli::kernelspec::{self, Owner};
use crate::cli::labextension::{self, Found};
use crate::cli::{atomic, jupyter_paths};

/// The oldest Rust that works, `major.minor`.
const MINIMUM_RUST: &str = env!("CARGO_PKG_RUST_VERSION");

/// Room that compiled cells and a dependency or two need, in bytes.
const TEMP_ROOM: u64 = 512 << 20;

/// Everything, in the order in which it should be mended.
pub fn all(environment: &Environment) -> Vec<Check> {
    let mut checks = vec![
        tool("rustc", environment),
        tool("cargo", environment),
        rust_src(environment),
        linker(environment),
        temp_folder(&std::env::temp_dir()),
        cache_folder(environment.cache_dir()),
        jupyter(environment),
        kernel(environment),
        extension(environment),
    ];
    checks.push(python::plug_in(environment));
    checks.extend(evcxr(environment));
    checks
}

/// What a program prints first, if it runs and succeeds.
fn first_line(program: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().next().map(|line| line.trim().to_owned())?;
    (output.status.success() && !line.is_empty()).then_some(line)
}

fn tool(name: &'static str, environment: &Environment) -> Check {
    let Some(program) = environment.find_program(name) else {
        return Check::fail(
            name,
            "not on PATH",
            "install Rust from https://rustup.rs and open a new shell",
        );
    };
    let Some(line) = first_line(&program, &["--version"]) else {
        let found = format!("{} does not run", program.display());
        return Check::fail(
            name,
            found,
            "rustup toolchain install stable && rustup default stable",
        );
    };
    version_check(name, &line)
}

/// `line` is what `--version` printed: `rustc 1.95.0 (59807616e 2026-04-14)`.
fn version_check(name: &'static str, line: &str) -> Check {
    let version = line.split_whitespace().nth(1).unwrap_or_default();
    match (numbers(version), numbers(MINIMUM_RUST)) {
        (Some(found), Some(minimum)) if found < minimum => Check::fail(
            name,
            format!("{version}; Cellar needs {MINIMUM_RUST} or newer"),
            "rustup update",
        ),
        (None, _) => Check::warn(
            name,
            format!("its version is not clear: `{line}`"),
            "rustup update",
        ),
        _ => Check::ok(name, version),
    }
}

/// `1.95.0-nightly` as `(1, 95)`.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split(['.', '-']).map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

/// rust-analyzer, which finds the types of variables, reads the standard library's source.
fn rust_src(environment: &Environment) -> Check {
    let sysroot = environment
        .find_program("rustc")
        .and_then(|rustc| first_line(&rustc, &["--print", "sysroot"]));
    let Some(sysroot) = sysroot else {
        return Check::fail(
            "rust-src",
            "no rustc that could tell where it is",
            "mend rustc first",
        );
    };
    let library = Path::new(&sysroot).join("lib/rustlib/src/rust/library");
    if library.join("std").is_dir() {
        return Check::ok("rust-src", library.display().to_string());
    }
    Check::fail(
        "rust-src",
        format!("not in {}", library.display()),
        "rustup component add rust-src",
    )
}

fn linker(environment: &Environment) -> Check {
    let Some(cc) = environment.find_program("cc") else {
        let mend = if cfg!(target_os = "macos") {
            "xcode-select --install"
        } else {
            "install a C compiler, such as `sudo apt install build-essential` or `sudo dnf install gcc`"
        };
        return Check::fail("linker", "no `cc` on PATH", mend);
    };
    match first_line(&cc, &["--version"]) {
        Some(version) => Check::ok("linker", version),
        None => Check::warn(
            "linker",
            format!("{} does not run", cc.display()),
            "reinstall the C compiler",
        ),
    }
}

fn temp_folder(folder: &Path) -> Check {
    let mend = "name another folder with TMPDIR, or make room in this one";
    if let Err(error) = atomic::probe(&folder.join("cellar-doctor")) {
        return Check::fail(
            "temp folder",
            format!("{} cannot be written: {error}", folder.display()),
            mend,
        );
    }
    match free_bytes(folder) {
        Some(free) if free < TEMP_ROOM => {
            let found = format!(
                "{} has {} left; cells are compiled there",
                folder.display(),
                indicatif::HumanBytes(free)
            );
            Check::warn("temp folder", found, mend)
        }
        Some(free) => Check::ok(
            "temp folder",
            format!("{}, {} free", folder.display(), indicatif::HumanBytes(free)),
        ),
        None => Check::ok("temp folder", folder.display().to_string()),
    }
}

/// Bytes that this user may still write into the file system of `folder`, where `df` tells.
fn free_bytes(folder: &Path) -> Option<u64> {
    let output = Command::new("df")
        .arg("-Pk")
        .arg(folder)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // POSIX fixes the columns: file system, 1024-blocks, used, available, …
    let kilobytes: u64 = text.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// What is stored there are compiled cells, so nobody else may write or read it.
fn cache_folder(folder: Option<PathBuf>) -> Check {
    const NAME: &str = "cache folder";
    let Some(folder) = folder else {
        return Check::warn(
            NAME,
            "this user has no home folder",
            "set CELLAR_CACHE_DIR to a folder of your own",
        );
    };
    let shown = folder.display();
    let Ok(metadata) = folder.metadata() else {
        let parent = folder.ancestors().skip(1).find(|parent| parent.exists());
        let can_be_made = parent.is_some_and(|parent| atomic::probe(&parent.join("cellar-doctor")).is_ok());
        return if can_be_made {
            Check::ok(NAME, format!("{shown}, made when it is needed"))
        } else {
            Check::warn(
                NAME,
                format!("{shown} cannot be made"),
                "set CELLAR_CACHE_DIR to a folder of your own",
            )
        };
    };
    if !metadata.is_dir() {
        return Check::warn(NAME, format!("{shown} is no folder"), format!("rm {shown}"));
    }
    if let Err(error) = atomic::probe(&folder.join("cellar-doctor")) {
        return Check::warn(
            NAME,
            format!("{shown} cannot be written: {error}"),
            format!("chmod u+rwx {shown}"),
        );
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        // The owner of a folder made now is this user.
        let own = tempfile::tempfile_in(&folder)
            .and_then(|file| file.metadata())
            .map(|file| file.uid());
        if own.is_ok_and(|own| own != metadata.uid()) {
            let mend = format!("sudo chown -R \"$USER\" {shown}, or set CELLAR_CACHE_DIR");
            return Check::warn(NAME, format!("{shown} belongs to another user"), mend);
        }
        let mode = metadata.mode() & 0o777;
        if mode & 0o077 != 0 {
            let found =
                format!("{shown} is open to other users (mode {mode:o}), and compiled code is stored there");
            return Check::warn(NAME, found, format!("chmod 700 {shown}"));
        }
    }
    Check::ok(NAME, shown.to_string())
}

fn jupyter(environment: &Environment) -> Check {
    let mend = "python3 -m pip install jupyterlab (`cellar run` works without)";
    let Some(program) = environment.find_program("jupyter") else {
        return Check::warn("Jupyter", "no `jupyter` on PATH", mend);
    };
    let core = Command::new(&program)
        .arg("--version")
        .stdin(Stdio::null())
        .output();
    let text = core
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    let versions: Vec<String> = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, version)| (name.trim(), version.trim()))
        .filter(|(name, version)| {
            *version != "not installed"
                && matches!(*name, "jupyterlab" | "notebook" | "jupyter_client" | "nbconvert")
        })
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    if versions.is_empty() {
        return Check::warn(
            "Jupyter",
            format!("{} tells no versions", program.display()),
            mend,
        );
    }
    Check::ok("Jupyter", versions.join(", "))
}

/// The kernelspec that Jupyter finds first under our name.
fn kernel(environment: &Environment) -> Check {
    const NAME: &str = "kernelspec";
    let mend = "cellar install";
    let folder = jupyter_paths::search_path(environment)
        .into_iter()
        .map(|data| data.join("kernels").join(kernelspec::DEFAULT_NAME))
        .find(|folder| folder.join(kernelspec::KERNEL_JSON).exists());
    let Some(folder) = folder else {
        return Check::warn(NAME, "not installed", mend);
    };
    let shown = folder.display();
    let executable = match kernelspec::owner(&folder) {
        Owner::Cellar { executable } => executable,
        Owner::Unreadable { why } => {
            return Check::warn(NAME, format!("{shown} cannot be read: {why}"), mend);
        }
        Owner::Other { .. } | Owner::Nobody => {
            return Check::warn(
                NAME,
                format!("{shown} is another kernel's"),
                format!("rm -r {shown} && {mend}"),
            );
        }
    };
    if !executable.is_file() {
        let found = format!("{shown} starts {}, which is not there", executable.display());
        return Check::warn(NAME, found, mend);
    }
    let version = first_line(&executable, &["--version"]).unwrap_or_default();
    let version = version.strip_prefix("cellar ").unwrap_or(&version);
    if version != env!("CARGO_PKG_VERSION") {
        let version = if version.is_empty() {
            "which does not run"
        } else {
            version
        };
        let found = format!(
            "{shown} starts {} ({version}); this is {}",
            executable.display(),
            env!("CARGO_PKG_VERSION")
        );
        return Check::warn(NAME, found, mend);
    }
    Check::ok(NAME, format!("{shown} starts {}", executable.display()))
}

/// The extension that JupyterLab finds first. Cells run without it, too.
fn extension(environment: &Environment) -> Check {
    const NAME: &str = "JupyterLab extension";
    let mend = "cellar install, and reload the page";
    let found = jupyter_paths::search_path(environment)
        .into_iter()
        .map(|data| labextension::folder(&data))
        .map(|folder| (labextension::look(&folder), folder))
        .find(|(found, _)| *found != Found::Nothing);
    let Some((found, folder)) = found else {
        return Check::warn(
            NAME,
            "not installed: JupyterLab and Notebook 7 show no parameters and no marks of cached cells",
            mend,
        );
    };
    let shown = folder.display();
    match found {
        Found::Current => Check::ok(NAME, shown.to_string()),
        Found::Other { version } if version == env!("CARGO_PKG_VERSION") => Check::warn(
            NAME,
            format!("{shown} is not what this executable installs"),
            mend,
        ),
        Found::Other { version } => Check::warn(
            NAME,
            format!("{shown} is of {version}; this is {}", env!("CARGO_PKG_VERSION")),
            mend,
        ),
        Found::Foreign | Found::Nothing => Check::warn(
            NAME,
            format!("{shown} is not Cellar's"),
            format!("rm -r {shown} && cellar install"),
        ),
    }
}

/// evcxr's own kernel may live beside ours.
fn evcxr(environment: &Environment) -> Option<Check> {
    jupyter_paths::search_path(environment)
        .into_iter()
        .map(|data| data.join("kernels/rust"))
        .find(|folder| matches!(kernelspec::owner(folder), Owner::Other { .. }))
        .map(|folder| {
            Check::info(
                "evcxr's kernel",
                format!("is installed, too ({})", folder.display()),
            )
        })
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(
            version_check("rustc", "rustc 1.94.1 (abc 2026-01-01)").status,
            Status::Fail
        );
        assert_eq!(
            version_check("rustc", "rustc 1.95.0 (abc 2026-01-01)").status,
            Status::Ok
        );
        assert_eq!(
            version_check("rustc", "rustc 1.100.0-nightly (abc)").status,
            Status::Ok
        );
        assert_eq!(version_check("rustc", "rustc 2.0.0").status, Status::Ok);
        assert_eq!(version_check("rustc", "something else").status, Status::Warn);
    }

    #[test]
    fn nothing_installed_at_all() {
        let home = tempfile::tempdir().unwrap();
        let environment = Environment::of(home.path(), &[]);
        let checks = all(&environment);
        let status = |name: &str| checks.iter().find(|check| check.name == name).unwrap().status;
        assert_eq!(status("rustc"), Status::Fail);
        assert_eq!(status("cargo"), Status::Fail);
        assert_eq!(status("rust-src"), Status::Fail);
        assert_eq!(status("linker"), Status::Fail);
        assert_eq!(status("Jupyter"), Status::Warn);
        assert!(
            checks
                .iter()
                .filter(|c| c.status == Status::Fail)
                .all(|c| c.mend.is_some())
        );
    }

    #[test]
    fn this_machines_toolchain_is_found() {
        let environment = Environment::of_process();
        for check in [
            tool("rustc", &environment),
            tool("cargo", &environment),
            rust_src(&environment),
        ] {
            assert_eq!(check.status, Status::Ok, "{check:?}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn an_open_cache_folder_is_warned_of() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let set =
            |mode| std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        set(0o755);
        let open = cache_folder(Some(folder.path().to_owned()));
        assert_eq!(open.status, Status::Warn);
        assert!(open.mend.unwrap().starts_with("chmod 700"));
        set(0o700);
        assert_eq!(cache_folder(Some(folder.path().to_owned())).status, Status::Ok);
        assert_eq!(
            cache_folder(Some(folder.path().join("not/yet"))).status,
            Status::Ok
        );
    }

    #[test]
    fn the_extension_of_another_version() {
        let home = tempfile::tempdir().unwrap();
        let environment = Environment::of(home.path(), &[("JUPYTER_PATH", home.path())]);
        assert_eq!(extension(&environment).status, Status::Warn);
        let folder = labextension::folder(home.path());
        labextension::write(&folder).unwrap();
        assert_eq!(extension(&environment).status, Status::Ok);
        let package = folder.join(labextension::PACKAGE_JSON);
        let text = std::fs::read_to_string(&package).unwrap();
        let older = text.replace(env!("CARGO_PKG_VERSION"), "0.0.1");
        std::fs::write(&package, older).unwrap();
        let check = extension(&environment);
        assert_eq!(check.status, Status::Warn);
        assert!(check.found.contains("is of 0.0.1"), "{check:?}");
        assert!(check.mend.unwrap().starts_with("cellar install"));
    }

    #[test]
    fn a_kernelspec_whose_executable_is_gone() {
        let home = tempfile::tempdir().unwrap();
        let environment = Environment::of(home.path(), &[("JUPYTER_PATH", home.path())]);
        let folder = home.path().join("kernels/cellar");
        std::fs::create_dir_all(&folder).unwrap();
        let json = kernelspec::kernel_json(Path::new("/no/such/cellar")).to_string();
        std::fs::write(folder.join(kernelspec::KERNEL_JSON), json).unwrap();
        let check = kernel(&environment);
        assert_eq!(check.status, Status::Warn);
        assert!(check.found.contains("/no/such/cellar"), "{check:?}");
        assert_eq!(check.mend.as_deref(), Some("cellar install"));
    }
}
