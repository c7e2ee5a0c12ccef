//! What the kernel says about itself.

use serde_json::{Value, json};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The content of `kernel_info_reply`.
pub fn reply() -> Value {
    json!({
        "status": "ok",
        "protocol_version": "5.5",
        "implementation": "cellar",
        "implementation_version": VERSION,
        "language_info": crate::language::info(),
        "banner": format!("Cellar {VERSION}: a Rust kernel that never does the same work twice. %help lists what it can do."),
        "debugger": false,
        "supported_features": ["iopub_welcome"],
        "help_links": [
            { "text": "The Rust Programming Language", "url": "https://doc.rust-lang.org/book/" },
            { "text": "Standard library", "url": "https://doc.rust-lang.org/std/" },
            { "text": "Crates", "url": "https://docs.rs/" },
            { "text": "evcxr", "url": "https://github.com/evcxr/evcxr" },
        ],
    })
}
