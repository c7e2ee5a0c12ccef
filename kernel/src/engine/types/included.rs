//! Files that definitions are made from: what `include!`, `include_bytes!` and `#[path]` read. They can change while the
//! definition's own text stays, and with them the layout of values.

use std::path::Path;
use std::sync::{LazyLock, Mutex};

use cellar_cache::FileDigests;

use crate::engine::lock;

/// A file is read again only when it has changed.
static DIGESTS: LazyLock<Mutex<FileDigests>> = LazyLock::new(Mutex::default);

/// What the files are now that are named in a text by absolute paths. Cells are compiled in folders of the kernel's, so nobody
/// names files of theirs by others.
pub fn states_of_files(text: &str) -> impl Iterator<Item = String> {
    let strings = text.split('"').filter(|part| part.starts_with('/'));
    strings.filter_map(|path| {
        let (digest, _) = lock(&DIGESTS).of(Path::new(path)).ok()?;
        Some(format!("{path} {digest}"))
    })
}
