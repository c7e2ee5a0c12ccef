//! The function below a directive: what a wrapper must know of it, or why it cannot have one.

use std::ops::Range;

use ra_ap_syntax::ast::{
    self, AstNode, AstToken, HasAttrs, HasGenericArgs, HasGenericParams, HasName, HasVisibility,
};
use ra_ap_syntax::{Edition, NodeOrToken, SourceFile, SyntaxKind, SyntaxNode, TextRange, TextSize};

use super::{Refused, results};
use crate::analysis::Item;

/// As statements stand in a function, so does a cell.
const PRELUDE: &str = "fn f(){";

pub const CHANGES_ARGUMENT: &str = "what the body changes there would not change on a hit";
pub const RETURN_CHANGED: &str = "Take a value and return the changed one.";
pub const RETURNS_BORROW: &str =
    "it returns a borrow: what it borrows from is gone when the result is given again";
pub const RETURN_OWNED: &str = "Return an owned value, such as a `String` for a `&str`.";

/// As many as the runtime's `returned::of_24` takes.
const MOST_ARGUMENTS: usize = 24;

/// Attributes that mean in a wrapper what they mean without.
const KEPT_ATTRIBUTES: [&str; 11] = [
    "doc",
    "inline",
    "must_use",
    "allow",
    "warn",
    "deny",
    "expect",
    "cold",
    "deprecated",
    "rustfmt",
    "clippy",
];

/// A function that can be wrapped. Offsets are bytes of the text that it stands in.
#[derive(Debug)]
pub struct Function {
    /// Without `r#`.
    pub name: String,
    /// As written.
    pub written_name: String,
    pub name_range: Range<usize>,
    /// Where its directive begins.
    pub directive: usize,
    /// Where all that belongs to it begins: its directive, or an attribute above that.
    pub start: usize,
    pub visibility: Visibility,
    pub is_async: bool,
    pub params: Vec<Param>,
    /// `None` for `()`.
    pub returned: Option<Returned>,
    /// Offsets of the body's braces.
    pub open: usize,
    pub close: usize,
    /// Generic lifetimes, as written: `<'a>`.
    pub lifetimes: String,
}

/// Who may see a function.
#[derive(Debug)]
pub enum Visibility {
    /// Whoever may see what is around a wrapper.
    Wide,
    /// It says nothing; where `fn`, or what stands before that, begins.
    Unsaid(usize),
    /// Only the module in which it stands, such as `pub(self)`.
    Narrow(Range<usize>),
}

/// A parameter.
#[derive(Debug)]
pub struct Param {
    /// The names that it binds, without `r#`, as they are written, and whether they are inputs.
    pub names: Vec<(String, bool)>,
    /// Pattern and type, on one line.
    pub text: String,
    pub type_text: String,
    pub type_range: Range<usize>,
}

/// What a function returns.
#[derive(Debug)]
pub struct Returned {
    pub range: Range<usize>,
    /// On one line.
    pub text: String,
    /// The first argument of a `Result`, and its text.
    pub ok: Option<(Range<usize>, String)>,
    /// Types in it that are named without a lifetime: it may be left out.
    pub without_lifetime: Vec<String>,
}

/// Why there can be no wrapper, and where that stands.
#[derive(Debug)]
pub struct Problem {
    pub why: String,
    pub help: &'static str,
    pub range: Range<usize>,
}

impl Problem {
    fn new(why: impl Into<String>, help: &'static str, range: TextRange) -> Problem {
        Problem {
            why: why.into(),
            help,
            range: in_cell(range),
        }
    }

    /// A function below two directives.
    pub fn second_directive(function: &Function) -> Problem {
        Problem {
            why: "there are two directives above it".to_owned(),
            help: "Remove one of them.",
            range: function.directive..function.directive + 3,
        }
    }

