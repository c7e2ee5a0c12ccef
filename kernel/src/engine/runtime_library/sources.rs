//! The sources of the crate `cellar`, as they are when the kernel is built.

macro_rules! sources {
    ($($path:literal),* $(,)?) => {
        [$(($path, include_str!(concat!("../../../../runtime/src/", $path)))),*]
    };
}

/// Path below `src` and text of every file.
pub const SOURCES: &[(&str, &str)] = &sources![
    "bundle.rs",
    "cache_data.rs",
    "cache_resource.rs",
    "display.rs",
    "displayable.rs",
    "host.rs",
    "host_cache.rs",
    "input.rs",
    "lib.rs",
    "mime.rs",
    "private/memo/coder.rs",
    "private/memo/disk.rs",
    "private/memo/function.rs",
    "private/memo/hasher.rs",
    "private/memo/key.rs",
    "private/memo/mod.rs",
    "private/memo/plain.rs",
    "private/memo/registry.rs",
    "private/memo/resources.rs",
    "private/memo/table.rs",
    "private/mod.rs",
    "private/outcome.rs",
    "private/result.rs",
    "private/show.rs",
    "progress.rs",
    "progress_bar.rs",
    "resource.rs",
    "rich.rs",
    "start.rs",
];
