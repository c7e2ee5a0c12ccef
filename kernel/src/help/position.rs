//! Offsets in a cell, and the name at one.

use std::ops::Range;

/// The byte at which code point `codepoint` begins; the end of the text if there are fewer.
pub fn byte_of(text: &str, codepoint: usize) -> usize {
    text.char_indices()
        .nth(codepoint)
        .map_or(text.len(), |(at, _)| at)
}

/// How many code points come before `byte`. A byte inside a character counts as its beginning.
pub fn codepoint_of(text: &str, byte: usize) -> usize {
    let mut byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    text[..byte].chars().count()
}

/// A name in a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameAt {
    /// The identifier.
    pub name: String,
    /// What stands before it and is joined by `::`: `["std", "fs"]` for `std::fs::read`.
    pub path: Vec<String>,
    /// The identifier's bytes.
    pub range: Range<usize>,
    /// It follows a `.`: a method or field.
    pub after_dot: bool,
    /// `!` follows it.
    pub is_macro: bool,
    /// `%`, `%%` or `:` at the start of its line stands before it, or `//%`.
    pub prefix: &'static str,
}

/// Whether a character belongs to an identifier. Combining marks do, as in rustc.
pub(super) fn is_name(c: char) -> bool {
    c == '_' || c.is_alphanumeric() || is_mark(c)
}

/// The blocks of combining marks that occur in identifiers (U+0300 to U+036F and its extensions).
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{487}' | '\u{591}'..='\u{5bd}' | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}' | '\u{900}'..='\u{903}' | '\u{93a}'..='\u{94f}' | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20dc}' | '\u{3099}' | '\u{309a}' | '\u{fe20}'..='\u{fe2f}')
}

/// The identifier that ends at or contains `byte`, by its bytes; an empty range if there is none.
pub(super) fn word_at(text: &str, byte: usize) -> Range<usize> {
    let start = word_start(text, byte);
    let end = byte + text[byte..].find(|c| !is_name(c)).unwrap_or(text.len() - byte);
    start..end
}

/// Where the identifier that ends at `byte` begins.
pub(super) fn word_start(text: &str, byte: usize) -> usize {
    text[..byte]
        .char_indices()
        .rev()
        .take_while(|(_, c)| is_name(*c))
        .last()
        .map_or(byte, |(at, _)| at)
}

/// The segments before `::` that stand before `start`: `std::fs::` gives `["std", "fs"]`. Generic
/// arguments (`Vec::<u8>::`) are skipped.
pub(super) fn path_before(text: &str, start: usize) -> Vec<String> {
    let mut segments = Vec::new();
    let mut before = text[..start].trim_end();
    while let Some(rest) = before.strip_suffix("::") {
        let mut rest = rest.trim_end();
        if rest.ends_with('>') {
            match generics_start(rest) {
                Some(at) => rest = rest[..at].trim_end().trim_end_matches("::").trim_end(),
                None => break,
            }
        }
        let at = word_start(rest, rest.len());
        if at == rest.len() {
            break;
        }
        segments.insert(0, rest[at..].to_owned());
        before = rest[..at].trim_end();
    }
    segments
}

/// Where the `<` is that the `>` at the end of `text` closes.
pub(super) fn generics_start(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    for (at, c) in text.char_indices().rev() {
        match c {
            '>' if text[..at].ends_with(['-', '=']) => return None,
            '>' => depth += 1,
            '<' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            ';' | '{' | '}' => return None,
            _ => {}
        }
    }
    None
}

/// The name at `codepoint`, or the function whose call's parentheses were just opened there.
pub fn name_at(text: &str, codepoint: usize) -> Option<NameAt> {
    let byte = byte_of(text, codepoint);
    let mut range = word_at(text, byte);
    if range.start == byte && text[byte..].starts_with(|c: char| c.is_numeric()) {
        range = byte..byte;
    }
    if range.is_empty() {
        // `f(|`, `vec![|`, `name!|`, `name?|`: the name before.
        let before = text[..byte].trim_end_matches(['(', '[', '!', '?', ' ']);
        range = word_at(text, before.len());
        if range.is_empty() || text[range.end..byte].contains("  ") {
            return None;
        }
    }
    let name = text[range.clone()].to_owned();
    let line_start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let before = text[line_start..range.start].trim();
    let prefix = ["//%", "%%", "%", ":"]
        .into_iter()
        .find(|prefix| before == *prefix)
        .unwrap_or("");
    if name.starts_with(|c: char| c.is_numeric()) && prefix.is_empty() {
        return None;
    }
    let before_name = text[..range.start].trim_end();
    let after = &text[range.end..];
    Some(NameAt {
        path: path_before(text, range.start),
        after_dot: before_name.ends_with('.') && !before_name.ends_with(".."),
        is_macro: after.starts_with('!') && !after.starts_with("!="),
        prefix,
        name,
        range,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text without its `$0`, and the code point at which that stood.
    fn cursor(text: &str) -> (String, usize) {
        let byte = text.find("$0").expect("a cursor");
        (text.replacen("$0", "", 1), text[..byte].chars().count())
    }

    #[test]
    fn offsets_are_code_points() {
        let text = "e\u{301}𝄞\r\nö";
        for (codepoint, byte) in [(0, 0), (1, 1), (2, 3), (3, 7), (4, 8), (5, 9), (6, 11), (99, 11)] {
            assert_eq!(byte_of(text, codepoint), byte);
            if codepoint < 7 {
                assert_eq!(codepoint_of(text, byte), codepoint);
            }
        }
        assert_eq!(codepoint_of(text, 5), 2);
    }

    #[test]
    fn names() {
        for (text, name) in [
            ("fo$0o", Some("foo")),
            ("$0foo + 1", Some("foo")),
            ("foo$0", Some("foo")),
            ("foo($0", Some("foo")),
            ("let 𝄞 = 1; über$0", Some("über")),
            ("cafe\u{301}$0", Some("cafe\u{301}")),
            ("1 + $0 2", None),
            ("12$03", None),
            ("", None),
            ("vec![$01]", Some("vec")),
        ] {
            let (text, at) = if text.is_empty() {
                (String::new(), 0)
            } else {
                cursor(text)
            };
            assert_eq!(
                name_at(&text, at).map(|name| name.name).as_deref(),
                name,
                "{text}"
            );
        }
    }

    #[test]
    fn paths_dots_and_prefixes() {
        let at = |text: &str| {
            let (text, at) = cursor(text);
            name_at(&text, at).expect("a name")
        };
        assert_eq!(at("std::fs::re$0ad").path, ["std", "fs"]);
        assert_eq!(at("Vec::<Vec<u8>>::ne$0w").path, ["Vec"]);
        assert!(at("x.le$0n()").after_dot);
        assert!(!at("0..le$0n").after_dot);
        assert!(at("printl$0n!(1)").is_macro);
        assert!(!at("a$0!=b").is_macro);
        assert_eq!(at("1;\n %ti$0me x").prefix, "%");
        assert_eq!(at("%%ti$0me").prefix, "%%");
        assert_eq!(at(":de$0p").prefix, ":");
        assert_eq!(at("//% cache_da$0ta").prefix, "//%");
    }
}
