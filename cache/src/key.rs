//! Keys and what they are made of.
//!
//! A key is the hash of its ingredients. The ingredients are kept with the entry: they are what
//! explains a miss.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Hasher, ParseDigestError};

/// What kind of input an ingredient is. The order is the one in which an explanation lists changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum IngredientKind {
    /// The tokens of the cell or function itself.
    Code,
    /// An item that the code reaches: function, type, impl, macro, use.
    Item,
    /// The content of a variable that is read, or the identity of the run that made it.
    Variable,
    /// An argument of a memoised function.
    Argument,
    /// A parameter of the notebook.
    Param,
    /// A value of the session's own that is no variable.
    Session,
    /// A file's content.
    File,
    /// An environment variable.
    Env,
    /// Files that a called function declares.
    FunctionFiles,
    /// An environment variable that a called function declares.
    FunctionEnv,
    /// The crates depended on, as locked.
    Dependencies,
    /// Compiler, target, optimisation.
    Toolchain,
    /// An option that changes the result.
    Option,
}

impl IngredientKind {
    /// The name in keys and in texts. Changing one changes every key.
    pub const fn as_str(self) -> &'static str {
        match self {
            IngredientKind::Code => "code",
            IngredientKind::Item => "item",
            IngredientKind::Variable => "variable",
            IngredientKind::Argument => "argument",
            IngredientKind::Param => "param",
            IngredientKind::Session => "session",
            IngredientKind::File => "file",
            IngredientKind::Env => "env",
            IngredientKind::FunctionFiles => "files of a function",
            IngredientKind::FunctionEnv => "env of a function",
            IngredientKind::Dependencies => "dependencies",
            IngredientKind::Toolchain => "toolchain",
            IngredientKind::Option => "option",
        }
    }
}

impl fmt::Display for IngredientKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One input of a cell, function or artifact.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ingredient {
    pub kind: IngredientKind,
    /// What it is called: a variable's name, a file's path.
    pub name: String,
    /// The hash of its content.
    pub digest: Digest,
    /// A few words for people (which cell made the variable, the size of the file). Not part of the key.
    pub note: String,
}

impl Ingredient {
    /// An ingredient without a note.
    pub fn new(kind: IngredientKind, name: impl Into<String>, digest: Digest) -> Ingredient {
        Ingredient {
            kind,
            name: name.into(),
            digest,
            note: String::new(),
        }
    }

    /// The same with a few words for people.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Ingredient {
        self.note = note.into();
        self
    }
}

/// What an entry is found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(pub Digest);

impl Key {
    /// The key of a set of ingredients: their order, repetitions and notes do not matter.
    pub fn of(ingredients: &[Ingredient]) -> Key {
        Key(set("cellar key 1", ingredients).finish())
    }

    /// This key narrowed by what was observed while the code was compiled or ran. With nothing
    /// observed it is the key itself.
    #[must_use]
    pub fn observing(&self, observed: &[Ingredient]) -> Key {
        if observed.is_empty() {
            return *self;
        }
        let mut hasher = set("cellar observed key 1", observed);
        Key(hasher.digest("base", &self.0).finish())
    }

    /// The first twelve digits.
    pub fn short(&self) -> String {
        self.0.short()
    }
}

fn set(domain: &str, ingredients: &[Ingredient]) -> Hasher {
    let mut parts: Vec<_> = ingredients
        .iter()
        .map(|ingredient| {
            (
                ingredient.kind.as_str(),
                ingredient.name.as_str(),
                &ingredient.digest,
            )
        })
        .collect();
    parts.sort_unstable();
    parts.dedup();
    let mut hasher = Hasher::new(domain);
    hasher.number("ingredients", parts.len() as u64);
    for (kind, name, digest) in parts {
        hasher
            .text("kind", kind)
            .text("name", name)
            .digest("digest", digest);
    }
    hasher
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Key {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Key, ParseDigestError> {
        text.parse().map(Key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ingredient(kind: IngredientKind, name: &str, content: &str) -> Ingredient {
        Ingredient::new(kind, name, Digest::of(content.as_bytes()))
    }

    #[test]
    fn order_repetition_and_notes_do_not_matter() {
        let a = ingredient(IngredientKind::Variable, "a", "1");
        let b = ingredient(IngredientKind::Item, "b", "2");
        let key = Key::of(&[a.clone(), b.clone()]);
        assert_eq!(key, Key::of(&[b.clone(), a.clone()]));
        assert_eq!(
            key,
            Key::of(&[b.clone().with_note("cell 3"), a.clone(), b.clone()])
        );
        assert_ne!(key, Key::of(&[a]));
    }

    #[test]
    fn kind_name_and_content_matter() {
        let all = [
            Key::of(&[]),
            Key::of(&[ingredient(IngredientKind::Variable, "a", "1")]),
            Key::of(&[ingredient(IngredientKind::Item, "a", "1")]),
            Key::of(&[ingredient(IngredientKind::Variable, "b", "1")]),
            Key::of(&[ingredient(IngredientKind::Variable, "a", "2")]),
        ];
        for (i, one) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|other| one != other), "{i}");
        }
    }

    #[test]
    fn what_was_observed_narrows() {
        let base = Key::of(&[ingredient(IngredientKind::Code, "", "read()")]);
        let file = |content| [ingredient(IngredientKind::File, "a.csv", content)];
        assert_eq!(base.observing(&[]), base);
        assert_ne!(base.observing(&file("1")), base.observing(&file("2")));
        assert_ne!(base.observing(&file("1")), Key::of(&file("1")));
    }

    /// Keys are kept on disk: they must be the same in every process and on every machine.
    #[test]
    fn keys_are_stable() {
        let key = Key::of(&[
            ingredient(IngredientKind::Code, "", "let x = 1;"),
            ingredient(IngredientKind::Variable, "n", "3"),
        ]);
        assert_eq!(
            key.to_string(),
            "c0c40a3fb4bf5c8cd9094114a819457d0a14dbb8ca04ab6458c2438ec459d56b"
        );
    }
}
