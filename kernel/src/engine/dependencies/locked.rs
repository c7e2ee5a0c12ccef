//! The crates that a session's dependencies come to: each package of the graph, as locked.
//!
//! What cells compute can depend on any of them, so keys of cached results and identities of types have their digests in them.
//! A package from elsewhere never changes under its version; one in a folder of the user's does, so that what is in
//! the folder is looked at each time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cellar_cache::{Digest, FileDigests, Hasher};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use walkdir::{DirEntry, WalkDir};

/// One package of the graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Package {
    name: String,
    version: String,
    /// Name, version, source, features and edges; what is in its folder is not.
    fixed: Digest,
    /// Of a package in a folder of the user's.
    folder: Option<PathBuf>,
    /// The packages that it depends on, as places in the list.
    dependencies: Vec<usize>,
}

/// The packages of a graph, without that of the cells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locked {
    packages: Vec<Package>,
    /// The names under which cells see crates.
    visible: BTreeMap<String, usize>,
    /// A package is the head of a branch, which is looked at in each session.
    follows_branch: bool,
}

/// A package as a part of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// With the version where the graph has several of the name.
    pub name: String,
    pub version: String,
    /// Of all that it is, the content of its folder included if that is the user's.
    pub digest: Digest,
}

impl Locked {
    /// The graph that `cargo metadata` tells of.
    pub fn of(metadata: &Value) -> Locked {
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let root = text(&metadata["resolve"]["root"]);
        let described: HashMap<String, Value> = list(&metadata["packages"])
            .into_iter()
            .map(|package| (text(&package["id"]), package))
            .collect();
        let nodes = list(&metadata["resolve"]["nodes"]);
        let places: HashMap<String, usize> = nodes
            .iter()
            .map(|node| text(&node["id"]))
            .filter(|id| *id != root)
            .enumerate()
            .map(|(place, id)| (id, place))
            .collect();
        let mut locked = Locked::default();
        for node in &nodes {
            let edges: BTreeSet<(String, String)> = list(&node["deps"])
                .iter()
                .map(|edge| (text(&edge["name"]), text(&edge["pkg"])))
                .collect();
            let known = |(name, id): &(String, String)| Some((name.clone(), *places.get(id)?));
            let id = text(&node["id"]);
            if id == root {
                locked.visible = edges.iter().filter_map(known).collect();
                continue;
            }
            let package = described.get(&id).unwrap_or(&Value::Null);
            let mut fixed = Hasher::new("package");
            fixed.text("name", package["name"].as_str().unwrap_or(&id));
            fixed.text("version", &text(&package["version"]));
            let source = text(&package["source"]);
            fixed.text("source", &source);
            locked.follows_branch |= source.starts_with("git+") && !source.contains("?rev=");
            let features: BTreeSet<String> = list(&node["features"]).iter().map(text).collect();
            fixed.number("features", features.len() as u64);
            for feature in &features {
                fixed.text("feature", feature);
            }
            fixed.number("edges", edges.len() as u64);
            for (name, id) in &edges {
                // The id of a package in a folder has the folder's path in it, which says nothing of what it is.
                let to = described.get(id).unwrap_or(&Value::Null);
                fixed.text("as", name);
                fixed.text("to", &format!("{} {}", text(&to["name"]), text(&to["version"])));
                fixed.text("from", &text(&to["source"]));
            }
            let manifest = PathBuf::from(text(&package["manifest_path"]));
            locked.packages.push(Package {
                name: package["name"].as_str().unwrap_or(&id).to_owned(),
                version: text(&package["version"]),
                fixed: fixed.finish(),
                folder: match package["source"].is_string() {
                    true => None,
                    false => manifest.parent().map(Path::to_owned),
                },
                dependencies: edges.iter().filter_map(known).map(|(_, place)| place).collect(),
            });
        }
        locked
    }

    /// Whether none of them lies in a folder of the user's, where it could change.
    pub fn is_lasting(&self) -> bool {
        self.packages.iter().all(|package| package.folder.is_none())
    }

    /// Whether the next session wants the same, if it is not told otherwise.
    pub fn is_chosen_once(&self) -> bool {
        self.is_lasting() && !self.follows_branch
    }

