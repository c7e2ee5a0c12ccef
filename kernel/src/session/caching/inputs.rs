//! The inputs of a cell: everything that its result can depend on, each with the hash of what it is now.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cellar_cache::{Digest, Hasher, Ingredient, IngredientKind};

use super::files::env_ingredient;
use super::ledger::Variable;
use super::machine::Typed;
use super::policy::Policy;
use super::{Caching, INTERRUPTED};
use crate::analysis::{Access, CellReading, ItemKind, Verdict};

/// Changes when keys are made in another way: then nothing that was kept before is found.
const SCHEMA: &str = "cell 1";

/// What code is compiled for. Not the compiler's version: what was computed outlives an upgrade.
const TARGET: [&str; 3] = [std::env::consts::ARCH, std::env::consts::OS, ENVIRONMENT];
const ENVIRONMENT: &str = if cfg!(target_env = "musl") { "musl" } else { "gnu" };

/// Words of an `extern crate` that adds no dependency.
const OF_THE_LANGUAGE: [&str; 11] = [
    "extern",
    "crate",
    "as",
    "pub",
    "_",
    "self",
    "std",
    "core",
    "alloc",
    "test",
    "proc_macro",
];

/// What a cell's result depends on.
#[derive(Debug, Clone)]
pub struct Inputs {
    pub ingredients: Vec<Ingredient>,
    /// Hashes of the variables that are compared by content.
    pub contents: BTreeMap<String, Digest>,
    /// Variables of before that the cell may change.
    pub may_change: BTreeSet<String>,
    /// Where the cell began, and its relative globs count from.
    pub folder: PathBuf,
    /// Globs that match nothing.
    pub without_files: Vec<String>,
}

/// A cell that has no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unkeyed {
    pub why: String,
    pub help: String,
}

/// The cell was interrupted while something was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interrupted;

impl Caching {
    /// The inputs of a cell as they are now.
    pub(super) fn inputs(
        &self,
        rust: &str,
        reading: &CellReading,
        policy: &Policy,
    ) -> Result<Inputs, Unkeyed> {
        if reading.flags.parse_error {
            return Err(Unkeyed {
                why: "it cannot be parsed".to_owned(),
                help: String::new(),
            });
        }
        if let Some(name) = self.added_crate(reading) {
            return Err(Unkeyed {
                why: format!("`extern crate {name}` adds a dependency, of which no version is known yet"),
                help: "Add it with `:dep` in a cell of its own.".to_owned(),
            });
        }
        if let Some(name) = self.raw_name(rust, reading) {
            return Err(Unkeyed {
                why: format!("the variable `r#{name}` has a raw name"),
                help: format!("Call it something else: `{name}_`."),
            });
        }
        let mut ingredients = Vec::new();
        let mut code = Hasher::new("code");
        code.text("schema", SCHEMA);
        code.part("tokens", &reading.canonical);
        if reading.all_flags().shows_position {
            // `line!()` and its like see the layout.
            code.text("layout", rust);
        }
        ingredients.push(Ingredient::new(IngredientKind::Code, "cell", code.finish()));
        let target = TARGET.join("-");
        ingredients.push(Ingredient::new(
            IngredientKind::Toolchain,
            &target,
            Digest::of(target.as_bytes()),
        ));
        let folder = self.folder(policy)?;
        let (without_files, mut outside) = self.declared(policy, &folder)?;
        ingredients.append(&mut outside);

        let named = self.named(reading);
        if self.learn_contents(&named, policy).is_err() {
            return Err(Unkeyed {
                why: INTERRUPTED.to_owned(),
                help: String::new(),
            });
        }
        let mut inputs = Inputs {
            ingredients,
            contents: BTreeMap::new(),
            may_change: BTreeSet::new(),
            folder,
            without_files,
        };
        let state = self.state();
        let types: Vec<&str> = named
            .keys()
            .filter_map(|name| state.ledger.get(name))
            .map(|variable| variable.type_text.as_str())
            .collect();
        inputs
            .ingredients
            .extend(state.items.reached(rust, reading, &types));
        for (setting, value) in &state.settings {
            let digest = Digest::of(value.as_bytes());
            inputs.ingredients.push(
                Ingredient::new(IngredientKind::Option, setting.clone(), digest).with_note(value.as_str()),
            );
        }
        for (name, access) in &named {
            let Some(variable) = state.ledger.get(name) else {
                continue;
            };
            if policy.ignores(name) {
                continue;
            }
            let fault = match state.items.verdict(&variable.type_text) {
                Verdict::Refused(fault) if variable.resource.is_none() => Some(fault),
                _ => None,
            };
            if let Some(fault) = fault.as_ref().filter(|fault| fault.changes_inside) {
                return Err(Unkeyed {
                    why: format!("it uses `{name}`: {fault}"),
                    help: format!(
                        "Make `{name}` in a cell with `//% cache_resource`, or leave it out of the key: `ignore = \"{name}\"`."
                    ),
                });
            }
            // Where equal bytes prove nothing, only the run tells.
            let content = variable.content.filter(|_| fault.is_none());
            if variable.mutable && access.may_change {
                if content.is_none() {
                    let fault = fault.map(|fault| fault.to_string());
                    let why = fault.as_deref().or(variable.refused.as_deref());
                    let why = why.unwrap_or("it is a resource");
                    return Err(Unkeyed {
                        why: format!("it may change `{name}`, which cannot be stored ({why})"),
                        help: format!(
                            "Make `{name}` without `mut`, or leave it out of the key: `ignore = \"{name}\"`."
                        ),
                    });
                }
                inputs.may_change.insert(name.clone());
            }
            if let Some(content) = content {
                inputs.contents.insert(name.clone(), content);
            }
            inputs
                .ingredients
                .push(variable_ingredient(name, variable, content));
        }
        Ok(inputs)
    }