    /// The refusal, with the place on the line on which it begins.
    pub fn at(self, function: &str, rust: &str, first_line: usize) -> Refused {
        let before = &rust[..self.range.start.min(rust.len())];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let column = before[line_start..].chars().count();
        let range = rust.get(self.range).unwrap_or_default();
        let width = range.lines().next().unwrap_or_default().chars().count();
        Refused {
            function: function.to_owned(),
            why: self.why,
            help: self.help.to_owned(),
            line: first_line + before.matches('\n').count(),
            columns: column..column + width.max(1),
        }
    }
}

/// A range without the function around the cell.
fn in_cell(range: TextRange) -> Range<usize> {
    let offset = |at: TextSize| usize::from(at).saturating_sub(PRELUDE.len());
    offset(range.start())..offset(range.end())
}

/// Reads the function `name` below the directive on `line` (from 0). `items`: the notebook's.
pub fn function(rust: &str, line: usize, name: &str, items: &[&Item]) -> Result<Function, Problem> {
    let line_start: usize = rust.split_inclusive('\n').take(line).map(str::len).sum();
    let indent = rust[line_start..].find("//%").unwrap_or(0);
    let directive = line_start + indent;
    let file = SourceFile::parse(&format!("{PRELUDE}{rust}\n}}"), Edition::Edition2024);
    let root = file.syntax_node();
    let at = directive + PRELUDE.len();
    let found = root.descendants().filter_map(ast::Fn::cast).find(|function| {
        function
            .fn_token()
            .is_some_and(|token| usize::from(token.text_range().start()) > at)
            && function.name().is_some_and(|it| it.text() == name)
    });
    let unread = || Problem {
        why: "it cannot be read".to_owned(),
        help: "Look for a bracket that is not closed, or a `;` that is missing above the directive.",
        range: directive..directive + 3,
    };
    let function = found.ok_or_else(unread)?;
    check_place(&function, &root)?;
    check_kind(&function)?;
    let params = params(&function)?;
    let returned = returned(&function, items)?;
    let list = function
        .body()
        .and_then(|body| body.stmt_list())
        .ok_or_else(unread)?;
    let offset = |range: TextRange| usize::from(range.start()) - PRELUDE.len();
    let (Some(open), Some(close)) = (list.l_curly_token(), list.r_curly_token()) else {
        return Err(unread());
    };
    let first = function
        .async_token()
        .or_else(|| function.fn_token())
        .ok_or_else(unread)?;
    let lifetimes = function.generic_param_list();
    Ok(Function {
        name: name.trim_start_matches("r#").to_owned(),
        written_name: name.to_owned(),
        name_range: in_cell(name_range(&function)),
        directive,
        start: start(&function).map_or(directive, |start| directive.min(in_cell(start).start)),
        visibility: match function.visibility() {
            None => Visibility::Unsaid(offset(first.text_range())),
            Some(said) => {
                let is_narrow = said.syntax().descendants().any(|node| {
                    ast::Path::cast(node).is_some_and(|path| {
                        let first = path.first_segment();
                        first.is_some_and(|first| first.self_token().is_some())
                    })
                });
                match is_narrow {
                    true => Visibility::Narrow(in_cell(said.syntax().text_range())),
                    false => Visibility::Wide,
                }
            }
        },
        is_async: function.async_token().is_some(),
        params,
        returned,
        open: offset(open.text_range()),
        close: offset(close.text_range()),
        lifetimes: lifetimes.map_or_else(String::new, |it| one_line(it.syntax())),
    })
}

/// The first attribute or line of documentation.
fn start(function: &ast::Fn) -> Option<TextRange> {
    let mut parts = function.syntax().children_with_tokens();
    let first = parts.find(|part| match part {
        NodeOrToken::Node(node) => ast::Attr::can_cast(node.kind()),
        NodeOrToken::Token(token) => {
            ast::Comment::cast(token.clone()).is_some_and(|comment| comment.kind().doc.is_some())
        }
    });
    first.map(|part| part.text_range())
}

