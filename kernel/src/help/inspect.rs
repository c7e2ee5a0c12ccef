//! What is known of a name, from the notebook's own source and the tables.

use super::items::items_of;
use super::keywords;
use super::known::{Item, ItemKind, KnownNames, base_name};
use super::position::{NameAt, name_at};
use super::std_names::PRELUDE;
use crate::interpreter::MimeBundle;
use crate::magic::{about, parse};

/// What is known of the name at `cursor` (code points). `detail` 1 adds source code.
///
/// `None` if it is no name of the notebook, of a table or of the language; std and dependencies are asked of
/// rust-analyzer then.
pub fn inspect_by_name(code: &str, cursor: usize, detail: u8, names: &KnownNames) -> Option<MimeBundle> {
    let name = name_at(code, cursor)?;
    if !name.prefix.is_empty() {
        let full = if name.prefix == ":" {
            format!(":{}", name.name)
        } else {
            name.name.clone()
        };
        return about(&full).map(|text| bundle(&text));
    }
    if let Some(option) = directive_option(code, &name) {
        return Some(bundle(&option));
    }
    let rust = parse(code).map_or_else(|_| code.to_owned(), |parsed| parsed.rust());
    let own = items_of(&rust);
    markdown(&name, detail, names, &own).map(|text| bundle(&text))
}

/// The same for a name as `%help` and `name?` give it: `Point`, `Point::len`, `%time`, `:dep`.
pub fn inspect_name(name: &str, detail: u8, names: &KnownNames) -> Option<MimeBundle> {
    if let Some(text) = about(name).filter(|_| !names.items.iter().any(|item| item.name == name)) {
        let known_variable = names.variable(name).is_some();
        if !known_variable {
            return Some(bundle(&text));
        }
    }
    let name = name_at(name, name.trim_end_matches('!').chars().count())?;
    markdown(&name, detail, names, &[]).map(|text| bundle(&text))
}

/// Whether a bundle says no more than that a name is of the standard library: rust-analyzer can say more.
pub fn is_std(bundle: &MimeBundle) -> bool {
    bundle
        .get("text/markdown")
        .and_then(|text| text.as_str())
        .is_some_and(|text| text.contains(OF_STD))
}

const OF_STD: &str = "of the standard library\n\n<https://doc.rust-lang.org/std/?search=";

/// A name of the prelude, as far as is known without rust-analyzer.
fn std_name(name: &str) -> Option<String> {
    let (kind, _) = PRELUDE
        .iter()
        .find(|(_, names)| names.split_whitespace().any(|known| known == name))?;
    Some(format!("`{name}`: {kind} {OF_STD}{name}>"))
}

fn bundle(markdown: &str) -> MimeBundle {
    let mut bundle = MimeBundle::new();
    bundle.insert("text/plain".to_owned(), plain(markdown).into());
    bundle.insert("text/markdown".to_owned(), markdown.into());
    bundle
}

/// Markdown as it reads in a terminal: fences go, what they enclose is indented.
fn plain(markdown: &str) -> String {
    let mut lines = Vec::new();
    let mut fenced = false;
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            lines.push(format!("    {line}").trim_end().to_owned());
        } else {
            lines.push(line.replace('`', ""));
        }
    }
    lines.join("\n").trim().trim_start_matches('\n').to_owned()
}

/// A word on a directive's line.
fn directive_option(code: &str, name: &NameAt) -> Option<String> {
    let line_start = code[..name.range.start].rfind('\n').map_or(0, |at| at + 1);
    let line = code[line_start..]
        .lines()
        .next()?
        .trim_start()
        .strip_prefix("//%")?;
    let word = line
        .trim_start()
        .split(|c: char| !(c == '_' || c.is_alphanumeric()))
        .next()?;
    let spec = crate::magic::DirectiveSpec::find(word)?;
    let option = spec.option(&name.name)?;
    Some(format!(
        "option `{}` of `{}`\n\n{}.",
        option.name, spec.name, option.summary
    ))
}

