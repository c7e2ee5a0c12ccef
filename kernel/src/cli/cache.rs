//! `cellar cache`: what is in the store, and clearing it.

use std::io::Write;
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use cellar_cache::{
    Cleared, EntryKind, Listed, Options, Persist, Selection, Stats, Store, human_size, list_rows, list_table,
    printable, stats_text,
};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::args::{self, CacheCommand};
use crate::engine::cache_folder::unused::{self, Builds};
use crate::engine::dependencies::resolved;

/// How alike a mistyped name must be to the one that is suggested.
const NEAR: f64 = 0.7;

/// Does what was typed with the store below `cache_folder` and tells it to `out`.
///
/// # Errors
/// When the folder cannot be used, `CELLAR_CACHE_MAX` is no size, or no entry has the name to be cleared.
pub fn run(typed: &args::Cache, cache_folder: &Path, out: &mut impl Write) -> Result<()> {
    let options = Options {
        budget_bytes: cellar_cache::budget_from_env()?,
        ..Options::default()
    };
    let folder = cache_folder.join("store");
    // To look makes nothing.
    let is_missing = matches!(folder.try_exists(), Ok(false));
    let store = match is_missing {
        true => Store::in_memory(options),
        false => Store::open(&folder, options),
    };
    let warnings = store.take_warnings();
    if let (false, Some(why)) = (store.is_on_disk(), warnings.first()) {
        bail!("{why}");
    }
    let answer = act(
        &store,
        cache_folder,
        typed.what.as_ref().unwrap_or(&CacheCommand::List),
    );
    for warning in warnings.into_iter().chain(store.take_warnings()) {
        eprintln!("cellar: {warning}");
    }
    let answer = answer?;
    if typed.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&answer.json)?)?;
    } else {
        write!(out, "{}", answer.text)?;
    }
    Ok(())
}

/// The same for people and for programs.
struct Answer {
    text: String,
    json: Value,
}

fn act(store: &Store, cache_folder: &Path, command: &CacheCommand) -> Result<Answer> {
    Ok(match command {
        CacheCommand::List => list(store.list(&Selection::default())),
        CacheCommand::Stats => {
            let mut sums = store.stats();
            sums.folder.get_or_insert_with(|| cache_folder.join("store"));
            stats(&sums, unused::measure(cache_folder))
        }
        CacheCommand::Clear { what } => {
            let cleared = clear(store, what.as_deref())?;
            if what.is_none() {
                resolved::forget(&cache_folder.join(unused::DEPENDENCIES))
                    .context("the versions of dependencies stay as they are")?;
            }
            Answer {
                text: format!(
                    "Cleared {}, {}.\n",
                    count(cleared.entries, "entry", "entries"),
                    human_size(cleared.bytes)
                ),
                json: json!({"entries": cleared.entries, "bytes": cleared.bytes}),
            }
        }
        CacheCommand::Verify => verify(store),
        CacheCommand::Gc => gc(store, unused::sweep(cache_folder, unused::UNUSED)),
    })
}

/// Results; compiled cells are too many to be of interest one by one.
fn list(listed: Vec<Listed>) -> Answer {
    let (code, results): (Vec<_>, Vec<_>) = listed
        .into_iter()
        .partition(|one| one.kind == EntryKind::Artifact);
    let json = results.iter().map(entry_json).collect();
    let mut text = list_table(&list_rows(results), SystemTime::now());
    let besides = format!(
        "{} of compiled code, {}",
        count(code.len() as u64, "entry", "entries"),
        human_size(code.iter().map(|one| one.bytes).sum())
    );
    match (text.is_empty(), code.is_empty()) {
        (true, true) => text.push_str("The cache is empty.\n"),
        (true, false) => text.push_str(&format!("No results are kept. There is only {besides}.\n")),
        (false, true) => {}
        (false, false) => text.push_str(&format!("Besides: {besides}.\n")),
    }
    Answer { text, json }
}

