//! One item of a cell: what it introduces and what it names.

use std::collections::BTreeSet;
use std::sync::Arc;

use ra_ap_syntax::ast::{self, AstNode, HasAttrs, HasName, HasVisibility};
use ra_ap_syntax::{SyntaxKind, SyntaxNode};

use super::flags::Flags;
use super::statics::{Static, statics};
use super::tokens::{Scan, frame, plain_name};
use super::type_definition::TypeDefinition;

/// What kind of item it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ItemKind {
    Fn,
    Struct,
    Enum,
    Union,
    Trait,
    TypeAlias,
    Const,
    Static,
    Module,
    Macro,
    Impl,
    /// One imported name: `use a::{b, c};` is two items.
    Use,
    ExternCrate,
    ExternBlock,
    /// `#![feature(…)]`: for the whole crate.
    Attribute,
    /// A macro call in the place of an item, or a cell that could not be parsed: it may define anything.
    Opaque,
}

/// An item as keys see it. Two items with equal `canonical` bytes are the same item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub kind: ItemKind,
    /// What it can be called by. None for an `impl`, a glob import and `use … as _`.
    pub names: BTreeSet<String>,
    /// The one of them that is its own: of a module not those of the macros in it.
    pub name: Option<String>,
    /// Its tokens: see [`Scan::canonical`].
    pub canonical: Arc<[u8]>,
    /// Every word in it: see [`Scan::words`].
    pub words: BTreeSet<String>,
    /// What the traits in it declare: names that a cell can use without naming the trait.
    pub members: BTreeSet<String>,
    /// Of an `impl`: its tokens up to the body, canonical. Empty for everything else.
    pub header: Arc<[u8]>,
    /// Of an `impl`: `impl Display for P`, as people call it.
    pub title: String,
    /// The words of the headers of the `impl`s in it, itself included, each for itself.
    pub headers: Vec<BTreeSet<String>>,
    /// Types and traits that it defines, at any depth.
    pub types: Vec<TypeDefinition>,
    pub traits: BTreeSet<String>,
    pub implements: Vec<Implementation>,
    /// The statics that it defines, at any depth.
    pub statics: Vec<Static>,
    pub import: Option<Import>,
    /// It is `impl<T> … for T`, or has one in it.
    pub blanket: bool,
    /// Something in it is called by another name: an alias or a renamed import within a module.
    pub renames: bool,
    /// The macros that it calls where items or statements may stand.
    pub macro_calls: BTreeSet<String>,
    pub flags: Flags,
}

/// A trait's `impl` in an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Implementation {
    /// The trait's name, without its path.
    pub of: String,
    /// The words of the type.
    pub subject: BTreeSet<String>,
}

/// What a `use` imports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The path without the `as`: `std`, `fmt`, `Write`. Of a glob, without the `*`.
    pub path: Vec<String>,
    pub glob: bool,
}

impl Item {
    /// The items that a statement of a cell defines; none if it is not an item.
    pub fn of(statement: &SyntaxNode) -> Vec<Item> {
        if let Some(attribute) = ast::Attr::cast(statement.clone()) {
            return vec![Item::new(ItemKind::Attribute, attribute.syntax())];
        }
        let Some(item) = ast::Item::cast(statement.clone()) else {
            return Vec::new();
        };
        let kind = match &item {
            ast::Item::Fn(_) => ItemKind::Fn,
            ast::Item::Struct(_) => ItemKind::Struct,
            ast::Item::Enum(_) => ItemKind::Enum,
            ast::Item::Union(_) => ItemKind::Union,
            ast::Item::Trait(_) => ItemKind::Trait,
            ast::Item::TypeAlias(_) => ItemKind::TypeAlias,
            ast::Item::Const(_) => ItemKind::Const,
            ast::Item::Static(_) => ItemKind::Static,
            ast::Item::Module(_) => ItemKind::Module,
            ast::Item::MacroRules(_) | ast::Item::MacroDef(_) => ItemKind::Macro,
            ast::Item::Impl(_) => ItemKind::Impl,
            ast::Item::Use(it) => return imports(it),
            ast::Item::ExternCrate(_) => ItemKind::ExternCrate,
            ast::Item::ExternBlock(_) => ItemKind::ExternBlock,
            ast::Item::MacroCall(_) | ast::Item::AsmExpr(_) => ItemKind::Opaque,
        };
        vec![Item::new(kind, statement)]
    }

    /// Whatever the statements of a cell that could not be parsed define.
    pub fn opaque(cell: &SyntaxNode) -> Item {
        let mut item = Item::new(ItemKind::Opaque, cell);
        item.flags.parse_error = true;
        item.flags.reads_everything = true;
        item
    }

