//! What Jupyter is told of the language of cells: in `kernel_info_reply`, and in the metadata of notebooks that `cellar run`
//! writes. A notebook is the same whoever executed it.

use serde_json::{Value, json};

/// Jupyter's `language_info`.
pub fn info() -> Value {
    json!({
        "name": "rust",
        // The oldest Rust that compiles cells. Which one does is not known when this is first asked for, within milliseconds
        // of the kernel's start, and may change (`:toolchain`).
        "version": env!("CARGO_PKG_RUST_VERSION"),
        "mimetype": "text/rust",
        "file_extension": ".rs",
        "pygments_lexer": "rust",
        // A text, not an object: some clients read nothing else.
        "codemirror_mode": "rust",
    })
}
