//! What is being typed at a place in a cell.

use super::position::{byte_of, path_before, word_start};
use crate::magic::{DirectiveSpec, MagicSpec, line_place, tokens};

/// What can be completed, and from which byte on it is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place<'a> {
    /// Where the text begins that a completion replaces.
    pub start: usize,
    /// The cursor.
    pub end: usize,
    pub kind: Kind<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// In a string or comment, or on a shell line.
    Nothing,
    /// `%ti`: names begin with `%`.
    Magic,
    /// A word of a magic's arguments that is no Rust.
    MagicWord(MagicWord),
    /// `:de`.
    Command,
    /// `//% cache`: names only.
    Directive,
    /// `//% cache_data(tt`.
    DirectiveOption(DirectiveKey),
    /// `//% cache_data(persist = "di`; with the option's name.
    DirectiveValue(DirectiveKey, &'a str),
    /// After a `.`; what stands before it.
    Member {
        receiver: &'a str,
    },
    /// After a `::`.
    Path,
    Name,
}

/// Index into the table of magics, so that a place stays `Copy` and comparable.
pub(super) type MagicWord = &'static str;
pub(super) type DirectiveKey = &'static str;

/// What stands at `cursor` (code points) of `code`.
pub(super) fn place(code: &str, cursor: usize) -> Place<'_> {
    let end = byte_of(code, cursor);
    let line_start = code[..end].rfind('\n').map_or(0, |at| at + 1);
    let line = &code[line_start..end];
    let nothing = Place {
        start: end,
        end,
        kind: Kind::Nothing,
    };
    let lines = line_place(code, line_start);
    let trimmed = line.trim_start();
    let indent = line_start + line.len() - trimmed.len();
    if lines.at_start {
        if trimmed.starts_with('%') {
            return magic(code, indent, end);
        }
        if trimmed.starts_with(':') && !trimmed.starts_with("::") {
            let name = !trimmed.contains(char::is_whitespace);
            return if name {
                Place {
                    start: indent,
                    end,
                    kind: Kind::Command,
                }
            } else {
                nothing
            };
        }
        if line.starts_with('!') && !lines.any_rust {
            return nothing;
        }
        if trimmed.starts_with('?') {
            return rust(code, line_start, end);
        }
    }
    rust(code, lines.rust_from, end)
}

fn magic(code: &str, indent: usize, end: usize) -> Place<'_> {
    let text = &code[indent..end];
    let Some(blank) = text.find(char::is_whitespace) else {
        return Place {
            start: indent,
            end,
            kind: Kind::Magic,
        };
    };
    let spec = MagicSpec::find(text[..blank].trim_start_matches('%'));
    let word = text.rfind(char::is_whitespace).map_or(end, |at| {
        indent + at + text[at..].chars().next().map_or(1, char::len_utf8)
    });
    let Some(spec) = spec else {
        return Place {
            start: end,
            end,
            kind: Kind::Nothing,
        };
    };
    if code[word..end].starts_with(['-', '%', ':']) || !spec.takes_rust {
        return Place {
            start: word,
            end,
            kind: Kind::MagicWord(spec.name),
        };
    }
    rust(code, indent + blank, end)
}

/// A place in the Rust that begins at byte `from`.
fn rust(code: &str, from: usize, end: usize) -> Place<'_> {
    let before = &code[from..end];
    let tokens = tokens(before);
    if let Some(last) = tokens.last() {
        use ra_ap_parser::SyntaxKind as K;
        if last.kind == K::COMMENT && (last.text.starts_with("//") || last.is_unterminated()) {
            let start = from + last.range.start;
            let line_start = code[..start].rfind('\n').map_or(0, |at| at + 1);
            let own_line = code[line_start..start].trim().is_empty();
            return match last.text.strip_prefix("//%") {
                Some(text) if own_line => directive(text, end),
                _ => Place {
                    start: end,
                    end,
                    kind: Kind::Nothing,
                },
            };
        }
        let text = matches!(
            last.kind,
            K::STRING | K::BYTE_STRING | K::C_STRING | K::CHAR | K::BYTE
        );
        if (text && last.is_unterminated()) || last.kind == K::INT_NUMBER || last.kind == K::FLOAT_NUMBER {
            return Place {
                start: end,
                end,
                kind: Kind::Nothing,
            };
        }
    }
    let start = word_start(code, end).max(from);
    let head = code[from..start].trim_end();
    let kind = if head.ends_with('.') && !head.ends_with("..") {
        Kind::Member {
            receiver: head[..head.len() - 1].trim_end(),
        }
    } else if !path_before(code, start).is_empty() {
        Kind::Path
    } else {
        Kind::Name
    };
    Place { start, end, kind }
}

/// In the text behind `//%`, which ends at the cursor.
fn directive(text: &str, end: usize) -> Place<'_> {
    let trimmed = text.trim_start();
    let name_end = trimmed
        .find(|c: char| !(c == '_' || c.is_alphanumeric()))
        .unwrap_or(trimmed.len());
    if name_end == trimmed.len() {
        return Place {
            start: end - trimmed.len(),
            end,
            kind: Kind::Directive,
        };
    }
    let nothing = Place {
        start: end,
        end,
        kind: Kind::Nothing,
    };
    let Some(spec) = DirectiveSpec::find(&trimmed[..name_end]) else {
        return nothing;
    };
    let options = &trimmed[name_end..];
    let word = options
        .rfind(|c: char| !(c == '_' || c.is_alphanumeric()))
        .map_or(0, |at| {
            at + options[at..].chars().next().map_or(1, char::len_utf8)
        });
    let start = end - (options.len() - word);
    let head = options[..word].trim_end();
    let value = head.strip_suffix('"').unwrap_or(head).trim_end();
    match value.strip_suffix('=') {
        Some(before) => {
            let before = before.trim_end();
            let name = &before[word_start(before, before.len())..];
            Place {
                start,
                end,
                kind: Kind::DirectiveValue(spec.name, name),
            }
        }
        None if options[..word].matches('"').count() % 2 == 1 => nothing,
        None => Place {
            start,
            end,
            kind: Kind::DirectiveOption(spec.name),
        },
    }
}
