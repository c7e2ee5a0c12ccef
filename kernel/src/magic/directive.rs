//! Directives: `//% cache_data(ttl = "1h")` lines. The table from which parser, help and completion come.

use std::ops::Range;
use std::time::Duration;

use super::error::{MagicError, MagicErrorKind, nearest};
use super::options::{self, Raw, Written};

/// A directive as written in a cell, its options checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Directive {
    /// As written; [`DirectiveSpec::replacement`] tells what a deprecated one stands for.
    pub name: &'static str,
    /// In the order in which they were written.
    pub options: Vec<(&'static str, OptionValue)>,
    /// From 1.
    pub line: usize,
    pub scope: Scope,
}

/// What a directive is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    Cell,
    /// The function of this name, above which it stands.
    Function(String),
}

/// An option's value.
#[derive(Debug, Clone, PartialEq)]
pub enum OptionValue {
    Duration(Duration),
    Count(u64),
    Bytes(u64),
    Text(String),
    List(Vec<String>),
    Bool(bool),
}

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
    OptionKind::List,
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
    "function called when an instance is dropped",
);
const VALIDATE: OptionSpec = option(
    "validate",
    OptionKind::Path,
    "function called before an instance is handed out; false makes a new one",
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

/// Reads a `//%` comment that begins at character `column` of `line`. `scope` is `None` where a
/// directive may not stand.
pub(super) fn read(
    comment: &str,
    line: usize,
    column: usize,
    scope: Option<Scope>,
) -> Result<Directive, MagicError> {
    let chars = |bytes: usize| column + comment[..bytes.min(comment.len())].chars().count();
    let error = |kind, message: String, helps: Vec<String>, range: Range<usize>| MagicError {
        kind,
        message,
        helps,
        line,
        columns: chars(range.start)..chars(range.end),
    };
    let body = comment.strip_prefix("//%").unwrap_or(comment);
    let name_at = comment.len() - body.trim_start().len();
    let rest = &comment[name_at..];
    let name_len = rest
        .find(|c: char| !(c == '_' || c.is_alphanumeric()))
        .unwrap_or(rest.len());
    let (name, options_text) = rest.split_at(name_len);
    let options_at = name_at + name_len;
    let Some(spec) = DirectiveSpec::find(name) else {
        let known = DIRECTIVES
            .iter()
            .filter(|spec| spec.replacement.is_none())
            .map(|spec| spec.name);
        let (message, help) = match (name, nearest(name, known.clone())) {
            ("", _) => ("a directive's name must follow `//%`".to_owned(), None),
            (_, near) => (format!("there is no directive `{name}`"), near),
        };
        let help = match help {
            Some(near) => format!("`{near}` is the nearest; the directives are {}", quoted(known)),
            None => format!("the directives are {}", quoted(known)),
        };
        return Err(error(
            MagicErrorKind::UnknownDirective,
            message,
            vec![help],
            name_at..options_at.max(name_at + 1),
        ));
    };
    let bad = |message: String, help: Option<String>, range: Range<usize>| {
        error(
            MagicErrorKind::BadDirective,
            message,
            help.into_iter().collect(),
            range,
        )
    };
    let written = options::read(options_text)
        .map_err(|(message, at)| bad(message, Some(example(spec)), options_at + at..options_at + at + 1))?;
    let mut options: Vec<(&'static str, OptionValue)> = Vec::new();
    for option in &written {
        let at = options_at + option.at;
        let name_range = at..at + option.name.len();
        let Some(found) = spec.option(&option.name) else {
            return Err(unknown_option(spec, option, |message, help| {
                bad(message, help, name_range.clone())
            }));
        };
        if options.iter().any(|(name, _)| *name == found.name) {
            return Err(bad(format!("`{}` is given twice", found.name), None, name_range));
        }
        let value = value(found, &option.value).map_err(|message| {
            let help = format!("`{}`: {}", found.name, found.summary);
            bad(
                message,
                Some(help),
                options_at + option.value_at..options_at + option.end,
            )
        })?;
        options.push((found.name, value));
    }
    let Some(scope) = scope else {
        return Err(bad(
            format!("`{name}` has nothing to be about here"),
            Some("a directive stands before any code, for the cell, or directly above an `fn`".to_owned()),
            0..comment.len(),
        ));
    };
    Ok(Directive {
        name: spec.name,
        options,
        line,
        scope,
    })
}

fn unknown_option(
    spec: &DirectiveSpec,
    option: &Written,
    bad: impl Fn(String, Option<String>) -> MagicError,
) -> MagicError {
    let name = &option.name;
    let elsewhere = DIRECTIVES
        .iter()
        .find(|other| other.replacement.is_none() && other.option(name).is_some());
    let message = format!("`{}` has no option `{name}`", spec.name);
    if let Some(other) = elsewhere {
        return bad(message, Some(format!("`{name}` belongs to `{}`", other.name)));
    }
    let names = spec.options.iter().map(|option| option.name);
    let help = match nearest(name, names.clone()) {
        Some(near) => format!("`{near}` is the nearest; the options are {}", quoted(names)),
        None => format!("the options are {}", quoted(names)),
    };
    bad(message, Some(help))
}

fn example(spec: &DirectiveSpec) -> String {
    format!(
        "write it like `//% {}(ttl = \"1h\", name = \"prices\")`",
        spec.name
    )
}

fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn value(option: &OptionSpec, raw: &Raw) -> Result<OptionValue, String> {
    let name = option.name;
    let one = || match raw {
        Raw::One(text) => Ok(text.as_str()),
        Raw::Many(_) => Err(format!("`{name}` takes one value, not a list")),
    };
    match option.kind {
        OptionKind::List => Ok(OptionValue::List(match raw {
            Raw::One(text) => vec![text.clone()],
            Raw::Many(values) => values.clone(),
        })),
        OptionKind::Text | OptionKind::Path => one().map(|text| OptionValue::Text(text.to_owned())),
        OptionKind::BoolOrText => one().map(|text| match text {
            "true" => OptionValue::Bool(true),
            "false" => OptionValue::Bool(false),
            text => OptionValue::Text(text.to_owned()),
        }),
        OptionKind::Choice(choices) => {
            let text = one()?;
            if choices.contains(&text) {
                return Ok(OptionValue::Text(text.to_owned()));
            }
            Err(format!("`{name}` is {}, not `{text}`", choices.any_of()))
        }
        OptionKind::Count => {
            let text = one()?;
            match text.replace('_', "").parse() {
                Ok(count) if count > 0 => Ok(OptionValue::Count(count)),
                _ => Err(format!("`{name}` is a number above 0, not `{text}`")),
            }
        }
        OptionKind::Bytes => {
            let text = one()?;
            bytes(text).map(OptionValue::Bytes).ok_or_else(|| {
                format!("`{name}` is a number of bytes such as 1000000 or \"100MB\", not `{text}`")
            })
        }
        OptionKind::Duration => {
            let text = one()?;
            duration(text)
                .map(OptionValue::Duration)
                .ok_or_else(|| format!("`{name}` is a time such as \"10s\", \"5m\", \"1h\", \"2d\" or a number of seconds, not `{text}`"))
        }
    }
}

/// `"disk" or "memory"`.
trait Choices {
    fn any_of(&self) -> String;
}

impl Choices for &[&str] {
    fn any_of(&self) -> String {
        self.iter()
            .map(|choice| format!("\"{choice}\""))
            .collect::<Vec<_>>()
            .join(" or ")
    }
}

fn bytes(text: &str) -> Option<u64> {
    let digits = text
        .find(|c: char| !(c.is_ascii_digit() || c == '_' || c == '.'))
        .unwrap_or(text.len());
    let number: f64 = text[..digits].replace('_', "").parse().ok()?;
    let unit: f64 = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let bytes = number * unit;
    (1.0..1e18).contains(&bytes).then_some(bytes as u64)
}

fn duration(text: &str) -> Option<Duration> {
    let mut seconds = 0.0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))
            .unwrap_or(rest.len());
        let number: f64 = rest[..digits].replace('_', "").parse().ok()?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "" if digits == text.trim().len() => 1.0,
            "ms" => 0.001,
            "s" | "sec" | "second" | "seconds" => 1.0,
            "m" | "min" | "minute" | "minutes" => 60.0,
            "h" | "hour" | "hours" => 3600.0,
            "d" | "day" | "days" => 86400.0,
            "w" | "week" | "weeks" => 604_800.0,
            _ => return None,
        };
        seconds += number * unit;
        rest = rest[letters..].trim_start();
    }
    if seconds <= 0.0 {
        return None;
    }
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directive(text: &str) -> Result<Directive, MagicError> {
        read(text, 1, 0, Some(Scope::Cell))
    }

    #[test]
    fn both_ways_to_write_options() {
        let expected = vec![
            ("ttl", OptionValue::Duration(Duration::from_secs(3600))),
            ("max_entries", OptionValue::Count(1000)),
            (
                "files",
                OptionValue::List(vec!["a, b.csv".to_owned(), "c".to_owned()]),
            ),
            ("show_spinner", OptionValue::Bool(false)),
        ];
        for text in [
            r#"//% cache_data(ttl = "1h", max_entries = 1_000, files = ["a, b.csv", c], show_spinner = false)"#,
            r#"//% cache_data ttl=1h max_entries=1000 files=["a, b.csv" "c"] show_spinner=false"#,
            r#"//%cache_data ( ttl="1h" max_entries=1000, files = ["a, b.csv","c",], show_spinner=false, ) "#,
        ] {
            assert_eq!(directive(text).expect("a directive").options, expected, "{text}");
        }
    }

    #[test]
    fn values() {
        for (text, seconds) in [
            ("10s", 10),
            ("5m", 300),
            ("2d", 172_800),
            ("90", 90),
            ("1h30m", 5400),
            ("1h 30m", 5400),
        ] {
            assert_eq!(duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "x", "1x", "-1s", "0", "1h30", "s"] {
            assert_eq!(duration(text), None, "{text}");
        }
        assert_eq!(bytes("100MB"), Some(100_000_000));
        assert_eq!(bytes("2 GiB"), Some(2 << 30));
        assert_eq!(bytes("1_000"), Some(1000));
        assert_eq!(bytes("much"), None);
    }

    #[test]
    fn mistakes_name_the_nearest_right_word() {
        for (text, kind, message, help) in [
            (
                "//% cach_data",
                MagicErrorKind::UnknownDirective,
                "there is no directive `cach_data`",
                "`cache_data` is the nearest; the directives are `cache_data`, `cache_resource`",
            ),
            (
                "//% cache_data(tll = 3)",
                MagicErrorKind::BadDirective,
                "`cache_data` has no option `tll`",
                "`ttl` is the nearest; the options are `ttl`, `max_entries`",
            ),
            (
                "//% cache_data(validate = f)",
                MagicErrorKind::BadDirective,
                "`cache_data` has no option `validate`",
                "`validate` belongs to `cache_resource`",
            ),
            (
                "//% cache_data(ttl = soon)",
                MagicErrorKind::BadDirective,
                "`ttl` is a time such as \"10s\", \"5m\", \"1h\", \"2d\" or a number of seconds, not `soon`",
                "`ttl`: how long",
            ),
            (
                "//% cache_data persist=tape",
                MagicErrorKind::BadDirective,
                "`persist` is \"disk\" or \"memory\", not `tape`",
                "`persist`: where",
            ),
            (
                "//% cache_data(ttl",
                MagicErrorKind::BadDirective,
                "`ttl` needs a value: `ttl = …`",
                "write it like",
            ),
            (
                "//% cache_data(ttl=1",
                MagicErrorKind::BadDirective,
                "the closing `)` is missing",
                "write it like",
            ),
            (
                "//% cache_data ttl=1 ttl=2",
                MagicErrorKind::BadDirective,
                "`ttl` is given twice",
                "",
            ),
            (
                "//%",
                MagicErrorKind::UnknownDirective,
                "a directive's name must follow `//%`",
                "the directives are",
            ),
        ] {
            let error = directive(text).expect_err(text);
            assert_eq!((error.kind, error.message.as_str()), (kind, message));
            assert!(
                error.helps.first().map_or("", String::as_str).starts_with(help),
                "{:?}",
                error.helps
            );
        }
    }

    #[test]
    fn a_mistake_points_at_its_word() {
        let error = read("//% cache_data(tll = 3)", 4, 2, Some(Scope::Cell)).expect_err("unknown option");
        assert_eq!((error.line, error.columns), (4, 17..20));
    }
}
