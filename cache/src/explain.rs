//! Why a key is another one: the ingredients that changed.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::key::{Ingredient, IngredientKind};

/// One input that differs between an earlier entry and now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It is read now and was not.
    Added(Ingredient),
    /// It was read and is not any more.
    Removed(Ingredient),
    /// Its content is another.
    Changed { old: Ingredient, new: Ingredient },
}

impl Change {
    /// The input that it is about, as it is now where it still is.
    pub fn ingredient(&self) -> &Ingredient {
        match self {
            Change::Added(ingredient) | Change::Removed(ingredient) => ingredient,
            Change::Changed { new, .. } => new,
        }
    }
}

/// What changed from `old` to `new`, and only that, sorted by kind and name. Empty exactly if both have the same key.
pub fn diff(old: &[Ingredient], new: &[Ingredient]) -> Vec<Change> {
    let mut places: BTreeMap<(IngredientKind, &str), [Vec<&Ingredient>; 2]> = BTreeMap::new();
    for (side, ingredients) in [old, new].into_iter().enumerate() {
        for ingredient in ingredients {
            let there = &mut places.entry((ingredient.kind, &ingredient.name)).or_default()[side];
            if there.iter().all(|other| other.digest != ingredient.digest) {
                there.push(ingredient);
            }
        }
    }
    let mut changes = Vec::new();
    for [mut gone, mut come] in places.into_values() {
        // Two impls may have the same name: what is on both sides has not changed.
        let before = gone.clone();
        gone.retain(|old| come.iter().all(|new| new.digest != old.digest));
        come.retain(|new| before.iter().all(|old| new.digest != old.digest));
        let pairs = gone.len().min(come.len());
        for (old, new) in gone.iter().zip(&come) {
            changes.push(Change::Changed {
                old: (*old).clone(),
                new: (*new).clone(),
            });
        }
        changes.extend(gone[pairs..].iter().map(|old| Change::Removed((*old).clone())));
        changes.extend(come[pairs..].iter().map(|new| Change::Added((*new).clone())));
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Digest, Key};

    fn ingredient(name: &str, content: &str) -> Ingredient {
        Ingredient::new(IngredientKind::Item, name, Digest::of(content.as_bytes()))
    }

    #[test]
    fn each_kind_of_change_and_nothing_else() {
        let same = ingredient("same", "1");
        let old = [same.clone(), ingredient("gone", "1"), ingredient("body", "1")];
        let new = [
            ingredient("new", "1"),
            ingredient("body", "2"),
            same.with_note("other note"),
        ];
        assert_eq!(
            diff(&old, &new),
            [
                Change::Changed {
                    old: ingredient("body", "1"),
                    new: ingredient("body", "2")
                },
                Change::Removed(ingredient("gone", "1")),
                Change::Added(ingredient("new", "1")),
            ]
        );
    }

    #[test]
    fn items_of_one_name_are_told_apart_by_content() {
        let old = [ingredient("impl Show", "a"), ingredient("impl Show", "b")];
        let new = [ingredient("impl Show", "c"), ingredient("impl Show", "a")];
        assert_eq!(
            diff(&old, &new),
            [Change::Changed {
                old: ingredient("impl Show", "b"),
                new: ingredient("impl Show", "c")
            }]
        );
    }

    #[test]
    fn no_change_is_the_same_key() {
        let a = [ingredient("x", "1"), ingredient("y", "1"), ingredient("x", "1")];
        let b = [ingredient("y", "1"), ingredient("x", "1")];
        assert!(diff(&a, &b).is_empty());
        assert_eq!(Key::of(&a), Key::of(&b));
    }
}
