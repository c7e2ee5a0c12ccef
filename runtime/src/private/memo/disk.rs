//! The way of results to the disk and back: two folders that this process shares with the kernel, which has the store.
//!
//! `in/CODE` has what the store knows of a function with that code; it is read when the function is first called. What the
//! cell adds and forgets goes to a new file in `out/` when the cell ends. A file is a sequence of records, each
//!
//! ```text
//! kind: u8, name, code, key: bytes, written: u64, ttl: u64, value: bytes
//! ```
//!
//! where bytes are preceded by their number (u64, little endian), times are milliseconds (since 1970; a ttl of 0 is none)
//! and a value may be the path of a file. The kernel's side is `kernel/src/functions/exchange.rs`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::__private::surroundings::hexadecimal;
use crate::host_cache;

/// The environment variable with the path of the folder that `in` and `out` are in.
const FOLDER: &str = "CELLAR_FUNCTIONS_DIR";

const VALUE: u8 = 1;
const VALUE_IN_FILE: u8 = 2;
const FORGET: u8 = 3;
const FORGET_ALL: u8 = 4;

/// What the disk has of one call.
#[derive(Debug)]
pub enum OnDisk {
    Bytes(Vec<u8>),
    File(PathBuf, u64),
}

fn folder() -> Option<&'static Path> {
    static FOLDER_PATH: OnceLock<Option<PathBuf>> = OnceLock::new();
    let path = FOLDER_PATH.get_or_init(|| std::env::var_os(FOLDER).map(PathBuf::from));
    path.as_deref()
}

/// Calls `visit` with key, time of writing and value of every result that the disk has.
pub fn read(code: &str, visit: &mut dyn FnMut(&[u8], u64, OnDisk)) {
    let Some(bytes) = folder().and_then(|folder| fs::read(folder.join("in").join(code)).ok()) else {
        return;
    };
    let mut rest = bytes.as_slice();
    // A torn file ends early: what is missing is computed anew.
    while let Some(record) = Record::read(&mut rest) {
        let value = match record.kind {
            VALUE => OnDisk::Bytes(record.value.to_vec()),
            VALUE_IN_FILE => {
                let path = PathBuf::from(String::from_utf8_lossy(record.value).into_owned());
                let Ok(metadata) = path.metadata() else { continue };
                OnDisk::File(path, metadata.len())
            }
            _ => continue,
        };
        if record.code == code.as_bytes() {
            visit(record.key, record.written, value);
        }
    }
}

/// The content of a file of the store, if it is what the file's name, its hash, says.
pub fn read_blob(path: &Path) -> Option<Vec<u8>> {
    let bytes = fs::read(path).ok()?;
    let folder = path.parent()?.file_name()?.to_str()?;
    let name = format!("{folder}{}", path.file_name()?.to_str()?);
    let digest = host_cache::digest(&bytes)?;
    let is_whole = hexadecimal(digest) == name;
    if !is_whole {
        eprintln!("warning: a result in the cache is damaged; it is computed again");
    }
    is_whole.then_some(bytes)
}

struct Record<'a> {
    kind: u8,
    code: &'a [u8],
    key: &'a [u8],
    written: u64,
    value: &'a [u8],
}

impl<'a> Record<'a> {
    fn read(rest: &mut &'a [u8]) -> Option<Record<'a>> {
        let (kind, after) = rest.split_first()?;
        *rest = after;
        let _name = framed(rest)?;
        let (code, key) = (framed(rest)?, framed(rest)?);
        let (written, _ttl) = (number(rest)?, number(rest)?);
        Some(Record {
            kind: *kind,
            code,
            key,
            written,
            value: framed(rest)?,
        })
    }
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let (number, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u64::from_le_bytes(*number))
}

fn framed<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(number(rest)?).ok()?;
    let (bytes, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(bytes)
}

/// Records for the kernel.
static OUT: Mutex<Vec<u8>> = Mutex::new(Vec::new());

fn add(kind: u8, [name, code]: [&str; 2], key: &[u8], [written, ttl]: [u64; 2], value: &[u8]) {
    if folder().is_none() {
        return;
    }
    let mut out = OUT.lock().unwrap_or_else(PoisonError::into_inner);
    let frame = |out: &mut Vec<u8>, bytes: &[u8]| {
        out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        out.extend_from_slice(bytes);
    };
    out.push(kind);
    frame(&mut out, name.as_bytes());
    frame(&mut out, code.as_bytes());
    frame(&mut out, key);
    out.extend_from_slice(&written.to_le_bytes());
    out.extend_from_slice(&ttl.to_le_bytes());
    frame(&mut out, value);
}

/// Adds a result. `ttl` counts from `written`.
pub fn save(owner: [&str; 2], key: &[u8], written: u64, ttl: Option<u64>, value: &[u8]) {
    add(VALUE, owner, key, [written, ttl.unwrap_or(0)], value);
}

/// Forgets one result, or all.
pub fn forget(owner: [&str; 2], key: Option<&[u8]>) {
    let kind = if key.is_some() { FORGET } else { FORGET_ALL };
    add(kind, owner, key.unwrap_or_default(), [0, 0], b"");
}

/// Asks the kernel to forget all data of the notebook when the cell ends.
pub fn clear() {
    if let Some(folder) = folder() {
        let asked = fs::write(folder.join("clear"), b"");
        if let Err(error) = asked {
            eprintln!("warning: the entries of cells are not cleared: {error}");
        }
    }
}

/// Writes what was added, in one piece.
pub fn flush() {
    let records = std::mem::take(&mut *OUT.lock().unwrap_or_else(PoisonError::into_inner));
    let Some(folder) = folder().filter(|_| !records.is_empty()) else {
        return;
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // Names sort by time.
    let name = format!("{:039}", now.as_nanos());
    let (part, whole) = (
        folder.join("out").join(format!(".{name}")),
        folder.join("out").join(name),
    );
    // A cache that cannot be written is a slow cache: the results are computed again another day.
    let written = fs::write(&part, records).and_then(|()| fs::rename(&part, whole));
    if written.is_err() {
        let _ = fs::remove_file(part);
    }
}
