//! What macros may read: every name in their arguments, for nobody knows what they make of them.

use ra_ap_syntax::ast::{self, AstNode};
use ra_ap_syntax::{NodeOrToken, SyntaxNode, SyntaxToken, T};

use super::access::Access;
use super::reads::Reads;
use super::strings;
use super::tokens::plain_name;

/// Macros of std that only look at a lone argument.
const LOOKING_MACROS: [&str; 14] = [
    "print",
    "println",
    "eprint",
    "eprintln",
    "format",
    "format_args",
    "panic",
    "assert_eq",
    "assert_ne",
    "debug_assert_eq",
    "debug_assert_ne",
    "todo",
    "unimplemented",
    "unreachable",
];

impl Reads {
    pub(super) fn macro_call(&mut self, call: &ast::MacroCall) {
        let path = call.path();
        if let Some(path) = &path {
            self.path(path, Access::SHARED);
        }
        let name = path.as_ref().and_then(last_name);
        if let Some(arguments) = call.token_tree() {
            let looks = name.filter(|name| LOOKING_MACROS.contains(&name.as_str()));
            self.tokens(arguments.syntax(), looks);
        }
    }

    /// Every name in `node` that is not bound around it. `looks`: the macro of std whose arguments these are.
    pub(super) fn tokens(&mut self, node: &SyntaxNode, looks: Option<String>) {
        for token in node.descendants_with_tokens().filter_map(NodeOrToken::into_token) {
            let kind = token.kind();
            if kind.is_any_identifier() {
                let shared =
                    looks.is_some() && token.parent().as_ref() == Some(node) && is_lone_argument(&token);
                if shared {
                    self.trusted_macros.extend(looks.clone());
                }
                self.read(
                    plain_name(token.text()),
                    if shared { Access::SHARED } else { Access::ANY },
                );
            } else if kind.is_literal() {
                match strings::words_in_braces(&token) {
                    Ok(names) => {
                        let access = if looks.is_some() {
                            self.trusted_macros.extend(looks.clone());
                            Access::SHARED
                        } else {
                            Access::ANY
                        };
                        names.iter().for_each(|name| self.read(name, access));
                    }
                    Err(strings::Unreadable) => self.everything = true,
                }
            }
        }
    }
}

fn last_name(path: &ast::Path) -> Option<String> {
    Some(plain_name(path.segment()?.name_ref()?.text()).to_owned())
}

/// Whether it stands alone between commas or parentheses.
fn is_lone_argument(token: &SyntaxToken) -> bool {
    let neighbour = |next: fn(&SyntaxToken) -> Option<SyntaxToken>| {
        let mut at = next(token);
        while let Some(trivia) = at.as_ref().filter(|token| token.kind().is_trivia()) {
            at = next(trivia);
        }
        at.map(|token| token.kind())
    };
    let opens = |kind| matches!(kind, T![,] | T!['('] | T!['['] | T!['{']);
    let closes = |kind| matches!(kind, T![,] | T![')'] | T![']'] | T!['}']);
    neighbour(|token| token.prev_token()).is_some_and(opens)
        && neighbour(|token| token.next_token()).is_some_and(closes)
}
