//! Reads a cell into steps. See [the module](super) for which lines are what.

use ra_ap_parser::SyntaxKind;

use super::commands::{COMMANDS, Command};
use super::directive::Directive;
use super::error::{MagicError, MagicErrorKind, nearest};
use super::scope;
use super::statements::{Scanner, tokens};
use super::table::{MAGICS, Magic, MagicSpec};

/// A cell, read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ParsedCell {
    /// `%%time` stands above it.
    pub timed: bool,
    /// What to do, in order.
    pub steps: Vec<Step>,
    pub directives: Vec<Directive>,
}

/// One thing to do. Lines count from 1 and are the cell's.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Lines of Rust exactly as they stand in the cell, so that line `n` of `code` is line
    /// `first_line + n - 1` of the cell and columns are the same. There is at least one token in it.
    Rust { code: String, first_line: usize },
    /// A line magic.
    Magic { magic: Magic, line: usize },
    /// A line for the shell, without `!`.
    Shell { command: String, line: usize },
    /// A line for evcxr, from its `:` on.
    Command { name: String, args: String, line: usize },
    /// `?name`, `name?` (detail 0) or `name??` (detail 1). `rust` is the line where it can also be meant
    /// as Rust's `?` operator: run that instead if `name` is a variable whose type has it
    /// ([`has_question_mark`](crate::help::has_question_mark)).
    Inspect {
        name: String,
        detail: u8,
        rust: Option<String>,
        line: usize,
    },
}

impl ParsedCell {
    /// The cell's Rust alone: what is not Rust became empty lines, so that positions are the cell's.
    pub fn rust(&self) -> String {
        let mut code = String::new();
        let mut lines = 1;
        for step in &self.steps {
            if let Step::Rust {
                code: part,
                first_line,
            } = step
            {
                while lines < *first_line {
                    code.push('\n');
                    lines += 1;
                }
                code.push_str(part);
                lines += part.matches('\n').count();
            }
        }
        code
    }
}

/// Reads a cell.
///
/// # Errors
/// The first line that is not Rust and not right; then nothing of the cell should run.
pub fn parse(cell: &str) -> Result<ParsedCell, MagicError> {
    let mut parsed = ParsedCell::default();
    // What is not Rust, blanked out line by line: the text in which directives are looked for.
    let mut rust_only = String::with_capacity(cell.len());
    let mut rest = cell;
    let mut line = 1;
    let mut any_rust = false;
    let last_line = cell.trim_end().matches('\n').count() + 1;
    while !rest.is_empty() {
        let (before, found) = next_line(rest, line, any_rust, last_line);
        let (rust, from) = rest.split_at(before);
        rust_only.push_str(rust);
        // An open comment is rustc's to complain about.
        let has_tokens = tokens(rust)
            .iter()
            .any(|token| !token.kind.is_trivia() || token.is_unterminated());
        any_rust |= has_tokens;
        if has_tokens {
            parsed.steps.push(Step::Rust {
                code: rust.to_owned(),
                first_line: line,
            });
        }
        line += rust.matches('\n').count();
        let Some(kind) = found else { break };
        let end = from.find('\n').map_or(from.len(), |at| at + 1);
        let text = from[..end].trim_end_matches(['\n', '\r']);
        read_line(&mut parsed, kind, text, line, any_rust)?;
        if end > text.len() {
            rust_only.push('\n');
        }
        line += 1;
        rest = &from[end..];
    }
    parsed.directives = scope::directives(&rust_only)?;
    Ok(parsed)
}

/// Where in a cell a line begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinePlace {
    /// A statement, and with it a magic or command, could begin there.
    pub at_start: bool,
    /// Rust stands above, so that `!` is Rust.
    pub any_rust: bool,
    /// The byte from which on there is nothing but Rust up to the line.
    pub rust_from: usize,
}

/// What could stand on the line that begins at byte `line_start`.
pub fn line_place(cell: &str, line_start: usize) -> LinePlace {
    let above = &cell[..line_start];
    let mut from = 0;
    let mut any_rust = false;
    loop {
        // Nobody asks for help above the last line.
        let (before, found) = next_line(&above[from..], 1, any_rust, usize::MAX);
        let mut scanner = Scanner::default();
        let mut open = false;
        for token in tokens(&above[from..from + before]) {
            open = token.is_unterminated();
            scanner.token(token.kind, token.text);
        }
        any_rust |= scanner.any;
        if found.is_none() {
            return LinePlace {
                at_start: scanner.at_start() && !open,
                any_rust,
                rust_from: from,
            };
        }
        let line = &above[from + before..];
        from += before + line.find('\n').map_or(line.len(), |at| at + 1);
    }
}

/// What a line is that is not Rust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Magic,
    Shell,
    Command,
    Inspect,
}

