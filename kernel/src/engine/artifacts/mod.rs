//! Compiled cells that are kept: code that was compiled once is run again without a compiler, in this session
//! and in later ones.
//!
//! The key is what the library was compiled from. That is the text of the cell's crate, which has the items that the cell
//! reaches and the names and types of the variables that it takes, with a hash of every definition that these types lead to
//! ([`minimal`](super::cell_crate::minimal), [`rewrite`]); the compiler, its options, and the crates that cells can name. What
//! the compiler read besides is known after the compile only: it is looked at again before the library is used.
//!
//! Lines count as they stand, not only tokens: the library has the lines of the cell in its panics. Comments count as the blanks
//! that could stand there.

mod replay;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use cellar_cache::{Digest, Entry, EntryKind, FileDigests, Ingredient, IngredientKind, Key, Policy, Store};
use serde::{Deserialize, Serialize};

use super::cell_code::CellCode;
use super::cell_code::comments::blank_comments;
use super::cell_crate::generate::{self, Context};
use super::cell_crate::minimal::Minimal;
use super::cell_crate::rewrite::{self, Needs, Rewritten};
use super::cell_crate::source_map::{Marks, SourceMap};
use super::early::{SessionParts, Workshop};
use super::knowledge::Variable;
use super::lock;
use super::rustc::dep_info::Inputs;
use super::types::names::TypeName;

/// Artifacts belong to no notebook.
pub const SCOPE: &str = "compiled cells";

/// How cells are compiled, as far as it matters to what comes out.
#[derive(Debug, Clone)]
pub struct Means {
    pub workshop: Workshop,
    pub rustc_version: String,
    /// The library of the `cellar` crate, which is named by what it was made from.
    pub runtime: PathBuf,
    /// How cells see serde that have none of their own; `None` while it is not there.
    pub serde: Option<Vec<String>>,
}

/// The cell needs serde, which is not there yet.
pub struct NeedsSerde;

/// A cell for which an artifact is wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    ingredients: Vec<Ingredient>,
    /// From the lines of the crate to those of the cells.
    pub map: SourceMap,
    /// The variables that it takes from the store.
    pub taken: Vec<String>,
    pub parts: SessionParts,
    /// How it would be compiled.
    pub workshop: Workshop,
}

impl Wanted {
    /// What is wanted for `code` in a session that has `parts`.
    ///
    /// # Errors
    /// When it cannot be said yet.
    pub fn new(
        code: &CellCode,
        parts: SessionParts,
        means: &Means,
        marks: &Marks,
    ) -> Result<Wanted, NeedsSerde> {
        let minimal = Minimal::of(code, &parts.items, &parts.variables);
        let context = Context {
            items: &minimal.items,
            variables: &minimal.variables,
        };
        let text = generate::crate_text(code, &context, &[], true);
        let needs = Needs {
            question_mark: code.question_mark,
            error_format: code.error_format,
            only_bound: std::sync::Arc::clone(&code.only_bound),
            crates: std::sync::Arc::clone(&means.workshop.plan.identities),
            items: parts.items.clone(),
            ..Needs::default()
        };
        let rewritten = rewrite::for_running(&text, marks, needs);
        Ok(Wanted {
            ingredients: ingredients(&rewritten, means)?,
            map: rewritten.map,
            taken: rewritten.taken,
            workshop: means.workshop.clone(),
            parts,
        })
    }

    /// What a type's definitions are in this session.
    pub fn identity(&self, type_text: &str) -> u128 {
        let definitions = self.parts.items.definitions(&self.workshop.plan.identities);
        definitions.identity(type_text)
    }

    /// Which of these variables the session has.
    pub fn of_session<'a>(&self, names: &'a [String]) -> impl Iterator<Item = &'a String> {
        let is_there = |name: &&String| self.parts.variables.iter().any(|it| it.name == **name);
        names.iter().filter(is_there).collect::<Vec<_>>().into_iter()
    }
}

