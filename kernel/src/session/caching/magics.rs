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

impl Caching {
    /// Does what `%cache` asks for. Gives what is to be shown. `released` instances of functions are cleared already.
    ///
    /// # Errors
    /// A name that nothing has, with the nearest one.
    pub fn magic(&self, action: &CacheAction, released: u64) -> Result<MimeBundle, String> {
        let text = match action {
            CacheAction::List => return Ok(table(&self.entries())),
            CacheAction::Stats => self.stats(),
            CacheAction::Clear(what) => self.clear(what, released)?,
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

    fn selection(&self) -> Selection<'_> {
        Selection {
            scope: Some(&self.scope),
            ..Selection::default()
        }
    }

    /// What was computed just now is to be seen.
    pub(super) fn settle(&self) {
        self.beginning.wait(Duration::from_secs(5));
        self.finishing.wait(Duration::from_secs(5));
    }

    fn stats(&self) -> String {
        let entries = self.entries();
        let bytes = entries.iter().map(|entry| entry.bytes).sum();
        let hits: u64 = entries.iter().map(|entry| entry.hits).sum();
        let saved: Duration = entries.iter().map(|entry| entry.saved()).sum();
        let all = self.store.stats();
        format!(
            "This notebook: {} entries, {}, {hits} hits, {} saved.\nThe store: {} entries, {} of {}, in {}.",
            entries.len(),
            human_size(bytes),
            human_duration(saved),
            all.entries,
            human_size(all.bytes),
            human_size(all.budget_bytes),
            all.folder
                .map_or_else(|| "memory only".to_owned(), |folder| folder.display().to_string()),
        )
    }

    fn clear(&self, what: &Cleared, released: u64) -> Result<String, String> {
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
                let names: Vec<String> = self.entries().into_iter().map(|entry| entry.name).collect();
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
        let entries = if freed.entries == 1 { "entry" } else { "entries" };
        Ok(format!(
            "{} {entries} cleared, {} freed.",
            freed.entries,
            human_size(freed.bytes)
        ))
    }

    fn explain(&self, name: Option<&str>) -> Result<String, String> {
        self.settle();
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
            (false, _) => Ok(runs
                .into_iter()
                .map(explain::text)
                .collect::<String>()
                .trim_end()
                .to_owned()),
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

/// The entries as a table.
fn table(entries: &[Listed]) -> MimeBundle {
    if entries.is_empty() {
        return magic::text_bundle("Nothing is kept of this notebook yet.");
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
    magic::table_bundle(&["Name", "Kind", "Size", "Age", "Hits", "Time saved"], 2, &rows)
}