fn entry_json(one: &Listed) -> Value {
    // Hits of functions do not come by the store.
    let is_counted = one.kind != EntryKind::Function;
    json!({
        "name": one.name,
        "kind": one.kind,
        "notebook": one.scope,
        "key": one.key,
        "persist": match one.persist { Persist::Disk => "disk", Persist::Memory => "memory" },
        "bytes": one.bytes,
        "created": rfc3339(one.created),
        "expires": one.expires.map(rfc3339),
        "last_used": rfc3339(one.last_used),
        "hits": is_counted.then_some(one.hits),
        "cost_s": is_counted.then_some(one.cost.as_secs_f64()),
        "saved_s": is_counted.then(|| one.saved().as_secs_f64()),
    })
}

fn rfc3339(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn stats(stats: &Stats, builds: Builds) -> Answer {
    let kinds: Vec<Value> = stats
        .kinds
        .iter()
        .map(|kind| {
            json!({
                "kind": kind.kind,
                "entries": kind.entries,
                "bytes": kind.bytes,
                "hits": kind.hits,
                "saved_s": kind.saved.as_secs_f64(),
            })
        })
        .collect();
    Answer {
        text: format!(
            "{}\nBesides: {} for cells (the crate `cellar`, serde, dependencies, codecs), {}. What is not used for 30 days is removed.\n",
            stats_text(stats).trim_end(),
            count(builds.count, "compiled library", "compiled libraries"),
            human_size(builds.bytes)
        ),
        json: json!({
            "folder": stats.folder,
            "entries": stats.entries,
            "bytes": stats.bytes,
            "budget_bytes": stats.budget_bytes,
            "hits": stats.hits,
            "saved_s": stats.saved.as_secs_f64(),
            "kinds": kinds,
            "builds": {"count": builds.count, "bytes": builds.bytes},
        }),
    }
}

fn clear(store: &Store, what: Option<&str>) -> Result<Cleared> {
    let of_kinds = |kinds: &[EntryKind]| {
        kinds.iter().fold(Cleared::default(), |sum, kind| {
            let kind = Some(*kind);
            sum + store.clear(&Selection {
                kind,
                ..Selection::default()
            })
        })
    };
    Ok(match what {
        None => store.clear(&Selection::default()),
        // A memoised function is kept by value, too.
        Some("data") => of_kinds(&[EntryKind::Data, EntryKind::Function]),
        Some("resource") => of_kinds(&[EntryKind::Resource]),
        Some(name) => {
            let selection = Selection {
                name: Some(name),
                ..Selection::default()
            };
            if store.list(&selection).is_empty() {
                bail!("{}", unknown_name(name, &store.list(&Selection::default())));
            }
            store.clear(&selection)
        }
    })
}

fn unknown_name(name: &str, listed: &[Listed]) -> String {
    if listed.is_empty() {
        return format!("there is no entry `{}`; the cache is empty", printable(name));
    }
    let shown = printable(name);
    let near = listed
        .iter()
        .map(|one| one.name.as_str())
        .chain(["data", "resource"])
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(near, _)| *near >= NEAR)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match near {
        Some((_, near)) => format!("there is no entry `{shown}`; did you mean `{}`?", printable(near)),
        None => format!("there is no entry `{shown}`; `cellar cache list` shows the names"),
    }
}

fn verify(store: &Store) -> Answer {
    let found = store.verify();
    let read = format!(
        "Read {} and {}, {}.",
        count(found.entries, "entry", "entries"),
        count(found.blobs, "part", "parts"),
        human_size(found.bytes)
    );
    let outcome = match found.bad {
        0 => "All is well.".to_owned(),
        bad => format!(
            "{} damaged; removed with {} that needed it. What was in it will be computed again.",
            count(bad, "part was", "parts were"),
            count(found.removed, "entry", "entries")
        ),
    };
    Answer {
        text: format!("{read} {outcome}\n"),
        json: json!({
            "entries": found.entries,
            "blobs": found.blobs,
            "bytes": found.bytes,
            "bad": found.bad,
            "removed": found.removed,
        }),
    }
}

