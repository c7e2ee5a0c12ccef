//! A crate's public interface as one small module, made from its sources.
//!
//! rust-analyzer sees cells without the compiled crate; with this text before them it can infer types,
//! complete names and show documentation. It reads the text anew for every cell, so whatever a user
//! cannot name is left out: bodies, private items and fields, hidden items, tests.
//!
//! Files that are private modules are merged into the module that holds them, as the crate's `pub use`
//! shows them; `pub` modules stay modules. Names of types are expected to be unique in the crate, and re-exports to
//! be plain lists, which the crate keeps to (a test compiles the text).

use std::collections::BTreeSet;

use ra_ap_syntax::ast::{self, HasGenericParams, HasModuleItem, HasName, HasVisibility};
use ra_ap_syntax::{AstNode, Edition, NodeOrToken, SourceFile, SyntaxKind, SyntaxNode};

/// The text of `mod <name> { … }` for a crate with these source files (path below `src`, text).
pub fn stub(name: &str, sources: &[(&str, &str)]) -> String {
    let Some(root) = parse(sources, "lib.rs") else {
        return format!("mod {name} {{}}");
    };
    let mut krate = Crate {
        sources,
        private_modules: BTreeSet::new(),
        exported: BTreeSet::new(),
        exported_paths: BTreeSet::new(),
        defined: BTreeSet::new(),
    };
    krate.survey(root.items(), "");
    let mut scope = Scope::default();
    krate.collect(root.items(), "", 0, true, &mut scope);
    format!(
        "#[allow(dead_code, unused, clippy::all)]\nmod {name} {{\n{}}}\n",
        scope.text()
    )
}

/// What must be known of the whole crate before any of it is written.
struct Crate<'a> {
    sources: &'a [(&'a str, &'a str)],
    /// Modules that disappear from paths.
    private_modules: BTreeSet<String>,
    /// Names that `pub use` shows.
    exported: BTreeSet<String>,
    /// The same, as paths from the crate's root.
    exported_paths: BTreeSet<String>,
    /// Names of all items.
    defined: BTreeSet<String>,
}

/// What one module of the stub consists of.
#[derive(Default)]
struct Scope {
    items: String,
    /// Imports: the name they bring, and the whole text.
    imports: BTreeSet<(String, String)>,
}

impl Scope {
    /// The module's text, with those imports only that are still needed.
    fn text(&self) -> String {
        let words: BTreeSet<&str> = self
            .items
            .split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .collect();
        let mut text = String::new();
        for (name, import) in &self.imports {
            if words.contains(name.as_str()) {
                text.push_str(import);
            }
        }
        text.push_str(&self.items);
        text
    }
}

fn parse(sources: &[(&str, &str)], path: &str) -> Option<SourceFile> {
    let (_, text) = sources.iter().find(|(other, _)| *other == path)?;
    Some(SourceFile::parse(text, Edition::Edition2024).tree())
}