fn check_place(function: &ast::Fn, root: &SyntaxNode) -> Result<(), Problem> {
    let around = root
        .children()
        .find_map(ast::Fn::cast)
        .and_then(|cell| cell.body()?.stmt_list());
    let parent = function.syntax().parent();
    if around.is_some_and(|around| parent.as_ref() == Some(around.syntax())) {
        return Ok(());
    }
    let is_method = function
        .param_list()
        .is_some_and(|list| list.self_param().is_some());
    let in_impl = parent.is_some_and(|parent| parent.kind() == SyntaxKind::ASSOC_ITEM_LIST);
    let why = match (is_method, in_impl) {
        (true, _) => "it is a method, and what `self` holds is not known to the cache",
        (false, true) => "it belongs to a type or trait",
        (false, false) => "it stands inside of another item",
    };
    let help = "Put the work into a function of the cell itself and call that.";
    Err(Problem::new(why, help, name_range(function)))
}

fn check_kind(function: &ast::Fn) -> Result<(), Problem> {
    for (token, why) in [
        (
            function.const_token(),
            "it is `const`: the compiler may run it, and has no cache",
        ),
        (
            function.unsafe_token(),
            "it is `unsafe`: its caller promises what a cache cannot know",
        ),
    ] {
        if let Some(token) = token {
            let help = "Put the work into a plain function and call that.";
            return Err(Problem::new(why, help, token.text_range()));
        }
    }
    if let Some(abi) = function.abi() {
        let help = "Put the work into a plain function and call that.";
        let why = "it is `extern`: its callers may be no Rust";
        return Err(Problem::new(why, help, abi.syntax().text_range()));
    }
    let generics = function.generic_param_list();
    if let Some(param) = generics.and_then(|list| list.type_or_const_params().next()) {
        let why = "it is generic: every type would need a cache of its own";
        let help = "Write one function for each type, or put the work into one that is not generic.";
        return Err(Problem::new(why, help, param.syntax().text_range()));
    }
    for attribute in function.attrs() {
        let path = attribute.path().map(|path| path.syntax().text().to_string());
        let path = path.unwrap_or_default();
        let first = path.split("::").next().unwrap_or_default().trim();
        if attribute.kind().is_outer() && !first.is_empty() && !KEPT_ATTRIBUTES.contains(&first) {
            let why = format!("the attribute `{path}` may make another function of it");
            let help = "Put the attribute on a function that calls the cached one.";
            return Err(Problem::new(why, help, attribute.syntax().text_range()));
        }
    }
    Ok(())
}

fn params(function: &ast::Fn) -> Result<Vec<Param>, Problem> {
    let list = function.param_list();
    if let Some(it) = list.as_ref().and_then(|list| list.self_param()) {
        let why = "it is a method, and what `self` holds is not known to the cache";
        let help = "Put the work into a function of the cell itself and call that.";
        return Err(Problem::new(why, help, it.syntax().text_range()));
    }
    if let Some(list) = list
        .as_ref()
        .filter(|list| list.params().count() > MOST_ARGUMENTS)
    {
        let why = format!("it has more than {MOST_ARGUMENTS} arguments");
        let help = "Put some of them into a tuple or a struct.";
        return Err(Problem::new(why, help, list.syntax().text_range()));
    }
    let mut params = Vec::new();
    for param in list.into_iter().flat_map(|list| list.params()) {
        let (Some(pattern), Some(of)) = (param.pat(), param.ty()) else {
            let help = "Name its pattern and its type.";
            return Err(Problem::new(
                "a parameter cannot be read",
                help,
                param.syntax().text_range(),
            ));
        };
        let names: Vec<(String, bool)> = pattern
            .syntax()
            .descendants()
            .filter_map(ast::IdentPat::cast)
            .filter_map(|name| Some(name.name()?.text().to_string()))
            .map(|name| {
                let is_input = !name.trim_start_matches("r#").starts_with('_');
                (name, is_input)
            })
            .collect();
        let called = names.first().map_or("_", |(name, _)| name.as_str());
        check_param(&of, called, names.iter().any(|(_, is_input)| *is_input))?;
        params.push(Param {
            names,
            text: one_line(param.syntax()),
            type_text: one_line(of.syntax()),
            type_range: in_cell(of.syntax().text_range()),
        });
    }
    Ok(params)
}

