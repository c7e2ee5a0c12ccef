//! Where directives stand in a cell, and so what they are about.

use ra_ap_parser::SyntaxKind;

use super::directive::{self, Directive, Scope};
use super::error::MagicError;
use super::statements::{Token, tokens};

/// The `//%` lines of a cell's Rust.
pub(super) fn directives(code: &str) -> Result<Vec<Directive>, MagicError> {
    if !code.contains("//%") {
        return Ok(Vec::new());
    }
    let tokens = tokens(code);
    let mut directives = Vec::new();
    let mut any_rust = false;
    let (mut line, mut line_start) = (1, 0);
    for (index, token) in tokens.iter().enumerate() {
        let before = &code[line_start..token.range.start];
        if token.kind == SyntaxKind::COMMENT && token.text.starts_with("//%") {
            if !is_blank(before) {
                if directive::is_named(token.text) {
                    return Err(directive::not_alone(token.text, line, before));
                }
                // A remark.
                continue;
            }
            let scope = match function_below(&tokens[index + 1..]) {
                Some(name) => Some(Scope::Function(name)),
                None => (!any_rust).then_some(Scope::Cell),
            };
            let column = before.chars().count();
            directives.push(directive::read(token.text.trim_end(), line, column, scope)?);
        }
        any_rust |= !(token.kind.is_trivia() || is_blank(token.text));
        line += token.text.matches('\n').count();
        if let Some(at) = token.text.rfind('\n') {
            line_start = token.range.start + at + 1;
        }
    }
    Ok(directives)
}

/// Whether there is nothing to see in a piece of text; some editors begin with a byte order mark.
fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || c == '\u{feff}')
}

/// The function directly below: between it and the directive are only comments, attributes and what an
/// `fn` may begin with, and no empty line.
fn function_below(tokens: &[Token<'_>]) -> Option<String> {
    use SyntaxKind as K;
    let mut depth = 0usize;
    let mut tokens = tokens.iter().peekable();
    let mut begun = false;
    while let Some(token) = tokens.next() {
        match token.kind {
            K::WHITESPACE if !begun && token.text.matches('\n').count() > 1 => return None,
            K::WHITESPACE | K::COMMENT => {}
            K::POUND if depth == 0 => {}
            K::L_BRACK | K::L_PAREN => depth += 1,
            K::R_BRACK | K::R_PAREN => depth = depth.checked_sub(1)?,
            _ if depth > 0 => {}
            K::PUB_KW | K::UNSAFE_KW | K::ASYNC_KW | K::CONST_KW | K::EXTERN_KW | K::STRING => begun = true,
            K::FN_KW => {
                return tokens
                    .find(|token| !token.kind.is_trivia())
                    .map(|token| token.text.to_owned());
            }
            _ => return None,
        }
    }
    None
}