impl Crate<'_> {
    /// Finds out what is defined where and what is shown.
    fn survey(&mut self, items: impl Iterator<Item = ast::Item>, folder: &str) {
        for item in items.filter(|item| !is_left_out(item.syntax())) {
            match &item {
                ast::Item::Module(module) => {
                    let Some(name) = module.name() else { continue };
                    if !is_public(module) {
                        self.private_modules.insert(name.text().to_string());
                    }
                    let (items, folder) = self.contents(module, folder);
                    self.survey(items.into_iter(), &folder);
                }
                ast::Item::Use(it) if is_public(it) => {
                    for leaf in leaves(it) {
                        self.exported.insert(leaf.name);
                        self.exported_paths
                            .insert(match leaf.path.strip_prefix("crate::") {
                                Some(path) => path.to_owned(),
                                None => format!("{}{}", folder.replace('/', "::"), leaf.path),
                            });
                    }
                }
                _ => {
                    if let Some(name) = item.syntax().children().find_map(ast::Name::cast) {
                        self.defined.insert(name.text().to_string());
                    }
                }
            }
        }
    }

    /// The items of a module, inline or in a file, and the folder of its own modules.
    fn contents(&self, module: &ast::Module, folder: &str) -> (Vec<ast::Item>, String) {
        let name = module
            .name()
            .map(|name| name.text().to_string())
            .unwrap_or_default();
        let inner = format!("{folder}{name}/");
        if let Some(list) = module.item_list() {
            return (list.items().collect(), inner);
        }
        let file = parse(self.sources, &format!("{folder}{name}.rs"))
            .or_else(|| parse(self.sources, &format!("{inner}mod.rs")));
        (file.map(|file| file.items().collect()).unwrap_or_default(), inner)
    }

    /// Writes a module's items into `scope`. `depth` counts modules below the stub's root; `is_shown` tells
    /// whether a `pub` in these items makes something visible without a re-export.
    fn collect(
        &self,
        items: impl Iterator<Item = ast::Item>,
        folder: &str,
        depth: usize,
        is_shown: bool,
        scope: &mut Scope,
    ) {
        for item in items.filter(|item| !is_left_out(item.syntax())) {
            match &item {
                ast::Item::Module(module) => {
                    let (items, folder) = self.contents(module, folder);
                    if !is_public(module) {
                        self.collect(items.into_iter(), &folder, depth, false, scope);
                        continue;
                    }
                    let mut inner = Scope::default();
                    self.collect(items.into_iter(), &folder, depth + 1, true, &mut inner);
                    let name = module
                        .name()
                        .map(|name| name.text().to_string())
                        .unwrap_or_default();
                    scope
                        .items
                        .push_str(&format!("pub mod {name} {{\n{}}}\n", inner.text()));
                }
                ast::Item::Use(it) => self.import(it, depth, scope),
                ast::Item::MacroRules(_) => self.write(item.syntax(), depth, scope),
                // Those of other crates, such as `thread_local!`, make nothing that is shown.
                ast::Item::MacroCall(it) => {
                    let name = it.path().map(|path| path.syntax().text().to_string());
                    if name.is_some_and(|name| self.defined.contains(&name)) {
                        self.write(item.syntax(), depth, scope);
                    }
                }
                ast::Item::Impl(it) => {
                    if self.is_nameable(it) {
                        self.write(item.syntax(), depth, scope);
                    }
                }
                _ => {
                    let name = item.syntax().children().find_map(ast::Name::cast);
                    let name = name.map(|name| name.text().to_string()).unwrap_or_default();
                    let path = format!("{}{name}", folder.replace('/', "::"));
                    if has_pub(item.syntax()) && (is_shown || self.exported_paths.contains(&path)) {
                        self.write(item.syntax(), depth, scope);
                    }
                }
            }
        }
    }

    fn write(&self, item: &SyntaxNode, depth: usize, scope: &mut Scope) {
        let before = scope.items.len();
        self.render(item, depth, &mut scope.items);
        // An `impl` block of private functions only.
        if scope.items[before..].trim_end().ends_with("{}") && is_inherent_impl(item) {
            scope.items.truncate(before);
        } else {
            scope.items.push('\n');
        }
    }

    /// Whether trait and type of an `impl` can be named by users.
    fn is_nameable(&self, it: &ast::Impl) -> bool {
        let header = [it.trait_(), it.self_ty()];
        header.into_iter().flatten().all(|ty| {
            ty.syntax()
                .descendants()
                .filter_map(ast::NameRef::cast)
                .all(|name| {
                    let name = name.text().to_string();
                    !self.defined.contains(&name) || self.exported.contains(&name)
                })
        })
    }

    fn import(&self, it: &ast::Use, depth: usize, scope: &mut Scope) {
        for leaf in leaves(it) {
            let path = match leaf.path.strip_prefix("crate::") {
                Some(path) => {
                    let path = self.path(path, depth);
                    if path == leaf.name || self.is_hidden(&leaf.name) {
                        continue;
                    }
                    path
                }
                // The crate's own re-exports: merged modules make them superfluous.
                None if is_public(it) || leaf.path.starts_with("super::") => continue,
                None => leaf.path,
            };
            let import = match path.rsplit("::").next() {
                Some(last) if last == leaf.name => format!("use {path};\n"),
                _ => format!("use {path} as {};\n", leaf.name),
            };
            scope.imports.insert((leaf.name, import));
        }
    }

    /// Defined in the crate, but nowhere in the stub.
    fn is_hidden(&self, name: &str) -> bool {
        self.defined.contains(name) && !self.exported.contains(name)
    }

    /// A path that began with `crate::`, as it is seen from `depth` modules below the stub's root.
    fn path(&self, path: &str, depth: usize) -> String {
        let kept = path
            .split("::")
            .filter(|segment| !self.private_modules.contains(*segment));
        let supers = std::iter::repeat_n("super", depth);
        supers.chain(kept).collect::<Vec<_>>().join("::")
    }

    /// Writes a node without what is not interface.
    fn render(&self, node: &SyntaxNode, depth: usize, out: &mut String) {
        if is_left_out(node) || is_private_member(node) {
            return;
        }
        match node.kind() {
            SyntaxKind::BLOCK_EXPR if node.parent().is_some_and(|it| it.kind() == SyntaxKind::FN) => {
                out.push_str("{loop{}}");
                return;
            }
            SyntaxKind::ATTR if is_idle_attribute(node) => return,
            SyntaxKind::RECORD_FIELD_LIST if has_private_fields(node) => {
                self.render_open_fields(node, depth, out);
                return;
            }
            SyntaxKind::PATH => {
                let text = node.text().to_string();
                if let Some(path) = text.strip_prefix("crate::") {
                    out.push_str(&self.path(path, depth));
                    return;
                }
            }
            _ => {}
        }
        for child in node.children_with_tokens() {
            match child {
                NodeOrToken::Node(child) => self.render(&child, depth, out),
                NodeOrToken::Token(token) => match token.kind() {
                    SyntaxKind::WHITESPACE => push_space(token.text(), out),
                    SyntaxKind::COMMENT if !is_outer_doc(token.text()) => {}
                    // Links lead to what is now a module, not a crate.
                    SyntaxKind::COMMENT => out.push_str(&token.text().replace("](crate::", "](")),
                    _ => out.push_str(token.text()),
                },
            }
        }
    }

    /// A struct's `pub` fields, and one that stands for all others and uses the generics as they do.
    fn render_open_fields(&self, list: &SyntaxNode, depth: usize, out: &mut String) {
        out.push('{');
        for field in list.children().filter(has_pub) {
            self.render(&field, depth, out);
            out.push(',');
        }
        let mut uses = String::new();
        let owner = list.parent().and_then(ast::Struct::cast);
        for param in owner
            .and_then(|it| it.generic_param_list())
            .into_iter()
            .flat_map(|it| it.generic_params())
        {
            match param {
                ast::GenericParam::LifetimeParam(it) => {
                    if let Some(lifetime) = it.lifetime() {
                        uses.push_str(&format!("&{} (),", lifetime.syntax().text()));
                    }
                }
                ast::GenericParam::TypeParam(it) => {
                    if let Some(name) = it.name() {
                        uses.push_str(&format!("{},", name.text()));
                    }
                }
                ast::GenericParam::ConstParam(_) => {}
            }
        }
        out.push_str(&format!("__private: ::core::marker::PhantomData<({uses})>}}"));
    }
}