fn ingredients(rewritten: &Rewritten, means: &Means) -> Result<Vec<Ingredient>, NeedsSerde> {
    let Means {
        workshop: Workshop { plan, .. },
        rustc_version,
        runtime,
        serde,
    } = means;
    let text = blank_comments(&rewritten.map.without_marks(&rewritten.text));
    let names_serde = !plan.own_serde && rewrite::words(&text).any(|word| word == "serde");
    // Which linker is called does not matter to what it makes.
    let flags = plan
        .flags
        .iter()
        .filter(|flag| !flag.starts_with("-Clink-arg=-fuse-ld="));
    // What a crate is, its identity says; in which folder it was built does not matter.
    // In pairs: an option, its value.
    let crates: Vec<String> = plan
        .crates
        .chunks(2)
        .filter(|pair| {
            let is_runtime = pair[1..]
                .iter()
                .any(|value| value.ends_with(&*runtime.to_string_lossy()));
            let mut of_serde = serde.iter().flat_map(|serde| serde.chunks(2));
            !is_runtime && !of_serde.any(|of_serde| of_serde == *pair)
        })
        .flatten()
        .map(|argument| without_folder(argument))
        .collect();
    let list = |words: &mut dyn Iterator<Item = &String>| {
        let words: Vec<&str> = words.map(String::as_str).collect();
        Digest::of(words.join("\n").as_bytes())
    };
    let text_of = |kind, name: &str, text: &str| Ingredient::new(kind, name, Digest::of(text.as_bytes()));
    let mut ingredients = vec![
        text_of(IngredientKind::Code, "crate", &text),
        text_of(IngredientKind::Toolchain, "rustc", rustc_version),
        text_of(IngredientKind::Toolchain, "cellar", &runtime.to_string_lossy()),
        text_of(IngredientKind::Option, "opt-level", &plan.opt_level),
        Ingredient::new(IngredientKind::Option, "flags", list(&mut flags.into_iter())),
        Ingredient::new(
            IngredientKind::Dependencies,
            "arguments",
            list(&mut crates.iter()),
        ),
    ];
    if names_serde {
        let serde = serde.as_ref().ok_or(NeedsSerde)?;
        ingredients.push(Ingredient::new(
            IngredientKind::Dependencies,
            "serde for cells",
            list(&mut serde.iter()),
        ));
    }
    ingredients.extend(
        plan.identities
            .iter()
            .map(|(name, digest)| Ingredient::new(IngredientKind::Dependencies, name, *digest)),
    );
    Ok(ingredients)
}

fn ingredients_of_name(scope: Digest, path: &str) -> Vec<Ingredient> {
    vec![
        Ingredient::new(IngredientKind::Code, "scope of type names", scope),
        Ingredient::new(IngredientKind::Code, "path", Digest::of(path.as_bytes())),
    ]
}

/// `name=/folder/file` without the folder.
fn without_folder(argument: &str) -> String {
    match argument.split_once('=') {
        Some((name, path)) => {
            let file = Path::new(path)
                .extension()
                .and_then(|_| Path::new(path).file_name());
            format!("{name}={}", file.unwrap_or_default().to_string_lossy())
        }
        None => argument.to_owned(),
    }
}

/// What is kept beside a library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The name of the function to call.
    pub function: String,
    defined: Vec<Defined>,
    /// Variables that the cell moves out.
    pub moved: Vec<String>,
    files: Vec<PathBuf>,
    env: Vec<(String, Option<String>)>,
}

/// A variable that a cell defines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Defined {
    name: String,
    type_text: String,
    mutable: bool,
    /// Of the definitions that its type leads to, which the library has in it.
    identity: [u8; 16],
}

impl Record {
    pub fn new(defined: &[Variable], moved: &[String], inputs: &Inputs, wanted: &Wanted) -> Record {
        let defined = defined.iter().map(|variable| Defined {
            name: variable.name.clone(),
            type_text: variable.type_text.clone(),
            mutable: variable.mutable,
            identity: wanted.identity(&variable.type_text).to_le_bytes(),
        });
        Record {
            function: rewrite::CELL_FUNCTION.to_owned(),
            defined: defined.collect(),
            moved: moved.to_vec(),
            files: inputs.files.clone(),
            env: inputs.env.clone(),
        }
    }

    pub fn defined(&self) -> Vec<Variable> {
        let variable = |defined: &Defined| Variable {
            name: defined.name.clone(),
            type_text: defined.type_text.clone(),
            mutable: defined.mutable,
        };
        self.defined.iter().map(variable).collect()
    }

    pub fn inputs(&self) -> Inputs {
        Inputs {
            files: self.files.clone(),
            env: self.env.clone(),
        }
    }

    /// Whether the types of what it defines are what they were.
    fn fits(&self, wanted: &Wanted) -> bool {
        self.defined
            .iter()
            .all(|defined| wanted.identity(&defined.type_text).to_le_bytes() == defined.identity)
    }
}

/// The artifacts of all sessions, as one session uses them.
pub struct Artifacts {
    store: Store,
    /// Libraries that were loaded lie here, each under a name of its own: the loader would take two of one name for one, and
    /// the second run would find the first one's statics.
    folder: PathBuf,
    count: AtomicUsize,
    files: Mutex<FileDigests>,
}

impl Artifacts {
    pub fn new(store: Store, folder: PathBuf) -> Artifacts {
        Artifacts {
            store,
            folder,
            count: AtomicUsize::new(0),
            files: Mutex::default(),
        }
    }

