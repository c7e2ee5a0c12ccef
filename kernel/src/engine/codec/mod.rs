//! Codec libraries: code that hashes, writes and reads the values of variables, for types of the session.
//!
//! For each type a library exports one function, which the host calls apart from cells (`host/call.rs`). It is compiled from
//! the session's items, under the same crate name and metadata as cells, so that its types are the cells'; it is kept on
//! disk under a name made of all that it depends on. Those of common types are made in the background of a first
//! session and stay. Compiling one disturbs no cell: it has a folder and a compiler of its own.
//!
//! Reading order: here, [`reach`], [`library`], then `codec/src/lib.rs`, which is what runs in the host.

mod common;
mod library;
mod message;
mod pending;
mod reach;
pub(super) mod support;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use library::{Failure, Wanted};
use message::Question;
pub use pending::{Pending, Saved};
use support::Support;

use super::build_server::BuildServer;
use super::cache_folder::kept::{self, Kept};
use super::cache_folder::unused;
use super::knowledge::items::{Item, Items};
use super::rustc::{Plan, Running};
use super::serde_for_cells::Missing;
use super::{Engine, lock};
use crate::analysis;
use crate::host::Host;
use crate::host::call::{Call, Manner};

/// A part of every key: codecs made by another version of what is here are not used.
const VERSION: &str = "2";
const LIBRARY: &str = "libcodec.so";

/// Hashes, writes and reads values of one type. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codec {
    /// As evcxr writes it.
    pub type_text: String,
    library: PathBuf,
    function: String,
    /// No user code runs when its values are hashed, written, read or dropped.
    of_std: bool,
}

/// Why the values of a type, or one value, cannot be hashed, written or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a value of type `{type_text}` cannot be stored: {reason}")]
pub struct Refusal {
    pub type_text: String,
    /// What is in the way and what to do about it.
    pub reason: String,
    /// Asking again is of no use before the type has changed.
    pub lasting: bool,
}

const OR_BY_REFERENCE: &str = "or use `//% cache_resource`";

impl Codec {
    /// The digest of a variable's content. Waits until no cell runs.
    ///
    /// # Errors
    /// The variable is missing or of another type, or its own code fails.
    #[allow(dead_code, reason = "only the tests on the real host ask for it so far")]
    pub fn digest(&self, host: &Host, variable: &str) -> Result<[u8; 32], Refusal> {
        self.start_digest(host, variable).wait()
    }

    /// As [`Codec::digest`], without waiting: of the value that the variable has before the next cell.
    pub fn start_digest(&self, host: &Host, variable: &str) -> Pending<[u8; 32]> {
        // Where no user code is called, a copy of the process is not worth its time.
        let manner = if self.of_std { Manner::Plain } else { Manner::Aside };
        self.ask(host, Question::Digest { variable }, manner, |answer| {
            message::digest(answer).map(|(digest, _)| digest)
        })
    }

    /// Writes a variable to a new file, in a copy of the process: of the value that the variable has before the next
    /// cell, which does not wait for it. What is written is certain to be read back as it was. If its process dies, a part
    /// of the file may be left.
    pub fn save(&self, host: &Host, variable: &str, file: &Path) -> Pending<Saved> {
        self.ask(host, Question::Save { variable, file }, Manner::Aside, |answer| {
            let (digest, rest) = message::digest(answer)?;
            let bytes = u64::from_ne_bytes(rest.try_into().ok()?);
            Some(Saved { digest, bytes })
        })
    }

    /// Reads a variable from a file that [`Codec::save`] wrote. An older value of that name is dropped; should its
    /// destructor be user code, [`Host::forget`] it before.
    ///
    /// # Errors
    /// The file is of another type or of an older definition of it, or damaged; or the value's own code fails. The
    /// variables are then as before.
    pub fn load(&self, host: &Host, variable: &str, file: &Path) -> Result<(), Refusal> {
        self.ask(host, Question::Load { variable, file }, self.here(), |_| Some(()))
            .wait()
    }

