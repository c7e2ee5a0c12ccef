//! Engine and host as the cache needs them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cellar_cache::Digest;

use super::caching::{Adopted, Instance, Machine, Refusal, Saved, Saving, Typed, Value, When};
use super::surroundings::{self, SharedSurroundings, Subject};
use crate::engine::codec::{self, Codec};
use crate::engine::knowledge::Adoption;
use crate::engine::{Engine, Variable};
use crate::host::call::Manner;
use crate::host::process::input_files;
use crate::params::Changes;

/// How long a value's own code may take to hash or to write it, without its file growing. Maps of a few gigabytes are done by
/// then; what is not will never be.
const LONGEST: Duration = Duration::from_secs(60);
/// How often a value's file is looked at.
const STEP: Duration = Duration::from_millis(500);

/// The real engine with its host.
pub struct Workshop {
    engine: Arc<Engine>,
    surroundings: SharedSurroundings,
    /// What a cell waits for at the moment.
    hashing: Mutex<Vec<codec::Pending<[u8; 32]>>>,
}

impl Workshop {
    pub fn new(engine: Arc<Engine>, surroundings: SharedSurroundings) -> Workshop {
        Workshop {
            engine,
            surroundings,
            hashing: Mutex::default(),
        }
    }

    fn hashing(&self) -> std::sync::MutexGuard<'_, Vec<codec::Pending<[u8; 32]>>> {
        self.hashing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What hashes, writes and reads values of these types; compiled now if need be.
    fn codecs<'a>(&self, types: impl Iterator<Item = &'a str>) -> Vec<Result<Codec, Refusal>> {
        let types: Vec<String> = types.map(str::to_owned).collect();
        let codecs = self.engine.codecs(&types);
        codecs.into_iter().map(|codec| codec.map_err(refusal)).collect()
    }
}

/// The answer of a value's own code, which may never come.
fn answer<T>(pending: &codec::Pending<T>, file: Option<&Path>) -> Result<T, Refusal> {
    let length = || file.and_then(|file| file.metadata().ok()).map(|it| it.len());
    let (mut before, mut since) = (length(), Instant::now());
    loop {
        if let Some(answer) = pending.wait_for(STEP) {
            return answer.map_err(refusal);
        }
        let now = length();
        if now != before {
            (before, since) = (now, Instant::now());
        }
        if since.elapsed() > LONGEST {
            pending.stop();
            return Err(Refusal(format!(
                "its own code came to no end in {} s and was stopped; mend its Serialize and Deserialize, or use \
                 `//% cache_resource`",
                LONGEST.as_secs()
            )));
        }
    }
}

fn refusal(refused: codec::Refusal) -> Refusal {
    match refused.reason.starts_with('`') {
        // It names the type itself.
        true => Refusal(refused.reason),
        false => Refusal(format!("`{}`: {}", refused.type_text, refused.reason)),
    }
}

impl Workshop {
    /// What the process of the cells will say of the environment and of files when it is there.
    fn outside(&self, subject: &Subject) -> Option<Vec<String>> {
        match subject {
            Subject::Env(name) => Some(match self.engine.environment(name) {
                Some(value) => vec![
                    "there".to_owned(),
                    Digest::of(value.as_encoded_bytes()).to_string(),
                ],
                None => vec!["missing".to_owned()],
            }),
            Subject::Files(globs) => {
                let globs: Vec<String> = globs.lines().map(str::to_owned).collect();
                Some(vec![input_files::digest(&globs).to_string()])
            }
            _ => None,
        }
    }
}

impl Machine for Workshop {
    fn variables(&self) -> Vec<Typed> {
        let known = self.engine.known().variables;
        known
            .into_iter()
            .map(|variable| Typed {
                name: variable.name,
                type_text: variable.type_text,
            })
            .collect()
    }

    fn prepare(&self, type_texts: &[String]) {
        drop(self.codecs(type_texts.iter().map(String::as_str)));
    }

    fn interrupt(&self) {
        self.hashing().iter().for_each(codec::Pending::stop);
    }

    fn digests(&self, variables: &[Typed]) -> Vec<Result<Digest, Refusal>> {
        let host = self.engine.host();
        let codecs = self.codecs(variables.iter().map(|typed| typed.type_text.as_str()));
        // All of them begin before the first is waited for.
        let pending: Vec<_> = codecs
            .into_iter()
            .zip(variables)
            .map(|(codec, typed)| codec.map(|codec| codec.start_digest(host, &typed.name)))
            .collect();
        self.hashing()
            .extend(pending.iter().filter_map(|it| it.as_ref().ok()).cloned());
        let digests = pending
            .into_iter()
            .map(|pending| answer(&pending?, None).map(Digest::from_bytes))
            .collect();
        self.hashing().clear();
        digests
    }

    fn save(&self, variables: &[(Typed, PathBuf)]) -> Saving {
        let host = self.engine.host();
        let codecs = self.codecs(variables.iter().map(|(typed, _)| typed.type_text.as_str()));
        let pending: Vec<_> = codecs
            .into_iter()
            .zip(variables)
            .map(|(codec, (typed, file))| {
                let pending = codec.map(|codec| codec.save(host, &typed.name, file));
                (typed.name.clone(), file.clone(), pending)
            })
            .collect();
        Box::new(move || {
            pending
                .into_iter()
                .map(|(name, file, pending)| {
                    let saved = pending.and_then(|pending| saved(&name, file, pending));
                    (name, saved)
                })
                .collect()
        })
    }

