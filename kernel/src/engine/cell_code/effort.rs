//! Whether optimising a cell can pay.
//!
//! Code that runs once, without loops, calls into unknown code or variables, does work that is bounded by its own
//! length: `let m = HashMap::from([(1, "one")]);`. LLVM would spend more time on it than it could ever save.

use ra_ap_syntax::ast::{self, AstNode, HasArgList};
use ra_ap_syntax::{SyntaxKind, SyntaxNode};

/// Functions of std whose work is bounded by their arguments, by their last two segments.
const CONSTRUCTORS: [&str; 22] = [
    "String::from",
    "String::new",
    "Vec::new",
    "Vec::from",
    "Box::new",
    "Rc::new",
    "Arc::new",
    "RefCell::new",
    "Cell::new",
    "Mutex::new",
    "HashMap::new",
    "HashMap::from",
    "BTreeMap::new",
    "BTreeMap::from",
    "HashSet::new",
    "HashSet::from",
    "BTreeSet::new",
    "BTreeSet::from",
    "VecDeque::new",
    "VecDeque::from",
    "PathBuf::new",
    "PathBuf::from",
];
const WRAPPERS: [&str; 3] = ["Some", "Ok", "Err"];
/// Methods of literals.
const METHODS: [&str; 4] = ["to_string", "to_owned", "into", "clone"];
/// Macros whose work is bounded by their arguments; these must be literals.
const MACROS: [&str; 7] = [
    "format", "vec", "println", "print", "eprintln", "eprint", "concat",
];

/// Whether the work of all `statements` of a cell is bounded by their length. A user who gives one of std's names to
/// something slow gets it slower, nothing else.
pub fn is_bounded(statements: &[SyntaxNode]) -> bool {
    statements
        .iter()
        .all(|statement| match ast::LetStmt::cast(statement.clone()) {
            Some(binding) => {
                binding.let_else().is_none() && binding.initializer().is_some_and(|value| bounded(&value))
            }
            None => match ast::ExprStmt::cast(statement.clone()) {
                Some(statement) => statement.expr().is_some_and(|value| bounded(&value)),
                None => ast::Expr::cast(statement.clone()).is_some_and(|value| bounded(&value)),
            },
        })
}

fn bounded(value: &ast::Expr) -> bool {
    match value {
        ast::Expr::Literal(_) => true,
        ast::Expr::ParenExpr(it) => it.expr().is_some_and(|inner| bounded(&inner)),
        ast::Expr::PrefixExpr(it) => it.expr().is_some_and(|inner| bounded(&inner)),
        ast::Expr::RefExpr(it) => it.expr().is_some_and(|inner| bounded(&inner)),
        ast::Expr::CastExpr(it) => it.expr().is_some_and(|inner| bounded(&inner)),
        ast::Expr::TupleExpr(it) => it.fields().all(|field| bounded(&field)),
        ast::Expr::BinExpr(it) => [it.lhs(), it.rhs()]
            .iter()
            .all(|side| side.as_ref().is_some_and(bounded)),
        // `[0; 1_000_000]` is short and long.
        ast::Expr::ArrayExpr(it) => {
            it.semicolon_token().is_none() && it.exprs().all(|element| bounded(&element))
        }
        ast::Expr::CallExpr(it) => {
            it.expr().is_some_and(|callee| is_constructor(callee.syntax()))
                && it
                    .arg_list()
                    .is_some_and(|list| list.args().all(|argument| bounded(&argument)))
        }
        ast::Expr::MethodCallExpr(it) => {
            matches!(it.receiver(), Some(ast::Expr::Literal(_)))
                && it
                    .name_ref()
                    .is_some_and(|name| METHODS.contains(&name.text().to_string().as_str()))
        }
        ast::Expr::MacroExpr(it) => it.macro_call().is_some_and(|call| is_bounded_macro(&call)),
        _ => false,
    }
}

fn is_constructor(callee: &SyntaxNode) -> bool {
    let path = callee.text().to_string();
    let segments: Vec<&str> = path
        .split("::")
        .map(|segment| segment.split('<').next().unwrap_or(segment).trim())
        .collect();
    match segments.as_slice() {
        [name] => WRAPPERS.contains(name),
        [.., kind, function] => CONSTRUCTORS.contains(&format!("{kind}::{function}").as_str()),
        [] => false,
    }
}

/// Names in the arguments, also in the strings (`"{v:?}"`), may stand for anything.
fn is_bounded_macro(call: &ast::MacroCall) -> bool {
    let name = call
        .path()
        .map(|path| path.syntax().text().to_string())
        .unwrap_or_default();
    let Some(arguments) = call.token_tree() else {
        return false;
    };
    MACROS.contains(&name.as_str())
        && arguments
            .syntax()
            .descendants_with_tokens()
            .filter_map(|element| element.into_token())
            .all(|token| {
                let text = token.text();
                match token.kind() {
                    SyntaxKind::STRING => !captures(text),
                    // `vec![0; 1_000_000]`, and macros in macros.
                    SyntaxKind::SEMICOLON | SyntaxKind::BANG => false,
                    SyntaxKind::TRUE_KW | SyntaxKind::FALSE_KW => true,
                    _ => !text.starts_with(|c: char| c.is_alphabetic() || c == '_'),
                }
            })
}

fn captures(text: &str) -> bool {
    text.split('{')
        .skip(1)
        .any(|rest| rest.starts_with(|c: char| c.is_alphabetic() || c == '_'))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{DebugFormat, prepare};
    use crate::cell::CellSource;
    use crate::engine::cell_crate::source_map::Marks;

    fn is_bounded(code: &str) -> bool {
        let cell = CellSource::new("In[1]", code);
        prepare(
            code,
            &Arc::clone(&cell),
            &mut Marks::default(),
            DebugFormat::Compact,
        )
        .bounded
    }

    #[test]
    fn straight_code_over_literals_is_bounded() {
        for code in [
            "let a = 1i64 + 1;",
            "let s = format!(\"value {}\", 5);",
            "let v: Vec<u64> = vec![1, 2, 3];",
            "let m = std::collections::HashMap::from([(1, \"one\"), (2, \"two\")]);",
            "let t = (Some(\"x\".to_string()), [-1.5, 2.0], &true);",
            "println!(\"{{}} {:>4}\", 7);",
            "fn f(x: u64) -> u64 { (0..x).sum() }",
        ] {
            assert!(is_bounded(code), "{code}");
        }
    }

    #[test]
    fn whatever_may_take_long_is_not() {
        for code in [
            "let v = vec![0u8; 1_000_000_000];",
            "let v = [0u8; 1_000_000];",
            "let s: u64 = (0..1_000_000_000u64).sum();",
            "let x = f(5);",
            "let y = data;",
            "let s = format!(\"{data:?}\");",
            "let s = format!(\"{:?}\", data);",
            "let v = vec![f(1), 2];",
            "loop {}",
            "for i in 0..3 { println!(\"{}\", 1); }",
            "let c = { 1 };",
            "data",
        ] {
            assert!(!is_bounded(code), "{code}");
        }
    }
}