fn gc(store: &Store, builds: Builds) -> Answer {
    let collected = store.gc();
    Answer {
        text: format!(
            "Removed {} and {} that no entry names, {}; {} that nobody had used for 30 days, {}.\n",
            count(collected.entries, "entry", "entries"),
            count(collected.files, "file", "files"),
            human_size(collected.bytes),
            count(builds.count, "compiled library", "compiled libraries"),
            human_size(builds.bytes)
        ),
        json: json!({
            "entries": collected.entries,
            "files": collected.files,
            "bytes": collected.bytes,
            "builds": {"count": builds.count, "bytes": builds.bytes},
        }),
    }
}

fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cellar_cache::{Digest, Entry, Ingredient, IngredientKind, Policy};

    use super::*;

    /// A cache folder with a cell, a function and compiled code in it.
    fn filled() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("store"), Options::default());
        for (kind, name) in [
            (EntryKind::Data, "prices"),
            (EntryKind::Function, "fetch"),
            (EntryKind::Artifact, "cell 3"),
        ] {
            let code = Ingredient::new(IngredientKind::Code, "cell", Digest::of(name.as_bytes()));
            let mut entry = Entry::new(kind, "nb.ipynb", name, vec![code], vec![]);
            entry.cost = Duration::from_millis(1500);
            entry.blobs = vec![store.put_blob("x", name.repeat(2000), Persist::Disk)];
            store.put_entry(&entry, &Policy::default()).unwrap();
            if name == "prices" {
                store.record_hit(&entry);
            }
        }
        folder
    }

    fn said(folder: &Path, what: Option<CacheCommand>, json: bool) -> Result<String> {
        let mut out = Vec::new();
        run(&args::Cache { what, json }, folder, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    fn clear(folder: &Path, what: Option<&str>) -> Result<String> {
        let what = what.map(str::to_owned);
        said(folder, Some(CacheCommand::Clear { what }), false)
    }

    fn json_of(folder: &Path, what: CacheCommand) -> Value {
        serde_json::from_str(&said(folder, Some(what), true).unwrap()).unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let listed = json_of(folder, CacheCommand::List);
        let mut names: Vec<_> = listed
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn list_for_people_and_programs() {
        let folder = filled();
        let text = said(folder.path(), None, false).unwrap();
        assert!(text.starts_with("NAME"), "{text}");
        // The compiled code is none of the results.
        assert_eq!(text.lines().count(), 4);
        assert!(
            text.contains("\nBesides: 1 entry of compiled code, 12 kB.\n"),
            "{text}"
        );
        assert!(
            text.contains("prices") && text.contains("1.5 s") && text.contains("nb.ipynb"),
            "{text}"
        );

        let listed = json_of(folder.path(), CacheCommand::List);
        let prices = listed
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["name"] == "prices")
            .unwrap();
        assert_eq!(
            (&prices["kind"], &prices["hits"], &prices["saved_s"]),
            (&json!("data"), &json!(1), &json!(1.5))
        );
        assert!(prices["bytes"].as_u64().unwrap() > 12_000);
        assert!(DateTime::parse_from_rfc3339(prices["created"].as_str().unwrap()).is_ok());
        assert_eq!(prices["key"].as_str().unwrap().len(), 64);
    }

    #[test]
    fn a_function_is_one_row_and_its_hits_are_unknown() {
        let folder = filled();
        let store = Store::open(folder.path().join("store"), Options::default());
        for argument in ["1", "2"] {
            let argument = Ingredient::new(
                IngredientKind::Argument,
                "arguments",
                Digest::of(argument.as_bytes()),
            );
            let entry = Entry::new(EntryKind::Function, "nb.ipynb", "fetch", vec![], vec![argument]);
            store.put_entry(&entry, &Policy::default()).unwrap();
        }
        let text = said(folder.path(), None, false).unwrap();
        let rows: Vec<Vec<&str>> = text
            .lines()
            .filter(|line| line.starts_with("fetch"))
            .map(|line| line.split_whitespace().collect())
            .collect();
        let [row] = &rows[..] else { panic!("{text}") };
        assert_eq!((row[1], row[2]), ("function", "3"));
        assert_eq!(&row[row.len() - 4..], ["-", "-", "-", "nb.ipynb"]);
        let listed = json_of(folder.path(), CacheCommand::List);
        let listed = listed.as_array().unwrap();
        let results: Vec<_> = listed.iter().filter(|one| one["name"] == "fetch").collect();
        assert_eq!(results.len(), 3, "programs get each");
        assert!(results.iter().all(|one| one["hits"].is_null()));
    }

    #[test]
    fn to_look_into_a_folder_that_is_not_there_makes_none() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        assert_eq!(said(&missing, None, false).unwrap(), "The cache is empty.\n");
        let stats = said(&missing, Some(CacheCommand::Stats), false).unwrap();
        assert!(stats.contains("missing/store"), "{stats}");
        for command in [CacheCommand::Verify, CacheCommand::Gc] {
            said(&missing, Some(command), false).unwrap();
        }
        assert!(clear(&missing, None).unwrap().starts_with("Cleared 0 entries"));
        assert!(!missing.exists());
    }

    #[test]
    fn sums() {
        let folder = filled();
        let stats = json_of(folder.path(), CacheCommand::Stats);
        assert_eq!((&stats["entries"], &stats["hits"]), (&json!(2), &json!(1)));
        assert!(
            said(folder.path(), Some(CacheCommand::Stats), false)
                .unwrap()
                .contains("artifact")
        );
    }

    #[test]
    fn clearing() {
        let folder = filled();
        let text = clear(folder.path(), Some("data")).unwrap();
        assert!(text.starts_with("Cleared 2 entries, 2"), "{text}");
        assert!(names(folder.path()).is_empty());
        assert_eq!(
            said(folder.path(), None, false).unwrap(),
            "No results are kept. There is only 1 entry of compiled code, 12 kB.\n"
        );
        assert!(
            clear(folder.path(), Some("resource"))
                .unwrap()
                .starts_with("Cleared 0 entries, 0 B")
        );
        assert!(
            clear(folder.path(), Some("cell 3"))
                .unwrap()
                .starts_with("Cleared 1 entry, 1")
        );
        assert_eq!(said(folder.path(), None, false).unwrap(), "The cache is empty.\n");

        let folder = filled();
        assert!(
            clear(folder.path(), None)
                .unwrap()
                .starts_with("Cleared 3 entries")
        );
    }

    #[test]
    fn an_unknown_name_is_an_error_that_knows_better() {
        let folder = filled();
        let error = clear(folder.path(), Some("price")).unwrap_err().to_string();
        assert_eq!(error, "there is no entry `price`; did you mean `prices`?");
        let error = clear(folder.path(), Some("resuorce")).unwrap_err().to_string();
        assert!(error.contains("`resource`"), "{error}");
        let error = clear(folder.path(), Some("zzz")).unwrap_err().to_string();
        assert!(error.contains("cellar cache list"), "{error}");
        let empty = tempfile::tempdir().unwrap();
        let error = clear(empty.path(), Some("x")).unwrap_err().to_string();
        assert!(error.contains("empty"), "{error}");
        assert_eq!(names(folder.path()).len(), 2);
    }

    #[test]
    fn verify_and_gc() {
        let folder = filled();
        let text = said(folder.path(), Some(CacheCommand::Verify), false).unwrap();
        assert!(
            text.starts_with("Read 3 entries and 3 parts") && text.contains("All is well"),
            "{text}"
        );
        assert_eq!(
            json_of(folder.path(), CacheCommand::Gc),
            json!({"entries": 0, "files": 0, "bytes": 0, "builds": {"count": 0, "bytes": 0}})
        );

        let blobs = folder.path().join("store/v1/blobs");
        let some = std::fs::read_dir(blobs).unwrap().next().unwrap().unwrap().path();
        std::fs::remove_dir_all(some).unwrap();
        let found = json_of(folder.path(), CacheCommand::Verify);
        assert_eq!(
            (&found["bad"], &found["removed"], &found["entries"]),
            (&json!(1), &json!(1), &json!(2))
        );
    }

    #[test]
    fn a_folder_that_cannot_be_used_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = said(&file, None, false).unwrap_err().to_string();
        assert!(error.contains("cannot be used"), "{error}");
    }
}