    /// The names of the packages that lie in folders of the user's.
    pub fn in_folders(&self) -> impl Iterator<Item = &str> {
        let in_folder = self.packages.iter().filter(|package| package.folder.is_some());
        in_folder.map(|package| package.name.as_str())
    }

    /// What each package is now.
    pub fn dependencies(&self, folders: &Folders) -> Vec<Dependency> {
        let digests = self.digests(folders);
        let mut names: HashMap<&str, usize> = HashMap::new();
        for package in &self.packages {
            *names.entry(&package.name).or_default() += 1;
        }
        let name = |package: &Package| match names[package.name.as_str()] {
            1 => package.name.clone(),
            _ => format!("{}@{}", package.name, package.version),
        };
        self.packages
            .iter()
            .zip(digests)
            .enumerate()
            .map(|(place, (package, digest))| {
                let mut hasher = Hasher::new("dependency");
                hasher.digest("package", &digest);
                // Under another name, it is another thing to cells.
                for (name, _) in self.visible.iter().filter(|(_, visible)| **visible == place) {
                    hasher.text("visible as", name);
                }
                Dependency {
                    name: name(package),
                    version: package.version.clone(),
                    digest: hasher.finish(),
                }
            })
            .collect()
    }

    /// For each crate that cells can name, what it and all below it are.
    pub fn identities(&self, folders: &Folders) -> BTreeMap<String, Digest> {
        let digests = self.digests(folders);
        let identity = |place: usize| {
            let mut below = BTreeSet::new();
            let mut open = vec![place];
            while let Some(place) = open.pop() {
                if below.insert(place) {
                    open.extend(&self.packages[place].dependencies);
                }
            }
            let all: BTreeSet<Digest> = below.into_iter().map(|place| digests[place]).collect();
            let mut hasher = Hasher::new("crate");
            hasher.digest("itself", &digests[place]);
            for digest in &all {
                hasher.digest("below", digest);
            }
            hasher.finish()
        };
        self.visible
            .iter()
            .map(|(name, place)| (name.clone(), identity(*place)))
            .collect()
    }

    fn digests(&self, folders: &Folders) -> Vec<Digest> {
        let digest = |package: &Package| match &package.folder {
            None => package.fixed,
            Some(folder) => {
                let mut hasher = Hasher::new("package in a folder");
                hasher.digest("fixed", &package.fixed);
                hasher.digest("content", &folders.content(folder));
                hasher.finish()
            }
        };
        self.packages.iter().map(digest).collect()
    }
}

/// Hashes of the files in folders of packages, remembered as long as nothing about a file has changed.
#[derive(Debug, Default)]
pub struct Folders {
    known: Mutex<FileDigests>,
}

impl Folders {
    /// The hash of the paths and contents of all files in a package's folder. Left out is what a build or the notebook itself
    /// writes: the target folder, git's, notebooks and hidden folders.
    pub fn content(&self, folder: &Path) -> Digest {
        let mut hasher = Hasher::new("folder");
        let walk = WalkDir::new(folder).follow_links(true).sort_by_file_name();
        for entry in walk.into_iter().filter_entry(counts) {
            match entry {
                Ok(entry) if entry.file_type().is_file() => {
                    let path = entry.path().strip_prefix(folder).unwrap_or(entry.path());
                    hasher.part("path", path.as_os_str().as_encoded_bytes());
                    match self.of_file(entry.path()) {
                        Ok(digest) => hasher.digest("content", &digest),
                        Err(error) => hasher.text("unreadable", &error.kind().to_string()),
                    };
                }
                Ok(_) => {}
                // A link to nowhere, a folder that cannot be read: an input like any other.
                Err(error) => {
                    let path = error.path().and_then(|path| path.strip_prefix(folder).ok());
                    let path = path.unwrap_or(Path::new(""));
                    hasher.part("unreadable", path.as_os_str().as_encoded_bytes());
                }
            }
        }
        hasher.finish()
    }

    fn of_file(&self, path: &Path) -> std::io::Result<Digest> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.of(path).map(|(digest, _)| digest)
    }
}

