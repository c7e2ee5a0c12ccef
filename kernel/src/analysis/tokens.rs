//! The canonical form of Rust text: its tokens, without layout and plain comments, framed so that no two different
//! texts look the same; and, from the same walk, the words and the peculiarities in it.

use std::collections::BTreeSet;

use ra_ap_syntax::ast::{self, AstNode, AstToken};
use ra_ap_syntax::{NodeOrToken, SyntaxKind, SyntaxNode, SyntaxToken, WalkEvent};

use super::flags::Flags;
use super::strings;

/// What one walk over a piece of Rust finds.
#[derive(Debug, Default)]
pub struct Scan {
    /// For each token: its kind (one byte), the length of its text (four, little-endian), its text.
    pub canonical: Vec<u8>,
    /// Every identifier and keyword, without `r#`, also those in macro arguments, in attributes, in their strings,
    /// and between the braces of strings in macro arguments.
    pub words: BTreeSet<String>,
    pub flags: Flags,
    /// There is a `?` in it, also in macro arguments, where it may be something else.
    pub question_mark: bool,
    /// The kind of the token before, and where its text begins in `canonical`.
    before: (TokenKind, usize),
    paste_opened: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum TokenKind {
    Word = 1,
    Literal = 2,
    Lifetime = 3,
    Punctuation = 4,
    /// In macro arguments `a ::b` and `a : :b` are not the same.
    JointPunctuation = 5,
    Doc = 6,
    #[default]
    Other = 7,
}

/// Punctuation that means something else when its characters stand apart.
const GLUED: [&str; 22] = [
    "==", "=>", "!=", "<=", "<-", "<<", ">=", ">>", "&&", "||", "::", "->", "..", ".=", "+=", "-=", "*=",
    "/=", "%=", "^=", "&=", "|=",
];

impl Scan {
    pub fn of(node: &SyntaxNode) -> Scan {
        let mut scan = Scan::default();
        scan.add(node);
        scan
    }

    /// Takes in what follows.
    pub fn append(&mut self, next: Scan) {
        self.canonical.extend(next.canonical);
        self.words.extend(next.words);
        self.flags.merge(next.flags);
        self.question_mark |= next.question_mark;
        self.before = (TokenKind::Other, self.canonical.len());
    }

    /// Takes in the tokens of `node`.
    pub fn add(&mut self, node: &SyntaxNode) {
        let (mut in_macro, mut in_attribute) = (0usize, 0usize);
        if node
            .ancestors()
            .skip(1)
            .any(|parent| is_token_tree(parent.kind()))
        {
            in_macro = 1;
        }
        for event in node.preorder_with_tokens() {
            match event {
                WalkEvent::Enter(NodeOrToken::Node(node)) => match node.kind() {
                    kind if is_token_tree(kind) => in_macro += 1,
                    SyntaxKind::ATTR if !is_doc_attribute(&node) => in_attribute += 1,
                    _ => {}
                },
                WalkEvent::Leave(NodeOrToken::Node(node)) => match node.kind() {
                    kind if is_token_tree(kind) => in_macro -= 1,
                    SyntaxKind::ATTR if !is_doc_attribute(&node) => in_attribute -= 1,
                    _ => {}
                },
                WalkEvent::Enter(NodeOrToken::Token(token)) => {
                    self.token(&token, in_macro > 0, in_attribute > 0);
                }
                WalkEvent::Leave(NodeOrToken::Token(_)) => {}
            }
        }
    }

