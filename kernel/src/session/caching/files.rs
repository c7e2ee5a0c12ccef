//! Declared inputs outside of the notebook: files and environment variables.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cellar_cache::{Digest, FileDigests, Hasher, Ingredient, IngredientKind};

/// Declared files as inputs.
#[derive(Debug, Default)]
pub struct Files {
    known: FileDigests,
}

/// A glob in `files` that is none, or that cannot be followed.
#[derive(Debug, thiserror::Error)]
#[error("`{glob}` is not a glob of files: {why}")]
pub struct BadGlob {
    pub glob: String,
    pub why: String,
}

impl Files {
    /// The files that match, each with the hash of its content, and for each glob that it was asked for: a new file that
    /// matches is a change as well. Also tells which globs match nothing.
    ///
    /// # Errors
    /// A pattern that cannot be read.
    pub fn ingredients(&mut self, globs: &[String]) -> Result<(Vec<Ingredient>, Vec<String>), BadGlob> {
        let mut found: BTreeMap<PathBuf, ()> = BTreeMap::new();
        let mut nothing = Vec::new();
        for glob in globs {
            let bad = |why: String| BadGlob {
                glob: glob.clone(),
                why,
            };
            let before = found.len();
            let mut any = false;
            for path in glob::glob(glob).map_err(|error| bad(error.msg.to_owned()))? {
                let path = path.map_err(|error| bad(error.to_string()))?;
                if path.is_file() {
                    any = true;
                    found.insert(path, ());
                }
            }
            if !any && before == found.len() {
                nothing.push(glob.clone());
            }
        }
        let ingredients = found.into_keys().map(|path| self.ingredient(&path)).collect();
        Ok((ingredients, nothing))
    }

    /// One file as an input; one that cannot be read is an input too, with why.
    pub fn ingredient(&mut self, path: &Path) -> Ingredient {
        let name = path.display().to_string();
        match self.known.of(path) {
            Ok((digest, len)) => Ingredient {
                kind: IngredientKind::File,
                name,
                digest,
                note: format!("{len} bytes"),
            },
            Err(error) => Ingredient {
                kind: IngredientKind::File,
                name,
                digest: Digest::of(error.kind().to_string().as_bytes()),
                note: error.to_string(),
            },
        }
    }
}

/// An environment variable as an input, with the value that cells see.
pub fn env_ingredient(name: &str, value: Option<&std::ffi::OsStr>) -> Ingredient {
    let mut hasher = Hasher::new("env");
    match value {
        Some(value) => hasher.part("value", value.as_encoded_bytes()),
        None => hasher.part("unset", b""),
    };
    Ingredient {
        kind: IngredientKind::Env,
        name: name.to_owned(),
        digest: hasher.finish(),
        note: if value.is_some() { "set" } else { "not set" }.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_counts_and_new_files_count() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("a.csv"), "1").expect("written");
        let globs = [path("*.csv").display().to_string()];
        let mut files = Files::default();
        let mut all = || files.ingredients(&globs).expect("a glob").0;
        let first = all();
        assert_eq!(all(), first);
        std::fs::write(path("a.csv"), "2").expect("written");
        let second = all();
        assert_ne!(second, first, "same size, same second");
        std::fs::write(path("b.csv"), "3").expect("written");
        assert_eq!(all().len(), 2);
        std::fs::remove_file(path("b.csv")).expect("removed");
        std::fs::write(path("a.csv"), "1").expect("written");
        assert_eq!(all(), first);
    }

    #[test]
    fn a_glob_without_files_and_a_bad_one_are_told() {
        let mut files = Files::default();
        let globs = ["/nowhere/*.csv".to_owned()];
        assert_eq!(files.ingredients(&globs).expect("a glob").1, globs);
        assert!(files.ingredients(&["a/***".to_owned()]).is_err());
    }

    #[test]
    fn an_unset_variable_is_not_an_empty_one() {
        let unset = env_ingredient("A", None);
        assert_ne!(unset, env_ingredient("A", Some("".as_ref())));
    }
}