fn counts(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    if entry.depth() == 0 {
        return true;
    }
    if entry.file_type().is_dir() {
        let is_target =
            name == "target" && (entry.depth() == 1 || entry.path().join("CACHEDIR.TAG").is_file());
        return !is_target && !name.starts_with('.');
    }
    !name.ends_with(".ipynb")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A graph: cells → `a` (in a folder) → `b` of a version, with a feature.
    fn graph(folder: &Path, version: &str, feature: &str) -> Locked {
        Locked::of(&json!({
            "packages": [
                {"id": "ctx", "name": "ctx", "version": "1.0.0", "source": null, "manifest_path": "/s/Cargo.toml"},
                {"id": "a", "name": "a", "version": "0.1.0", "source": null, "manifest_path": folder.join("Cargo.toml")},
                {"id": "b", "name": "b", "version": version, "source": "registry+x", "manifest_path": "/b/Cargo.toml"},
                {"id": "c", "name": "c", "version": "1.0.0", "source": "registry+x", "manifest_path": "/c/Cargo.toml"},
            ],
            "resolve": {"root": "ctx", "nodes": [
                {"id": "ctx", "deps": [{"name": "a", "pkg": "a"}, {"name": "see", "pkg": "c"}], "features": []},
                {"id": "a", "deps": [{"name": "b", "pkg": "b"}], "features": []},
                {"id": "b", "deps": [], "features": [feature]},
                {"id": "c", "deps": [], "features": []},
            ]},
        }))
    }

    fn changed(old: &[Dependency], new: &[Dependency]) -> Vec<String> {
        let pairs = old.iter().zip(new);
        pairs
            .filter(|(old, new)| old.digest != new.digest)
            .map(|(_, new)| new.name.clone())
            .collect()
    }

    #[test]
    fn versions_features_and_folders_count_each_for_its_package() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::default();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("src/lib.rs", "1");
        let locked = graph(folder.path(), "1.0.0", "std");
        let first = locked.dependencies(&folders);
        assert_eq!(first.len(), 3, "the cells' own package is none");
        let now = || locked.dependencies(&folders);
        assert_eq!(now(), first);
        let of = |version, feature| graph(folder.path(), version, feature).dependencies(&folders);
        assert_eq!(changed(&first, &of("1.0.0", "alloc")), ["b"]);
        assert!(changed(&first, &of("1.0.1", "std")).contains(&"b".to_owned()));
        write("src/lib.rs", "2");
        assert_eq!(changed(&first, &now()), ["a"], "same size, same second");
        write("src/lib.rs", "1");
        assert_eq!(now(), first);
        for path in [
            "target/debug/x",
            ".git/HEAD",
            "notes.ipynb",
            ".ipynb_checkpoints/n",
        ] {
            write(path, "x");
        }
        assert_eq!(now(), first, "what a build or a notebook writes does not count");
        write("src/target/mod.rs", "x");
        assert_eq!(changed(&first, &now()), ["a"], "a module of that name does");
    }

    #[test]
    fn a_crate_is_what_is_below_it_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::default();
        let identities = |version| graph(folder.path(), version, "std").identities(&folders);
        let (one, two) = (identities("1.0.0"), identities("1.0.1"));
        assert_eq!(one.keys().collect::<Vec<_>>(), ["a", "see"]);
        assert_ne!(one["a"], two["a"]);
        assert_eq!(one["see"], two["see"]);
    }

    #[test]
    fn a_branch_is_looked_at_each_time() {
        let of = |source: &str| {
            let metadata = json!({
                "packages": [{"id": "c", "name": "c", "version": "1.0.0", "source": source}],
                "resolve": {"root": "ctx", "nodes": [{"id": "ctx", "deps": []}, {"id": "c", "deps": []}]},
            });
            Locked::of(&metadata).is_chosen_once()
        };
        assert!(of("registry+https://x") && of("git+https://x?rev=1a#1a2b"));
        assert!(!of("git+https://x#1a2b") && !of("git+https://x?branch=b#1a2b"));
    }

    #[test]
    fn what_cells_call_a_crate_counts() {
        let named = |name: &str| {
            let metadata = json!({
                "packages": [{"id": "c", "name": "c", "version": "1.0.0", "source": "registry+x"}],
                "resolve": {"root": "ctx", "nodes": [
                    {"id": "ctx", "deps": [{"name": name, "pkg": "c"}]}, {"id": "c", "deps": []},
                ]},
            });
            Locked::of(&metadata).dependencies(&Folders::default())
        };
        assert_ne!(named("c")[0].digest, named("d")[0].digest);
    }
}
