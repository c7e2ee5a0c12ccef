//! The statics in an item, at any depth: in its modules, function bodies and macro arguments.

use ra_ap_syntax::ast::{self, AstNode, HasName};
use ra_ap_syntax::{NodeOrToken, SyntaxKind, SyntaxNode, SyntaxToken, T};

use super::tokens::plain_name;
use super::type_text::TypeText;

/// A `static` that the notebook defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Static {
    /// Empty if a macro makes it up.
    pub name: String,
    pub kind: StaticKind,
}

/// What a static's text tells of whether its value can change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StaticKind {
    /// Its type decides.
    Of(TypeText),
    /// `static mut`.
    Mutable,
    /// It stands in an `extern` block: others write it.
    Foreign,
    /// It stands in a macro, such as `thread_local!`, which may make anything of it.
    InMacro,
}

/// The statics in `item`.
pub fn statics(item: &SyntaxNode) -> Vec<Static> {
    let tokens = item.descendants_with_tokens().filter_map(NodeOrToken::into_token);
    tokens
        .filter(|token| token.kind() == T![static])
        .filter_map(|token| {
            let parent = token.parent()?;
            match ast::Static::cast(parent.clone()) {
                Some(definition) => Some(written(&definition)),
                None if parent.kind() == SyntaxKind::TOKEN_TREE => Some(Static {
                    name: name_after(&token),
                    kind: StaticKind::InMacro,
                }),
                // A closure.
                None => None,
            }
        })
        .collect()
}

fn written(definition: &ast::Static) -> Static {
    let mut around = definition.syntax().ancestors();
    let kind = if around.any(|node| node.kind() == SyntaxKind::EXTERN_BLOCK) {
        StaticKind::Foreign
    } else if definition.mut_token().is_some() {
        StaticKind::Mutable
    } else {
        StaticKind::Of(
            definition
                .ty()
                .map_or(TypeText::Unreadable, |of| TypeText::of(&of)),
        )
    };
    let name = definition.name();
    Static {
        name: name.map_or_else(String::new, |name| plain_name(name.text()).to_owned()),
        kind,
    }
}

/// `X` of `static ref X`, `static mut X`, `static X`.
fn name_after(keyword: &SyntaxToken) -> String {
    let tokens = std::iter::successors(keyword.next_token(), SyntaxToken::next_token);
    let mut words = tokens
        .filter(|token| !token.kind().is_trivia())
        .skip_while(|token| matches!(token.text(), "ref" | "mut"));
    let name = words.next().filter(|token| token.kind() == SyntaxKind::IDENT);
    name.map_or_else(String::new, |name| plain_name(name.text()).to_owned())
}