    fn token(&mut self, token: &SyntaxToken, in_macro: bool, in_attribute: bool) {
        let text = token.text();
        let kind = match token.kind() {
            SyntaxKind::WHITESPACE => return,
            SyntaxKind::COMMENT if is_doc_comment(token) => TokenKind::Doc,
            SyntaxKind::COMMENT => return,
            SyntaxKind::LIFETIME_IDENT => TokenKind::Lifetime,
            kind if kind.is_any_identifier() => TokenKind::Word,
            kind if kind.is_literal() => TokenKind::Literal,
            kind if kind.is_punct() && in_macro && is_joint(token) => TokenKind::JointPunctuation,
            kind if kind.is_punct() => TokenKind::Punctuation,
            _ => TokenKind::Other,
        };
        match kind {
            TokenKind::Word => {
                self.word(plain_name(text), token.kind());
                // `#[path = "…"] mod other;`
                if in_attribute && text == "path" {
                    self.flags.includes_code();
                }
            }
            TokenKind::Literal if in_macro || in_attribute => self.string(token, in_attribute),
            TokenKind::Punctuation | TokenKind::JointPunctuation => self.punctuation(text, in_macro),
            _ => {}
        }
        frame(&mut self.canonical, kind as u8, text.as_bytes());
        self.before = (kind, self.canonical.len() - text.len());
    }

    fn word(&mut self, word: &str, kind: SyntaxKind) {
        let after_path = matches!(self.punctuation_before(), b"::" | b":");
        self.flags.note_word(word, kind, after_path);
        if !self.words.contains(word) {
            self.words.insert(word.to_owned());
            if matches!(word, "write" | "writeln") {
                // The macro calls it as a method of whatever trait is in scope.
                self.words.insert("write_fmt".to_owned());
            }
        }
    }

    fn punctuation(&mut self, text: &str, in_macro: bool) {
        self.question_mark |= text == "?";
        if self.before.0 == TokenKind::Word {
            if let ("!" | "::" | ":", Ok(word)) = (text, str::from_utf8(&self.canonical[self.before.1..])) {
                self.flags.note_before(plain_name(word), text);
            }
        } else if in_macro {
            match (self.punctuation_before(), text) {
                // `[<get_ $name>]` of the paste crate, `${concat(a, b)}`: names that stand nowhere.
                (b"[", "<") => self.paste_opened = true,
                (b">", "]") => self.flags.reads_everything |= self.paste_opened,
                (b"$", "{") => self.flags.reads_everything = true,
                _ => {}
            }
        }
    }

    fn punctuation_before(&self) -> &[u8] {
        match self.before.0 {
            TokenKind::Punctuation | TokenKind::JointPunctuation => &self.canonical[self.before.1..],
            _ => b"",
        }
    }

    fn string(&mut self, token: &SyntaxToken, in_attribute: bool) {
        // In a macro's body an attribute is only tokens: `#[serde(default = "path")]`.
        let names = if in_attribute || self.words.contains("serde") {
            strings::all_words(token)
        } else {
            strings::words_in_braces(token)
        };
        match names {
            Ok(names) => self.words.extend(names),
            Err(strings::Unreadable) => self.flags.reads_everything = true,
        }
    }
}

/// Appends `bytes` to `out` so that what follows cannot be taken for a part of it.
pub fn frame(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    out.push(kind);
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// An identifier without `r#`.
pub fn plain_name(text: &str) -> &str {
    text.strip_prefix("r#").unwrap_or(text)
}

fn is_token_tree(kind: SyntaxKind) -> bool {
    kind == SyntaxKind::TOKEN_TREE
}

fn is_doc_comment(token: &SyntaxToken) -> bool {
    ast::Comment::cast(token.clone()).is_some_and(|comment| comment.kind().doc.is_some())
}

fn is_doc_attribute(node: &SyntaxNode) -> bool {
    ast::Attr::cast(node.clone())
        .is_some_and(|attribute| attribute.simple_name().is_some_and(|name| name == "doc"))
}

fn is_joint(token: &SyntaxToken) -> bool {
    token
        .next_token()
        .filter(|next| next.kind().is_punct())
        .is_some_and(|next| {
            let last = token.text().chars().next_back();
            let first = next.text().chars().next();
            let pair: String = last.into_iter().chain(first).collect();
            GLUED.contains(&pair.as_str())
        })
}
