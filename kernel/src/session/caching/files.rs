//! Declared inputs outside of the notebook: files and environment variables.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cellar_cache::{Digest, FileDigests, Hasher, Ingredient, IngredientKind};

const NO_UTF8: &str = "the working directory has a name that is no UTF-8";

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
    /// matches is a change as well. Also tells which globs match nothing. Relative ones count from `folder`, and so do the names
    /// of what they find.
    ///
    /// # Errors
    /// A pattern that cannot be read.
    pub fn ingredients(
        &mut self,
        globs: &[String],
        folder: &Path,
    ) -> Result<(Vec<Ingredient>, Vec<String>), BadGlob> {
        let mut found: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
        let mut nothing = Vec::new();
        for glob in globs {
            let bad = |why: String| BadGlob {
                glob: glob.clone(),
                why,
            };
            let inside = folder.to_str().ok_or_else(|| bad(NO_UTF8.to_owned()))?;
            let pattern = Path::new(&glob::Pattern::escape(inside)).join(glob);
            // Both parts are UTF-8.
            let pattern = pattern.to_string_lossy();
            let before = found.len();
            let mut any = false;
            for path in glob::glob(&pattern).map_err(|error| bad(error.msg.to_owned()))? {
                let path = path.map_err(|error| bad(error.to_string()))?;
                if path.is_file() {
                    any = true;
                    let is_relative = Path::new(glob).is_relative();
                    let name = path.strip_prefix(folder).ok().filter(|_| is_relative);
                    found.insert(name.unwrap_or(&path).to_owned(), path.clone());
                }
            }
            if !any && before == found.len() {
                nothing.push(glob.clone());
            }
        }
        let ingredients = found
            .iter()
            .map(|(name, path)| self.named_ingredient(name, path))
            .collect();
        Ok((ingredients, nothing))
    }

    /// One file as an input; one that cannot be read is an input too, with why.
    pub fn ingredient(&mut self, path: &Path) -> Ingredient {
        self.named_ingredient(path, path)
    }

    fn named_ingredient(&mut self, name: &Path, path: &Path) -> Ingredient {
        let name = name.display().to_string();
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
        let mut all = || files.ingredients(&globs, Path::new("/")).expect("a glob").0;
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
    fn relative_globs_count_from_the_folder_that_is_told() {
        let root = tempfile::tempdir().expect("a folder");
        // What would be a pattern elsewhere is none in the folder's name.
        let (one, two) = (root.path().join("[one]*"), root.path().join("two"));
        for (folder, text) in [(&one, "1"), (&two, "2")] {
            std::fs::create_dir_all(folder.join("data")).expect("made");
            std::fs::write(folder.join("data/a.csv"), text).expect("written");
        }
        let mut files = Files::default();
        let mut of = |glob: &str, folder: &Path| {
            let found = files.ingredients(&[glob.to_owned()], folder).expect("a glob");
            assert_eq!(found.1, [""; 0], "something matches");
            found.0
        };
        let first = of("data/*.csv", &one);
        assert_eq!(first[0].name, "data/a.csv");
        assert_ne!(first, of("data/*.csv", &two));
        assert_eq!(
            of("../two/data/a.csv", &one)[0].digest,
            of("data/a.csv", &two)[0].digest
        );
        std::fs::write(two.join("data/a.csv"), "1").expect("written");
        assert_eq!(first, of("data/*.csv", &two), "the same names and contents");
    }

    #[test]
    fn a_glob_without_files_and_a_bad_one_are_told() {
        let mut files = Files::default();
        let globs = ["/nowhere/*.csv".to_owned()];
        let here = Path::new("/");
        assert_eq!(files.ingredients(&globs, here).expect("a glob").1, globs);
        assert!(files.ingredients(&["a/***".to_owned()], here).is_err());
    }

    #[test]
    fn an_unset_variable_is_not_an_empty_one() {
        let unset = env_ingredient("A", None);
        assert_ne!(unset, env_ingredient("A", Some("".as_ref())));
    }
}