    fn load(&self, value: &Value, file: &Path) -> Result<(), Refusal> {
        let codec = self.codecs(std::iter::once(value.type_text.as_str())).remove(0)?;
        codec.load(self.engine.host(), &value.name, file).map_err(refusal)
    }

    fn adopt(&self, adopted: Adopted) {
        self.engine.adopt(&Adoption {
            cell: adopted.cell,
            rust: adopted.rust,
            variables: adopted
                .variables
                .into_iter()
                .map(|(typed, mutable)| Variable {
                    name: typed.name,
                    type_text: typed.type_text,
                    mutable,
                })
                .collect(),
            forgotten: adopted.removed,
        });
    }

    fn forget(&self, names: &[String]) {
        let report = self.engine.host().forget(names);
        if let Some(why) = report.failed {
            tracing::warn!(?names, "values could not be dropped: {why}");
        }
    }

    fn keep_instances(&self, version: &str) -> Result<usize, Refusal> {
        let answer = self
            .engine
            .call_runtime("resource_keep", &[version], Manner::Plain);
        let count = answer.map_err(Refusal)?;
        Ok(number(&count).unwrap_or(0))
    }

    fn discard_instances(&self) {
        told(
            self.engine
                .call_runtime("resource_discard", &[], Manner::Protected),
        );
    }

    fn restore_instances(&self, version: &str, names: &[String]) -> bool {
        let texts: Vec<&str> = std::iter::once(version)
            .chain(names.iter().map(String::as_str))
            .collect();
        let answer = told(
            self.engine
                .call_runtime("resource_restore", &texts, Manner::Protected),
        );
        answer.is_some_and(|answer| number(&answer) == Some(1))
    }

    fn release_instances(&self, versions: &[String]) {
        let texts: Vec<&str> = versions.iter().map(String::as_str).collect();
        told(
            self.engine
                .call_runtime("resource_release", &texts, Manner::Protected),
        );
    }

    fn instances(&self) -> Vec<Instance> {
        let answer = told(self.engine.call_runtime("resource_list", &[], Manner::Plain)).unwrap_or_default();
        let instance = |row: &[String]| match row {
            [name, version, _type, age] => Some(Instance {
                name: name.clone(),
                version: version.clone(),
                age: Duration::from_millis(age.parse().unwrap_or(0)),
            }),
            _ => None,
        };
        texts(&answer).chunks(4).filter_map(instance).collect()
    }

    fn identity(&self, type_text: &str, when: When) -> u128 {
        match when {
            When::Now => self.engine.identity(type_text),
            When::InBuild => self.engine.identity_in_build(type_text),
        }
    }

    fn dependencies(&self) -> Vec<(String, Digest, String)> {
        let dependencies = self.engine.dependencies().into_iter();
        dependencies
            .map(|dependency| (dependency.name, dependency.digest, dependency.version))
            .collect()
    }

    fn env(&self, name: &str) -> Option<OsString> {
        self.engine.environment(name)
    }

    fn working_directory(&self) -> Option<PathBuf> {
        self.engine.working_directory()
    }

    fn states(&self, subjects: &[Subject]) -> Vec<Vec<String>> {
        // Threads of earlier cells may have changed something since.
        let asked: Vec<&str> = subjects.iter().flat_map(Subject::texts).collect();
        let has_run = self.engine.has_run();
        let answer = match has_run {
            true => told(self.engine.call_runtime("surroundings", &asked, Manner::Plain)),
            // Nobody has set anything.
            false => Some(Vec::new()),
        };
        self.surroundings.hear(&self.engine.host().take_told());
        let is_known = answer.is_some();
        let mut texts = texts(&answer.unwrap_or_default()).into_iter();
        let mut next = || {
            if !is_known {
                // Equal to nothing that was ever told.
                return vec![String::new(); 3];
            }
            let count = texts.next().and_then(|count| count.parse().ok()).unwrap_or(0);
            texts.by_ref().take(count).collect::<Vec<String>>()
        };
        let state = |subject: &Subject| {
            let of_process = next();
            surroundings::param_state(&self.surroundings.params, subject)
                .or_else(|| self.outside(subject).filter(|_| !has_run))
                .unwrap_or(of_process)
        };
        subjects.iter().map(state).collect()
    }

    fn change_params(&self, changes: &Changes) {
        self.surroundings.params.apply(changes.clone());
    }
}

/// The answer of a call; the log says why there is none.
fn told(answer: Result<Vec<u8>, String>) -> Option<Vec<u8>> {
    answer
        .inspect_err(|why| tracing::warn!("instances of the session: {why}"))
        .ok()
}

fn number(answer: &[u8]) -> Option<usize> {
    let number = u64::from_le_bytes(*answer.first_chunk()?);
    usize::try_from(number).ok()
}

/// Texts, each behind its length.
pub fn texts(mut answer: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    while let Some(length) = number(answer) {
        let Some((text, rest)) = answer[8..].split_at_checked(length) else {
            break;
        };
        texts.push(String::from_utf8_lossy(text).into_owned());
        answer = rest;
    }
    texts
}

fn saved(name: &str, file: PathBuf, pending: codec::Pending<codec::Saved>) -> Result<Saved, Refusal> {
    let saved = answer(&pending, Some(&file)).inspect_err(|_| drop(std::fs::remove_file(&file)))?;
    let (blob, _) =
        Digest::of_file(&file).map_err(|error| Refusal(format!("its file cannot be read: {error}")))?;
    Ok(Saved {
        name: name.to_owned(),
        content: Digest::from_bytes(saved.digest),
        file,
        blob,
    })
}
