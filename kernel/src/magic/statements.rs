//! Where Rust statements begin and end, by tokens alone.
//!
//! The lexer is rust-analyzer's, so strings, raw strings, nested comments and lifetimes are what rustc
//! takes them for. A full parse is not needed and would guess where code is incomplete.

use std::collections::HashMap;
use std::ops::Range;

use ra_ap_parser::{Edition, LexedStr, SyntaxKind};

/// The edition of user code.
pub const EDITION: Edition = Edition::CURRENT;

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token<'a> {
    pub kind: SyntaxKind,
    pub text: &'a str,
    /// Bytes in the code.
    pub range: Range<usize>,
    /// What the lexer has against it: an unterminated string, a bad escape.
    pub error: Option<String>,
}

impl Token<'_> {
    /// Whether it is a string or comment whose end is missing. Characters are no such text: they end with
    /// their line.
    pub fn is_unterminated(&self) -> bool {
        use SyntaxKind as K;
        let errors = || self.error.as_deref().unwrap_or_default();
        matches!(self.kind, K::STRING | K::BYTE_STRING | K::C_STRING | K::COMMENT)
            && (errors().contains("Missing trailing") || errors().contains("raw string literal"))
    }
}

/// The tokens of `code`, blanks and comments included.
pub fn tokens(code: &str) -> Vec<Token<'_>> {
    let lexed = LexedStr::new(EDITION, code);
    let mut errors: HashMap<usize, String> = HashMap::new();
    for (token, error) in lexed.errors() {
        let all = errors.entry(token).or_default();
        all.push_str(error);
        all.push(';');
    }
    (0..lexed.len())
        .map(|i| Token {
            kind: lexed.kind(i),
            text: &code[lexed.text_range(i)],
            range: lexed.text_range(i),
            error: errors.remove(&i),
        })
        .collect()
}

/// How a statement ends, judged by how it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With `;`: `let`, `use`, `const`, `static`, `type`, `extern crate`.
    Semicolon,
    /// With a body, or `;`: `fn`, `struct`, `impl`, …
    Body,
    /// With a body: `if`, `match`, `for`, …; it is an expression.
    Block,
    /// A macro call, which ends with its braces or is an expression.
    Macro,
    /// Any other expression: with `;`, or with the end of the cell.
    Expression,
}

/// Follows statements token by token.
#[derive(Debug, Clone, Default)]
pub struct Scanner {
    /// Open brackets.
    stack: Vec<SyntaxKind>,
    /// The first tokens of the statement, outside of brackets; `{` stands for a whole body.
    lead: Vec<(SyntaxKind, String)>,
    /// Depth at which the attribute that is being read began.
    attribute: Option<usize>,
    /// An outer attribute or doc comment waits for its item.
    dangling: bool,
    /// The statement has ended with a `}`, unless `else`, `.` or `?` goes on with it.
    closed: bool,
    /// A bracket was closed that was not open.
    pub mismatched: bool,
    /// Some Rust was seen.
    pub any: bool,
    last: Option<SyntaxKind>,
    /// The last two tokens were dots.
    dots: bool,
}

/// As many tokens of a statement as are needed to know what it is.
const LEAD: usize = 24;

impl Scanner {
    /// Takes the next token.
    pub fn token(&mut self, kind: SyntaxKind, text: &str) {
        use SyntaxKind as K;
        if kind == K::COMMENT && self.stack.is_empty() {
            let doc = (text.starts_with("///") && !text.starts_with("////"))
                || (text.starts_with("/**") && !text.starts_with("/***") && text.len() > 4);
            if doc {
                self.end_if_closed(kind);
                self.dangling |= self.lead.is_empty();
            }
        }
        if kind.is_trivia() || kind == K::SHEBANG || kind == K::FRONTMATTER {
            return;
        }
        self.end_if_closed(kind);
        self.any = true;
        let depth = self.stack.len();
        if depth == 0 && self.lead.is_empty() && self.attribute.is_none() && kind == K::POUND {
            self.attribute = Some(0);
            self.dangling = true;
        } else if self.attribute.is_some() && depth == 0 && kind == K::BANG {
            // An inner attribute stands alone.
            self.dangling = false;
        }
        match kind {
            K::L_PAREN | K::L_BRACK | K::L_CURLY => {
                if depth == 0 && self.attribute.is_none() {
                    self.lead(kind, text);
                }
                self.stack.push(kind);
            }
            K::R_PAREN | K::R_BRACK | K::R_CURLY => {
                let open = match kind {
                    K::R_PAREN => K::L_PAREN,
                    K::R_BRACK => K::L_BRACK,
                    _ => K::L_CURLY,
                };
                if self.stack.pop() != Some(open) {
                    self.mismatched = true;
                }
                if self.stack.is_empty() && self.attribute.take().is_none() && kind == K::R_CURLY {
                    self.closed = self.ends_with_braces();
                }
            }
            K::SEMICOLON if depth == 0 => self.finish(),
            _ if depth == 0 && self.attribute.is_none() => self.lead(kind, text),
            _ => {}
        }
        self.dots = kind == K::DOT && self.last == Some(K::DOT);
        self.last = Some(kind);
    }

