//! The directives: the table from which their parser, help and completion come.

/// What an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionKind {
    /// "10s", "5m", "1h", "2d", or a number of seconds.
    Duration,
    Count,
    /// A number of bytes, or with a unit: "100MB", "2GiB".
    Bytes,
    Choice(&'static [&'static str]),
    Text,
    List,
    /// Patterns of files' paths, as the crate `glob` reads them.
    Globs,
    BoolOrText,
    /// A function's path.
    Path,
}

/// One option.
#[derive(Debug)]
pub struct OptionSpec {
    pub name: &'static str,
    pub kind: OptionKind,
    pub summary: &'static str,
}

/// One directive.
#[derive(Debug)]
pub struct DirectiveSpec {
    pub name: &'static str,
    pub summary: &'static str,
    /// Markdown.
    pub details: &'static str,
    /// The directive that replaces this deprecated one.
    pub replacement: Option<&'static str>,
    pub options: &'static [&'static OptionSpec],
}

const TTL: OptionSpec = option(
    "ttl",
    OptionKind::Duration,
    "how long an entry is valid: \"10s\", \"5m\", \"1h\", \"2d\", or seconds",
);
const MAX_ENTRIES: OptionSpec = option(
    "max_entries",
    OptionKind::Count,
    "how many entries are kept; the least recently used goes first",
);
const MAX_BYTES: OptionSpec = option(
    "max_bytes",
    OptionKind::Bytes,
    "how much the entries may take together",
);
const PERSIST: OptionSpec = option(
    "persist",
    OptionKind::Choice(&["disk", "memory"]),
    "where entries are kept: \"disk\" (default) or \"memory\"",
);
const NAME: OptionSpec = option(
    "name",
    OptionKind::Text,
    "what `%cache list` and `%cache clear` call it",
);
const FILES: OptionSpec = option(
    "files",
    OptionKind::Globs,
    "globs of files whose contents are inputs",
);
const ENV: OptionSpec = option("env", OptionKind::List, "environment variables that are inputs");
const IGNORE: OptionSpec = option("ignore", OptionKind::List, "inputs that are left out of the key");
const SHOW_SPINNER: OptionSpec = option(
    "show_spinner",
    OptionKind::BoolOrText,
    "whether to show that it works, or with which text",
);
const ON_RELEASE: OptionSpec = option(
    "on_release",
    OptionKind::Path,
    "function called when an instance is dropped, with a reference to it; for each variable of a cell",
);
const VALIDATE: OptionSpec = option(
    "validate",
    OptionKind::Path,
    "function called before an instance is handed out, with a reference to it; false makes a new one",
);

const DATA: &[&OptionSpec] = &[
    &TTL,
    &MAX_ENTRIES,
    &MAX_BYTES,
    &PERSIST,
    &NAME,
    &FILES,
    &ENV,
    &IGNORE,
    &SHOW_SPINNER,
];
const RESOURCE: &[&OptionSpec] = &[
    &TTL,
    &MAX_ENTRIES,
    &MAX_BYTES,
    &NAME,
    &FILES,
    &ENV,
    &IGNORE,
    &SHOW_SPINNER,
    &ON_RELEASE,
    &VALIDATE,
];

/// All directives.
pub const DIRECTIVES: &[DirectiveSpec] = &[
    DirectiveSpec {
        name: "cache_data",
        summary: "Keep results by value: run only when inputs change, also after a restart",
        details: "Before any code it is about the cell: the cell is skipped when its inputs hash identically, the variables it \
                  defines are restored and its outputs shown again. Directly above an `fn` it memoises that function by its \
                  arguments.",
        replacement: None,
        options: DATA,
    },
    DirectiveSpec {
        name: "cache_resource",
        summary: "Keep what is made by reference, in this process: connections, models, any type",
        details: "Before any code it is about the cell, directly above an `fn` about that function. Every hit shares the one \
                  instance.",
        replacement: None,
        options: RESOURCE,
    },
    DirectiveSpec {
        name: "cache",
        summary: "Deprecated: write `cache_data`",
        details: "",
        replacement: Some("cache_data"),
        options: DATA,
    },
    DirectiveSpec {
        name: "experimental_memo",
        summary: "Deprecated: write `cache_data`",
        details: "",
        replacement: Some("cache_data"),
        options: DATA,
    },
    DirectiveSpec {
        name: "experimental_singleton",
        summary: "Deprecated: write `cache_resource`",
        details: "",
        replacement: Some("cache_resource"),
        options: RESOURCE,
    },
];

const fn option(name: &'static str, kind: OptionKind, summary: &'static str) -> OptionSpec {
    OptionSpec { name, kind, summary }
}

impl DirectiveSpec {
    pub fn find(name: &str) -> Option<&'static DirectiveSpec> {
        DIRECTIVES.iter().find(|directive| directive.name == name)
    }

    pub fn option(&self, name: &str) -> Option<&'static OptionSpec> {
        self.options.iter().find(|option| option.name == name).copied()
    }
}