    /// A variable with a raw name that the cell binds or may name: evcxr has it under another name than the cell may use.
    fn raw_name(&self, rust: &str, reading: &CellReading) -> Option<String> {
        let state = self.state();
        let mut known = state.ledger.names().filter_map(|name| name.strip_prefix("r#"));
        let is_named = |name: &&str| reading.flags.reads_everything || reading.reads.contains_key(*name);
        let known = known.find(is_named).map(str::to_owned);
        let binds_raw = |name: &&str| rust.contains(&format!("r#{name}"));
        let mut bound = reading.defines.iter().map(|defined| defined.name.as_str());
        known.or_else(|| bound.find(binds_raw).map(str::to_owned))
    }

    /// The crate that evcxr would add for an `extern crate` of the cell.
    fn added_crate(&self, reading: &CellReading) -> Option<String> {
        let externs = reading
            .items
            .iter()
            .filter(|item| item.kind == ItemKind::ExternCrate);
        let words = externs
            .flat_map(|item| item.words.iter())
            .filter(|word| !OF_THE_LANGUAGE.contains(&word.as_str()));
        let added: Vec<&String> = words.collect();
        if added.is_empty() {
            return None;
        }
        let known = self.machine.dependencies();
        let is_known = |word: &str| known.iter().any(|(name, ..)| name.replace('-', "_") == word);
        added.into_iter().find(|word| !is_known(word)).cloned()
    }

    /// The variables that a cell may name, and what it may do to them.
    fn named(&self, reading: &CellReading) -> BTreeMap<String, Access> {
        let state = self.state();
        let items = state.items.with(reading);
        state
            .ledger
            .names()
            .filter_map(|name| Some((name.to_owned(), reading.access(name, &items)?)))
            .collect()
    }

