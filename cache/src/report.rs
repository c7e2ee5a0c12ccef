//! The store's contents as text, for a terminal or a notebook.

use std::time::{Duration, SystemTime};

use crate::human::{human_duration, human_size};
use crate::store::{Listed, Persist, Stats};

/// Longer names and scopes are cut.
const WIDEST: usize = 40;

/// A table of entries with their name, kind, size, age, last use, hits, time saved and notebook. Each line ends with
/// a line break; nothing for no entries.
pub fn list_table(listed: &[Listed], now: SystemTime) -> String {
    if listed.is_empty() {
        return String::new();
    }
    let since = |time: SystemTime| age(now.duration_since(time).unwrap_or_default());
    let rows = listed.iter().map(|one| {
        let kind = match one.persist {
            Persist::Disk => one.kind.to_string(),
            Persist::Memory => format!("{} (memory)", one.kind),
        };
        [
            cut_end(&one.name),
            kind,
            human_size(one.bytes),
            since(one.created),
            if one.hits == 0 {
                "-".to_owned()
            } else {
                since(one.last_used)
            },
            one.hits.to_string(),
            if one.hits == 0 {
                "-".to_owned()
            } else {
                human_duration(one.saved())
            },
            cut_start(&one.scope),
        ]
    });
    let head = ["NAME", "KIND", "SIZE", "AGE", "USED", "HITS", "SAVED", "NOTEBOOK"].map(str::to_owned);
    let numbers = [false, false, true, true, true, true, true, false];
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
        human_size(stats.budget_bytes),
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
                kind.hits.to_string(),
                human_duration(kind.saved),
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

fn age(age: Duration) -> String {
    if age < Duration::from_secs(1) {
        return "now".to_owned();
    }
    human_duration(Duration::from_secs(age.as_secs())).replace(".0 s", " s")
}

fn cut_end(text: &str) -> String {
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
    use crate::{Digest, EntryKind, Key, KindStats};

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
        let text = list_table(&[listed("prices", 4), in_memory], now);
        let expected = "\
NAME    KIND             SIZE     AGE  USED  HITS   SAVED  NOTEBOOK
prices  data           1.2 MB  50 min   5 s     4  10.0 s  work/analysis.ipynb
n       data (memory)  1.2 MB  50 min     -     0       -  work/analysis.ipynb
";
        assert_eq!(text, expected);
        assert_eq!(list_table(&[], now), "");
    }

    #[test]
    fn long_and_strange_names_do_not_break_the_table() {
        assert_eq!(cut_end(&"x".repeat(50)).chars().count(), WIDEST);
        assert!(cut_start(&format!("{}/end.ipynb", "x".repeat(50))).ends_with("/end.ipynb"));
        assert_eq!(cut_end("a\x1b[2J\nb"), "a�[2J�b");
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
            budget_bytes: 10_000_000,
            memory_bytes: 0,
            hits: 6,
            saved: Duration::from_secs(90),
            kinds: vec![of(EntryKind::Data, 2), of(EntryKind::Resource, 0)],
        };
        let expected = "\
folder   /c/store
entries  2
size     4.0 MB of 10 MB (40 %)
hits     6
saved    1 min

KIND  ENTRIES    SIZE  HITS  SAVED
data        2  4.0 MB     6  1 min
";
        assert_eq!(stats_text(&stats), expected);
    }
}
