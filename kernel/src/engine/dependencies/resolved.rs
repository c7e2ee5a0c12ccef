//! What sets of dependencies come to, kept from session to session.
//!
//! cargo needs evcxr to be asked, and evcxr needs seconds to be there, and longer to look at what it has been given. The second session that
//! wants a set of dependencies links what the first one has built, in the versions that were chosen then. It needs neither of them for
//! that, as long as cargo would find nothing to do: the same compiler, the same settings, the same files, and nothing changed that build
//! scripts have said they look at.
//!
//! Crates in folders of the user's are not kept here. They change.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use cellar_cache::Digest;
use serde::{Deserialize, Serialize};
use walkdir::WalkDir;

use super::cargo_output::CargoOutput;
use super::locked::{Dependency, Folders, Locked};
use super::package::Package;
use crate::engine::cache_folder::kept;

/// In the dependencies' folder.
const FOLDER: &str = "resolved";
/// More are not looked at each time that dependencies are wanted.
const MOST_FILES: usize = 10_000;

/// How the names of variables begin by which cargo is told what to choose and how to compile
/// (<https://doc.rust-lang.org/cargo/reference/environment-variables.html>). How crates are fetched does not matter to what they are.
const SETTINGS: [&str; 12] = [
    "CARGO_BUILD_",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_INCREMENTAL",
    "CARGO_PATCH_",
    "CARGO_PROFILE_",
    "CARGO_REGISTR",
    "CARGO_RESOLVER_",
    "CARGO_SOURCE_",
    "CARGO_TARGET_",
    "CARGO_UNSTABLE_",
    "RUSTC",
    "RUSTFLAGS",
];

/// The crates of a set of dependencies.
#[derive(Debug, Clone, Default)]
pub struct Crates {
    /// For rustc.
    pub arguments: Vec<String>,
    /// They have a serde of their own.
    pub have_serde: bool,
    pub locked: Arc<Locked>,
    /// What the packages were when they were built.
    pub built: Vec<Dependency>,
    pub identities: Arc<BTreeMap<String, Digest>>,
    /// The text of the `Cargo.lock`, if there is one.
    pub lock_file: Option<String>,
}

/// A file as it was.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct File {
    path: PathBuf,
    /// In bytes.
    size: u64,
    /// When it was changed, in nanoseconds since 1970.
    changed: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    arguments: Vec<String>,
    have_serde: bool,
    locked: Locked,
    /// The text of the `Cargo.lock`.
    lock_file: String,
    files: Vec<File>,
    /// Variables that build scripts and compiles have looked at.
    environment: Vec<(String, Option<String>)>,
}

/// What the choice of versions and the builds depend on, besides the package's dependencies.
pub struct Circumstances {
    /// What `rustc -vV` prints.
    pub rustc_version: String,
    /// The folder in which cargo runs.
    pub directory: PathBuf,
    /// Its variables.
    pub environment: Vec<(String, String)>,
}

impl Circumstances {
    /// Under which name the crates of a package are kept.
    fn name(&self, package: &Package) -> String {
        let manifest = package.manifest();
        let mut parts = vec![self.rustc_version.clone(), manifest];
        for file in settings_files(&self.directory) {
            if let Ok(text) = std::fs::read_to_string(&file) {
                parts.extend([file.to_string_lossy().into_owned(), text]);
            }
        }
        // Of the kernel's own environment: evcxr gives cargo some of its own.
        let mut settings: Vec<String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| SETTINGS.iter().any(|start| name.starts_with(start)))
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        settings.sort_unstable();
        parts.extend(settings);
        kept::name(parts.iter().map(String::as_str))
    }

    fn variable(&self, name: &str) -> Option<String> {
        let mut variables = self.environment.iter().rev();
        variables
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone())
    }
}

/// Where cargo, called in `directory`, looks for settings; the package's own file is evcxr's.
fn settings_files(directory: &Path) -> Vec<PathBuf> {
    let above = directory.ancestors().skip(1).map(|folder| folder.join(".cargo"));
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    above
        .chain(home)
        .flat_map(|folder| [folder.join("config.toml"), folder.join("config")])
        .collect()
}

