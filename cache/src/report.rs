//! The store's contents as text, for a terminal or a notebook.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use crate::entry::EntryKind;
use crate::human::{human_duration, human_limit, human_size};
use crate::store::{KindStats, Listed, Persist, Stats};

/// Longer names and scopes are cut.
const WIDEST: usize = 40;

/// A line of a list: one entry, or all results of one function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub name: String,
    pub kind: EntryKind,
    pub scope: String,
    pub persist: Persist,
    pub entries: u64,
    pub bytes: u64,
    /// When the newest was made, if that is known.
    pub created: Option<SystemTime>,
    /// The last hit.
    pub used: Option<SystemTime>,
    /// `None` where nobody counts: hits of functions do not come by the store.
    pub hits: Option<u64>,
    pub saved: Option<Duration>,
}

impl Row {
    /// Results of functions: those of one function are one row.
    pub fn of_functions(results: impl IntoIterator<Item = Listed>) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut places = HashMap::new();
        for one in results {
            add_result(&mut rows, &mut places, one);
        }
        rows
    }

    fn of_entry(one: Listed) -> Row {
        Row {
            entries: 1,
            bytes: one.bytes,
            created: Some(one.created),
            used: (one.hits > 0).then_some(one.last_used),
            hits: Some(one.hits),
            saved: Some(one.saved()),
            name: one.name,
            kind: one.kind,
            scope: one.scope,
            persist: one.persist,
        }
    }
}

type Places = HashMap<(String, String, EntryKind, Persist), usize>;

fn add_result(rows: &mut Vec<Row>, places: &mut Places, one: Listed) {
    let place = (one.name.clone(), one.scope.clone(), one.kind, one.persist);
    if let Some(row) = places.get(&place).and_then(|at| rows.get_mut(*at)) {
        row.entries += 1;
        row.bytes += one.bytes;
        row.created = row.created.max(Some(one.created));
        return;
    }
    places.insert(place, rows.len());
    rows.push(Row {
        used: None,
        hits: None,
        saved: None,
        ..Row::of_entry(one)
    });
}

/// Entries as a list shows them, in their order: the results of one function are one row, where the first of them is.
pub fn list_rows(listed: impl IntoIterator<Item = Listed>) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut places = HashMap::new();
    for one in listed {
        match one.kind {
            EntryKind::Function => add_result(&mut rows, &mut places, one),
            _ => rows.push(Row::of_entry(one)),
        }
    }
    rows
}

/// A table of rows with their name, kind, entries, size, age, last use, hits, time saved and notebook. Each line ends with
/// a line break; nothing for no rows.
pub fn list_table(rows: &[Row], now: SystemTime) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let unknown = || "-".to_owned();
    let since = |time: Option<SystemTime>| {
        time.map_or_else(unknown, |time| age(now.duration_since(time).unwrap_or_default()))
    };
    let rows = rows.iter().map(|row| {
        let kind = match row.persist {
            Persist::Disk => row.kind.to_string(),
            Persist::Memory => format!("{} (memory)", row.kind),
        };
        [
            printable(&row.name),
            kind,
            row.entries.to_string(),
            human_size(row.bytes),
            since(row.created),
            since(row.used),
            row.hits.map_or_else(unknown, |hits| hits.to_string()),
            row.saved
                .filter(|_| row.hits > Some(0))
                .map_or_else(unknown, human_duration),
            cut_start(&row.scope),
        ]
    });
    let head = [
        "NAME", "KIND", "ENTRIES", "SIZE", "AGE", "USED", "HITS", "SAVED", "NOTEBOOK",
    ]
    .map(str::to_owned);
    let numbers = [false, false, true, true, true, true, true, true, false];
    table(std::iter::once(head).chain(rows).collect(), numbers)
}

/// Sums: where, how much of the budget, hits and time saved, and a line for each kind of entry that there is.
pub fn stats_text(stats: &Stats) -> String {
    let place = match &stats.folder {
        Some(folder) => folder.display().to_string(),
        None => "in memory only".to_owned(),
    };
    let percent = stats.bytes as f64 / stats.budget_bytes.max(1) as f64 * 100.0;
    let mut text = format!(
        "folder   {place}\nentries  {}\nsize     {} of {} ({percent:.0} %)\nhits     {}\nsaved    {}\n",
        stats.entries,
        human_size(stats.bytes),
        human_limit(stats.budget_bytes),
        stats.hits,
        human_duration(stats.saved),
    );
    let rows: Vec<_> = stats
        .kinds
        .iter()
        .filter(|kind| kind.entries > 0)
        .map(|kind| {
            [
                kind.kind.to_string(),
                kind.entries.to_string(),
                human_size(kind.bytes),
                counted_hits(kind.hits.to_string(), kind),
                counted_hits(human_duration(kind.saved), kind),
            ]
        })
        .collect();
    if !rows.is_empty() {
        let head = ["KIND", "ENTRIES", "SIZE", "HITS", "SAVED"].map(str::to_owned);
        let rows = std::iter::once(head).chain(rows).collect();
        text.push('\n');
        text.push_str(&table(rows, [false, true, true, true, true]));
    }
    text
}

