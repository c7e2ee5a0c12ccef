//! Which names the running part of a cell takes from outside, and what it may do to them.
//!
//! A walk over the syntax tree in the order in which names come into scope. A name counts as the cell's own only where
//! a `let`, a parameter or another pattern certainly binds it; what macros make of their arguments is not known, so
//! every name in them counts.

use std::collections::{BTreeMap, BTreeSet};

use ra_ap_syntax::ast::{self, AstNode, HasArgList, HasLoopBody, HasName};
use ra_ap_syntax::{SyntaxKind, SyntaxNode, T};

use super::access::Access;
use super::cell::Defined;
use super::tokens::plain_name;

/// What a walk finds.
#[derive(Debug, Default)]
pub struct Reads {
    pub names: BTreeMap<String, Access>,
    /// A string that cannot be read may name anything.
    pub everything: bool,
    /// Macros that were taken for std's: whoever has one of that name must take every access for [`Access::ANY`].
    pub trusted_macros: BTreeSet<String>,
    scopes: Vec<Vec<String>>,
    /// Inside `move` closures even a shared use moves.
    moving: usize,
}

impl Reads {
    /// Takes in the next statement of the cell.
    pub fn statement(&mut self, statement: &SyntaxNode) {
        if self.scopes.is_empty() {
            self.scopes.push(Vec::new());
        }
        self.visit(statement);
    }

    fn visit(&mut self, node: &SyntaxNode) {
        if let Some(expression) = ast::Expr::cast(node.clone()) {
            self.expression(&expression, Access::VALUE);
        } else if let Some(pattern) = ast::Pat::cast(node.clone()) {
            self.pattern(&pattern, true, true);
        } else if let Some(binding) = ast::LetStmt::cast(node.clone()) {
            self.let_statement(&binding);
        } else if let Some(path) = ast::Path::cast(node.clone()) {
            self.path(&path, Access::VALUE);
        } else if let Some(call) = ast::MacroCall::cast(node.clone()) {
            self.macro_call(&call);
        } else if matches!(node.kind(), SyntaxKind::MACRO_RULES | SyntaxKind::MACRO_DEF) {
            // In a block, the body of a macro sees the variables around it.
            self.tokens(node, None);
        } else if ast::Item::can_cast(node.kind()) || node.kind() == SyntaxKind::ATTR {
            // Items do not see variables, attributes of statements neither.
        } else {
            self.children(node);
        }
    }

    fn children(&mut self, node: &SyntaxNode) {
        node.children().for_each(|child| self.visit(&child));
    }

    fn let_statement(&mut self, binding: &ast::LetStmt) {
        let by_reference = binding.pat().is_some_and(|pattern| binds_by_reference(&pattern));
        if let Some(of) = binding.ty() {
            self.visit(of.syntax());
        }
        if let Some(value) = binding.initializer() {
            self.expression(&value, if by_reference { Access::ANY } else { Access::VALUE });
        }
        if let Some(otherwise) = binding.let_else() {
            self.children(otherwise.syntax());
        }
        if let Some(pattern) = binding.pat() {
            let refutable = binding.let_else().is_some();
            self.pattern(&pattern, refutable, !is_conditional(binding.syntax()));
        }
    }