/// The first line of `text` that is not Rust: how many bytes come before it, and what it is.
fn next_line(text: &str, first_line: usize, any_rust: bool, last_line: usize) -> (usize, Option<Kind>) {
    // Where lines that are not Rust follow each other, nothing must be lexed.
    if let Some(kind) = kind_of(text, any_rust, first_line == last_line) {
        return (0, Some(kind));
    }
    // Most often the first line that looks like one is one; then the rest need not be lexed, which
    // would take quadratic time for a cell of many magics.
    let mut at = 0;
    let near = text.split_inclusive('\n').map(|line| {
        at += line.len();
        (line, at)
    });
    let near = near
        .skip(1)
        .find(|(line, _)| line.trim_start().starts_with(['%', ':', '?', '!']));
    if let Some((_, end)) = near
        && let (before, Some(kind)) = scan(&text[..end], first_line, any_rust, last_line)
    {
        return (before, Some(kind));
    }
    scan(text, first_line, any_rust, last_line)
}

/// [`next_line`], by lexing all of `text`.
fn scan(text: &str, first_line: usize, any_rust: bool, last_line: usize) -> (usize, Option<Kind>) {
    let mut scanner = Scanner::default();
    let mut line_start = Some(0);
    let mut line = first_line;
    for token in tokens(text) {
        if let Some(start) = line_start
            && !matches!(token.kind, SyntaxKind::WHITESPACE)
        {
            line_start = None;
            if scanner.at_start()
                && let Some(kind) = kind_of(&text[start..], any_rust || scanner.any, line == last_line)
            {
                return (start, Some(kind));
            }
        }
        scanner.token(token.kind, token.text);
        line += token.text.matches('\n').count();
        if token.kind == SyntaxKind::WHITESPACE
            && let Some(at) = token.text.rfind('\n')
        {
            line_start = Some(token.range.start + at + 1);
        }
    }
    (text.len(), None)
}

/// What the line at the start of `text` is, knowing that a statement may begin there.
fn kind_of(text: &str, any_rust: bool, last: bool) -> Option<Kind> {
    let line = text.split('\n').next().unwrap_or_default().trim_end();
    let trimmed = line.trim_start();
    let mut chars = trimmed.chars();
    match chars.next()? {
        '%' => Some(Kind::Magic),
        ':' if chars.next() != Some(':') => Some(Kind::Command),
        '!' if !any_rust && line.starts_with('!') => Some(Kind::Shell),
        '?' => Some(Kind::Inspect),
        _ if last && trimmed.ends_with('?') && is_path(trimmed.trim_end_matches('?')) => Some(Kind::Inspect),
        _ => None,
    }
}

/// `name`, `a::b`, `name!`.
fn is_path(text: &str) -> bool {
    let text = text.strip_suffix('!').unwrap_or(text);
    !text.is_empty()
        && text.split("::").all(|part| {
            part.starts_with(|c: char| c == '_' || c.is_alphabetic())
                && part.chars().all(|c| c == '_' || c.is_alphanumeric())
        })
}

fn read_line(
    parsed: &mut ParsedCell,
    kind: Kind,
    text: &str,
    line: usize,
    any_rust: bool,
) -> Result<(), MagicError> {
    let trimmed = text.trim();
    let step = match kind {
        Kind::Shell => {
            let command = text.trim_start_matches('!').trim();
            if command.is_empty() {
                return Err(wrong(
                    MagicErrorKind::BadMagic,
                    "`!` needs a shell command: `!ls`",
                    None,
                    line,
                    text,
                ));
            }
            Step::Shell {
                command: command.to_owned(),
                line,
            }
        }
        Kind::Command => command(trimmed, text, line)?,
        Kind::Inspect => {
            let name = trimmed.trim_matches('?').trim();
            if name.is_empty() {
                Step::Magic {
                    magic: Magic::Help { name: None },
                    line,
                }
            } else {
                let detail = u8::from(trimmed.contains("??"));
                let rust = (!trimmed.starts_with('?') && !name.ends_with('!')).then(|| text.to_owned());
                Step::Inspect {
                    name: name.to_owned(),
                    detail,
                    rust,
                    line,
                }
            }
        }
        Kind::Magic if trimmed.ends_with('?') && is_path(trimmed.trim_matches(['%', '?'])) => {
            let name = trimmed.trim_end_matches('?');
            Step::Inspect {
                name: name.to_owned(),
                detail: u8::from(trimmed.ends_with("??")),
                rust: None,
                line,
            }
        }
        Kind::Magic if trimmed.starts_with("%%") => {
            let first = parsed.steps.is_empty() && !parsed.timed && !any_rust;
            cell_magic(trimmed, text, line, first)?;
            parsed.timed = true;
            return Ok(());
        }
        Kind::Magic => line_magic(text, line)?,
    };
    parsed.steps.push(step);
    Ok(())
}

