//! What the kernel says before a cell: a file that it puts in the place of the older one, in the form of [`told`](super::told).
//!
//! ```text
//! param    KEY N VALUE…    what a parameter is
//! withheld KEY WHY         a value of the session map must not be given out
//! refused  WHY (empty)     no parameter can be set
//! ```
//!
//! It is read when a cell first asks for any of it, so cells that do not, pay nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::texts;

/// The environment variable with the path of the file.
const FILE: &str = "CELLAR_GIVEN";

#[derive(Debug, Default)]
pub struct Given {
    pub params: BTreeMap<String, Vec<String>>,
    /// Keys of the session map, and why.
    pub withheld: BTreeMap<String, String>,
    /// Why no parameter can be set.
    pub refused: Option<String>,
}

static GIVEN: Mutex<Option<Arc<Given>>> = Mutex::new(None);

fn lock() -> MutexGuard<'static, Option<Arc<Given>>> {
    GIVEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What holds for the cell that runs.
pub fn given() -> Arc<Given> {
    Arc::clone(lock().get_or_insert_with(|| Arc::new(read_file())))
}

/// The next cell reads it anew.
pub fn forget() {
    *lock() = None;
}

fn read_file() -> Given {
    static PATH: OnceLock<Option<PathBuf>> = OnceLock::new();
    let path = PATH.get_or_init(|| std::env::var_os(FILE).map(PathBuf::from));
    let bytes = path.as_ref().and_then(|path| std::fs::read(path).ok());
    parse(&bytes.unwrap_or_default())
}

fn parse(bytes: &[u8]) -> Given {
    let mut given = Given::default();
    let mut texts = texts(bytes).into_iter();
    while let Some(kind) = texts.next() {
        let mut text = || texts.next().unwrap_or_default().to_owned();
        let key = text();
        match kind {
            "param" => {
                let count = text().parse().unwrap_or(0);
                let values = texts.by_ref().take(count).map(str::to_owned).collect();
                given.params.insert(key, values);
            }
            "withheld" => drop(given.withheld.insert(key, text())),
            _ => {
                text();
                given.refused = Some(key);
            }
        }
    }
    given
}