    fn expression(&mut self, expression: &ast::Expr, access: Access) {
        match expression {
            ast::Expr::PathExpr(it) => {
                if let Some(path) = it.path() {
                    self.path(&path, access);
                }
            }
            ast::Expr::ParenExpr(it) => self.part(it.expr(), access),
            ast::Expr::FieldExpr(it) => self.part(it.expr(), access),
            ast::Expr::IndexExpr(it) => {
                // The value of `x[i]` is looked at or copied: nothing can be moved out of an index.
                let of_base = Access {
                    may_move: access.may_move && access.may_change,
                    may_change: access.may_change,
                };
                self.part(it.base(), of_base);
                self.part(it.index(), Access::VALUE);
            }
            ast::Expr::PrefixExpr(it) => {
                let inner = match it.op_kind() {
                    Some(ast::UnaryOp::Deref) => access,
                    _ => Access::VALUE,
                };
                self.part(it.expr(), inner);
            }
            ast::Expr::RefExpr(it) => {
                let changes = it.mut_token().is_some() || it.raw_token().is_some();
                self.part(it.expr(), if changes { Access::CHANGED } else { Access::SHARED });
            }
            ast::Expr::BinExpr(it) => {
                let (left, right) = match it.op_kind() {
                    Some(ast::BinaryOp::CmpOp(_)) => (Access::SHARED, Access::SHARED),
                    Some(ast::BinaryOp::Assignment { .. }) => {
                        self.part(it.rhs(), Access::VALUE);
                        return self.assigned(it.lhs());
                    }
                    _ => (Access::VALUE, Access::VALUE),
                };
                self.part(it.lhs(), left);
                self.part(it.rhs(), right);
            }
            ast::Expr::CallExpr(it) => {
                // A closure may change what it holds.
                self.part(it.expr(), Access::ANY);
                for argument in it.arg_list().into_iter().flat_map(|list| list.args()) {
                    self.expression(&argument, Access::VALUE);
                }
            }
            ast::Expr::MethodCallExpr(it) => {
                self.part(it.receiver(), Access::ANY);
                it.syntax()
                    .children()
                    .filter(|child| child.kind() == SyntaxKind::GENERIC_ARG_LIST)
                    .for_each(|child| self.children(&child));
                for argument in it.arg_list().into_iter().flat_map(|list| list.args()) {
                    self.expression(&argument, Access::VALUE);
                }
            }
            ast::Expr::MatchExpr(it) => self.match_expression(it),
            ast::Expr::IfExpr(it) => {
                self.enter();
                if let Some(condition) = it.condition() {
                    self.expression(&condition, Access::VALUE);
                }
                if let Some(then) = it.then_branch() {
                    self.visit(then.syntax());
                }
                self.leave();
                match it.else_branch() {
                    Some(ast::ElseBranch::Block(block)) => self.visit(block.syntax()),
                    Some(ast::ElseBranch::IfExpr(next)) => self.visit(next.syntax()),
                    None => {}
                }
            }
            ast::Expr::LetExpr(it) => {
                self.part(it.expr(), Access::ANY);
                if let Some(pattern) = it.pat() {
                    self.pattern(&pattern, true, true);
                }
            }
            ast::Expr::WhileExpr(it) => {
                self.enter();
                self.part(it.condition(), Access::VALUE);
                if let Some(body) = it.loop_body() {
                    self.visit(body.syntax());
                }
                self.leave();
            }
            ast::Expr::ForExpr(it) => {
                self.part(it.iterable(), Access::ANY);
                self.enter();
                if let Some(pattern) = it.pat() {
                    self.pattern(&pattern, false, true);
                }
                if let Some(body) = it.loop_body() {
                    self.visit(body.syntax());
                }
                self.leave();
            }
            ast::Expr::ClosureExpr(it) => self.closure(it),
            ast::Expr::BlockExpr(it) => {
                let moves = it.move_token().is_some();
                self.moving += usize::from(moves);
                self.enter();
                self.children(it.syntax());
                self.leave();
                self.moving -= usize::from(moves);
            }
            ast::Expr::MacroExpr(it) => {
                if let Some(call) = it.macro_call() {
                    self.macro_call(&call);
                }
            }
            _ => self.children(expression.syntax()),
        }
    }

    /// The left side of an assignment; it may take a value apart: `(a, P { x: b, .. }) = c`.
    fn assigned(&mut self, place: Option<ast::Expr>) {
        match place {
            Some(
                ast::Expr::TupleExpr(_)
                | ast::Expr::ArrayExpr(_)
                | ast::Expr::CallExpr(_)
                | ast::Expr::RecordExpr(_),
            ) => {
                let parts = place.iter().flat_map(|place| place.syntax().descendants());
                for part in parts.filter_map(ast::PathExpr::cast) {
                    self.expression(&part.into(), Access::CHANGED);
                }
                self.part(place, Access::VALUE);
            }
            place => self.part(place, Access::CHANGED),
        }
    }

    fn part(&mut self, expression: Option<ast::Expr>, access: Access) {
        if let Some(expression) = expression {
            self.expression(&expression, access);
        }
    }

    fn match_expression(&mut self, it: &ast::MatchExpr) {
        self.part(it.expr(), Access::ANY);
        for arm in it.match_arm_list().into_iter().flat_map(|list| list.arms()) {
            self.enter();
            if let Some(pattern) = arm.pat() {
                self.pattern(&pattern, true, true);
            }
            if let Some(guard) = arm.guard() {
                self.children(guard.syntax());
            }
            self.part(arm.expr(), Access::VALUE);
            self.leave();
        }
    }

    fn closure(&mut self, it: &ast::ClosureExpr) {
        let moves = it.move_token().is_some();
        self.moving += usize::from(moves);
        self.enter();
        for parameter in it.param_list().into_iter().flat_map(|list| list.params()) {
            if let Some(of) = parameter.ty() {
                self.visit(of.syntax());
            }
            if let Some(pattern) = parameter.pat() {
                self.pattern(&pattern, false, !is_conditional(parameter.syntax()));
            }
        }
        if let Some(of) = it.ret_type() {
            self.visit(of.syntax());
        }
        self.part(it.body(), Access::VALUE);
        self.leave();
        self.moving -= usize::from(moves);
    }