    /// Whether a statement could begin here, knowing that what comes is neither `else` nor `.`.
    pub fn at_start(&self) -> bool {
        self.stack.is_empty()
            && self.attribute.is_none()
            && !self.dangling
            && (self.lead.is_empty() || self.closed)
    }

    /// Open brackets.
    pub fn depth(&self) -> usize {
        self.stack.len()
    }

    /// An attribute or doc comment waits for its item, or an attribute is not finished.
    pub fn is_dangling(&self) -> bool {
        (self.dangling && self.lead.is_empty()) || self.attribute.is_some()
    }

    /// The last token that is neither blank nor comment.
    pub fn last(&self) -> Option<SyntaxKind> {
        self.last
    }

    /// The code ends with `..`.
    pub fn ends_with_dots(&self) -> bool {
        self.dots
    }

    /// How the statement that has begun must end; `None` between statements.
    pub fn ending(&self) -> Option<Ending> {
        (!self.lead.is_empty() && !self.closed).then(|| self.ending_of_lead())
    }

    /// Whether the statement that has begun has had a body in braces.
    pub fn has_body(&self) -> bool {
        self.lead.iter().any(|(kind, _)| *kind == SyntaxKind::L_CURLY)
    }

    fn lead(&mut self, kind: SyntaxKind, text: &str) {
        self.dangling = false;
        if self.lead.len() < LEAD || (kind == SyntaxKind::L_CURLY && !self.has_body()) {
            self.lead.push((kind, text.to_owned()));
        }
    }

    fn finish(&mut self) {
        self.lead.clear();
        self.closed = false;
        self.dangling = false;
        self.attribute = None;
    }

    fn end_if_closed(&mut self, next: SyntaxKind) {
        if !self.closed {
            return;
        }
        self.closed = false;
        let goes_on = match next {
            SyntaxKind::ELSE_KW => true,
            // `match x {}.len()` and `match x {}?`; an item's end is an end.
            SyntaxKind::DOT | SyntaxKind::QUESTION => self.ending_of_lead() != Ending::Body,
            _ => false,
        };
        if !goes_on {
            self.finish();
        }
    }

    fn ends_with_braces(&self) -> bool {
        match self.ending_of_lead() {
            Ending::Body | Ending::Block => true,
            Ending::Semicolon | Ending::Expression => false,
            // `name! { … }` and `macro_rules! name { … }`, with nothing before the braces.
            Ending::Macro => self
                .lead
                .iter()
                .position(|(kind, _)| *kind == SyntaxKind::BANG)
                .is_some_and(|bang| {
                    let after: Vec<SyntaxKind> =
                        self.lead[bang + 1..].iter().map(|(kind, _)| *kind).collect();
                    matches!(
                        after[..],
                        [SyntaxKind::L_CURLY] | [SyntaxKind::IDENT, SyntaxKind::L_CURLY]
                    )
                }),
        }
    }

