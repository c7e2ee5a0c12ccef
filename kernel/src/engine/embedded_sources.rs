//! The sources of the crates that the kernel compiles for cells, as they are when the kernel is built: `build.rs` finds them.

include!(concat!(env!("OUT_DIR"), "/embedded_sources.rs"));