    /// Reads what a pattern compares with and, if `binds`, brings its names into scope.
    fn pattern(&mut self, pattern: &ast::Pat, refutable: bool, binds: bool) {
        match pattern {
            ast::Pat::IdentPat(it) => {
                if let Some(inner) = it.pat() {
                    self.pattern(&inner, refutable, binds);
                }
                let Some(name) = it.name().map(|name| plain_name(name.text()).to_owned()) else {
                    return;
                };
                // `LIMIT => …` compares if there is such a constant. A variable is never compared with.
                if refutable && name.starts_with(char::is_uppercase) {
                    self.read(&name, Access::SHARED);
                }
                if binds && !is_conditional(it.syntax()) {
                    self.bind(name);
                }
            }
            ast::Pat::MacroPat(it) => {
                if let Some(call) = it.macro_call() {
                    self.macro_call(&call);
                }
            }
            ast::Pat::RecordPat(it) => {
                if let Some(path) = it.path() {
                    self.path(&path, Access::SHARED);
                }
                for field in it
                    .record_pat_field_list()
                    .into_iter()
                    .flat_map(|list| list.fields())
                {
                    let binds = binds && !is_conditional(field.syntax());
                    if let Some(inner) = field.pat() {
                        self.pattern(&inner, refutable, binds);
                    }
                }
            }
            _ => {
                for child in pattern.syntax().children() {
                    match ast::Pat::cast(child.clone()) {
                        Some(inner) => self.pattern(&inner, refutable, binds),
                        None => self.visit(&child),
                    }
                }
            }
        }
    }

    pub(super) fn path(&mut self, path: &ast::Path, access: Access) {
        match path.qualifier() {
            Some(qualifier) => self.path(&qualifier, Access::SHARED),
            None => {
                if let Some(name) = path.segment().and_then(|segment| segment.name_ref()) {
                    self.read(plain_name(name.text()), access);
                }
            }
        }
        if let Some(segment) = path.segment() {
            segment
                .syntax()
                .children()
                .filter(|child| child.kind() != SyntaxKind::NAME_REF)
                .for_each(|child| self.visit(&child));
        }
    }

    pub(super) fn read(&mut self, name: &str, access: Access) {
        if matches!(name, "self" | "Self" | "super" | "crate" | "_")
            || self.scopes.iter().flatten().any(|bound| bound == name)
        {
            return;
        }
        let mut access = access;
        access.may_move |= self.moving > 0;
        match self.names.get_mut(name) {
            Some(known) => known.merge(access),
            None => {
                self.names.insert(name.to_owned(), access);
            }
        }
    }

    fn bind(&mut self, name: String) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.push(name);
        }
    }

    fn enter(&mut self) {
        self.scopes.push(Vec::new());
    }

    fn leave(&mut self) {
        self.scopes.pop();
    }
}

/// Under `#[cfg(…)]` it may not be there.
fn is_conditional(node: &SyntaxNode) -> bool {
    node.children().filter_map(ast::Attr::cast).any(|attribute| {
        attribute
            .simple_name()
            .is_none_or(|name| !matches!(name.as_str(), "allow" | "warn" | "deny" | "expect" | "doc"))
    })
}

fn binds_by_reference(pattern: &ast::Pat) -> bool {
    pattern
        .syntax()
        .descendants_with_tokens()
        .any(|element| element.kind() == T![ref])
}

/// The variables that a `let` of the cell itself binds.
pub fn bound_by(binding: &ast::LetStmt) -> Vec<Defined> {
    let Some(pattern) = binding.pat() else {
        return Vec::new();
    };
    let refutable = binding.let_else().is_some();
    pattern
        .syntax()
        .descendants()
        .filter_map(ast::IdentPat::cast)
        .filter_map(|it| {
            let mutable = it.mut_token().is_some() && it.ref_token().is_none();
            let name = plain_name(it.name()?.text()).to_owned();
            // `let Some(LIMIT) = x else { … }` compares.
            let compares = refutable && name.starts_with(char::is_uppercase);
            let around = it.syntax().ancestors();
            let mut around = around.take_while(|node| node != binding.syntax());
            let certain = around.all(|node| !is_conditional(&node)) && !is_conditional(binding.syntax());
            (!compares).then_some(Defined {
                name,
                mutable,
                certain,
            })
        })
        .collect()
}