/// One name that a `use` brings.
struct Leaf {
    path: String,
    name: String,
}

fn leaves(it: &ast::Use) -> Vec<Leaf> {
    fn visit(tree: &ast::UseTree, prefix: &str, found: &mut Vec<Leaf>) {
        let own = tree
            .path()
            .map(|path| path.syntax().text().to_string())
            .unwrap_or_default();
        let path = match (prefix, own.as_str()) {
            ("", own) => own.to_owned(),
            (prefix, "" | "self") => prefix.to_owned(),
            (prefix, own) => format!("{prefix}::{own}"),
        };
        if let Some(list) = tree.use_tree_list() {
            list.use_trees().for_each(|tree| visit(&tree, &path, found));
            return;
        }
        let renamed = tree
            .rename()
            .and_then(|it| it.name())
            .map(|name| name.text().to_string());
        let last = path.rsplit("::").next().unwrap_or_default().to_owned();
        found.push(Leaf {
            name: renamed.unwrap_or(last),
            path,
        });
    }
    let mut found = Vec::new();
    if let Some(tree) = it.use_tree() {
        visit(&tree, "", &mut found);
    }
    found
}

fn push_space(space: &str, out: &mut String) {
    let is_after_space = out.ends_with([' ', '\n', '{']);
    if space.contains('\n') {
        if !out.ends_with('\n') {
            out.push('\n');
        }
    } else if !is_after_space {
        out.push(' ');
    }
}