    /// Clones a variable under another name.
    ///
    /// # Errors
    /// The type is not `Clone`, or its own code fails.
    #[allow(dead_code, reason = "only the tests on the real host ask for it so far")]
    pub fn copy(&self, host: &Host, from: &str, to: &str) -> Result<(), Refusal> {
        self.ask(host, Question::Copy { from, to }, self.here(), |_| Some(()))
            .wait()
    }

    fn here(&self) -> Manner {
        if self.of_std {
            Manner::Plain
        } else {
            Manner::Protected
        }
    }

    fn ask<T>(
        &self,
        host: &Host,
        question: Question<'_>,
        manner: Manner,
        read: fn(&[u8]) -> Option<T>,
    ) -> Pending<T> {
        let call = host.start_call(Call {
            library: self.library.clone(),
            function: self.function.clone(),
            argument: question.encode(),
            manner,
        });
        Pending::new(call, self.type_text.clone(), read)
    }
}

/// The codecs that a session has, and how to make more.
pub struct Codecs {
    builds: BuildServer,
    cache: PathBuf,
    running: Running,
    /// One library is made at a time.
    making: Mutex<()>,
    /// By the serde that they are for, and its time.
    supports: Mutex<HashMap<(SystemTime, PathBuf), Support>>,
    /// By key.
    made: Mutex<HashMap<String, Result<Codec, Refusal>>>,
    /// Libraries whose content was compared with their record, by name: many types may be in one.
    verified: Mutex<HashMap<String, PathBuf>>,
    /// The content of dependencies' libraries, by path and time.
    contents: Mutex<HashMap<(PathBuf, SystemTime), String>>,
}

impl Codecs {
    pub fn new(builds: BuildServer, cache: PathBuf) -> Codecs {
        Codecs {
            builds,
            cache,
            running: Running::default(),
            making: Mutex::default(),
            supports: Mutex::default(),
            made: Mutex::default(),
            verified: Mutex::default(),
            contents: Mutex::default(),
        }
    }

    /// Makes the codecs of common types, as soon as serde is there, unless they were made before.
    pub fn prepare(self: &Arc<Codecs>) {
        let codecs = Arc::clone(self);
        let prepare = move || {
            if codecs.builds.serde().until_built() {
                let types = common::types();
                for refusal in codecs
                    .get(&types, &Items::default())
                    .into_iter()
                    .filter_map(Result::err)
                {
                    tracing::warn!("{refusal}");
                }
            }
            unused::sweep_rarely(&codecs.cache);
        };
        if let Err(error) = std::thread::Builder::new().name("codecs".into()).spawn(prepare) {
            tracing::warn!("codecs: {error}");
        }
    }

    /// Ends the compiler that runs.
    pub fn stop(&self) {
        self.running.stop();
    }

    /// See [`Engine::codecs`].
    fn get(&self, types: &[String], items: &Items) -> Vec<Result<Codec, Refusal>> {
        let _same_compiler = self
            .builds
            .compiler()
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let mut found: Vec<Option<Result<Codec, Refusal>>> = vec![None; types.len()];
        let of_std = |of_std: bool| {
            let chosen = types.iter().enumerate();
            chosen
                .filter(move |(_, text)| reach::is_of_std(text) == of_std)
                .collect::<Vec<_>>()
        };
        for group in [of_std(true), of_std(false)] {
            let Some((_, first)) = group.first() else {
                continue;
            };
            let texts: Vec<&str> = group.iter().map(|(_, text)| text.as_str()).collect();
            let answers = match self.toolbox(reach::is_of_std(first)) {
                Ok(toolbox) => self.get_with(&toolbox, &texts, items),
                Err(refused) => texts.iter().map(|text| Err(refused.clone().of(text))).collect(),
            };
            for ((index, _), answer) in group.iter().zip(answers) {
                found[*index] = Some(answer);
            }
        }
        found.into_iter().flatten().collect()
    }