fn markdown(name: &NameAt, detail: u8, names: &KnownNames, own: &[Item]) -> Option<String> {
    let items = || own.iter().chain(names.items.iter().rev());
    let of = name.path.last().map(String::as_str);
    let fits = |item: &&Item| {
        item.name == name.name
            && (item.kind == ItemKind::Macro) == name.is_macro
            && match of {
                Some(of) => item.parent.as_deref() == Some(of),
                None => name.after_dot == matches!(item.kind, ItemKind::Method | ItemKind::Field),
            }
    };
    if !name.after_dot
        && of.is_none()
        && !name.is_macro
        && let Some(variable) = names.variable(&name.name)
    {
        let mut text = format!(
            "```rust\nlet {}: {}\n```\n\nvariable of this notebook",
            variable.name, variable.type_name
        );
        let base = base_name(&variable.type_name);
        if let Some(item) = items().find(|item| item.name == base && item.parent.is_none()) {
            text.push_str(&format!("\n\n{}", of_item(item, detail)));
        }
        return Some(text);
    }
    if let Some(item) = items().find(fits) {
        return Some(of_item(item, detail));
    }
    // A method that is asked for by its name alone.
    if of.is_none()
        && !name.is_macro
        && let Some(item) = items().find(|item| item.name == name.name && item.kind != ItemKind::Macro)
    {
        return Some(of_item(item, detail));
    }
    // `%help shout` of a macro.
    if let Some(item) = items().find(|item| item.name == name.name && item.kind == ItemKind::Macro) {
        return Some(of_item(item, detail));
    }
    if of.is_none() && !name.after_dot && !name.is_macro {
        keywords::about(&name.name).or_else(|| std_name(&name.name))
    } else {
        None
    }
}

fn of_item(item: &Item, detail: u8) -> String {
    let shown = if detail > 0 { &item.source } else { &item.signature };
    let mut text = String::new();
    if let Some(parent) = &item.parent {
        text.push_str(&format!("{} of `{parent}`\n\n", item.kind.name()));
    }
    text.push_str(&format!("```rust\n{shown}\n```"));
    if !item.docs.is_empty() {
        text.push_str(&format!("\n\n{}", item.docs));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> KnownNames {
        let mut names = KnownNames::default();
        names.set_variable("p", "Point");
        names.learn(items_of(
            "/// A point.\nstruct Point { x: f64 }\nimpl Point {\n    /// Its length.\n    fn len(&self) -> f64 { self.x }\n}\n\
             macro_rules! shout { () => {} }\n/// Old.\nfn area() {}",
        ));
        names
    }

    fn inspected(text: &str, detail: u8) -> Option<String> {
        let byte = text.find("$0").expect("a cursor");
        let code = text.replacen("$0", "", 1);
        let bundle = inspect_by_name(&code, text[..byte].chars().count(), detail, &names())?;
        bundle["text/markdown"].as_str().map(str::to_owned)
    }

    #[test]
    fn own_items() {
        assert_eq!(
            inspected("/* 𝄞 */ area$0()", 0).as_deref(),
            Some("```rust\nfn area()\n```\n\nOld.")
        );
        assert_eq!(
            inspected("p.le$0n()", 0).as_deref(),
            Some("method of `Point`\n\n```rust\nfn len(&self) -> f64\n```\n\nIts length.")
        );
        assert_eq!(
            inspected("$0p", 0).as_deref(),
            Some(
                "```rust\nlet p: Point\n```\n\nvariable of this notebook\n\n```rust\nstruct Point { x: f64 }\n```\n\nA point."
            )
        );
        assert!(inspected("Point$0", 1).is_some_and(|text| text.contains("/// A point.\nstruct Point")));
        assert_eq!(
            inspected("shout$0!()", 0).as_deref(),
            Some("```rust\nmacro shout!\n```")
        );
        assert_eq!(
            inspected("/// New.\nfn area(x: u8) {}\narea($0", 0).as_deref(),
            Some("```rust\nfn area(x: u8)\n```\n\nNew.")
        );
        assert_eq!(inspected("HashMap$0", 0), None);
        assert_eq!(inspected("p.iter$0()", 0), None);
    }

    #[test]
    fn tables_and_keywords() {
        assert!(inspected("%tim$0eit x", 0).is_some_and(|text| text.contains("-n N")));
        assert!(inspected(":de$0p x", 0).is_some_and(|text| text.contains("Add a dependency")));
        assert!(inspected("//% cache_da$0ta", 0).is_some_and(|text| text.contains("`ttl`")));
        assert!(
            inspected("//% cache_data(tt$0l = 1)", 0).is_some_and(|text| text.starts_with("option `ttl`"))
        );
        assert!(inspected("mat$0ch x {}", 0).is_some_and(|text| text.starts_with("keyword `match`")));
    }

    #[test]
    fn names_for_help() {
        let text = |name: &str| {
            inspect_name(name, 0, &names())
                .and_then(|bundle| bundle["text/plain"].as_str().map(str::to_owned))
        };
        assert_eq!(
            text("Point::len").as_deref(),
            Some("method of Point\n\n    fn len(&self) -> f64\n\nIts length.")
        );
        assert!(text("%time").is_some_and(|text| text.contains("%%time")));
        assert!(text("cache_data").is_some_and(|text| text.contains("ttl")));
        assert_eq!(text("shout!").as_deref(), Some("macro shout!"));
        assert_eq!(text("nothing_like_it"), None);
    }
}