/// Conditional, hidden and test items.
fn is_left_out(node: &SyntaxNode) -> bool {
    attributes(node).any(|text| {
        text.starts_with("#[cfg(") || text == "#[doc(hidden)]" || text == "#[test]" || text.starts_with("#![")
    }) && node.kind() != SyntaxKind::SOURCE_FILE
}

/// Attributes of a node, without blanks.
fn attributes(node: &SyntaxNode) -> impl Iterator<Item = String> {
    let attributes = node.children().filter(|child| child.kind() == SyntaxKind::ATTR);
    attributes.map(|it| {
        it.text()
            .to_string()
            .chars()
            .filter(|c| !c.is_whitespace())
            .collect()
    })
}

/// Attributes that say nothing to a reader of the interface.
fn is_idle_attribute(node: &SyntaxNode) -> bool {
    let text = node.text().to_string();
    [
        "#[inline",
        "#[track_caller",
        "#[expect",
        "#[allow",
        "#[cold",
        "#[path",
    ]
    .iter()
    .any(|it| text.starts_with(it))
}

/// A member of an inherent `impl` that is not `pub`.
fn is_private_member(node: &SyntaxNode) -> bool {
    let Some(owner) = node
        .parent()
        .filter(|it| it.kind() == SyntaxKind::ASSOC_ITEM_LIST)
    else {
        return false;
    };
    ast::AssocItem::can_cast(node.kind())
        && owner.parent().is_some_and(|it| is_inherent_impl(&it))
        && !has_pub(node)
}

fn is_inherent_impl(node: &SyntaxNode) -> bool {
    ast::Impl::cast(node.clone()).is_some_and(|it| it.trait_().is_none())
}

fn has_private_fields(list: &SyntaxNode) -> bool {
    list.parent().is_some_and(|it| it.kind() == SyntaxKind::STRUCT)
        && list
            .children()
            .any(|it| it.kind() == SyntaxKind::RECORD_FIELD && !has_pub(&it))
}

fn is_public(node: &impl HasVisibility) -> bool {
    has_pub(node.syntax())
}

/// `pub` itself, not `pub(crate)`.
fn has_pub(node: &SyntaxNode) -> bool {
    node.children()
        .any(|it| it.kind() == SyntaxKind::VISIBILITY && it.text() == "pub")
}

fn is_outer_doc(comment: &str) -> bool {
    comment.starts_with("///") || comment.starts_with("/**")
}

#[cfg(test)]
mod tests {
    #[test]
    fn public_modules_stay_and_private_ones_are_merged() {
        let stub = super::stub(
            "krate",
            &[
                (
                    "lib.rs",
                    "//! Docs.\n#![feature(x)]\nmod inner;\npub mod session;\npub use inner::{Key, key};\n",
                ),
                (
                    "inner.rs",
                    "use std::fmt::Debug;\nuse std::io;\npub struct Key<'a, T> { name: &'a str, pub value: Secret<T> }\n\
                     /// See [`Key`](crate::Key).\n#[inline]\npub fn key(a: impl Debug) { a }\npub fn not_shown() {}\n\
                     pub(crate) struct Hidden; impl Debug for Hidden {}\nimpl<T> Key<'_, T> { fn a() {} }\n\
                     #[cfg(test)] mod tests {}",
                ),
                (
                    "session.rs",
                    "use crate::inner::Key;\nuse super::other;\npub fn get() -> Key<'static, crate::Key<'static, u8>> { todo!() }\n\
                     fn private() {}\n#[doc(hidden)] pub fn hidden() {}",
                ),
            ],
        );
        let expected = "#[allow(dead_code, unused, clippy::all)]
mod krate {
use std::fmt::Debug;
pub struct Key<'a, T> {pub value: Secret<T>,__private: ::core::marker::PhantomData<(&'a (),T,)>}
/// See [`Key`](Key).
pub fn key(a: impl Debug) {loop{}}
pub mod session {
use super::Key;
pub fn get() -> Key<'static, super::Key<'static, u8>> {loop{}}
}
}
";
        assert_eq!(stub, expected);
    }
}