    /// An artifact that can be run, as a file of its own. `env` tells what a compiler would see of the environment.
    pub fn find(&self, wanted: &Wanted, env: impl Fn(&str) -> Option<String>) -> Option<(Record, PathBuf)> {
        let base = Key::of(&wanted.ingredients);
        tracing::trace!(key = base.short(), ingredients = ?wanted.ingredients, "looking for an artifact");
        self.store.find(base).iter().find_map(|entry| {
            let record: Record = serde_json::from_slice(&entry.body).ok()?;
            if !record.fits(wanted) || self.observed(&record.files, &record.env, &env)? != entry.observed {
                return None;
            }
            let library = self.store.blob_path(entry.blobs.first()?)?;
            let file = self
                .folder
                .join(format!("kept-{}.so", self.count.fetch_add(1, Ordering::SeqCst)));
            std::fs::create_dir_all(&self.folder).ok()?;
            std::fs::copy(library, &file).ok()?;
            Some((record, file))
        })
    }

    /// What rust-analyzer has called a type in some session with this scope.
    pub fn find_name(&self, scope: Digest, path: &str) -> Option<TypeName> {
        let entries = self.store.find(Key::of(&ingredients_of_name(scope, path)));
        let written = String::from_utf8(entries.first()?.body.clone()).ok()?;
        Some(TypeName {
            scope,
            path: path.to_owned(),
            written,
        })
    }

    /// Keeps names for other sessions. Nobody waits for that.
    pub fn keep_names(self: &Arc<Self>, names: Vec<TypeName>) {
        if names.is_empty() {
            return;
        }
        let artifacts = Arc::clone(self);
        let keep = move || {
            for name in names {
                let ingredients = ingredients_of_name(name.scope, &name.path);
                let mut entry = Entry::new(EntryKind::Artifact, SCOPE, "type name", ingredients, Vec::new());
                entry.body = name.written.into_bytes();
                if let Err(error) = artifacts.store.put_entry(&entry, &Policy::default()) {
                    tracing::debug!("a type's name is not kept: {error}");
                }
            }
        };
        if let Err(error) = std::thread::Builder::new().name("type names".into()).spawn(keep) {
            tracing::debug!("types' names are not kept: {error}");
        }
    }

    /// What the compiler reads besides the crate, as it is now; `None` if a file cannot be read.
    fn observed(
        &self,
        files: &[PathBuf],
        env: &[(String, Option<String>)],
        now: impl Fn(&str) -> Option<String>,
    ) -> Option<Vec<Ingredient>> {
        let of_file = |path: &PathBuf| {
            let (digest, _) = lock(&self.files).of(path).ok()?;
            Some(Ingredient::new(
                IngredientKind::File,
                path.to_string_lossy(),
                digest,
            ))
        };
        let of_env = |(name, _): &(String, Option<String>)| {
            let value = now(name).map_or_else(|| b"unset".to_vec(), |value| format!("={value}").into_bytes());
            Ingredient::new(IngredientKind::Env, name, Digest::of(&value))
        };
        let files: Option<Vec<Ingredient>> = files.iter().map(of_file).collect();
        Some(files?.into_iter().chain(env.iter().map(of_env)).collect())
    }

    /// Keeps a library; its file is moved away. What is wrong with the store is the store's to tell.
    pub fn keep(&self, wanted: &Wanted, record: &Record, library: &Path, took: std::time::Duration) {
        // What a tool sets for its own purposes is not the same in the next session.
        let is_of_tools = |name: &str| {
            ["CARGO", "RUST", "EVCXR"]
                .iter()
                .any(|start| name.starts_with(start))
        };
        if record.env.iter().any(|(name, _)| is_of_tools(name)) {
            return;
        }
        // As the compiler saw it.
        let seen = |name: &str| {
            let known = record.env.iter().find(|(known, _)| known == name);
            known.and_then(|(_, value)| value.clone())
        };
        let Some(observed) = self.observed(&record.files, &record.env, seen) else {
            return;
        };
        let Ok(body) = serde_json::to_vec(record) else {
            return;
        };
        let adopted = Digest::of_file(library)
            .and_then(|(digest, _)| self.store.adopt_blob("library", library, digest));
        let blob = match adopted {
            Ok(blob) => blob,
            Err(error) => {
                tracing::debug!("a compiled cell is not kept: {error}");
                return;
            }
        };
        let mut entry = Entry::new(
            EntryKind::Artifact,
            SCOPE,
            "cell",
            wanted.ingredients.clone(),
            observed,
        );
        entry.body = body;
        entry.blobs = vec![blob];
        entry.cost = took;
        if let Err(error) = self.store.put_entry(&entry, &Policy::default()) {
            tracing::debug!("a compiled cell is not kept: {error}");
        }
    }

    /// A library is loaded: its file is needed no more.
    pub fn loaded(file: &Path) {
        let _ = std::fs::remove_file(file);
    }
}
