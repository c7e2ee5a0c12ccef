//! What code generated around a cell calls. Not for people: names and shapes change without notice.

pub mod memo;
#[cfg(feature = "question_mark")]
mod outcome;
pub(crate) mod params;
mod position;
mod result;
pub(crate) mod session_map;
pub mod show;
pub(crate) mod surroundings;

#[cfg(feature = "question_mark")]
pub use outcome::{
    CellOutcome, DebugCellOutcome, DebugText, DebuggedError, DisplayText, PrettyCellOutcome, ShownError,
};
pub use position::place;
pub use result::{debug, not_shown, rich};
pub use show::{Peel, Shown};