    /// What codecs are compiled with. Those of std's types are the same whatever dependencies the session has.
    fn toolbox(&self, of_std: bool) -> Result<Toolbox, Refused> {
        let of_cells = (!of_std).then(|| self.builds.cell_plan()).flatten();
        let own_serde = of_cells.as_ref().is_some_and(|plan| plan.own_serde);
        let serde = match own_serde {
            true => None,
            false => Some(
                self.builds
                    .serde()
                    .wait(false, || {})
                    .map_err(|missing| match missing {
                        Missing::Interrupted => Refused::passing("it was interrupted"),
                        Missing::NotBuilt(said) => Refused::passing(format!("serde is not there: {said}")),
                    })?,
            ),
        };
        let mut plan = of_cells.unwrap_or_else(|| self.builds.plain_plan());
        let has_serde = plan.crates.iter().any(|argument| argument.starts_with("serde="));
        if let Some(serde) = serde.filter(|_| !has_serde) {
            plan.crates.extend(serde.arguments());
        }
        let version = self.builds.serde().rustc_version().unwrap_or_default();
        let support = self.support(&plan, &version).map_err(Refused::passing)?;
        let dependencies = match of_std {
            true => String::new(),
            false => self.dependencies(&plan),
        };
        plan.crates.extend(support.arguments());
        Ok(Toolbox {
            plan,
            support,
            dependencies,
        })
    }

    /// The crates that codecs are compiled with. Looking at their files takes milliseconds, so it is done once for each serde.
    fn support(&self, plan: &Plan, version: &str) -> Result<Support, String> {
        let serde = support::serde_of(plan);
        let time = |path: &PathBuf| path.metadata().and_then(|metadata| metadata.modified()).ok();
        let serde = serde.and_then(|path| Some((time(&path)?, path)));
        if let Some(known) = serde
            .as_ref()
            .and_then(|serde| lock(&self.supports).get(serde).cloned())
        {
            return Ok(known);
        }
        let _making = lock(&self.making);
        let support = support::build(plan, version, &self.cache, &self.running)?;
        if let Some(serde) = serde {
            lock(&self.supports).insert(serde, support.clone());
        }
        Ok(support)
    }

    fn get_with(&self, toolbox: &Toolbox, texts: &[&str], items: &Items) -> Vec<Result<Codec, Refusal>> {
        let crates = self
            .builds
            .cell_plan()
            .map(|plan| plan.identities)
            .unwrap_or_default();
        let definitions = items.definitions(&crates);
        let mut answers: BTreeMap<&str, Result<Codec, Refusal>> = BTreeMap::new();
        let mut missing: Vec<Wanted<'_>> = Vec::new();
        let kept = match Kept::open(&self.cache.join("codecs")) {
            Ok(kept) => kept,
            Err(error) => {
                let refused = Refused::passing(format!("{}: {error}", self.cache.display()));
                return texts.iter().map(|text| Err(refused.clone().of(text))).collect();
            }
        };
        for &text in texts {
            if answers.contains_key(text) || missing.iter().any(|wanted| wanted.type_text == text) {
                continue;
            }
            let wanted = toolbox.want(text, items, definitions.identity(text));
            let known = lock(&self.made).get(&wanted.key).cloned();
            match known.or_else(|| self.find(&kept, &wanted).map(Ok)) {
                Some(answer) => {
                    lock(&self.made).insert(wanted.key, answer.clone());
                    answers.insert(text, answer);
                }
                None => missing.push(wanted),
            }
        }
        let _making = lock(&self.making);
        for (wanted, answer) in self.make(toolbox, &kept, missing, items) {
            if !matches!(&answer, Err(refusal) if !refusal.lasting) {
                lock(&self.made).insert(wanted.key.clone(), answer.clone());
            }
            answers.insert(wanted.type_text, answer);
        }
        texts
            .iter()
            .filter_map(|text| answers.get(text).cloned())
            .collect()
    }