fn check_param(of: &ast::Type, name: &str, is_input: bool) -> Result<(), Problem> {
    let range = of.syntax().text_range();
    for node in of.syntax().descendants() {
        if ast::RefType::cast(node.clone()).is_some_and(|it| it.mut_token().is_some()) {
            let why = format!("its argument `{name}` is `&mut`: {CHANGES_ARGUMENT}");
            return Err(Problem::new(why, RETURN_CHANGED, range));
        }
        if ast::ImplTraitType::can_cast(node.kind()) {
            let why = format!("its argument `{name}` is `impl Trait`, so the function is generic");
            let help = "Name a type.";
            return Err(Problem::new(why, help, range));
        }
        let is_code = ast::FnPtrType::can_cast(node.kind()) || ast::DynTraitType::can_cast(node.kind());
        if is_code && is_input {
            let why =
                format!("its argument `{name}` is code, or a value of unknown type: two cannot be compared");
            let help =
                "Begin the argument's name with `_` to leave it out of the key, or pass what it depends on.";
            return Err(Problem::new(why, help, range));
        }
    }
    Ok(())
}

fn returned(function: &ast::Fn, items: &[&Item]) -> Result<Option<Returned>, Problem> {
    let Some(of) = function.ret_type().and_then(|it| it.ty()) else {
        return Ok(None);
    };
    let range = of.syntax().text_range();
    if ast::NeverType::can_cast(of.syntax().kind()) {
        return Err(Problem::new("it never returns", "Remove the directive.", range));
    }
    for node in of.syntax().descendants() {
        if ast::ImplTraitType::can_cast(node.kind()) {
            let why = "it returns `impl Trait`: such a value cannot be kept and given back";
            let help = "Name the type, or collect into a `Vec`.";
            return Err(Problem::new(why, help, range));
        }
        let borrows = ast::RefType::cast(node.clone())
            .is_some_and(|it| it.lifetime().is_none_or(|it| it.text() != "'static"))
            || ast::LifetimeArg::cast(node)
                .and_then(|it| it.lifetime())
                .is_some_and(|it| it.text() != "'static");
        if borrows {
            return Err(Problem::new(RETURNS_BORROW, RETURN_OWNED, range));
        }
    }
    let paths = of.syntax().descendants().filter_map(ast::PathSegment::cast);
    let without_lifetime = paths.filter(|segment| {
        let arguments = segment.generic_arg_list().into_iter();
        !arguments
            .flat_map(|list| list.generic_args())
            .any(|argument| matches!(argument, ast::GenericArg::LifetimeArg(_)))
    });
    Ok(Some(Returned {
        ok: results::ok_of(&of, items).map(|ok| (in_cell(ok.syntax().text_range()), one_line(ok.syntax()))),
        range: in_cell(range),
        text: one_line(of.syntax()),
        without_lifetime: without_lifetime
            .filter_map(|segment| Some(segment.name_ref()?.text().trim_start_matches("r#").to_owned()))
            .collect(),
    }))
}

fn name_range(function: &ast::Fn) -> TextRange {
    function.name().map_or_else(
        || function.syntax().text_range(),
        |name| name.syntax().text_range(),
    )
}

/// A node's tokens without comments and line ends.
fn one_line(node: &SyntaxNode) -> String {
    let mut text = String::new();
    for token in node
        .descendants_with_tokens()
        .filter_map(|element| element.into_token())
    {
        match token.kind() {
            SyntaxKind::COMMENT => {}
            SyntaxKind::WHITESPACE => text.push(' '),
            _ => text.push_str(token.text()),
        }
    }
    text
}