/// Keeps in `folder` what a build of `package`'s dependencies there has come to, as cargo has told in `output`.
pub fn keep(
    folder: &Path,
    package: &Package,
    circumstances: &Circumstances,
    crates: &Crates,
    output: &CargoOutput,
) -> std::io::Result<()> {
    let no_lock = || std::io::Error::other("cargo has written no Cargo.lock");
    let mut record = Record {
        arguments: crates.arguments.clone(),
        have_serde: crates.have_serde,
        locked: (*crates.locked).clone(),
        lock_file: crates.lock_file.clone().ok_or_else(no_lock)?,
        files: Vec::new(),
        environment: Vec::new(),
    };
    let mut files: BTreeSet<PathBuf> = output.files.iter().cloned().collect();
    let mut variables = BTreeSet::new();
    for script in &output.build_scripts {
        let said = String::from_utf8_lossy(&std::fs::read(script)?).into_owned();
        for looked_at in said.lines().filter_map(looked_at) {
            match looked_at {
                LookedAt::File(path) if path.is_absolute() => files.extend(all_below(path)?),
                // In the package's folder, which never changes.
                LookedAt::File(_) => {}
                LookedAt::Variable(name) => drop(variables.insert(name)),
            }
        }
    }
    variables.extend(
        output
            .files
            .iter()
            .flat_map(|library| variables_of_compiler(library)),
    );
    variables.retain(|name| !is_cargos(name));
    record.files = files.into_iter().map(File::now).collect();
    let with_value = |name: String| (circumstances.variable(&name), name);
    let variables = variables.into_iter().map(with_value);
    record.environment = variables.map(|(value, name)| (name, value)).collect();
    let place = folder.join(FOLDER);
    std::fs::create_dir_all(&place)?;
    let mut file = tempfile::NamedTempFile::new_in(&place)?;
    file.write_all(&serde_json::to_vec(&record)?)?;
    file.persist(place.join(format!("{}.json", circumstances.name(package))))?;
    Ok(())
}

/// The crates of a package's dependencies, if they were built in `folder` and cargo would find them up to date.
pub fn find(folder: &Path, package: &Package, circumstances: &Circumstances) -> Option<Crates> {
    let path = folder
        .join(FOLDER)
        .join(format!("{}.json", circumstances.name(package)));
    let record: Record = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    let is_there = |file: &File| File::now(file.path.clone()) == *file;
    let is_set = |(name, value): &(String, Option<String>)| circumstances.variable(name) == *value;
    if !record.files.iter().all(is_there) || !record.environment.iter().all(is_set) {
        return None;
    }
    kept::use_folder(folder);
    let folders = Folders::default();
    let locked = Arc::new(record.locked);
    Some(Crates {
        arguments: record.arguments,
        have_serde: record.have_serde,
        built: locked.dependencies(&folders),
        identities: Arc::new(locked.identities(&folders)),
        locked,
        lock_file: Some(record.lock_file),
    })
}

/// Forgets all choices of versions: the next session that wants dependencies asks cargo again. What was built stays.
///
/// # Errors
/// When that cannot be.
pub fn forget(folder: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(folder.join(FOLDER)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl File {
    /// Of a file that is not there, nothing but the path.
    fn now(path: PathBuf) -> File {
        let metadata = path.metadata().ok();
        let changed = metadata.as_ref().and_then(|it| it.modified().ok());
        let changed = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        File {
            size: metadata.map_or(0, |it| it.len()),
            changed: changed.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)),
            path,
        }
    }
}

/// A file, or a folder with all that is in it. What is not there counts too: should it come, that is noticed.
fn all_below(path: PathBuf) -> std::io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path]);
    }
    let entries = WalkDir::new(&path).into_iter().take(MOST_FILES + 1);
    let found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.into_path()))
        .collect();
    match found.len() > MOST_FILES {
        true => Err(std::io::Error::other(format!("{} is too large", path.display()))),
        false => Ok(found),
    }
}

/// The variables of the environment that a library's source names, from what the compiler has noted beside it
/// (<https://doc.rust-lang.org/rustc/command-line-arguments.html#--emit-specifies-the-types-of-output-files-to-generate>).
fn variables_of_compiler(library: &Path) -> Vec<String> {
    let stem = library
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned());
    let stem = stem.unwrap_or_default();
    let note = library.with_file_name(format!("{}.d", stem.strip_prefix("lib").unwrap_or(&stem)));
    let note = std::fs::read_to_string(note).unwrap_or_default();
    let variables = note.lines().filter_map(|line| line.strip_prefix("# env-dep:"));
    variables
        .map(|line| line.split_once('=').map_or(line, |(name, _)| name).to_owned())
        .collect()
}

/// What a build script looks at.
#[derive(Debug, PartialEq, Eq)]
enum LookedAt {
    File(PathBuf),
    Variable(String),
}

/// What a line of a build script's output says of that
/// (<https://doc.rust-lang.org/cargo/reference/build-scripts.html#outputs-of-the-build-script>).
fn looked_at(line: &str) -> Option<LookedAt> {
    let said = line.strip_prefix("cargo:")?;
    let said = said.strip_prefix(':').unwrap_or(said);
    let (word, value) = said.split_once('=')?;
    match word {
        "rerun-if-changed" => Some(LookedAt::File(value.into())),
        "rerun-if-env-changed" => Some(LookedAt::Variable(value.to_owned())),
        _ => None,
    }
}

