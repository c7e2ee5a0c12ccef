//! Parameters and values of the session map as inputs of a cell. Which of them it reads is known when it has run, so they are among
//! what an entry has *observed*, and looked at again before a hit.

use std::collections::BTreeMap;

use cellar_cache::{Digest, Hasher, Ingredient, IngredientKind};

use super::Caching;
use super::cell::Seen;
use crate::analysis::Verdict;
use crate::session::surroundings::{Read, Subject, as_written};

/// Characters of a value that are told in an explanation.
const SHOWN: usize = 40;

/// What was read, as an input.
fn ingredient(subject: &Subject, state: &[String]) -> Ingredient {
    let [what, key] = subject.texts();
    let mut hasher = Hasher::new("surroundings");
    hasher.text("what", what);
    hasher.number("texts", state.len() as u64);
    for text in state {
        hasher.text("text", text);
    }
    let note = match subject {
        Subject::Param(_) => match state {
            [_, values @ ..] if !values.is_empty() => shortened(&values.join(", ")),
            _ => "not set".to_owned(),
        },
        Subject::ParamNames | Subject::SessionNames => shortened(&state.join(", ")),
        // Its content is no text.
        Subject::Env(_) | Subject::Files(_) => "of a function that it calls".to_owned(),
        Subject::Session(_) => state
            .first()
            .map_or_else(|| "not set".to_owned(), |type_name| as_written(type_name)),
    };
    Ingredient::new(kind(subject), key, hasher.finish()).with_note(note)
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

fn kind(subject: &Subject) -> IngredientKind {
    match subject {
        Subject::Param(_) | Subject::ParamNames => IngredientKind::Param,
        Subject::Session(_) | Subject::SessionNames => IngredientKind::Session,
        Subject::Env(_) => IngredientKind::FunctionEnv,
        Subject::Files(_) => IngredientKind::FunctionFiles,
    }
}

/// What an input is about. Names are not empty; the empty one stands for the list of all.
fn subject(ingredient: &Ingredient) -> Option<Subject> {
    let name = ingredient.name.clone();
    match (ingredient.kind, name.is_empty()) {
        (IngredientKind::Param, false) => Some(Subject::Param(name)),
        (IngredientKind::Param, true) => Some(Subject::ParamNames),
        (IngredientKind::Session, false) => Some(Subject::Session(name)),
        (IngredientKind::Session, true) => Some(Subject::SessionNames),
        (IngredientKind::FunctionEnv, _) => Some(Subject::Env(name)),
        (IngredientKind::FunctionFiles, _) => Some(Subject::Files(name)),
        _ => None,
    }
}

/// Whether an input is known only when the cell has run: a parameter, a value of the session map, what a called function declares.
pub fn is_surrounding(ingredient: &Ingredient) -> bool {
    subject(ingredient).is_some()
}

/// What a cell has read, as inputs.
pub fn ingredients(seen: &Seen) -> impl Iterator<Item = Ingredient> {
    seen.told
        .read
        .iter()
        .map(|read| ingredient(&read.subject, &read.state))
}

/// What was found while entries of one key were looked at: each thing is asked for once.
#[derive(Default)]
pub struct Looked(BTreeMap<Subject, Vec<String>>);

impl Caching {
    /// The same as they are now; one for each that is a parameter or a value of the session map.
    pub(super) fn surroundings_now(&self, observed: &[Ingredient], looked: &mut Looked) -> Vec<Ingredient> {
        let subjects: Vec<Subject> = observed.iter().filter_map(subject).collect();
        let is_new = |subject: &&Subject| !looked.0.contains_key(*subject);
        let new: Vec<Subject> = subjects.iter().filter(is_new).cloned().collect();
        if !new.is_empty() {
            let states = self.machine.states(&new);
            looked.0.extend(new.into_iter().zip(states));
        }
        subjects
            .iter()
            .map(|subject| ingredient(subject, &looked.0[subject]))
            .collect()
    }

    /// Why a run must not be kept, for what it has done besides its variables.
    pub(super) fn fault_of_surroundings(&self, seen: &Seen) -> Option<String> {
        if let Some(change) = seen.told.session.first() {
            return Some(format!(
                "it changes the session value `{}`, which a hit would not; do that in a cell without the directive",
                change.key
            ));
        }
        let outside: Vec<&Read> = seen
            .told
            .read
            .iter()
            .filter(|read| read.subject.is_outside())
            .collect();
        if !outside.is_empty() {
            let subjects: Vec<Subject> = outside.iter().map(|read| read.subject.clone()).collect();
            let states = self.machine.states(&subjects);
            let changed = outside.iter().zip(states).find(|(read, now)| read.state != *now);
            if let Some((read, _)) = changed {
                let name = read.subject.texts()[1].replace('\n', "`, `");
                return Some(format!("`{name}` changed while the cell ran"));
            }
        }
        seen.told.read.iter().find_map(|read| self.fault_of_read(read))
    }

    /// A value that may change inside is not what it was because nobody has set it since.
    fn fault_of_read(&self, read: &Read) -> Option<String> {
        let (Subject::Session(key), true, Some(type_name)) =
            (&read.subject, read.is_opaque, read.state.first())
        else {
            return None;
        };
        let type_text = as_written(type_name);
        match self.state().items.verdict(&type_text) {
            Verdict::Refused(fault) if fault.changes_inside => Some(format!(
                "it reads the session value `{key}`, which may change unseen: {fault}"
            )),
            _ => None,
        }
    }

    /// The hash of all definitions that a type reaches, as they are now or with a cell that is about to run.
    pub fn definitions_of(&self, type_text: &str, with: Option<&crate::analysis::CellReading>) -> Digest {
        let state = self.state();
        let ingredients = state.items.definitions_with(&[type_text.to_owned()], with);
        cellar_cache::Key::of(&ingredients).0
    }
}
