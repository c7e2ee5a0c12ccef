//! The extension for JupyterLab and Notebook 7: what `install` writes beside the kernelspec, `uninstall`
//! removes and `doctor` looks for.
//!
//! All its modules lie in one folder that is named by their content: a browser that has older ones in its
//! cache never mixes them with newer ones. `package.json` says which folder that is, and what was written.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::atomic;

/// The file that makes a folder an extension.
pub const PACKAGE_JSON: &str = "package.json";

/// What JupyterLab is told of, without what depends on the content.
const TEMPLATE: &str = include_str!("../../../kernelspec/labextension/package.json");

/// The module that JupyterLab loads; it loads the others.
const LOAD: &str = "load.js";

macro_rules! modules {
    ($($name:literal),* $(,)?) => {
        /// The extension's files, by name.
        const MODULES: &[(&str, &[u8])] = &[
            $(($name, include_bytes!(concat!("../../../kernelspec/labextension/static/", $name)))),*
        ];
    };
}

modules! {
    "load.js",
    "plugin.js",
    "address.js",
    "conversation.js",
    "json.js",
    "marks.js",
    "panel.js",
    "words.js",
    "style.css",
}

/// The extension's folder in one of Jupyter's data folders.
pub fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("labextensions").join(name())
}

/// Whose extension a folder holds.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// Nobody's.
    Nothing,
    /// What this executable would write.
    Current,
    /// Cellar's, but of another version, or some of it is missing.
    Other { version: String },
    /// Not Cellar's, or it cannot be read.
    Foreign,
}

/// Looks what extension `folder` holds.
pub fn look(folder: &Path) -> Found {
    let Some(package) = read(folder) else {
        return if folder.join(PACKAGE_JSON).exists() {
            Found::Foreign
        } else {
            Found::Nothing
        };
    };
    if !is_ours(&package) {
        return Found::Foreign;
    }
    let current = package == package_json()
        && MODULES.iter().all(|(name, content)| {
            std::fs::read(folder.join(place(name))).is_ok_and(|found| found == *content)
        });
    if current {
        Found::Current
    } else {
        Found::Other {
            version: package["version"].as_str().unwrap_or("unknown").to_owned(),
        }
    }
}

/// Writes the extension to `folder` and removes what an older one had there.
///
/// # Errors
/// When the folder holds another's extension or cannot be written.
pub fn write(folder: &Path) -> Result<()> {
    let shown = folder.display();
    let old = match look(folder) {
        Found::Foreign => bail!("{shown} is not Cellar's, so it stays as it is: remove it or rename it"),
        Found::Nothing => Vec::new(),
        Found::Current | Found::Other { .. } => written(folder),
    };
    let write_files = || -> io::Result<()> {
        for (name, content) in MODULES {
            let file = folder.join(place(name));
            if let Some(parent) = file.parent() {
                std::fs::create_dir_all(parent)?;
            }
            atomic::write(&file, content)?;
        }
        // Last: with it, it is an extension.
        let mut json = serde_json::to_vec_pretty(&package_json())?;
        json.push(b'\n');
        atomic::write(&folder.join(PACKAGE_JSON), &json)
    };
    write_files().with_context(|| format!("cannot write the JupyterLab extension to {shown}"))?;
    let new = written(folder);
    for file in old.iter().filter(|file| !new.contains(file)) {
        remove_file(file)?;
    }
    remove_empty_folders(folder, &old);
    Ok(())
}

/// Removes what [`write()`] wrote; gives the files. Those of others stay, and an extension of others too.
///
/// # Errors
/// When something cannot be removed.
pub fn remove(folder: &Path) -> Result<Vec<PathBuf>> {
    if matches!(look(folder), Found::Nothing | Found::Foreign) {
        return Ok(Vec::new());
    }
    let modules = written(folder);
    let package = folder.join(PACKAGE_JSON);
    let mut removed = Vec::new();
    // First the file that makes it an extension.
    for file in std::iter::once(&package).chain(&modules) {
        if remove_file(file)? {
            removed.push(file.clone());
        }
    }
    remove_empty_folders(folder, &modules);
    Ok(removed)
}

/// The package's name, which is also the folder's and the one that [`LOAD`] registers.
fn name() -> String {
    let name = template()["name"].as_str().map(str::to_owned);
    name.expect("package.json has a name")
}

fn template() -> Value {
    serde_json::from_str(TEMPLATE).expect("package.json is embedded, and a test reads it")
}

/// Where a module lies in the extension's folder.
fn place(module: &str) -> String {
    format!("static/{}/{module}", content_hash())
}

fn content_hash() -> String {
    let mut hasher = blake3::Hasher::new();
    for (name, content) in MODULES {
        for part in [name.as_bytes(), content] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
    }
    hasher.finalize().to_hex()[..16].to_owned()
}

fn package_json() -> Value {
    let mut package = template();
    package["version"] = json!(env!("CARGO_PKG_VERSION"));
    package["jupyterlab"]["_build"]["load"] = json!(place(LOAD));
    package["files"] = MODULES.iter().map(|(name, _)| place(name)).collect();
    package
}

fn read(folder: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(folder.join(PACKAGE_JSON)).ok()?).ok()
}