    /// Has the contents of variables hashed that nobody has asked for yet.
    fn learn_contents(&self, named: &BTreeMap<String, Access>, policy: &Policy) -> Result<(), Interrupted> {
        if !self.wait_until_safe() {
            return Err(Interrupted);
        }
        let wanted: Vec<(Typed, Digest)> = {
            let state = self.state();
            named
                .keys()
                .filter(|name| !policy.ignores(name))
                .filter_map(|name| Some((name, state.ledger.get(name)?)))
                .filter(|(_, variable)| {
                    variable.content.is_none() && variable.refused.is_none() && variable.resource.is_none()
                })
                .filter(|(_, variable)| {
                    !matches!(state.items.verdict(&variable.type_text), Verdict::Refused(_))
                })
                .map(|(name, variable)| {
                    let typed = Typed {
                        name: name.clone(),
                        type_text: variable.type_text.clone(),
                    };
                    (typed, variable.run)
                })
                .collect()
        };
        if wanted.is_empty() {
            return Ok(());
        }
        let typed: Vec<Typed> = wanted.iter().map(|(typed, _)| typed.clone()).collect();
        if !self.prepare(typed.iter().map(|typed| typed.type_text.clone()).collect()) {
            return Err(Interrupted);
        }
        let digests = self.machine.digests(&typed);
        if self.is_interrupted() {
            // Of what was not hashed nothing is known.
            return Err(Interrupted);
        }
        let mut state = self.state();
        for ((typed, run), digest) in wanted.into_iter().zip(digests) {
            state
                .ledger
                .learn(&typed.name, run, digest.map_err(|refusal| refusal.0));
        }
        Ok(())
    }

    /// Where relative globs count from, if there are any.
    fn folder(&self, policy: &Policy) -> Result<PathBuf, Unkeyed> {
        if !policy.files.iter().any(|glob| Path::new(glob).is_relative()) {
            return Ok(PathBuf::new());
        }
        self.machine.working_directory().ok_or_else(|| Unkeyed {
            why: "`files` count from the working directory, which is there no longer".to_owned(),
            help: "Set another one with `std::env::set_current_dir`.".to_owned(),
        })
    }

    fn declared(&self, policy: &Policy, folder: &Path) -> Result<(Vec<String>, Vec<Ingredient>), Unkeyed> {
        let (mut ingredients, without_files) = self
            .state()
            .files
            .ingredients(&policy.files, folder)
            .map_err(|bad| Unkeyed {
                why: bad.to_string(),
                help: "Write it like `files = \"data/*.csv\"`.".to_owned(),
            })?;
        for name in &policy.env {
            ingredients.push(env_ingredient(name, self.machine.env(name).as_deref()));
        }
        for (name, digest, note) in self.machine.dependencies() {
            ingredients.push(Ingredient::new(IngredientKind::Dependencies, name, digest).with_note(note));
        }
        Ok((without_files, ingredients))
    }

    /// The first declared input that is no longer what it was.
    pub(super) fn changed_meanwhile(&self, policy: &Policy, inputs: &Inputs) -> Option<String> {
        let (_, now) = self.declared(policy, &inputs.folder).ok()?;
        now.into_iter()
            .find(|now| {
                !inputs
                    .ingredients
                    .iter()
                    .any(|then| (then.kind, &then.name, then.digest) == (now.kind, &now.name, now.digest))
            })
            .map(|changed| changed.name)
    }
}

/// A variable as an input; without a `content` it is compared by its run.
fn variable_ingredient(name: &str, variable: &Variable, content: Option<Digest>) -> Ingredient {
    let mut hasher = Hasher::new("variable");
    hasher.text("type", &variable.type_text);
    match (variable.resource, content) {
        (Some(key), _) => hasher.digest("resource", &key),
        (None, Some(content)) => hasher.digest("content", &content),
        (None, None) => hasher.digest("run", &variable.run),
    };
    let note = match content {
        None if variable.resource.is_none() => {
            format!("from {}, compared by the run that made it", variable.cell)
        }
        _ => format!("from {}", variable.cell),
    };
    Ingredient::new(IngredientKind::Variable, name, hasher.finish()).with_note(note)
}