    /// A codec that was made earlier, by any session.
    fn find(&self, kept: &Kept, wanted: &Wanted<'_>) -> Option<Codec> {
        let name = std::fs::read_to_string(note_of(kept, wanted)).ok()?;
        if !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut verified = lock(&self.verified);
        let place = match verified.get(&name) {
            Some(place) => place.clone(),
            None => {
                let place = kept.find(&name)?;
                verified.insert(name, place.clone());
                place
            }
        };
        Some(codec(&place, wanted))
    }

    /// Makes a library for all types together, or, if that does not compile, one for each.
    fn make<'a>(
        &self,
        toolbox: &Toolbox,
        kept: &Kept,
        wanted: Vec<Wanted<'a>>,
        items: &Items,
    ) -> Vec<(Wanted<'a>, Result<Codec, Refusal>)> {
        let (refused, wanted): (Vec<_>, Vec<_>) = wanted
            .into_iter()
            .map(|one| (reach::obstacle(one.type_text, &one.reached), one))
            .partition(|(obstacle, _)| obstacle.is_some());
        let mut answers: Vec<_> = refused
            .into_iter()
            .map(|(obstacle, one)| {
                let reason = format!("{}, {OR_BY_REFERENCE}", obstacle.unwrap_or_default());
                let refusal = Refused::lasting(reason).of(one.type_text);
                (one, Err(refusal))
            })
            .collect();
        let wanted: Vec<Wanted<'a>> = wanted.into_iter().map(|(_, one)| one).collect();
        if wanted.is_empty() {
            return answers;
        }
        let together: Vec<&Wanted<'_>> = wanted.iter().collect();
        let all_made = self.compile(toolbox, kept, &together, None);
        for one in wanted {
            let made = match &all_made {
                Ok(place) => Ok(place.clone()),
                Err(Failure::Faulty(_)) => self.make_alone(toolbox, kept, &one, items),
                Err(failure) => Err(Refused::of_failure(failure)),
            };
            let answer = made
                .map(|place| codec(&place, &one))
                .map_err(|refused| refused.of(one.type_text));
            answers.push((one, answer));
        }
        answers
    }

    fn make_alone(
        &self,
        toolbox: &Toolbox,
        kept: &Kept,
        one: &Wanted<'_>,
        items: &Items,
    ) -> Result<PathBuf, Refused> {
        let made = match self.compile(toolbox, kept, &[one], None) {
            Err(Failure::Faulty(_)) => self.compile(toolbox, kept, &[one], Some(items)),
            made => made,
        };
        made.map_err(|failure| Refused::of_failure(&failure))
    }

    fn compile(
        &self,
        toolbox: &Toolbox,
        kept: &Kept,
        wanted: &[&Wanted<'_>],
        all: Option<&Items>,
    ) -> Result<PathBuf, Failure> {
        let broken = |error: std::io::Error| Failure::Broken(format!("{}: {error}", kept.folder().display()));
        let started = std::time::Instant::now();
        let work = kept.begin().map_err(broken)?;
        library::compile(wanted, all, &toolbox.plan, work.path(), LIBRARY, &self.running)?;
        let types: Vec<&str> = wanted.iter().map(|one| one.type_text).collect();
        let name = kept::name(wanted.iter().map(|one| one.key.as_str()));
        let place = work
            .finish(&name, &[LIBRARY], &types.join("\n"))
            .map_err(broken)?;
        tracing::debug!(?types, took = ?started.elapsed(), "made a codec library");
        for one in wanted {
            note(kept, one, &name).map_err(broken)?;
        }
        Ok(place)
    }

    /// All that the crates of the dependencies are.
    fn dependencies(&self, plan: &Plan) -> String {
        let mut parts = Vec::new();
        for argument in &plan.crates {
            let Some((name, path)) = argument.trim_start_matches("--extern=").split_once('=') else {
                continue;
            };
            let path = PathBuf::from(path);
            let Ok(time) = path.metadata().and_then(|metadata| metadata.modified()) else {
                continue;
            };
            let mut contents = lock(&self.contents);
            let content = contents.entry((path.clone(), time)).or_insert_with(|| {
                let content = std::fs::read(&path).unwrap_or_default();
                blake3::hash(&content).to_hex().to_string()
            });
            parts.push(name.to_owned());
            parts.push(content.clone());
        }
        kept::name(parts.iter().map(String::as_str))
    }
}

