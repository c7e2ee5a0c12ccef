//! The function that a directive stands above.

use std::ops::Range;

use ra_ap_syntax::ast::{self, AstNode, HasAttrs, HasGenericParams, HasName};
use ra_ap_syntax::{Edition, SourceFile};

use super::tokens::plain_name;

/// A function as the directive finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnotatedFn {
    pub name: String,
    /// The whole item in the cell's text, attributes and docs included, in bytes.
    pub range: Range<usize>,
    pub is_async: bool,
    /// Why it cannot be memoised; all that was found.
    pub unsupported: Vec<Unsupported>,
}

/// What a memoised function cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsupported {
    #[error("it is generic: each instance would need a cache of its own")]
    Generic,
    #[error("it is a method: its `self` is not an argument that can be compared")]
    Method,
    #[error("`{0}` is `&mut`: what it changes would not be changed by a hit")]
    MutableReference(String),
    #[error("`{0}` has no name: bind the pattern inside of the function")]
    Pattern(String),
    #[error("`{0}` is of an `impl Trait` type: name the type")]
    ImplTrait(String),
    #[error("`{0}` is code or a trait object, which cannot be compared")]
    Code(String),
    #[error("it returns a reference: return an owned value")]
    ReturnedBorrow,
    #[error("it returns `impl Trait`: name the type")]
    ReturnedImplTrait,
    #[error("it is `{0}`")]
    Qualifier(&'static str),
}

/// The function whose item begins on or below `line` of the cell (counted from 0) with nothing but attributes, docs and
/// comments in between. `None` if what stands there is no function of the cell itself.
pub fn annotated_fn(rust: &str, line: usize) -> Option<AnnotatedFn> {
    const PRELUDE: &str = "fn f(){";
    let at = rust.split_inclusive('\n').take(line).map(str::len).sum::<usize>();
    let file = SourceFile::parse(&format!("{PRELUDE}{rust}\n}}"), Edition::Edition2024);
    let around = ast::Fn::cast(file.syntax_node().children().next()?)?;
    let statements = around.body()?.stmt_list()?;
    let next = statements
        .syntax()
        .children()
        .find(|statement| first_significant(statement).is_some_and(|start| start >= at + PRELUDE.len()))?;
    let function = ast::Fn::cast(next)?;
    let range = function.syntax().text_range();
    Some(AnnotatedFn {
        name: plain_name(function.name()?.text()).to_owned(),
        range: usize::from(range.start()) - PRELUDE.len()..usize::from(range.end()) - PRELUDE.len(),
        is_async: function.async_token().is_some(),
        unsupported: unsupported(&function),
    })
}

/// Where the statement's first token stands that is not a comment.
fn first_significant(statement: &ra_ap_syntax::SyntaxNode) -> Option<usize> {
    statement
        .descendants_with_tokens()
        .filter_map(|element| element.into_token())
        .find(|token| !token.kind().is_trivia())
        .map(|token| usize::from(token.text_range().start()))
}

fn unsupported(function: &ast::Fn) -> Vec<Unsupported> {
    let mut found = Vec::new();
    for (is, word) in [
        (function.const_token().is_some(), "const"),
        (function.unsafe_token().is_some(), "unsafe"),
        (function.abi().is_some(), "extern"),
    ] {
        if is {
            found.push(Unsupported::Qualifier(word));
        }
    }
    let generics = function.generic_param_list();
    if generics.is_some_and(|list| list.type_or_const_params().next().is_some()) {
        found.push(Unsupported::Generic);
    }
    let parameters = function.param_list();
    if parameters
        .as_ref()
        .is_some_and(|list| list.self_param().is_some())
    {
        found.push(Unsupported::Method);
    }
    for parameter in parameters.into_iter().flat_map(|list| list.params()) {
        let Some(ast::Pat::IdentPat(name)) = parameter.pat() else {
            found.push(Unsupported::Pattern(parameter.syntax().text().to_string()));
            continue;
        };
        let name = name
            .name()
            .map_or_else(String::new, |name| name.text().to_string());
        match parameter.ty() {
            Some(ast::Type::RefType(it)) if it.mut_token().is_some() => {
                found.push(Unsupported::MutableReference(name));
            }
            Some(ast::Type::ImplTraitType(_)) => found.push(Unsupported::ImplTrait(name)),
            Some(of) if !name.starts_with('_') && is_code(&of) => found.push(Unsupported::Code(name)),
            _ => {}
        }
    }
    match function.ret_type().and_then(|of| of.ty()) {
        Some(ast::Type::RefType(it)) if it.lifetime().is_none_or(|it| it.text() != "'static") => {
            found.push(Unsupported::ReturnedBorrow);
        }
        Some(of)
            if of
                .syntax()
                .descendants()
                .any(|node| ast::ImplTraitType::can_cast(node.kind())) =>
        {
            found.push(Unsupported::ReturnedImplTrait);
        }
        _ => {}
    }
    found
}

fn is_code(of: &ast::Type) -> bool {
    of.syntax()
        .descendants()
        .any(|node| ast::FnPtrType::can_cast(node.kind()) || ast::DynTraitType::can_cast(node.kind()))
}