    fn new(kind: ItemKind, node: &SyntaxNode) -> Item {
        let scan = Scan::of(node);
        let mut item = Item {
            kind,
            names: BTreeSet::new(),
            name: own_name(node),
            canonical: scan.canonical.into(),
            words: scan.words,
            members: BTreeSet::new(),
            header: Arc::from([]),
            title: String::new(),
            headers: Vec::new(),
            types: Vec::new(),
            traits: BTreeSet::new(),
            implements: Vec::new(),
            statics: if scan.flags.has_static {
                statics(node)
            } else {
                Vec::new()
            },
            import: None,
            blanket: false,
            renames: false,
            macro_calls: BTreeSet::new(),
            flags: scan.flags,
        };
        item.names.extend(item.name.clone());
        let (mut renames, mut makes_items) = (false, false);
        let leaves_macros = kind == ItemKind::Module && item.words.contains("macro_use");
        for inner in node.descendants() {
            if let Some(definition) = TypeDefinition::of(&inner) {
                renames |= inner.kind() == SyntaxKind::TYPE_ALIAS && &inner != node;
                item.types.push(definition);
            } else if let Some(it) = ast::Trait::cast(inner.clone()) {
                item.traits
                    .extend(it.name().map(|name| plain_name(name.text()).to_owned()));
                item.members.extend(member_names(it.assoc_item_list()));
                // A macro may declare methods, by the names that it is given.
                item.members.extend(words_of_calls(it.assoc_item_list()));
            } else if let Some(it) = ast::Impl::cast(inner.clone()) {
                if &inner == node {
                    item.header = header(&it).canonical.into();
                    item.title = title(&it);
                }
                item.headers.push(header_words(&it));
                item.blanket |= is_blanket(&it);
                item.implements.extend(implementation(&it));
            } else if &inner != node {
                match inner.kind() {
                    SyntaxKind::RENAME => renames = true,
                    SyntaxKind::MACRO_CALL => {
                        item.macro_calls.extend(called(&inner));
                        // It may implement something for whatever is named here.
                        makes_items |= is_in_module(&inner) || item.name.is_none();
                        if leaves_macros && is_in_module(&inner) {
                            item.names.extend(Scan::of(&inner).words);
                        }
                    }
                    // Macros leave a module marked `#[macro_use]`; what an `extern` block declares is used by its name.
                    SyntaxKind::MACRO_RULES => item.names.extend(own_name(&inner)),
                    SyntaxKind::FN | SyntaxKind::STATIC if kind == ItemKind::ExternBlock => {
                        item.names.extend(own_name(&inner));
                    }
                    _ => {}
                }
            }
        }
        item.renames = renames;
        if makes_items {
            item.headers.push(item.words.clone());
        }
        if renames {
            // An `impl` in it may call the notebook's types by other names.
            item.headers
                .iter_mut()
                .for_each(|header| header.extend(item.words.iter().cloned()));
        }
        item
    }
}

/// The last word of the path by which a macro is called.
fn called(call: &SyntaxNode) -> Option<String> {
    let path = ast::MacroCall::cast(call.clone())?.path()?;
    Some(plain_name(path.segment()?.name_ref()?.text()).to_owned())
}

/// The words in the calls of macros among the members of a trait.
fn words_of_calls(body: Option<ast::AssocItemList>) -> BTreeSet<String> {
    let calls = body.into_iter().flat_map(|body| body.assoc_items());
    calls
        .filter(|member| matches!(member, ast::AssocItem::MacroCall(_)))
        .flat_map(|call| Scan::of(call.syntax()).words)
        .collect()
}

/// Whether a macro is called where a module has its items.
fn is_in_module(call: &SyntaxNode) -> bool {
    call.parent()
        .is_some_and(|parent| parent.kind() == SyntaxKind::ITEM_LIST)
}

fn own_name(node: &SyntaxNode) -> Option<String> {
    if let Some(it) = ast::ExternCrate::cast(node.clone()) {
        let renamed = it.rename().and_then(|rename| rename.name());
        return renamed
            .map(|name| plain_name(name.text()).to_owned())
            .or_else(|| it.name_ref().map(|name| plain_name(name.text()).to_owned()));
    }
    let name = node.children().find_map(ast::Name::cast)?;
    Some(plain_name(name.text()).to_owned())
}

fn member_names(body: Option<ast::AssocItemList>) -> BTreeSet<String> {
    body.into_iter()
        .flat_map(|body| body.assoc_items())
        .filter_map(|member| own_name(member.syntax()))
        .collect()
}

fn header_words(item: &ast::Impl) -> BTreeSet<String> {
    header(item).words
}

/// An `impl` without its body and its attributes.
fn header(item: &ast::Impl) -> Scan {
    let body = item.assoc_item_list();
    let mut scan = Scan::default();
    for part in item.syntax().children() {
        let is_body = body.as_ref().is_some_and(|body| body.syntax() == &part);
        if !is_body && part.kind() != SyntaxKind::ATTR {
            scan.add(&part);
        }
    }
    scan
}

fn title(item: &ast::Impl) -> String {
    let of = |of: Option<ast::Type>| of.map(|of| without_layout(of.syntax())).unwrap_or_default();
    match item.trait_() {
        Some(declared) => format!("impl {} for {}", of(Some(declared)), of(item.self_ty())),
        None => format!("impl {}", of(item.self_ty())),
    }
}