/// What cargo sets for build scripts, and what evcxr sets for cargo: not the same where nobody has asked cargo.
fn is_cargos(name: &str) -> bool {
    const NAMES: [&str; 12] = [
        "RUSTC",
        "RUSTC_WRAPPER",
        "RUSTC_LINKER",
        "RUSTDOC",
        "RUSTFLAGS",
        "TARGET",
        "HOST",
        "OUT_DIR",
        "PROFILE",
        "OPT_LEVEL",
        "DEBUG",
        "NUM_JOBS",
    ];
    name == "PATH" || NAMES.contains(&name) || ["CARGO", "EVCXR"].iter().any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::package::added;
    use super::*;

    struct Built {
        folder: tempfile::TempDir,
        environment: Vec<(String, String)>,
        rustc: &'static str,
    }

    impl Built {
        fn new() -> Built {
            let built = Built {
                folder: tempfile::tempdir().unwrap(),
                environment: vec![("LIBRARY".to_owned(), "here".to_owned())],
                rustc: "rustc 1",
            };
            let write = |name: &str, text: &str| std::fs::write(built.path(name), text).unwrap();
            write("liba.rlib", "1");
            write(
                "a.d",
                "liba.rlib: lib.rs\n\n# env-dep:COMPILED=yes\n# env-dep:CARGO_PKG_NAME=a\n",
            );
            write("header.h", "1");
            write(
                "output",
                &format!(
                    "cargo:rerun-if-env-changed=LIBRARY\ncargo::rerun-if-changed={}\ncargo:rerun-if-env-changed=TARGET\ncargo:rerun-if-env-changed=TARGET_CC\nword",
                    built.path("header.h").display()
                ),
            );
            let metadata = json!({
                "packages": [{"id": "a", "name": "a", "version": "1.2.3", "source": "registry+x"}],
                "resolve": {"root": "ctx", "nodes": [
                    {"id": "ctx", "deps": [{"name": "a", "pkg": "a"}]}, {"id": "a", "deps": []},
                ]},
            });
            let crates = Crates {
                arguments: vec!["--extern".to_owned(), "a=liba.rlib".to_owned()],
                locked: Arc::new(Locked::of(&metadata)),
                lock_file: Some("# the lock".to_owned()),
                ..Crates::default()
            };
            let output = CargoOutput {
                files: vec![built.path("liba.rlib")],
                build_scripts: vec![built.path("output")],
                ..CargoOutput::default()
            };
            let folder = built.folder.path();
            keep(folder, &package("a"), &built.circumstances(), &crates, &output).unwrap();
            built
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn circumstances(&self) -> Circumstances {
            Circumstances {
                rustc_version: self.rustc.to_owned(),
                directory: self.folder.path().to_owned(),
                environment: self.environment.clone(),
            }
        }

        fn found(&self, name: &str) -> Option<Crates> {
            find(self.folder.path(), &package(name), &self.circumstances())
        }
    }

    fn package(name: &str) -> Package {
        Package::plain().with(&added(&format!(":dep {name} = \"1\"")).unwrap())
    }

    #[test]
    fn what_was_built_is_found_as_it_was() {
        let built = Built::new();
        let crates = built.found("a").unwrap();
        assert_eq!(crates.arguments, ["--extern", "a=liba.rlib"]);
        assert_eq!(crates.lock_file.as_deref(), Some("# the lock"));
        assert_eq!(crates.built[0].version, "1.2.3");
        assert!(crates.identities.contains_key("a"));
        assert!(built.found("b").is_none());
        forget(built.folder.path()).unwrap();
        assert!(built.found("a").is_none());
        forget(built.folder.path()).unwrap();
    }

    #[test]
    fn a_library_that_changed_is_not_used() {
        let built = Built::new();
        std::fs::write(built.path("liba.rlib"), "22").unwrap();
        assert!(built.found("a").is_none());
        let built = Built::new();
        std::fs::remove_file(built.path("liba.rlib")).unwrap();
        assert!(built.found("a").is_none());
    }

    #[test]
    fn what_build_scripts_look_at_counts() {
        let mut built = Built::new();
        built.environment[0].1 = "there".to_owned();
        assert!(built.found("a").is_none());
        built.environment.clear();
        assert!(built.found("a").is_none());
        let mut built = Built::new();
        built
            .environment
            .push(("TARGET".to_owned(), "cargo's".to_owned()));
        assert!(built.found("a").is_some());
        built
            .environment
            .push(("TARGET_CC".to_owned(), "gcc-99".to_owned()));
        assert!(built.found("a").is_none());
        let mut built = Built::new();
        built.environment.push(("COMPILED".to_owned(), "no".to_owned()));
        assert!(built.found("a").is_none());
        let built = Built::new();
        std::fs::write(built.path("header.h"), "another").unwrap();
        assert!(built.found("a").is_none());
    }

    #[test]
    fn another_compiler_or_setting_of_cargos_counts() {
        let mut built = Built::new();
        built.rustc = "rustc 2";
        assert!(built.found("a").is_none());
        let mut built = Built::new();
        built.rustc = "rustc 1";
        let inner = built.path("session");
        let found = || {
            let circumstances = Circumstances {
                directory: inner.clone(),
                ..built.circumstances()
            };
            find(built.folder.path(), &package("a"), &circumstances)
        };
        assert!(found().is_some());
        std::fs::create_dir(built.path(".cargo")).unwrap();
        std::fs::write(built.path(".cargo/config.toml"), "[build]\n").unwrap();
        assert!(found().is_none());
    }
}
