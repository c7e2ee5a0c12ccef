//! The crate that every cell of a Cellar notebook can name, without `:dep`.
//!
//! ```
//! cellar::html("<b>hi</b>");                       // rich output from anywhere in a cell
//! for n in cellar::progress(0..1_000) {            // a bar that moves while the loop runs
//!     std::hint::black_box(n);
//! }
//! let status = cellar::markdown("*starting*");     // what was shown can be changed later
//! status.update(cellar::Markdown("**done**"));
//! ```
//!
//! Functions ([`html`], [`display()`], …) show at once. The types of the same names ([`Html`],
//! [`Png`], …) are values: keep them in variables, return them from functions, and write them as a
//! cell's last expression to show them. Implement [`Rich`] to give your own types a rich form.
//!
//! Outside a notebook the crate works too: what would be shown is printed as plain text.
#![cfg_attr(feature = "question_mark", feature(try_trait_v2))]

mod bundle;
pub mod cache_data;
pub mod cache_resource;
mod display;
mod displayable;
mod experimental;
mod host;
// Nothing of it is interface, its macro least of all.
#[doc(hidden)]
mod host_cache;
mod input;
mod mime;
mod panic_hook;
pub mod params;
mod progress;
mod progress_bar;
mod resource;
mod rich;
pub mod session;
mod start;

#[doc(hidden)]
#[path = "private/mod.rs"]
pub mod __private;

pub use bundle::Bundle;
pub use display::{DisplayHandle, clear_output, display, html, jpeg, json, latex, markdown, png, svg, text};
pub use displayable::Displayable;
#[allow(deprecated)]
pub use experimental::{experimental_get_query_params, experimental_set_query_params};
pub use input::{InputError, input, password};
pub use mime::{Html, Jpeg, Json, Latex, Markdown, Png, Svg, Text};
pub use progress::{Progress, progress};
pub use resource::Resource;
pub use rich::Rich;
