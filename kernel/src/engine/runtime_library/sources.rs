//! The sources of the crate `cellar`, as they are when the kernel is built.

macro_rules! sources {
    ($($path:literal),* $(,)?) => {
        [$(($path, include_str!(concat!("../../../../runtime/src/", $path)))),*]
    };
}

/// Path below `src` and text of every file.
pub const SOURCES: &[(&str, &str)] = &sources![
    "bundle.rs",
    "display.rs",
    "displayable.rs",
    "host.rs",
    "input.rs",
    "lib.rs",
    "mime.rs",
    "private/mod.rs",
    "private/outcome.rs",
    "private/result.rs",
    "private/show.rs",
    "progress.rs",
    "progress_bar.rs",
    "rich.rs",
    "start.rs",
];