/// What codecs are compiled with.
struct Toolbox {
    plan: Plan,
    support: Support,
    /// Names the dependencies that types may be from.
    dependencies: String,
}

impl Toolbox {
    fn want<'a>(&self, type_text: &'a str, items: &'a Items, definitions: u128) -> Wanted<'a> {
        let reached: Vec<&Item> = match reach::is_of_std(type_text) {
            true => Vec::new(),
            false => reach::reached(items, type_text),
        };
        let identity = format!("{definitions:x}");
        let is_doubtful = !reach::is_of_std(type_text)
            && analysis::is_doubtful(type_text, items.iter().flat_map(|item| item.reading()));
        let parts = [
            VERSION,
            type_text,
            if is_doubtful { "doubtful" } else { "" },
            &identity,
            &self.support.key,
            &self.dependencies,
            &self.plan.opt_level,
        ];
        let codes = reached.iter().map(|item| item.code.as_str());
        let flags = self.plan.flags.iter().map(String::as_str);
        Wanted {
            type_text,
            key: kept::name(parts.into_iter().chain(flags).chain(codes)),
            definitions,
            is_doubtful,
            reached,
        }
    }
}

fn codec(place: &Path, wanted: &Wanted<'_>) -> Codec {
    Codec {
        type_text: wanted.type_text.to_owned(),
        library: place.join(LIBRARY),
        function: library::function(&wanted.key),
        of_std: reach::is_of_std(wanted.type_text),
    }
}

/// The file that names the library in which a type's codec is.
fn note_of(kept: &Kept, wanted: &Wanted<'_>) -> PathBuf {
    kept.folder().join(format!("{}.in", wanted.key))
}

fn note(kept: &Kept, wanted: &Wanted<'_>, library: &str) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(kept.folder())?;
    std::io::Write::write_all(&mut file, library.as_bytes())?;
    file.persist(note_of(kept, wanted))?;
    Ok(())
}

/// A [`Refusal`] whose type is not known yet.
#[derive(Debug, Clone)]
struct Refused {
    reason: String,
    lasting: bool,
}

impl Refused {
    fn passing(reason: impl Into<String>) -> Refused {
        Refused {
            reason: reason.into(),
            lasting: false,
        }
    }

    fn lasting(reason: impl Into<String>) -> Refused {
        Refused {
            reason: reason.into(),
            lasting: true,
        }
    }

    fn of_failure(failure: &Failure) -> Refused {
        match failure {
            Failure::Faulty(said) => Refused::lasting(format!(
                "code for it does not compile ({said}); give it a type that cells can name, {OR_BY_REFERENCE}"
            )),
            Failure::Interrupted => Refused::passing("it was interrupted"),
            Failure::Broken(said) => Refused::passing(said),
        }
    }

    fn of(self, type_text: &str) -> Refusal {
        Refusal {
            type_text: type_text.to_owned(),
            reason: self.reason,
            lasting: self.lasting,
        }
    }
}

impl Engine {
    /// The codecs of types, as evcxr writes them. Those that there are none of are compiled now, together; this takes as long as
    /// a cell does, and disturbs none.
    pub fn codecs(&self, types: &[String]) -> Vec<Result<Codec, Refusal>> {
        self.codecs.get(types, &self.items())
    }

    /// The process that holds the variables.
    pub fn host(&self) -> &Host {
        &self.host
    }
}