/// What hits came to, where they are counted.
fn counted_hits(text: String, kind: &KindStats) -> String {
    match kind.kind {
        EntryKind::Function => "-".to_owned(),
        _ => text,
    }
}

fn age(age: Duration) -> String {
    if age < Duration::from_secs(1) {
        return "now".to_owned();
    }
    human_duration(Duration::from_secs(age.as_secs())).replace(".0 s", " s")
}

/// A name as it can stand in a line or a table: on one line and not too long.
pub fn printable(text: &str) -> String {
    let text = one_line(text);
    if text.chars().count() <= WIDEST {
        return text;
    }
    text.chars().take(WIDEST - 1).chain(['…']).collect()
}

/// Of a path the end tells more.
fn cut_start(text: &str) -> String {
    let text = one_line(text);
    let length = text.chars().count();
    if length <= WIDEST {
        return text;
    }
    std::iter::once('…')
        .chain(text.chars().skip(length + 1 - WIDEST))
        .collect()
}

/// A name may hold anything; it must not move the cursor.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '�' } else { c })
        .collect()
}

fn table<const N: usize>(rows: Vec<[String; N]>, right: [bool; N]) -> String {
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for ((cell, width), right) in row.iter().zip(widths).zip(right) {
            line.push_str(&if right {
                format!("{cell:>width$}  ")
            } else {
                format!("{cell:width$}  ")
            });
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Digest, Key};

    fn listed(name: &str, hits: u64) -> Listed {
        let made = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        Listed {
            key: Key(Digest::of(name.as_bytes())),
            kind: EntryKind::Data,
            name: name.to_owned(),
            scope: "work/analysis.ipynb".to_owned(),
            persist: Persist::Disk,
            bytes: 1_234_567,
            created: made,
            expires: None,
            last_used: made + Duration::from_secs(3000),
            hits,
            cost: Duration::from_millis(2500),
        }
    }

    #[test]
    fn a_table_of_entries() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(4005);
        let mut in_memory = listed("n", 0);
        in_memory.persist = Persist::Memory;
        let text = list_table(&list_rows([listed("prices", 4), in_memory]), now);
        let expected = "\
NAME    KIND           ENTRIES    SIZE     AGE  USED  HITS   SAVED  NOTEBOOK
prices  data                 1  1.2 MB  50 min   5 s     4  10.0 s  work/analysis.ipynb
n       data (memory)        1  1.2 MB  50 min     -     0       -  work/analysis.ipynb
";
        assert_eq!(text, expected);
        assert_eq!(list_table(&[], now), "");
    }

    #[test]
    fn the_results_of_a_function_are_one_row() {
        let result = |name: &str, age: u64| {
            let mut one = listed(name, 0);
            one.kind = EntryKind::Function;
            one.created += Duration::from_secs(age);
            one
        };
        let mut elsewhere = result("dp", 0);
        elsewhere.scope = "other.ipynb".to_owned();
        let entries = [
            result("dp", 0),
            listed("dp", 1),
            result("dp", 30),
            elsewhere,
            result("f", 0),
            result("dp", 10),
        ];
        let rows = list_rows(entries);
        let seen: Vec<_> = rows
            .iter()
            .map(|row| (&*row.name, row.kind, row.entries, row.hits))
            .collect();
        let function = EntryKind::Function;
        assert_eq!(
            seen,
            [
                ("dp", function, 3, None),
                ("dp", EntryKind::Data, 1, Some(1)),
                ("dp", function, 1, None),
                ("f", function, 1, None)
            ]
        );
        assert_eq!(rows[0].bytes, 3 * 1_234_567);
        assert_eq!(rows[0].created, Some(result("dp", 30).created));
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(4030);
        let line = list_table(&rows[..1], now);
        let line: Vec<_> = line.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(
            line.join(" "),
            "dp function 3 3.7 MB 50 min - - - work/analysis.ipynb"
        );
    }

    #[test]
    fn long_and_strange_names_do_not_break_the_table() {
        assert_eq!(printable(&"x".repeat(50)).chars().count(), WIDEST);
        assert!(cut_start(&format!("{}/end.ipynb", "x".repeat(50))).ends_with("/end.ipynb"));
        assert_eq!(printable("a\x1b[2J\nb"), "a�[2J�b");
    }

    #[test]
    fn sums() {
        let of = |kind, entries| KindStats {
            kind,
            entries,
            bytes: 2_000_000 * entries,
            hits: 3 * entries,
            saved: Duration::from_secs(90),
        };
        let stats = Stats {
            folder: Some("/c/store".into()),
            entries: 2,
            bytes: 4_000_000,
            budget_bytes: 10 << 20,
            memory_bytes: 0,
            hits: 6,
            saved: Duration::from_secs(90),
            kinds: vec![of(EntryKind::Data, 2), of(EntryKind::Resource, 0)],
        };
        let expected = "\
folder   /c/store
entries  2
size     4.0 MB of 10 MiB (38 %)
hits     6
saved    1 min

KIND  ENTRIES    SIZE  HITS  SAVED
data        2  4.0 MB     6  1 min
";
        assert_eq!(stats_text(&stats), expected);
    }
}
