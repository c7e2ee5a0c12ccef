//! What was typed, in this session and earlier ones: an SQLite file that all kernels of a user share.
//!
//! A thread owns the database, so that no cell waits for a disk or for another kernel's lock. A database that
//! cannot be opened or written costs one warning; the history is kept in memory then.

use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        mpsc::{self, Receiver, Sender},
    },
    time::Duration,
};

use chrono::{SecondsFormat, Utc};
use rusqlite::{Connection, Row, ToSql, params};
use serde_json::{Value, json};

use crate::wire::Message;

const FILE_VARIABLE: &str = "CELLAR_HISTORY";
/// Time to wait for another kernel that writes.
const BUSY: Duration = Duration::from_secs(2);
/// Time to write what is left when the kernel ends.
const CLOSING: Duration = Duration::from_secs(1);

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS sessions (
        session INTEGER PRIMARY KEY AUTOINCREMENT,
        start TEXT NOT NULL
    );
    CREATE TABLE IF NOT EXISTS history (
        session INTEGER NOT NULL,
        line INTEGER NOT NULL,
        source TEXT NOT NULL,
        output TEXT,
        PRIMARY KEY (session, line)
    );
";

/// Which entries a `history_request` asks for, in the words of the specification.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    access: Access,
    output: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Access {
    /// The last `n`.
    Tail { n: i64 },
    /// Lines from `start` to before `stop` of a session; 0 is this one, -1 the one before.
    Range {
        session: i64,
        start: i64,
        stop: Option<i64>,
    },
    /// What matches a glob; the last `n` of it.
    Search {
        pattern: String,
        n: Option<i64>,
        unique: bool,
    },
    #[default]
    Nothing,
}

impl Query {
    pub fn from_request(request: &Message) -> Self {
        let n = request.number("n").map(|n| n.max(0));
        let access = match request.text("hist_access_type") {
            "tail" | "" => Access::Tail { n: n.unwrap_or(10) },
            "range" => Access::Range {
                session: request.number("session").unwrap_or(0),
                start: request.number("start").unwrap_or(0),
                stop: request.number("stop"),
            },
            "search" => Access::Search {
                pattern: match request.text("pattern") {
                    "" => "*".to_owned(),
                    pattern => pattern.to_owned(),
                },
                n,
                unique: request.flag("unique", false),
            },
            other => {
                tracing::debug!(hist_access_type = other, "an unknown kind of history_request");
                Access::Nothing
            }
        };
        Self {
            access,
            output: request.flag("output", false),
        }
    }
}

enum Command {
    Record {
        line: u32,
        source: String,
    },
    RecordOutput {
        line: u32,
        output: String,
    },
    Ask {
        query: Query,
        answer: Sender<Vec<Value>>,
    },
    Close {
        done: Sender<()>,
    },
}

/// A handle on the thread.
pub struct History {
    commands: Mutex<Sender<Command>>,
}

impl History {
    /// Starts the thread on the user's database, or the one that `CELLAR_HISTORY` names.
    pub fn start() -> Self {
        Self::start_at(database_path())
    }

    fn start_at(path: Option<PathBuf>) -> Self {
        let (commands, received) = mpsc::channel();
        let thread = std::thread::Builder::new().name("cellar-history".to_owned());
        if let Err(error) = thread.spawn(move || serve(path, received)) {
            // Without the thread, commands go nowhere and queries have no entries.
            tracing::warn!(%error, "there is no history: its thread could not be started");
        }
        Self {
            commands: Mutex::new(commands),
        }
    }

    /// Records a cell of this session.
    pub fn record(&self, line: u32, source: &str) {
        self.send(Command::Record {
            line,
            source: source.to_owned(),
        });
    }

    /// Records what a cell of this session resulted in.
    pub fn record_output(&self, line: u32, output: &str) {
        self.send(Command::RecordOutput {
            line,
            output: output.to_owned(),
        });
    }

    /// Entries as `history_reply` lists them. Blocks.
    pub fn ask(&self, query: Query) -> Vec<Value> {
        let (answer, answered) = mpsc::channel();
        self.send(Command::Ask { query, answer });
        answered.recv().unwrap_or_default()
    }

    /// Waits for everything to be written, but not long.
    pub fn close(&self) {
        let (done, closed) = mpsc::channel();
        self.send(Command::Close { done });
        // Either it is done or there is no more time.
        let _ = closed.recv_timeout(CLOSING);
    }

    fn send(&self, command: Command) {
        // Nobody receives where there is no thread; that was reported.
        let _ = self
            .commands
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .send(command);
    }
}