    fn ending_of_lead(&self) -> Ending {
        use SyntaxKind as K;
        let mut lead = self
            .lead
            .iter()
            .map(|(kind, text)| (*kind, text.as_str()))
            .peekable();
        while let Some((kind, text)) = lead.next() {
            let next = lead.peek().map(|(kind, _)| *kind);
            match kind {
                K::PUB_KW => {
                    if next == Some(K::L_PAREN) {
                        lead.next();
                    }
                }
                K::LET_KW | K::USE_KW | K::STATIC_KW | K::TYPE_KW => return Ending::Semicolon,
                K::CONST_KW => match next {
                    Some(K::FN_KW | K::UNSAFE_KW | K::ASYNC_KW | K::EXTERN_KW) => {}
                    Some(K::L_CURLY) => return Ending::Block,
                    _ => return Ending::Semicolon,
                },
                K::UNSAFE_KW if next == Some(K::L_CURLY) => return Ending::Block,
                K::UNSAFE_KW => {}
                K::ASYNC_KW if matches!(next, Some(K::L_CURLY | K::MOVE_KW)) => return Ending::Block,
                K::ASYNC_KW => {}
                K::EXTERN_KW if next == Some(K::CRATE_KW) => return Ending::Semicolon,
                K::EXTERN_KW | K::STRING if next == Some(K::L_CURLY) => return Ending::Body,
                K::EXTERN_KW => {}
                K::STRING if matches!(next, Some(K::FN_KW)) => {}
                K::FN_KW | K::STRUCT_KW | K::ENUM_KW | K::TRAIT_KW | K::IMPL_KW | K::MOD_KW => {
                    return Ending::Body;
                }
                K::IF_KW | K::WHILE_KW | K::FOR_KW | K::MATCH_KW | K::LOOP_KW | K::L_CURLY => {
                    return Ending::Block;
                }
                K::LIFETIME_IDENT | K::COLON => {}
                K::IDENT if text == "union" && next == Some(K::IDENT) => return Ending::Body,
                K::IDENT | K::CRATE_KW | K::SELF_KW | K::SUPER_KW => {
                    // A path, and after it `!`.
                    let mut rest = lead.skip_while(|(kind, _)| {
                        matches!(kind, K::COLON | K::IDENT | K::CRATE_KW | K::SELF_KW | K::SUPER_KW)
                    });
                    let bang = rest.next().is_some_and(|(kind, _)| kind == K::BANG);
                    let not_equal = rest.next().is_some_and(|(kind, _)| kind == K::EQ);
                    return if bang && !not_equal {
                        Ending::Macro
                    } else {
                        Ending::Expression
                    };
                }
                _ => return Ending::Expression,
            }
        }
        Ending::Expression
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanned(code: &str) -> Scanner {
        let mut scanner = Scanner::default();
        for token in tokens(code) {
            scanner.token(token.kind, token.text);
        }
        scanner
    }

    #[test]
    fn a_statement_can_begin_after_these() {
        for code in [
            "",
            "// comment\n",
            "let a = 1;",
            "fn f() {}",
            "pub(crate) const unsafe extern \"C\" fn f() -> [u8; {N}] where T: X {}",
            "struct A { x: i32 }",
            "struct A;",
            "impl<T> A<T> { }",
            "union U { a: u8 }",
            "if a { b } else { c }",
            "if a == (A { x: 1 }) { b }",
            "'outer: for x in y {}",
            "match x { _ => {} }",
            "unsafe { f() }",
            "{ 1 }",
            "async { 1 }",
            "vec! { 1 }",
            "std::thread_local! { static A: u8 = 1; }",
            "macro_rules! m { () => {} }",
            "#![allow(x)]",
            "#[derive(Debug)]\nstruct A;",
            "let Some(x) = y else { panic!() };",
            "use std::{fs, io};",
            "/// doc\nfn f() {}",
        ] {
            assert!(scanned(code).at_start(), "{code}");
        }
    }

    #[test]
    fn a_statement_cannot_begin_after_these() {
        for code in [
            "a",
            "let a = if b { 1 } else { 2 }",
            "let Some(x) = y else { panic!() }",
            "x = A { y: 1 }",
            "return A { y: 1 }",
            "|x| { x }",
            "foo(1,",
            "vec![1]",
            "a != b",
            "match x {}.len()",
            "#[derive(Debug)]",
            "/// doc",
            "const A: B = B { x: 1 }",
            "\"unterminated\n",
            "/* unterminated\n fn",
            "macro_rules! m",
            "assert!(a); b",
        ] {
            let scanner = scanned(code);
            let unterminated = tokens(code).last().is_some_and(Token::is_unterminated);
            assert!(!scanner.at_start() || unterminated, "{code}");
        }
    }

    #[test]
    fn brackets_that_do_not_match() {
        assert!(scanned("(]").mismatched);
        assert!(scanned("}").mismatched);
        assert!(!scanned("({[").mismatched);
        assert_eq!(scanned("f(|x| { [").depth(), 3);
    }
}
