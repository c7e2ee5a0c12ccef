//! The canonical form of Rust text: its tokens, without layout and plain comments, framed so that no two different
//! texts look the same; and, from the same walk, the words and the peculiarities in it.

use std::collections::BTreeSet;

use ra_ap_syntax::ast::{self, AstNode, AstToken};
use ra_ap_syntax::{NodeOrToken, SyntaxKind, SyntaxNode, SyntaxToken, T, WalkEvent};

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
    before: Before,
    paste_opened: bool,
    paste_closed: bool,
}

/// The token before the one that is looked at.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
enum Before {
    #[default]
    Nothing,
    Word(String),
    Punctuation(String),
    Other,
}

#[derive(Debug, Clone, Copy)]
enum TokenKind {
    Word = 1,
    Literal = 2,
    Lifetime = 3,
    Punctuation = 4,
    /// In macro arguments `a ::b` and `a : :b` are not the same.
    JointPunctuation = 5,
    Doc = 6,
    Other = 7,
}

/// Punctuation that means something else when its characters stand apart.
const GLUED: [&str; 19] = [
    "==", "=>", "!=", "<=", "<-", "<<", ">=", ">>", "&&", "||", "::", "->", "..", ".=", "+=", "-=", "*=",
    "/=", "%=",
];
const GLUED_BITS: [&str; 3] = ["^=", "&=", "|="];

impl Scan {
    pub fn of(node: &SyntaxNode) -> Scan {
        let mut scan = Scan::default();
        scan.add(node);
        scan
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
        let kind = token.kind();
        match kind {
            SyntaxKind::WHITESPACE => return,
            SyntaxKind::COMMENT => {
                if is_doc_comment(token) {
                    self.write(TokenKind::Doc, text);
                }
                return;
            }
            SyntaxKind::LIFETIME_IDENT => {
                self.write(TokenKind::Lifetime, text);
                self.before = Before::Other;
                return;
            }
            _ => {}
        }
        if kind.is_any_identifier() {
            self.write(TokenKind::Word, text);
            self.word(plain_name(text), kind);
        } else if kind.is_literal() {
            self.write(TokenKind::Literal, text);
            if in_macro || in_attribute {
                self.string(token, in_attribute);
            }
            self.before = Before::Other;
        } else if kind.is_punct() {
            let joint = in_macro && is_joint(token);
            self.write(
                if joint {
                    TokenKind::JointPunctuation
                } else {
                    TokenKind::Punctuation
                },
                text,
            );
            self.punctuation(text, in_macro);
        } else {
            self.write(TokenKind::Other, text);
            self.before = Before::Other;
        }
    }

    fn word(&mut self, word: &str, kind: SyntaxKind) {
        let after_path = matches!(&self.before, Before::Punctuation(text) if text == "::" || text == ":");
        self.flags.note_word(word, kind, after_path);
        if !self.words.contains(word) {
            self.words.insert(word.to_owned());
        }
        self.before = Before::Word(word.to_owned());
    }

    fn punctuation(&mut self, text: &str, in_macro: bool) {
        match (&self.before, text) {
            (Before::Word(word), "!") => self.flags.note_macro(word),
            (Before::Word(word), "::" | ":") => self.flags.note_path_start(word),
            // `[<get_ $name>]` of the paste crate, `${concat(a, b)}`: names that stand nowhere.
            (Before::Punctuation(before), "<") if in_macro && before == "[" => self.paste_opened = true,
            (Before::Punctuation(before), "]") if in_macro && before == ">" => self.paste_closed = true,
            (Before::Punctuation(before), "{") if in_macro && before == "$" => {
                self.flags.reads_everything = true;
            }
            _ => {}
        }
        self.flags.reads_everything |= self.paste_opened && self.paste_closed;
        self.before = Before::Punctuation(text.to_owned());
    }

    fn string(&mut self, token: &SyntaxToken, in_attribute: bool) {
        let names = if in_attribute {
            strings::all_words(token)
        } else {
            strings::words_in_braces(token)
        };
        match names {
            Ok(names) => self.words.extend(names),
            Err(strings::Unreadable) => self.flags.reads_everything = true,
        }
    }

    fn write(&mut self, kind: TokenKind, text: &str) {
        frame(&mut self.canonical, kind as u8, text.as_bytes());
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
            GLUED.contains(&pair.as_str()) || GLUED_BITS.contains(&pair.as_str())
        })
}

/// `?` and `.await` outside of items, closures or not.
pub fn has_token(node: &SyntaxNode, wanted: SyntaxKind) -> bool {
    node.descendants_with_tokens()
        .filter_map(|element| element.into_token())
        .any(|token| token.kind() == wanted || wanted == T![await] && token.text() == "await")
}
