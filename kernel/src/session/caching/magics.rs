//! `%cache`: what is kept, listed, explained and cleared.

use std::time::{Duration, SystemTime};

use cellar_cache::{
    Cleared as Freed, Digest, EntryKind, Key, Listed, Persist, Selection, human_duration, human_size,
};

use super::Caching;
use super::explain;
use super::machine::Instance;
use crate::interpreter::MimeBundle;
use crate::magic::{self, CacheAction, Cleared};

/// How long `%cache` waits for what is being written.
const SETTLED: Duration = Duration::from_secs(5);

/// Results of a function that no store has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InMemory {
    /// What the user calls the function.
    pub name: String,
    pub entries: u64,
    pub bytes: u64,
}

impl Caching {
    /// Does what `%cache` asks for. Gives what is to be shown. `released` instances of functions are cleared already; the
    /// results `in_memory` will be.
    ///
    /// # Errors
    /// A name that nothing has, with the nearest one.
    pub fn magic(
        &self,
        action: &CacheAction,
        released: u64,
        in_memory: &[InMemory],
    ) -> Result<MimeBundle, String> {
        let text = match action {
            CacheAction::List => return Ok(self.list(in_memory)),
            CacheAction::Stats => self.stats(in_memory),
            CacheAction::Clear(what) => self.clear(what, released, in_memory)?,
            CacheAction::Explain { name } => self.explain(name.as_deref())?,
            CacheAction::Switch { on } => {
                self.state().on = *on;
                if *on {
                    "The cache is on.".to_owned()
                } else {
                    "The cache is off for this session: every cell is compiled and run. `%cache on` turns it on again."
                        .to_owned()
                }
            }
        };
        Ok(magic::text_bundle(&text))
    }

    /// The entries as a table, and which of the last runs are not among them.
    fn list(&self, in_memory: &[InMemory]) -> MimeBundle {
        let mut entries = self.entries();
        entries.extend(in_memory.iter().map(|results| Listed {
            kind: EntryKind::Function,
            bytes: results.bytes,
            ..self.listed(Instance {
                name: results.name.clone(),
                version: String::new(),
                age: Duration::ZERO,
            })
        }));
        let state = self.state();
        let not_kept: Vec<String> = state.last.iter().filter_map(explain::not_kept).collect();
        table(&entries, &not_kept)
    }

    fn entries(&self) -> Vec<Listed> {
        self.settle();
        let of_functions = self.forget_lost_instances();
        let mut entries = self.store.list(&self.selection());
        entries.extend(of_functions.into_iter().map(|instance| self.listed(instance)));
        entries
    }

    /// A function's instance, which is in no store.
    fn listed(&self, instance: Instance) -> Listed {
        let now = SystemTime::now();
        let created = now.checked_sub(instance.age).unwrap_or(now);
        Listed {
            key: Key(Digest::of(instance.version.as_bytes())),
            kind: EntryKind::Resource,
            name: instance.name,
            scope: self.scope.clone(),
            persist: Persist::Memory,
            bytes: 0,
            created,
            expires: None,
            last_used: created,
            hits: 0,
            cost: Duration::ZERO,
        }
    }

    /// What `cellar::cache_data::clear` forgets: all data of the notebook, that of functions included.
    pub fn clear_data(&self) -> Freed {
        self.settle();
        let mut freed = self.store.clear(&Selection {
            kind: Some(EntryKind::Data),
            ..self.selection()
        });
        freed += self.store.clear(&Selection {
            kind: Some(EntryKind::Function),
            ..self.selection()
        });
        freed
    }

    /// Clears one entry.
    ///
    /// # Errors
    /// When there is none.
    pub fn forget_entry(&self, key: Key) -> Result<(u64, u64), String> {
        self.settle();
        let Some(entry) = self.store.get(key) else {
            return Err("this entry is not in the cache any more".to_owned());
        };
        self.store.remove(key);
        self.release_forgotten();
        Ok((1, entry.blob_bytes() + entry.body.len() as u64))
    }