/// `None` stands for memory.
fn database_path() -> Option<PathBuf> {
    match std::env::var_os(FILE_VARIABLE) {
        Some(path) if path.is_empty() || path == ":memory:" => None,
        Some(path) => Some(PathBuf::from(path)),
        None => directories::BaseDirs::new().map(|dirs| dirs.data_dir().join("cellar/history.sqlite")),
    }
}

fn serve(path: Option<PathBuf>, commands: Receiver<Command>) {
    let mut store = Store::open(path.as_deref());
    for command in commands {
        match command {
            Command::Record { line, source } => store.write(
                "INSERT OR REPLACE INTO history (session, line, source) VALUES (?1, ?2, ?3)",
                |session| vec![Box::new(session), Box::new(line), Box::new(source.clone())],
            ),
            Command::RecordOutput { line, output } => store.write(
                "UPDATE history SET output = ?3 WHERE session = ?1 AND line = ?2",
                |session| vec![Box::new(session), Box::new(line), Box::new(output.clone())],
            ),
            // Who asked may have given up, here and below.
            Command::Ask { query, answer } => drop(answer.send(store.ask(&query))),
            Command::Close { done } => {
                drop(store);
                let _ = done.send(());
                return;
            }
        }
    }
}

struct Store {
    connection: Connection,
    session: i64,
    in_memory: bool,
}

impl Store {
    fn open(path: Option<&Path>) -> Self {
        let Some(path) = path else {
            return Self::in_memory();
        };
        Self::open_file(path).unwrap_or_else(|error| {
            warn(&format!("{} cannot be used ({error})", path.display()));
            Self::in_memory()
        })
    }

    fn open_file(path: &Path) -> anyhow::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let connection = Connection::open(path)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        Ok(Self::begin(connection, false)?)
    }

    fn in_memory() -> Self {
        let connection = Connection::open_in_memory()
            .expect("SQLite opens a database in memory without touching anything");
        Self::begin(connection, true).expect("an empty database in memory takes our tables")
    }

    fn begin(connection: Connection, in_memory: bool) -> rusqlite::Result<Self> {
        connection.execute_batch(SCHEMA)?;
        connection.execute("INSERT INTO sessions (start) VALUES (?1)", [now()])?;
        let session = connection.last_insert_rowid();
        Ok(Self {
            connection,
            session,
            in_memory,
        })
    }

    /// Writes to the database, and to one in memory if that fails.
    fn write(&mut self, sql: &str, values: impl Fn(i64) -> Vec<Box<dyn ToSql>>) {
        let written = self
            .connection
            .execute(sql, rusqlite::params_from_iter(values(self.session)));
        let Err(error) = written else { return };
        if self.in_memory {
            return tracing::debug!(%error, "an entry of the history was lost");
        }
        warn(&format!("it cannot be written ({error})"));
        *self = Self::in_memory();
        self.write(sql, values);
    }

    fn ask(&self, query: &Query) -> Vec<Value> {
        self.select(query).unwrap_or_else(|error| {
            tracing::warn!(%error, "the history could not be read");
            Vec::new()
        })
    }

    fn select(&self, query: &Query) -> rusqlite::Result<Vec<Value>> {
        const NEWEST_FIRST: &str = "ORDER BY session DESC, line DESC LIMIT";
        let columns = "SELECT session, line, source, output FROM history";
        match &query.access {
            Access::Nothing => Ok(Vec::new()),
            Access::Tail { n } => {
                let sql = format!("SELECT * FROM ({columns} {NEWEST_FIRST} ?1) ORDER BY session, line");
                self.rows(&sql, params![n], query.output, None)
            }
            Access::Range { session, start, stop } => {
                let wanted = if *session > 0 {
                    *session
                } else {
                    self.session + session
                };
                let sql = format!("{columns} WHERE session = ?1 AND line >= ?2 AND line < ?3 ORDER BY line");
                let stop = stop.unwrap_or(i64::MAX);
                // This session is called 0 in the answer, as in the question.
                let name = (*session == 0).then_some(0);
                self.rows(&sql, params![wanted, start, stop], query.output, name)
            }
            Access::Search { pattern, n, unique } => {
                // With `unique`, the newest of those that are the same.
                let only = match unique {
                    true => {
                        "AND NOT EXISTS (SELECT 1 FROM history AS newer WHERE newer.source = history.source \
                         AND (newer.session, newer.line) > (history.session, history.line))"
                    }
                    false => "",
                };
                let sql = format!(
                    "SELECT * FROM ({columns} WHERE source GLOB ?1 {only} {NEWEST_FIRST} ?2) \
                     ORDER BY session, line"
                );
                self.rows(&sql, params![pattern, n.unwrap_or(-1)], query.output, None)
            }
        }
    }

    fn rows(
        &self,
        sql: &str,
        parameters: &[&dyn ToSql],
        output: bool,
        session_name: Option<i64>,
    ) -> rusqlite::Result<Vec<Value>> {
        let entry = |row: &Row<'_>| {
            let session = session_name.map_or_else(|| row.get::<_, i64>(0), Ok)?;
            let (line, source) = (row.get::<_, i64>(1)?, row.get::<_, String>(2)?);
            Ok(match output {
                true => json!([session, line, [source, row.get::<_, Option<String>>(3)?]]),
                false => json!([session, line, source]),
            })
        };
        self.connection
            .prepare(sql)?
            .query_map(parameters, entry)?
            .collect()
    }
}

fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn warn(what: &str) {
    tracing::warn!(
        "the history is kept in memory only, and lost at the end: {what}; set {FILE_VARIABLE} to another file"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history_of(path: Option<&Path>, cells: &[&str]) -> History {
        let history = History::start_at(path.map(Path::to_owned));
        for (index, cell) in cells.iter().enumerate() {
            history.record(index as u32 + 1, cell);
        }
        history
    }

    fn ask(history: &History, access: Access) -> Value {
        Value::Array(history.ask(Query {
            access,
            output: false,
        }))
    }

    fn search(pattern: &str, n: Option<i64>, unique: bool) -> Access {
        Access::Search {
            pattern: pattern.to_owned(),
            n,
            unique,
        }
    }

    #[test]
    fn the_tail_is_the_last_cells_oldest_first() {
        let history = history_of(None, &["a", "b", "c"]);
        assert_eq!(
            ask(&history, Access::Tail { n: 2 }),
            json!([[1, 2, "b"], [1, 3, "c"]])
        );
        assert_eq!(ask(&history, Access::Tail { n: 0 }), json!([]));
    }

    #[test]
    fn a_range_ends_before_its_stop() {
        let history = history_of(None, &["a", "b", "c"]);
        let range = |session, start, stop| Access::Range { session, start, stop };
        assert_eq!(
            ask(&history, range(0, 1, Some(3))),
            json!([[0, 1, "a"], [0, 2, "b"]])
        );
        assert_eq!(ask(&history, range(0, 3, None)), json!([[0, 3, "c"]]));
        assert_eq!(ask(&history, range(7, 0, None)), json!([]));
    }

    #[test]
    fn a_search_is_a_glob_and_unique_keeps_the_newest() {
        let history = history_of(None, &["let a = 1;", "b", "let c = 2;", "let a = 1;"]);
        assert_eq!(
            ask(&history, search("let*", None, true)),
            json!([[1, 3, "let c = 2;"], [1, 4, "let a = 1;"]])
        );
        assert_eq!(
            ask(&history, search("*", Some(1), false)),
            json!([[1, 4, "let a = 1;"]])
        );
        assert_eq!(ask(&history, search("?", None, false)), json!([[1, 2, "b"]]));
    }

    #[test]
    fn outputs_come_when_asked_for() {
        let history = history_of(None, &["1 + 1", "let a = 1;"]);
        history.record_output(1, "2");
        let query = Query {
            access: Access::Tail { n: 9 },
            output: true,
        };
        assert_eq!(
            Value::Array(history.ask(query)),
            json!([[1, 1, ["1 + 1", "2"]], [1, 2, ["let a = 1;", null]]])
        );
    }

    #[test]
    fn the_next_session_sees_the_last_one_and_two_share_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/history.sqlite");
        let first = history_of(Some(&path), &["old"]);
        first.close();
        let second = history_of(Some(&path), &["new"]);
        let last = Access::Range {
            session: -1,
            start: 0,
            stop: None,
        };
        assert_eq!(ask(&second, last), json!([[1, 1, "old"]]));
        let third = history_of(Some(&path), &["beside"]);
        assert_eq!(
            ask(&third, Access::Tail { n: 9 }),
            json!([[1, 1, "old"], [2, 1, "new"], [3, 1, "beside"]])
        );
    }

    #[test]
    fn a_damaged_or_unwritable_file_leaves_a_history_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let damaged = folder.path().join("history.sqlite");
        std::fs::write(
            &damaged,
            "this is no database, and long enough to be read as one".repeat(40),
        )
        .unwrap();
        let file_for_folder = damaged.join("history.sqlite");
        for path in [damaged, file_for_folder] {
            let history = history_of(Some(&path), &["a"]);
            assert_eq!(ask(&history, Access::Tail { n: 9 }), json!([[1, 1, "a"]]));
        }
    }
}
