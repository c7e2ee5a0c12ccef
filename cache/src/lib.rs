//! Keys, entries and the store of results that are never computed twice.
//!
//! A computation has [`Ingredient`]s; their hash is its [`Key`]; its result is kept as an [`Entry`]
//! with blobs in a [`Store`], which many processes may share. This library knows neither notebooks nor Rust
//! code: what an ingredient or a result means is the caller's affair.
//!
//! ```
//! use cellar_cache::{
//!     Claim, Digest, Entry, EntryKind, Ingredient, IngredientKind, Key, Options, Persist, Policy, Store,
//! };
//!
//! let folder = tempfile::tempdir()?;
//! let store = Store::open(folder.path(), Options::default());
//!
//! let code = Ingredient::new(IngredientKind::Code, "cell", Digest::of(b"let n = 6 * 7;"));
//! let ingredients = vec![code];
//! let base = Key::of(&ingredients);
//!
//! if store.find(base).is_empty() {
//!     // A miss. One process computes, others wait for it.
//!     let Claim::Mine(_guard) = store.claim(base, "n") else { unreachable!("nobody else is here") };
//!     let mut entry = Entry::new(EntryKind::Data, "example.ipynb", "n", ingredients, vec![]);
//!     entry.blobs.push(store.put_blob("n", &b"42"[..], Persist::Disk));
//!     store.put_entry(&entry, &Policy::default())?;
//! }
//!
//! let hit = store.find(base).remove(0);
//! assert_eq!(store.blob(&hit.blobs[0]).as_deref(), Some(&b"42"[..]));
//! store.record_hit(&hit);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What holds, always:
//!
//! * What is returned is what was put: contents are checked against their hashes on every read.
//! * A damaged, missing or foreign part is a miss and a [`Warning`], never an error.
//! * An entry is written last and whole; a process killed at any moment leaves nothing half.
//! * Locks die with the process that holds them.

mod digest;
mod entry;
mod explain;
mod file_digests;
mod human;
mod key;
mod report;
mod store;
mod time;
mod warnings;

pub use digest::{Digest, Hasher, ParseDigestError};
pub use entry::{BlobRef, Entry, EntryKind, ParseEntryKindError};
pub use explain::{Change, diff};
pub use file_digests::FileDigests;
pub use human::{
    BudgetError, DEFAULT_BUDGET, ParseSizeError, budget_from_env, human_duration, human_limit, human_size,
    parse_size,
};
pub use key::{Ingredient, IngredientKind, Key};
pub use report::{Row, list_rows, list_table, printable, stats_text};
pub use store::{
    Claim, ClaimGuard, Cleared, Clearing, Collected, Held, Holder, Kept, KindStats, Listed, Options, Persist,
    Policy, PutError, Selection, Stats, Store, Verified, Waited, Waiter,
};
pub use warnings::Warning;