    fn selection(&self) -> Selection<'_> {
        Selection {
            scope: Some(&self.scope),
            ..Selection::default()
        }
    }

    /// What was computed just now is to be seen. Returns whether it is.
    pub(super) fn settle(&self) -> bool {
        self.beginning.wait(SETTLED) && self.finishing.wait(SETTLED)
    }

    fn stats(&self, in_memory: &[InMemory]) -> String {
        let entries = self.entries();
        let count = entries.len() as u64 + in_memory.iter().map(|results| results.entries).sum::<u64>();
        let bytes = entries.iter().map(|entry| entry.bytes).sum::<u64>()
            + in_memory.iter().map(|results| results.bytes).sum::<u64>();
        let hits: u64 = entries.iter().map(|entry| entry.hits).sum();
        let saved: Duration = entries.iter().map(|entry| entry.saved()).sum();
        let all = self.store.stats();
        format!(
            "This notebook: {}, {}, {}, {} saved.\nThe store: {}, {} of {}, in {}.",
            counted(count, "entry", "entries"),
            human_size(bytes),
            counted(hits, "hit", "hits"),
            human_duration(saved),
            counted(all.entries, "entry", "entries"),
            human_size(all.bytes),
            human_size(all.budget_bytes),
            all.folder
                .map_or_else(|| "memory only".to_owned(), |folder| folder.display().to_string()),
        )
    }

    fn clear(&self, what: &Cleared, released: u64, in_memory: &[InMemory]) -> Result<String, String> {
        self.settle();
        let all = self.selection();
        let mut freed = match what {
            Cleared::All => self.store.clear(&all),
            Cleared::Data => self.clear_data(),
            Cleared::Resources => self.store.clear(&Selection {
                kind: Some(EntryKind::Resource),
                ..all
            }),
            Cleared::Named(name) => {
                let mut names: Vec<String> = self.entries().into_iter().map(|entry| entry.name).collect();
                names.extend(in_memory.iter().map(|results| results.name.clone()));
                if !names.contains(name) && released == 0 {
                    return Err(unknown(name, &names));
                }
                self.store.clear(&Selection {
                    name: Some(name),
                    ..all
                })
            }
        };
        match what {
            // Those of runs that have no entry too.
            Cleared::All | Cleared::Resources => self.release_all(),
            Cleared::Data | Cleared::Named(_) => self.release_forgotten(),
        }
        freed.entries += released;
        for results in in_memory.iter().filter(|results| match what {
            Cleared::All | Cleared::Data => true,
            Cleared::Resources => false,
            Cleared::Named(name) => results.name == *name,
        }) {
            freed.entries += results.entries;
            freed.bytes += results.bytes;
        }
        Ok(format!(
            "{} cleared, {} freed.",
            counted(freed.entries, "entry", "entries"),
            human_size(freed.bytes)
        ))
    }

    fn explain(&self, name: Option<&str>) -> Result<String, String> {
        let is_settled = self.settle();
        let state = self.state();
        let runs: Vec<_> = state
            .last
            .iter()
            .filter(|run| name.is_none_or(|name| run.name == name || run.cell == name))
            .collect();
        match (runs.is_empty(), name) {
            (true, Some(name)) => {
                let names: Vec<String> = state.last.iter().map(|run| run.name.clone()).collect();
                Err(unknown(name, &names))
            }
            (true, None) => Ok(
                "No cell with `//% cache_data` or `//% cache_resource` has run in this session.".to_owned(),
            ),
            (false, _) => {
                let mut text: String = runs.into_iter().map(explain::text).collect();
                if !is_settled {
                    text.push_str(
                        "Entries are still being written: what they would explain is not seen yet.",
                    );
                }
                Ok(text.trim_end().to_owned())
            }
        }
    }
}

fn unknown(name: &str, names: &[String]) -> String {
    match magic::nearest(name, names.iter().map(String::as_str)) {
        Some(near) => format!("nothing in the cache is called `{name}`; `{near}` is the nearest"),
        None if names.is_empty() => format!("nothing in the cache is called `{name}`; it is empty"),
        None => format!(
            "nothing in the cache is called `{name}`; there are {}",
            names.join(", ")
        ),
    }
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// The entries as a table, and below it what is not kept.
fn table(entries: &[Listed], not_kept: &[String]) -> MimeBundle {
    if entries.is_empty() {
        let nothing = "Nothing is kept of this notebook yet.".to_owned();
        return magic::text_bundle(&[&[nothing], not_kept].concat().join("\n"));
    }
    let now = SystemTime::now();
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|entry| {
            vec![
                entry.name.clone(),
                entry.kind.to_string(),
                human_size(entry.bytes),
                human_duration(now.duration_since(entry.created).unwrap_or_default()),
                entry.hits.to_string(),
                human_duration(entry.saved()),
            ]
        })
        .collect();
    magic::table_bundle(
        &["Name", "Kind", "Size", "Age", "Hits", "Time saved"],
        2,
        &rows,
        not_kept,
    )
}
