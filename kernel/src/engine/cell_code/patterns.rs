//! The variables in the pattern of a `let`, and how evcxr gets to know of them.
//!
//! evcxr looks for names in patterns of tuples and structs only. Of others it learns from rust-analyzer, if they are new; where
//! there is an older variable of that name, the older value would be kept in place of the new one.

use ra_ap_syntax::ast::{self, AstNode, HasName};
use ra_ap_syntax::{SyntaxKind, SyntaxNode};

/// The names in a pattern, those of `a @ Some(b)` too.
pub fn names(pattern: &ast::Pat) -> impl Iterator<Item = ast::IdentPat> {
    pattern.syntax().descendants().filter_map(ast::IdentPat::cast)
}

/// On one line, statements that bind the variables once more which a `let` binds unseen by evcxr. Nothing for another
/// statement.
pub fn rebound(statement: &SyntaxNode) -> String {
    let Some(binding) = ast::LetStmt::cast(statement.clone()) else {
        return String::new();
    };
    let Some(pattern) = binding.pat() else {
        return String::new();
    };
    // What is under a condition may not be there.
    if is_conditional(statement) || pattern.syntax().descendants().any(|node| is_conditional(&node)) {
        return String::new();
    }
    let refutable = binding.let_else().is_some();
    let mut text = String::new();
    for bound in names(&pattern).filter(|bound| !is_seen(bound, &pattern)) {
        let Some(name) = bound.name() else { continue };
        let name = name.text();
        // `None` compares.
        if refutable && name.starts_with(char::is_uppercase) {
            continue;
        }
        let mutable = match (bound.mut_token(), bound.ref_token()) {
            (Some(_), None) => "mut ",
            _ => "",
        };
        let again = format!("let {mutable}{name} = {name}; ");
        // Alternatives bind the same names.
        if !text.contains(&again) {
            text.push_str(&again);
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

fn is_seen(name: &ast::IdentPat, pattern: &ast::Pat) -> bool {
    let mut node = name.syntax().clone();
    while node != *pattern.syntax() {
        let Some(parent) = node.parent() else { return false };
        if !matches!(
            parent.kind(),
            SyntaxKind::TUPLE_PAT
                | SyntaxKind::TUPLE_STRUCT_PAT
                | SyntaxKind::RECORD_PAT
                | SyntaxKind::RECORD_PAT_FIELD_LIST
                | SyntaxKind::RECORD_PAT_FIELD
        ) {
            return false;
        }
        node = parent;
    }
    true
}

fn is_conditional(node: &SyntaxNode) -> bool {
    let mut attributes = node.children().filter_map(ast::Attr::cast);
    attributes.any(|attribute| attribute.syntax().text().to_string().contains("cfg"))
}
