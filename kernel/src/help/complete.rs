//! Completion by name.

use super::context::{Kind, place};
use super::items::{items_of, locals_of};
use super::keywords::KEYWORDS;
use super::known::{Item, ItemKind, KnownNames, base_name};
use super::position::{codepoint_of, generics_start, path_before, word_start};
use super::std_names::{MACROS, PATHS, PRELUDE, methods};
use crate::interpreter::{Completion, Completions};
use crate::magic::{COMMANDS, DIRECTIVES, DirectiveSpec, MAGICS, MagicSpec, OptionKind, parse};

/// A cell of more bytes is not read while someone types in it.
const LARGE: usize = 400_000;

/// Completions at `cursor` (code points): names of the session, of the cell itself, of the
/// language and of the standard library. Best first; never an error.
pub fn complete_by_name(code: &str, cursor: usize, names: &KnownNames) -> Completions {
    if code.len() > LARGE {
        return Completions {
            start: cursor,
            end: cursor,
            matches: Vec::new(),
        };
    }
    let place = place(code, cursor);
    let typed = &code[place.start..place.end];
    let mut found = Found {
        typed,
        matches: Vec::new(),
    };
    match place.kind {
        Kind::Nothing => {}
        Kind::Magic => magics(&mut found),
        Kind::MagicWord(name) => magic_words(&mut found, name),
        Kind::Command => {
            for command in COMMANDS {
                found.add(command.name, "magic", Some(command.summary));
            }
        }
        Kind::Directive => {
            for directive in DIRECTIVES
                .iter()
                .filter(|directive| directive.replacement.is_none())
            {
                found.add(directive.name, "directive", Some(directive.summary));
            }
        }
        Kind::DirectiveOption(name) => {
            for option in DirectiveSpec::find(name)
                .into_iter()
                .flat_map(|spec| spec.options)
            {
                found.add(option.name, "option", Some(option.summary));
            }
        }
        Kind::DirectiveValue(name, option) => {
            let kind = DirectiveSpec::find(name)
                .and_then(|spec| spec.option(option))
                .map(|option| option.kind);
            let values: &[&str] = match kind {
                Some(OptionKind::Choice(choices)) => choices,
                Some(OptionKind::BoolOrText) => &["true", "false"],
                _ => &[],
            };
            for value in values {
                found.add(value, "value", None);
            }
        }
        Kind::Member { receiver } => {
            let scope = Scope::new(code, place.start, names);
            members(&mut found, &scope, receiver);
        }
        Kind::Path => {
            let scope = Scope::new(code, place.start, names);
            associated(&mut found, &scope, &path_before(code, place.start));
        }
        Kind::Name => {
            let scope = Scope::new(code, place.start, names);
            bare(&mut found, &scope);
        }
    }
    // What differs in case comes last.
    let typed = found.typed.to_owned();
    let mut matches = found.matches;
    matches.sort_by_key(|completion| !completion.text.starts_with(&typed));
    Completions {
        start: codepoint_of(code, place.start),
        end: codepoint_of(code, place.end),
        matches,
    }
}

/// The matches so far, for what was typed.
struct Found<'a> {
    typed: &'a str,
    matches: Vec<Completion>,
}

impl Found<'_> {
    /// Adds a name that goes on from what was typed, in any case. The first of equal ones stays.
    fn add(&mut self, text: &str, kind: &'static str, signature: Option<&str>) {
        let mut chars = text.chars();
        let fits = self.typed.chars().all(|typed| {
            chars
                .next()
                .is_some_and(|c| c == typed || c.to_lowercase().eq(typed.to_lowercase()))
        });
        if !fits || self.matches.iter().any(|known| known.text == text) {
            return;
        }
        let signature = signature
            .filter(|signature| !signature.is_empty())
            .map(str::to_owned);
        self.matches.push(Completion {
            text: text.to_owned(),
            kind,
            signature,
        });
    }

    fn add_item(&mut self, item: &Item) {
        let text = match item.kind {
            ItemKind::Macro => format!("{}!", item.name),
            _ => item.name.clone(),
        };
        let signature = item
            .signature
            .lines()
            .next()
            .map(|line| line.trim_end_matches('{').trim());
        self.add(&text, item.kind.name(), signature);
    }
}

/// What is known at a place: the session, and the cell around it.
struct Scope<'a> {
    names: &'a KnownNames,
    items: Vec<Item>,
    locals: Vec<(String, Option<String>)>,
}

