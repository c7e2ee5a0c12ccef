//! Names that stand in string literals: `"{total:>width$}"`, `#[serde(default = "helper")]`.

use std::borrow::Cow;

use ra_ap_syntax::ast::{self, AstToken};
use ra_ap_syntax::{SyntaxKind, SyntaxToken};

/// The literal could not be unescaped: it may name anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

/// Every word of a string literal; nothing for another literal.
pub fn all_words(token: &SyntaxToken) -> Result<Vec<String>, Unreadable> {
    Ok(value(token)?.map_or_else(Vec::new, |text| words(&text).map(str::to_owned).collect()))
}

/// Every word between braces in a string literal. Macros read strings in their own ways (`{{` is not an escape to all of
/// them, nor must braces be closed), so nothing is made of their grammar.
pub fn words_in_braces(token: &SyntaxToken) -> Result<Vec<String>, Unreadable> {
    let Some(text) = value(token)? else {
        return Ok(Vec::new());
    };
    let (mut found, mut depth) = (Vec::new(), 0usize);
    let mut since_brace = 0;
    for (at, brace) in text.match_indices(['{', '}']) {
        let part = &text[since_brace..at];
        if depth > 0 || brace == "}" {
            found.extend(words(part).map(str::to_owned));
        }
        depth = if brace == "{" {
            depth + 1
        } else {
            depth.saturating_sub(1)
        };
        since_brace = at + 1;
    }
    if depth > 0 {
        found.extend(words(&text[since_brace..]).map(str::to_owned));
    }
    Ok(found)
}

fn value(token: &SyntaxToken) -> Result<Option<Cow<'static, str>>, Unreadable> {
    let text = match token.kind() {
        SyntaxKind::STRING => ast::String::cast(token.clone())
            .ok_or(Unreadable)?
            .value()
            .map_err(|_| Unreadable)?
            .into_owned(),
        SyntaxKind::BYTE_STRING => lossy(
            &ast::ByteString::cast(token.clone())
                .ok_or(Unreadable)?
                .value()
                .map_err(|_| Unreadable)?,
        ),
        SyntaxKind::C_STRING => lossy(
            &ast::CString::cast(token.clone())
                .ok_or(Unreadable)?
                .value()
                .map_err(|_| Unreadable)?,
        ),
        _ => return Ok(None),
    };
    Ok(Some(Cow::Owned(text)))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with(|c: char| c.is_alphabetic() || c == '_'))
}
