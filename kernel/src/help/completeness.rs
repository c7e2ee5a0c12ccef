//! Whether a cell can be run as it stands, for consoles that must know what Enter means.

use ra_ap_parser::SyntaxKind;

use super::keywords::ends_expression;
use crate::interpreter::Completeness;
use crate::magic::{Ending, Scanner, Step, parse, tokens};

/// Nobody types more than this many bytes into a console, and reading them would take too long.
const LARGE: usize = 400_000;

/// What is missing.
enum Missing {
    /// Something that is open must be closed; empty lines do not.
    Close,
    /// More would be right, yet someone who leaves a line empty wants the compiler's answer.
    More,
}

/// Judges a cell as Jupyter's `is_complete_request` wants it.
///
/// Open brackets, strings and comments need more, whatever comes. A statement that has begun
/// (`let x = 1` without `;`, `a +`, an attribute without its item) needs more until a line is left empty.
/// Wrong code is complete: running it tells what is wrong.
pub fn is_complete(code: &str) -> Completeness {
    if code.len() > LARGE {
        return Completeness::Complete;
    }
    // A mistake in a magic is shown when it is run.
    let Ok(parsed) = parse(code) else {
        return Completeness::Complete;
    };
    if parsed.timed && parsed.steps.is_empty() {
        return more(0);
    }
    let mut depth = 0;
    let mut missing = None;
    for step in &parsed.steps {
        let Step::Rust { code, .. } = step else { continue };
        let mut scanner = Scanner::default();
        let mut open_text = false;
        for token in tokens(code) {
            open_text = token.is_unterminated();
            scanner.token(token.kind, token.text);
        }
        if scanner.mismatched {
            return Completeness::Invalid;
        }
        depth = scanner.depth();
        missing = if depth > 0 || open_text {
            Some(Missing::Close)
        } else {
            missing_more(&scanner).then_some(Missing::More)
        };
    }
    // Only directives or doc comments so far.
    let doc = code.trim_end().lines().last().is_some_and(|line| {
        let line = line.trim_start();
        line.starts_with("///") && !line.starts_with("////")
    });
    if parsed.steps.is_empty() && (doc || !parsed.directives.is_empty()) {
        missing = Some(Missing::More);
    }
    match missing {
        None => Completeness::Complete,
        Some(Missing::Close) => more(depth),
        Some(Missing::More) if ends_with_empty_line(code) => Completeness::Complete,
        Some(Missing::More) => more(depth),
    }
}

fn more(depth: usize) -> Completeness {
    Completeness::Incomplete {
        indent: "    ".repeat(depth),
    }
}

fn ends_with_empty_line(code: &str) -> bool {
    let mut lines = code.split('\n').rev();
    let last = lines.next().unwrap_or_default();
    last.trim().is_empty() && lines.next().is_some_and(|line| line.trim().is_empty())
}

/// Whether the last statement has begun and cannot be its end, with all brackets closed.
fn missing_more(scanner: &Scanner) -> bool {
    use SyntaxKind as K;
    if scanner.is_dangling() {
        return true;
    }
    let Some(ending) = scanner.ending() else {
        return false;
    };
    match ending {
        Ending::Semicolon => return true,
        Ending::Body => return true,
        Ending::Block if !scanner.has_body() => return true,
        Ending::Block | Ending::Macro | Ending::Expression => {}
    }
    let Some(kind) = scanner.last() else { return false };
    match kind {
        K::R_PAREN | K::R_BRACK | K::R_CURLY | K::QUESTION | K::IDENT | K::SEMICOLON => false,
        // `0..` is a range; a single dot waits for a name.
        K::DOT => !scanner.ends_with_dots(),
        K::ERROR => false,
        kind if kind.is_literal() || kind == K::LIFETIME_IDENT => false,
        kind if kind.is_keyword(crate::magic::EDITION) => !ends_expression(kind),
        kind => kind.is_punct(),
    }
}

/// How deep brackets may be nested. Deeper code is no person's, and overflows the stacks of parsers.
pub const DEEPEST: usize = 256;

/// Whether brackets are nested deeper than [`DEEPEST`].
pub fn is_too_deep(code: &str) -> bool {
    // Most cells are decided without the lexer.
    if code
        .bytes()
        .filter(|byte| matches!(byte, b'(' | b'[' | b'{'))
        .count()
        <= DEEPEST
    {
        return false;
    }
    let mut depth = 0_usize;
    tokens(code).iter().any(|token| {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > DEEPEST
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complete() {
        for code in [
            "",
            "let x = 1;",
            "x",
            "x.len()",
            "if a { b } else { c }",
            "if a { b }",
            "fn f() {}",
            "fn f() -> Vec<i32> { vec![] }",
            "struct A;",
            "struct A(i32);",
            "0..",
            "x?",
            "println!(\"{}\", '{')",
            "return",
            "self",
            "\"}\"",
            "'}'",
            "r#\"{\"#",
            "/* { */ 1",
            "// (\n1",
            "%who",
            "%timeit f(1)",
            "!ls (",
            ":dep a = \"1\"",
            "let x = 5\n\n",
            "#[derive(Debug)]\n\n",
            "%nonsense",
            "macro_rules! m { () => {} }",
            "vec![1,\n2]",
            "#![allow(x)]",
            "match x { _ => 1 }\n    .abs()",
            "fn f<'a>(x: &'a str) {}",
        ] {
            assert_eq!(is_complete(code), Completeness::Complete, "{code}");
        }
    }

    #[test]
    fn incomplete() {
        for (code, depth) in [
            ("fn f() {", 1),
            ("fn f() {\n    if a {", 2),
            ("fn f() {\n\n\n", 1),
            ("foo(1,", 1),
            ("vec![", 1),
            ("let x = foo(|y| {", 2),
            ("\"abc", 0),
            ("r#\"abc\"", 0),
            ("/* abc", 0),
            ("b\"abc", 0),
            ("let x =", 0),
            ("let x = 5", 0),
            ("a +", 0),
            ("a.", 0),
            ("a &&", 0),
            ("fn f()", 0),
            ("fn f() ->", 0),
            ("struct A", 0),
            ("impl A", 0),
            ("use std::fs", 0),
            ("if a", 0),
            ("if a { 1 } else", 0),
            ("for x in", 0),
            ("match x", 0),
            ("#[derive(Debug)]", 0),
            ("/// doc", 0),
            ("//% cache_data", 0),
            ("%%time", 0),
            ("x as", 0),
            ("std::", 0),
            ("foo!", 0),
            ("let Some(x) = y else { return }", 0),
            ("%who\nfn f() {", 1),
        ] {
            assert_eq!(
                is_complete(code),
                Completeness::Incomplete {
                    indent: "    ".repeat(depth)
                },
                "{code}"
            );
        }
    }

    #[test]
    fn invalid() {
        for code in ["(]", "fn f() { ) }", "}", "let x = [1, 2);"] {
            assert_eq!(is_complete(code), Completeness::Invalid, "{code}");
        }
    }
}