impl<'a> Scope<'a> {
    fn new(code: &str, before: usize, names: &'a KnownNames) -> Self {
        // Lines that are not Rust would disturb the parser.
        let rust = parse(code).map_or_else(|_| code.to_owned(), |parsed| parsed.rust());
        // What was blanked out moves bytes; names before the cursor are then found by the whole cell.
        let before = if rust.len() == code.len() {
            before
        } else {
            rust.len()
        };
        Scope {
            names,
            items: items_of(&rust),
            locals: locals_of(&rust, before),
        }
    }

    fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().chain(&self.names.items)
    }

    /// The type of a name, as far as it is written somewhere.
    fn type_of(&self, name: &str) -> Option<String> {
        let local = self.locals.iter().rev().find(|(local, _)| local == name);
        match local {
            Some((_, Some(type_name))) => Some(type_name.clone()),
            // The cell binds the name anew; what it was before does not matter.
            Some((_, None)) if self.names.variable(name).is_none() => None,
            _ => self
                .names
                .variable(name)
                .map(|variable| variable.type_name.clone()),
        }
    }

    /// The type of the expression that `text` ends with, for the plainest expressions.
    fn type_of_expression(&self, text: &str) -> Option<String> {
        let text = text.trim_end();
        let last = text.chars().next_back()?;
        if last == '"' {
            return Some("str".to_owned());
        }
        if last == '\'' {
            return Some("char".to_owned());
        }
        if last == ')' {
            let open = matching_open(text)?;
            let callee = text[..open].trim_end();
            let callee = if callee.ends_with('>') {
                callee[..generics_start(callee)?].trim_end_matches("::")
            } else {
                callee
            };
            let start = word_start(callee, callee.len());
            let (path, name) = (path_before(callee, start), &callee[start..]);
            match name {
                "to_string" | "to_owned" | "to_lowercase" | "to_uppercase" | "replace" | "trim_string" => {
                    return Some("String".to_owned());
                }
                "iter" | "iter_mut" | "into_iter" | "chars" | "lines" | "bytes" | "map" | "filter"
                | "enumerate" | "zip" | "rev" | "split" | "split_whitespace" | "keys" | "values" | "skip"
                | "take" | "windows" | "chunks" | "filter_map" | "flat_map" | "chain" => {
                    return Some("iterator".to_owned());
                }
                "trim" | "as_str" => return Some("str".to_owned()),
                "len" | "count" => return Some("usize".to_owned()),
                _ => {}
            }
            if let Some(of) = path.last()
                && ["new", "from", "default", "with_capacity", "now"].contains(&name)
            {
                return Some(of.clone());
            }
            let item = self.items().find(|item| {
                item.name == name && matches!(item.kind, ItemKind::Function | ItemKind::Method)
            })?;
            let returned = item.signature.rsplit_once("->")?.1;
            let returned = returned.split(" where ").next()?.trim();
            return Some(if returned == "Self" {
                item.parent.clone()?
            } else {
                returned.to_owned()
            });
        }
        let start = word_start(text, text.len());
        let name = &text[start..];
        if name.is_empty() {
            return None;
        }
        if name.chars().all(|c| c.is_ascii_digit() || c == '_') {
            return Some("i32".to_owned());
        }
        let before = text[..start].trim_end();
        if let Some(of) = before.strip_suffix('.') {
            let owner = self.type_of_expression(of)?;
            let owner = base_name(&owner);
            let field = self.items().find(|item| {
                item.kind == ItemKind::Field && item.name == name && item.parent.as_deref() == Some(owner)
            })?;
            return Some(field.signature.split_once(':')?.1.trim().to_owned());
        }
        self.type_of(name)
    }
}