fn without_layout(node: &SyntaxNode) -> String {
    let mut text = String::new();
    let tokens = node
        .descendants_with_tokens()
        .filter_map(|element| element.into_token());
    for token in tokens.filter(|token| !token.kind().is_trivia()) {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let between_words = text.ends_with(is_word) && token.text().starts_with(is_word);
        if between_words || text.ends_with(',') {
            text.push(' ');
        }
        text.push_str(token.text());
    }
    text
}

fn implementation(item: &ast::Impl) -> Option<Implementation> {
    let ast::Type::PathType(of) = item.trait_()? else {
        return None;
    };
    Some(Implementation {
        of: plain_name(of.path()?.segment()?.name_ref()?.text()).to_owned(),
        subject: Scan::of(item.self_ty()?.syntax()).words,
    })
}

/// Whether the type after `for` is a parameter of the `impl`, or a reference to one.
fn is_blanket(item: &ast::Impl) -> bool {
    use ast::HasGenericParams;
    let Some(subject) = item.self_ty() else {
        return true;
    };
    let words = Scan::of(subject.syntax()).words;
    item.generic_param_list().is_some_and(|list| {
        list.type_or_const_params().any(|parameter| match parameter {
            ast::TypeOrConstParam::Type(it) => {
                words.len() == 1
                    && it
                        .name()
                        .is_some_and(|name| words.contains(plain_name(name.text())))
            }
            ast::TypeOrConstParam::Const(_) => false,
        })
    })
}

/// Whether a statement of this Rust may be an item, macro calls left aside, or an attribute of the crate. Looks at its words only: where
/// none begins an item there is no need to parse it.
pub fn may_have_items(rust: &str) -> bool {
    const BEGINNINGS: [&str; 16] = [
        "asm",
        "const",
        "enum",
        "extern",
        "fn",
        "impl",
        "macro",
        "macro_rules",
        "mod",
        "static",
        "struct",
        "trait",
        "type",
        "union",
        "use",
        "global_asm",
    ];
    let mut words = rust.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    rust.contains('#') || words.any(|word| BEGINNINGS.contains(&word))
}

fn imports(item: &ast::Use) -> Vec<Item> {
    let mut around = Scan::default();
    item.attrs().for_each(|attribute| around.add(attribute.syntax()));
    if let Some(visibility) = item.visibility() {
        around.add(visibility.syntax());
    }
    let mut found = Vec::new();
    match item.use_tree() {
        Some(tree) => collect_imports(&tree, &[], false, &around, &mut found),
        None => found.push(Item::new(ItemKind::Opaque, item.syntax())),
    }
    found
}

fn collect_imports(
    tree: &ast::UseTree,
    prefix: &[String],
    absolute: bool,
    around: &Scan,
    out: &mut Vec<Item>,
) {
    let mut path = prefix.to_vec();
    let mut absolute = absolute;
    if let Some(own) = tree.path() {
        absolute |= prefix.is_empty() && own.syntax().text().to_string().trim_start().starts_with("::");
        path.extend(
            own.segments()
                .filter_map(|segment| segment.name_ref())
                .map(|name| plain_name(name.text()).to_owned()),
        );
    } else if prefix.is_empty() {
        absolute |= tree.coloncolon_token().is_some();
    }
    if let Some(list) = tree.use_tree_list() {
        list.use_trees()
            .for_each(|inner| collect_imports(&inner, &path, absolute, around, out));
        return;
    }
    let glob = tree.star_token().is_some();
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let rename = tree.rename();
    let name = match &rename {
        Some(rename) => rename.name().map(|name| plain_name(name.text()).to_owned()),
        None if glob => None,
        None => path.last().cloned(),
    };
    let mut canonical = around.canonical.clone();
    frame(&mut canonical, b'u', if absolute { b"::" } else { b"" });
    path.iter()
        .for_each(|segment| frame(&mut canonical, b'p', segment.as_bytes()));
    match (&name, glob) {
        (_, true) => frame(&mut canonical, b'g', b""),
        (Some(name), _) => frame(&mut canonical, b'n', name.as_bytes()),
        (None, _) => frame(&mut canonical, b'_', b""),
    }
    let mut words = around.words.clone();
    words.extend(path.iter().cloned());
    words.extend(name.clone());
    let mut flags = around.flags;
    for pair in path.windows(2) {
        flags.note_import(&pair[1]);
    }
    out.push(Item {
        kind: ItemKind::Use,
        names: name.iter().cloned().collect(),
        name,
        canonical: canonical.into(),
        words,
        members: BTreeSet::new(),
        header: Arc::from([]),
        title: String::new(),
        headers: Vec::new(),
        types: Vec::new(),
        traits: BTreeSet::new(),
        implements: Vec::new(),
        statics: Vec::new(),
        import: Some(Import { path, glob }),
        blanket: false,
        renames: false,
        macro_calls: BTreeSet::new(),
        flags,
    });
}
