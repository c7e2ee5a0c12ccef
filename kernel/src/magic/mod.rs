//! What in a cell is not Rust: magics, shell lines, evcxr's `:commands`, directives.
//!
//! One table per kind ([`table`], [`commands`], [`directive`]) gives the parser, the help texts and the
//! completion. [`parse`] reads a cell into steps; whoever runs them decides what they do. Nothing here
//! knows the engine or the host.
//!
//! # Which lines are read
//!
//! * `%name …` and `:name …` wherever a statement could begin: at the start of a line, outside of
//!   brackets, strings and comments, after `;`, after the `}` that ends an item or a block, or before any
//!   Rust. There neither character can begin a statement, so no Rust is taken for a magic. After an
//!   expression without `;` the line is Rust: `a⏎% b` is a remainder.
//! * `!command` only in the first column above the first line of Rust, as in evcxr. Anywhere else `!x` is
//!   Rust, because it may be the value a cell ends with. To begin a cell with a negated value, write
//!   `(!x)` or indent it.
//! * `?name`, and `name?` or `name??` alone on the cell's last line, show help. The latter can be
//!   meant as Rust's `?`, see [`Step::Inspect`].
//! * `%%name` on the first line that is neither blank nor a comment.
//! * `//% name(option = value)` is a comment to Rust and a directive here.

mod cache;
mod cell;
mod commands;
mod directive;
mod directive_table;
mod env;
mod error;
mod guide;
mod listing;
mod options;
mod params;
mod scope;
mod session;
mod shell;
mod statements;
mod table;
mod timeit;
mod timing;
mod who;

pub use cache::{CacheAction, Cleared};
pub use cell::{ParsedCell, Step, line_place, parse};
pub use commands::COMMANDS;
pub use directive::{Directive, OptionValue, Scope};
pub use directive_table::{DIRECTIVES, DirectiveSpec, OptionKind};
pub use error::{nearest, nearest_first};
pub use guide::{about, help, list};
pub use listing::{table_bundle, text_bundle};
pub use params::ParamsAction;
pub use session::SessionAction;
pub use shell::{Stop, run as run_shell};
pub use statements::{EDITION, Ending, Scanner, tokens};
pub use table::{MAGICS, Magic, MagicSpec};
pub use timing::{Times, format_times};
pub use who::{VariableRow, who, whos};