/// Where the `(` is that the `)` at the end closes.
fn matching_open(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    for (at, c) in text.char_indices().rev() {
        match c {
            ')' => depth += 1,
            '(' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

fn magics(found: &mut Found<'_>) {
    for magic in MAGICS {
        if magic.line && !found.typed.starts_with("%%") {
            found.add(&format!("%{}", magic.name), "magic", Some(magic.summary));
        }
        if magic.cell {
            found.add(&format!("%%{}", magic.name), "magic", Some(magic.summary));
        }
    }
}

fn magic_words(found: &mut Found<'_>, name: &str) {
    for word in MagicSpec::find(name).into_iter().flat_map(|spec| spec.words) {
        found.add(word, "option", None);
    }
    if name == "help" {
        for magic in MAGICS {
            found.add(&format!("%{}", magic.name), "magic", Some(magic.summary));
        }
        for command in COMMANDS {
            found.add(command.name, "magic", Some(command.summary));
        }
    }
}

fn bare(found: &mut Found<'_>, scope: &Scope<'_>) {
    for (name, type_name) in scope.locals.iter().rev() {
        let type_name = type_name.clone().or_else(|| scope.type_of(name));
        found.add(name, "variable", type_name.as_deref());
    }
    for variable in &scope.names.variables {
        found.add(&variable.name, "variable", Some(&variable.type_name));
    }
    for item in scope.items() {
        let alone = item.parent.is_none() && !matches!(item.kind, ItemKind::Variant | ItemKind::Field);
        if alone {
            found.add_item(item);
        }
    }
    // Without a beginning, the language's own names would bury the notebook's.
    if found.typed.is_empty() {
        return;
    }
    for (keyword, summary, _) in KEYWORDS {
        found.add(keyword, "keyword", Some(summary));
    }
    for (kind, names) in PRELUDE {
        for name in names.split(' ') {
            found.add(name, kind, None);
        }
    }
    for name in MACROS.split(' ') {
        found.add(&format!("{name}!"), "macro", None);
    }
}

fn members(found: &mut Found<'_>, scope: &Scope<'_>, receiver: &str) {
    let type_name = scope.type_of_expression(receiver);
    let base = type_name.as_deref().map(base_name);
    // A method of a trait may be a method of any type.
    let traits: Vec<&str> = scope
        .items()
        .filter(|item| item.kind == ItemKind::Trait)
        .map(|item| item.name.as_str())
        .collect();
    for item in scope
        .items()
        .filter(|item| matches!(item.kind, ItemKind::Field | ItemKind::Method))
    {
        let parent = item.parent.as_deref();
        let of_trait = parent.is_some_and(|parent| traits.contains(&parent));
        if base.is_none() || parent == base || (of_trait && item.kind == ItemKind::Method) {
            found.add_item(item);
        }
    }
    // What a smart pointer holds.
    let inner = type_name.as_deref().and_then(|full| {
        let held = full.split_once('<')?.1.rsplit_once('>')?.0;
        matches!(base, Some("Box" | "Rc" | "Arc")).then(|| base_name(held).to_owned())
    });
    if let Some(inner) = &inner {
        for item in scope
            .items()
            .filter(|item| matches!(item.kind, ItemKind::Field | ItemKind::Method))
        {
            if item.parent.as_deref() == Some(inner.as_str()) {
                found.add_item(item);
            }
        }
        for name in methods(inner) {
            found.add(name, "method", None);
        }
    }
    for name in methods(base.unwrap_or("any")) {
        found.add(name, "method", None);
    }
    found.add("await", "keyword", None);
}

fn associated(found: &mut Found<'_>, scope: &Scope<'_>, path: &[String]) {
    let Some(last) = path.last() else { return };
    for item in scope.items() {
        if item.parent.as_ref() == Some(last) && item.kind != ItemKind::Field {
            found.add_item(item);
        }
    }
    let whole = path.join("::");
    let whole = whole
        .strip_prefix("core::")
        .map_or(whole.clone(), |rest| format!("std::{rest}"));
    let exact = PATHS.iter().find(|(known, _)| *known == whole);
    // `use std::collections; collections::HashMap::…`
    let by_last = || {
        PATHS
            .iter()
            .find(|(known, _)| known.rsplit("::").next() == Some(last))
    };
    let derived = || {
        scope
            .items()
            .find(|item| item.name == *last && item.source.contains("Default"))
    };
    match exact.or_else(by_last) {
        Some((_, names)) => {
            for name in names.split(' ') {
                found.add(name, kind_of(name), None);
            }
        }
        None => {
            if derived().is_some() {
                found.add("default", "function", None);
            }
        }
    }
}

/// What a name of the standard library is, judged by how it is written.
fn kind_of(name: &str) -> &'static str {
    let first_upper = name.starts_with(|c: char| c.is_uppercase());
    if first_upper
        && name.len() > 1
        && name
            .chars()
            .all(|c| c.is_uppercase() || c.is_ascii_digit() || c == '_')
    {
        "constant"
    } else if first_upper {
        "struct"
    } else if PATHS
        .iter()
        .any(|(path, _)| path.rsplit("::").next() == Some(name) && path.contains("::"))
    {
        "module"
    } else {
        "function"
    }
}

#[cfg(test)]
#[path = "complete_tests.rs"]
mod tests;