fn line_magic(text: &str, line: usize) -> Result<Step, MagicError> {
    let indent = text.len() - text.trim_start().len();
    let after = &text[indent + 1..];
    let name_len = after
        .find(|c: char| !(c == '_' || c.is_alphanumeric()))
        .unwrap_or(after.len());
    let (name, rest) = after.split_at(name_len);
    let Some(spec) = MagicSpec::find(name).filter(|spec| spec.line) else {
        let names = MAGICS.iter().filter(|spec| spec.line).map(|spec| spec.name);
        return Err(unknown_magic(name, "%", names, line, text));
    };
    let args = rest.trim();
    let args_at = text.len() - rest.trim_start().len();
    let column = text[..args_at].chars().count();
    match (spec.parse)(args, column) {
        Ok(magic) => Ok(Step::Magic { magic, line }),
        Err(message) => {
            let help = format!("`{}`: {}", spec.forms().join("`, `"), spec.summary);
            Err(wrong(MagicErrorKind::BadMagic, &message, Some(help), line, text))
        }
    }
}

fn cell_magic(trimmed: &str, text: &str, line: usize, first: bool) -> Result<(), MagicError> {
    let after = &trimmed[2..];
    let name_len = after
        .find(|c: char| !(c == '_' || c.is_alphanumeric()))
        .unwrap_or(after.len());
    let (name, rest) = after.split_at(name_len);
    if MagicSpec::find(name).is_none_or(|spec| !spec.cell) {
        if MagicSpec::find(name).is_some() {
            let message = format!("`%%{name}` does not exist");
            let help = format!("`%{name}` does; it reaches to the end of its line");
            return Err(wrong(
                MagicErrorKind::UnknownMagic,
                &message,
                Some(help),
                line,
                text,
            ));
        }
        let names = MAGICS.iter().filter(|spec| spec.cell).map(|spec| spec.name);
        return Err(unknown_magic(name, "%%", names, line, text));
    }
    if !first {
        let message = format!("`%%{name}` must be the first line of its cell");
        let help = format!("to run one line, write `%{name}`");
        return Err(wrong(MagicErrorKind::BadMagic, &message, Some(help), line, text));
    }
    if !rest.trim().is_empty() {
        let message = format!("`%%{name}` takes nothing on its own line");
        let help = format!("the code goes below it; for one line write `%{name} …`");
        return Err(wrong(MagicErrorKind::BadMagic, &message, Some(help), line, text));
    }
    Ok(())
}

fn unknown_magic<'a>(
    name: &str,
    prefix: &str,
    names: impl Iterator<Item = &'a str>,
    line: usize,
    text: &str,
) -> MagicError {
    let message = match name {
        "" => format!("a magic's name must follow `{prefix}`"),
        name => format!("there is no magic `{prefix}{name}`"),
    };
    let help = match nearest(name, names) {
        Some(near) if !name.is_empty() => format!("`{prefix}{near}` is the nearest; `%lsmagic` lists all"),
        _ => "`%lsmagic` lists all".to_owned(),
    };
    wrong(MagicErrorKind::UnknownMagic, &message, Some(help), line, text)
}

fn command(trimmed: &str, text: &str, line: usize) -> Result<Step, MagicError> {
    let (name, args) = trimmed.split_once(char::is_whitespace).unwrap_or((trimmed, ""));
    if let Some(asked) = name.strip_suffix('?')
        && Command::find(asked.trim_end_matches('?')).is_some()
    {
        let detail = u8::from(asked.ends_with('?'));
        return Ok(Step::Inspect {
            name: asked.trim_end_matches('?').to_owned(),
            detail,
            rust: None,
            line,
        });
    }
    if Command::find(name).is_none() {
        let help = match nearest(name, COMMANDS.iter().map(|command| command.name)) {
            Some(near) => format!("`{near}` is the nearest; `:help` lists all"),
            None => "`:help` lists all".to_owned(),
        };
        let message = format!("there is no command `{name}`");
        return Err(wrong(
            MagicErrorKind::UnknownCommand,
            &message,
            Some(help),
            line,
            text,
        ));
    }
    Ok(Step::Command {
        name: name.to_owned(),
        args: args.trim().to_owned(),
        line,
    })
}

/// A mistake of a whole line.
fn wrong(kind: MagicErrorKind, message: &str, help: Option<String>, line: usize, text: &str) -> MagicError {
    let indent = text.chars().take_while(|c| c.is_whitespace()).count();
    let end = text.trim_end().chars().count();
    MagicError {
        kind,
        message: message.to_owned(),
        helps: help.into_iter().collect(),
        line,
        columns: indent..end,
    }
}

#[cfg(test)]
#[path = "cell_tests.rs"]
mod tests;