/// By the name, and by the place of what is loaded.
fn is_ours(package: &Value) -> bool {
    let load = package["jupyterlab"]["_build"]["load"].as_str();
    let hash = load
        .and_then(|load| load.strip_prefix("static/"))
        .and_then(|load| load.strip_suffix(&format!("/{LOAD}")));
    package["name"] == name().as_str()
        && hash.is_some_and(|hash| hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The modules that `package.json` lists. A path that would lead out of the folder is not one of ours.
fn written(folder: &Path) -> Vec<PathBuf> {
    let Some(package) = read(folder) else {
        return Vec::new();
    };
    let listed = package["files"].as_array().into_iter().flatten();
    listed
        .filter_map(Value::as_str)
        .filter(|file| {
            let inside = |part| matches!(part, std::path::Component::Normal(_));
            file.starts_with("static/") && Path::new(file).components().all(inside)
        })
        .map(|file| folder.join(file))
        .collect()
}

/// Whether it was there.
fn remove_file(file: &Path) -> Result<bool> {
    match std::fs::remove_file(file) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(|| format!("cannot remove {}", file.display())),
    }
}

/// Removes the folders of `files` up to and including `folder`, as far as nothing is left in them.
fn remove_empty_folders(folder: &Path, files: &[PathBuf]) {
    for file in files {
        for parent in file
            .ancestors()
            .skip(1)
            .take_while(|parent| parent.starts_with(folder))
        {
            // Fails for a folder that is not empty, which is meant to stay.
            let _ = std::fs::remove_dir(parent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path) -> Vec<PathBuf> {
        let mut files: Vec<_> = walkdir::WalkDir::new(folder)
            .into_iter()
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| entry.path().to_owned())
            .collect();
        files.sort();
        files
    }

    /// An extension as an older version has left it.
    fn older(folder: &Path) -> PathBuf {
        let module = folder.join("static/0123456789abcdef/load.js");
        std::fs::create_dir_all(module.parent().unwrap()).unwrap();
        std::fs::write(&module, "old").unwrap();
        let mut package = package_json();
        package["version"] = json!("0.0.1");
        package["jupyterlab"]["_build"]["load"] = json!("static/0123456789abcdef/load.js");
        package["files"] = json!(["static/0123456789abcdef/load.js"]);
        std::fs::write(folder.join(PACKAGE_JSON), package.to_string()).unwrap();
        module
    }

    #[test]
    fn every_source_is_embedded() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../kernelspec/labextension/static");
        let mut names: Vec<_> = MODULES.iter().map(|(name, _)| source.join(name)).collect();
        names.sort();
        assert_eq!(files(&source), names);
    }

    #[test]
    fn the_name_is_the_same_everywhere() {
        let load = std::str::from_utf8(MODULES[0].1).unwrap();
        assert!(load.contains(&format!("const NAME = '{}';", name())));
        assert_eq!(template()["version"], env!("CARGO_PKG_VERSION"));
    }

    #[test]
    fn written_twice_it_is_the_same_and_all_of_it_goes() {
        let root = tempfile::tempdir().unwrap();
        let folder = folder(root.path());
        assert_eq!(look(&folder), Found::Nothing);
        write(&folder).unwrap();
        let first = files(&folder);
        write(&folder).unwrap();
        assert_eq!(files(&folder), first);
        assert_eq!(first.len(), MODULES.len() + 1);
        assert_eq!(look(&folder), Found::Current);
        assert_eq!(remove(&folder).unwrap().len(), first.len());
        assert!(!folder.exists());
        assert_eq!(remove(&folder).unwrap(), Vec::<PathBuf>::new());
    }

    #[test]
    fn an_older_one_leaves_nothing_behind() {
        let root = tempfile::tempdir().unwrap();
        let folder = folder(root.path());
        let module = older(&folder);
        assert_eq!(
            look(&folder),
            Found::Other {
                version: "0.0.1".to_owned()
            }
        );
        write(&folder).unwrap();
        assert_eq!(look(&folder), Found::Current);
        assert!(!module.parent().unwrap().exists());
    }

    #[test]
    fn a_module_that_is_missing_is_noticed() {
        let root = tempfile::tempdir().unwrap();
        let folder = folder(root.path());
        write(&folder).unwrap();
        std::fs::remove_file(folder.join(place("marks.js"))).unwrap();
        assert!(matches!(look(&folder), Found::Other { .. }));
    }

    #[test]
    fn files_of_others_stay() {
        let root = tempfile::tempdir().unwrap();
        let folder = folder(root.path());
        let module = older(&folder);
        let own = module.with_file_name("mine.txt");
        std::fs::write(&own, "mine").unwrap();
        write(&folder).unwrap();
        remove(&folder).unwrap();
        assert_eq!(files(root.path()), [own]);
    }

    #[test]
    fn an_extension_of_others_stays() {
        let root = tempfile::tempdir().unwrap();
        let folder = folder(root.path());
        std::fs::create_dir_all(&folder).unwrap();
        let theirs = r#"{"name": "cellar", "jupyterlab": {"_build": {"load": "static/remoteEntry.1.js"}}}"#;
        for text in [theirs, "{"] {
            std::fs::write(folder.join(PACKAGE_JSON), text).unwrap();
            assert_eq!(look(&folder), Found::Foreign);
            assert!(write(&folder).is_err());
            assert_eq!(remove(&folder).unwrap(), Vec::<PathBuf>::new());
            assert_eq!(std::fs::read_to_string(folder.join(PACKAGE_JSON)).unwrap(), text);
        }
    }

    #[test]
    fn a_list_never_leads_out_of_the_folder() {
        let root = tempfile::tempdir().unwrap();
        let folder = folder(root.path());
        older(&folder);
        let mut package = read(&folder).unwrap();
        package["files"] = json!([
            "static/../../../precious",
            "/etc/precious",
            "static/0123456789abcdef/load.js"
        ]);
        std::fs::write(folder.join(PACKAGE_JSON), package.to_string()).unwrap();
        let precious = root.path().join("precious");
        std::fs::write(&precious, "").unwrap();
        remove(&folder).unwrap();
        assert_eq!(files(root.path()), [precious]);
    }
}
