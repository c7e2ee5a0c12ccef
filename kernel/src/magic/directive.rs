//! Directives: `//% cache_data(ttl = "1h")` lines, read and checked against [their table](super::directive_table).

use std::ops::Range;
use std::time::Duration;

use super::directive_table::{DIRECTIVES, DirectiveSpec, OptionKind, OptionSpec};
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

impl Directive {
    /// The directive that replaces this deprecated one.
    pub fn replacement(&self) -> Option<&'static str> {
        DirectiveSpec::find(self.name)?.replacement
    }
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

/// Whether a `//%` comment begins with a directive's name.
pub(super) fn is_named(comment: &str) -> bool {
    let body = comment.strip_prefix("//%").unwrap_or(comment).trim_start();
    let end = body.find(|c: char| !is_of_name(c)).unwrap_or(body.len());
    DirectiveSpec::find(&body[..end]).is_some()
}

/// The error for a directive behind something else in its line.
pub(super) fn not_alone(comment: &str, line: usize, before: &str) -> MagicError {
    let column = before.chars().count();
    MagicError {
        kind: MagicErrorKind::BadDirective,
        message: "a directive stands in a line of its own".to_owned(),
        helps: vec![format!(
            "move it above the cell's code, or above the `fn` that it is for; to be a remark, it must not begin with `{}`",
            comment.trim_end()
        )],
        line,
        columns: column..column + comment.trim_end().chars().count(),
    }
}

fn is_of_name(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
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
    let name_len = rest.find(|c: char| !is_of_name(c)).unwrap_or(rest.len());
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
    let all = || match raw {
        Raw::One(text) => vec![text.clone()],
        Raw::Many(values) => values.clone(),
    };
    match option.kind {
        OptionKind::List => Ok(OptionValue::List(all())),
        OptionKind::Globs => {
            let globs = all();
            match globs.iter().find_map(|text| bad_glob(text)) {
                Some(why) => Err(format!("`{name}`: {why}")),
                None => Ok(OptionValue::List(globs)),
            }
        }
        OptionKind::Text | OptionKind::Path => match one()? {
            "" => Err(format!("`{name}` must not be empty")),
            text => Ok(OptionValue::Text(text.to_owned())),
        },
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

/// What is wrong with a pattern of paths, and where.
fn bad_glob(text: &str) -> Option<String> {
    let error = glob::Pattern::new(text).err()?;
    let at = text.chars().count().min(error.pos) + 1;
    Some(format!(
        "`{text}` is no pattern of files: {} (at character {at})",
        error.msg
    ))
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
#[path = "directive_tests.rs"]
mod tests;
