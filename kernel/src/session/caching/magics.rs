//! `%cache`: what is kept, listed, explained and cleared.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use cellar_cache::{
    Cleared as Freed, Digest, EntryKind, Key, Listed, Persist, Row, Selection, human_duration, human_limit,
    human_size, list_rows, printable,
};

use super::Caching;
use super::explain;
use super::machine::Instance;
use crate::interpreter::MimeBundle;
use crate::magic::{self, CacheAction, Cleared};

/// How long `%cache` waits for what is being written.
const SETTLED: Duration = Duration::from_secs(5);

/// How many names a message tells.
const MOST_NAMES: usize = 20;

/// What `%cache` is told of functions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OfFunctions {
    pub in_memory: Vec<InMemory>,
    /// The session's cached functions; asked for to explain.
    pub known: Vec<KnownFunction>,
}

/// A cached function of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownFunction {
    pub name: String,
    /// What the user calls it.
    pub label: String,
    pub is_by_reference: bool,
    /// The key of its results, its code being what it is now; or why they are not kept.
    pub base: Result<Key, String>,
}

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
    /// results that are in memory will be.
    ///
    /// # Errors
    /// A name that nothing has, with the nearest one.
    pub fn magic(
        &self,
        action: &CacheAction,
        released: u64,
        functions: &OfFunctions,
    ) -> Result<MimeBundle, String> {
        let in_memory = &functions.in_memory;
        let text = match action {
            CacheAction::List => return Ok(self.list(in_memory)),
            CacheAction::Stats => self.stats(in_memory),
            CacheAction::Clear(what) => self.clear(what, released, in_memory)?,
            CacheAction::Explain { name } => self.explain(name.as_deref(), functions)?,
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
        let (entries, instances) = self.entries_and_instances();
        let mut rows = list_rows(entries);
        rows.extend(Row::of_functions(instances));
        rows.extend(in_memory.iter().map(|results| Row {
            name: results.name.clone(),
            kind: EntryKind::Function,
            scope: self.scope.clone(),
            persist: Persist::Memory,
            entries: results.entries,
            bytes: results.bytes,
            created: None,
            used: None,
            hits: None,
            saved: None,
        }));
        let state = self.state();
        let not_kept: Vec<String> = state.last.iter().filter_map(explain::not_kept).collect();
        table(&rows, &not_kept)
    }

    fn entries(&self) -> Vec<Listed> {
        let (mut entries, instances) = self.entries_and_instances();
        entries.extend(instances);
        entries
    }

    /// What the store has, and the instances of functions.
    fn entries_and_instances(&self) -> (Vec<Listed>, Vec<Listed>) {
        self.settle();
        let of_functions = self.forget_lost_instances();
        let entries = self.store.list(&self.selection());
        let instances = of_functions.into_iter().map(|instance| self.listed(instance));
        (entries, instances.collect())
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
            human_limit(all.budget_bytes),
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

    fn explain(&self, name: Option<&str>, functions: &OfFunctions) -> Result<String, String> {
        let is_settled = self.settle();
        let entries = self.entries();
        let of_functions = self.explain_functions(name, functions, &entries);
        let state = self.state();
        let runs: Vec<_> = state
            .last
            .iter()
            .filter(|run| name.is_none_or(|name| run.name == name || run.cell == name))
            .collect();
        match (runs.is_empty() && of_functions.is_empty(), name) {
            (true, Some(name)) if entries.iter().any(|entry| entry.name == name) => Ok(format!(
                "{}: kept; its cell has not run in this session.",
                printable(name)
            )),
            (true, Some(name)) => {
                let mut names: Vec<String> = state.last.iter().map(|run| run.name.clone()).collect();
                names.extend(functions.known.iter().map(|function| function.label.clone()));
                names.extend(entries.into_iter().map(|entry| entry.name));
                Err(unknown(name, &names))
            }
            (true, None) => Ok(
                "No cell with `//% cache_data` or `//% cache_resource` has run in this session.".to_owned(),
            ),
            (false, _) => {
                let mut text: String = runs.into_iter().map(explain::text).collect();
                text.push_str(&of_functions);
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
    let shown = printable(name);
    if let Some(near) = magic::nearest(name, names.iter().map(String::as_str)) {
        let near = printable(near);
        return format!("nothing in the cache is called `{shown}`; `{near}` is the nearest");
    }
    let names: BTreeSet<String> = names.iter().map(|name| printable(name)).collect();
    let more = names.len().saturating_sub(MOST_NAMES);
    let told: Vec<String> = names.into_iter().take(MOST_NAMES).collect();
    let and_more = match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    match told.as_slice() {
        [] => format!("nothing in the cache is called `{shown}`; it is empty"),
        [only] => format!("nothing in the cache is called `{shown}`; there is {only}"),
        told => format!(
            "nothing in the cache is called `{shown}`; there are {}{and_more}",
            told.join(", ")
        ),
    }
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// The entries as a table, and below it what is not kept.
fn table(rows: &[Row], not_kept: &[String]) -> MimeBundle {
    if rows.is_empty() {
        let nothing = "Nothing is kept of this notebook yet.".to_owned();
        return magic::text_bundle(&[&[nothing], not_kept].concat().join("\n"));
    }
    let now = SystemTime::now();
    let age = |time: SystemTime| human_duration(now.duration_since(time).unwrap_or_default());
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            vec![
                printable(&row.name),
                row.kind.to_string(),
                // A cell has one.
                match row.hits {
                    Some(_) => String::new(),
                    None => row.entries.to_string(),
                },
                human_size(row.bytes),
                row.created.map(age).unwrap_or_default(),
                row.hits.map(|hits| hits.to_string()).unwrap_or_default(),
                row.saved.map(human_duration).unwrap_or_default(),
            ]
        })
        .collect();
    magic::table_bundle(
        &["Name", "Kind", "Results", "Size", "Age", "Hits", "Time saved"],
        2,
        &rows,
        not_kept,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_told_the_others_once_each() {
        let names = |count: usize| (0..count).map(|i| format!("b{}", i % 30)).collect::<Vec<_>>();
        assert_eq!(
            unknown("zzz", &["bgf", "bgf", "a\nb"].map(str::to_owned)),
            "nothing in the cache is called `zzz`; there are a�b, bgf"
        );
        assert_eq!(
            unknown("zzz", &names(1)),
            "nothing in the cache is called `zzz`; there is b0"
        );
        assert!(unknown("zzz", &[]).ends_with("it is empty"));
        let many = unknown("zzz", &names(9000));
        assert!(many.ends_with(" and 10 more") && many.len() < 200, "{many}");
    }
}
