//! A type as it is written, taken apart.

use ra_ap_syntax::ast::{self, AstNode, HasGenericArgs};
use ra_ap_syntax::{Edition, SourceFile};

use super::tokens::plain_name;

/// The shape of a written type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeText {
    /// `std::collections::HashMap<K, V>`: segments, and the type arguments of all of them.
    Path {
        segments: Vec<String>,
        arguments: Vec<TypeText>,
        text: String,
    },
    /// A tuple, an array, a slice, something in parentheses, `!`.
    Tuple(Vec<TypeText>),
    Reference {
        mutable: bool,
        to: Box<TypeText>,
        text: String,
    },
    RawPointer,
    FnPointer,
    Dyn(String),
    Impl(String),
    /// A macro, `_`, a closure, anything that is not a type's name.
    Unreadable,
}

impl TypeText {
    /// Reads a type as rust-analyzer writes it.
    pub fn parse(text: &str) -> TypeText {
        let file = SourceFile::parse(&format!("type T = {text};"), Edition::Edition2024);
        let mut items = file.syntax_node().children();
        let alias = items.next().and_then(ast::TypeAlias::cast);
        match alias.and_then(|alias| alias.ty()) {
            Some(of) if file.errors().is_empty() && items.next().is_none() => TypeText::of(&of),
            _ => TypeText::Unreadable,
        }
    }

    pub fn of(written: &ast::Type) -> TypeText {
        let inner = |of: Option<ast::Type>| of.map_or(TypeText::Unreadable, |of| TypeText::of(&of));
        let text = || tidy(&written.syntax().text().to_string());
        match written {
            ast::Type::ArrayType(it) => TypeText::Tuple(vec![inner(it.ty())]),
            ast::Type::SliceType(it) => TypeText::Tuple(vec![inner(it.ty())]),
            ast::Type::ParenType(it) => inner(it.ty()),
            ast::Type::TupleType(it) => TypeText::Tuple(it.fields().map(|of| TypeText::of(&of)).collect()),
            ast::Type::NeverType(_) => TypeText::Tuple(Vec::new()),
            ast::Type::RefType(it) => TypeText::Reference {
                mutable: it.mut_token().is_some(),
                to: Box::new(inner(it.ty())),
                text: text(),
            },
            ast::Type::PtrType(_) => TypeText::RawPointer,
            ast::Type::FnPtrType(_) | ast::Type::ForType(_) => TypeText::FnPointer,
            ast::Type::DynTraitType(_) => TypeText::Dyn(text()),
            ast::Type::ImplTraitType(_) => TypeText::Impl(text()),
            ast::Type::PathType(it) => it
                .path()
                .map_or(TypeText::Unreadable, |path| path_type(&path, text())),
            ast::Type::MacroType(_) | ast::Type::InferType(_) => TypeText::Unreadable,
            #[allow(unreachable_patterns, reason = "whatever a later grammar adds is not known")]
            _ => TypeText::Unreadable,
        }
    }

    /// As written, on one line.
    pub fn text(&self) -> &str {
        match self {
            TypeText::Path { text, .. } | TypeText::Reference { text, .. } => text,
            TypeText::Dyn(text) | TypeText::Impl(text) => text,
            TypeText::Tuple(_) => "(…)",
            TypeText::RawPointer => "a raw pointer",
            TypeText::FnPointer => "a function pointer",
            TypeText::Unreadable => "a type without a name",
        }
    }
}

fn path_type(path: &ast::Path, text: String) -> TypeText {
    let mut segments = Vec::new();
    let mut arguments = Vec::new();
    for segment in path.segments() {
        // `<T as Trait>::Out`, `Fn(A) -> B`.
        if segment.type_anchor().is_some() || segment.parenthesized_arg_list().is_some() {
            return TypeText::Unreadable;
        }
        let Some(name) = segment.name_ref() else {
            return TypeText::Unreadable;
        };
        segments.push(plain_name(name.text()).to_owned());
        for argument in segment
            .generic_arg_list()
            .into_iter()
            .flat_map(|list| list.generic_args())
        {
            match argument {
                ast::GenericArg::TypeArg(it) => {
                    arguments.push(it.ty().map_or(TypeText::Unreadable, |of| TypeText::of(&of)));
                }
                ast::GenericArg::AssocTypeArg(_) => arguments.push(TypeText::Unreadable),
                ast::GenericArg::ConstArg(_) | ast::GenericArg::LifetimeArg(_) => {}
            }
        }
    }
    TypeText::Path {
        segments,
        arguments,
        text,
    }
}

fn tidy(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
