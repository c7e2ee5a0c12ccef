//! Messages of the engine about variables that cannot be kept, in Cellar's words.
//!
//! The engine bails out with prose before or instead of compiling. What it says is recognised by its
//! fixed parts; anything else is passed on with generated names cleaned.

use super::clean::clean;
use super::compile::one_line;
use super::snippet;
use crate::interpreter::CellError;

const BRACES: &str = "or wrap the code in braces, `{ … }`, so that the variable ends with the cell";

/// The error of a cell about which the engine said `text`.
pub fn engine_message(text: &str) -> CellError {
    let (ename, title, helps) = reworded(text).unwrap_or_else(|| {
        let text = clean(text.trim());
        ("EngineError", text, Vec::new())
    });
    let helps: Vec<String> = helps;
    CellError {
        ename: ename.to_owned(),
        evalue: one_line(&title),
        traceback: snippet::message(&title, &helps),
    }
}

fn reworded(text: &str) -> Option<(&'static str, String, Vec<String>)> {
    let quoted = |n: usize| text.split('`').nth(2 * n + 1);
    let braces = || BRACES.to_owned();
    if text.contains("is a closure, which cannot be persisted") {
        let name = quoted(0)?;
        return Some((
            "UnkeptVariable",
            format!("`{name}` is a closure, whose type has no name, so it cannot be kept for later cells"),
            vec![
                format!(
                    "box it: `let {name}: Box<dyn Fn(i32) -> i32> = Box::new(|x| x + 1);`, or write an `fn`"
                ),
                braces(),
            ],
        ));
    }
    if text.contains("contains a reference with a non-static lifetime") {
        let name = quoted(0)?;
        return Some((
            "UnkeptVariable",
            format!("`{name}` borrows from another value, so it cannot be kept for later cells"),
            vec![
                "keep an owned value: `.clone()`, `.to_owned()`, `.collect::<Vec<_>>()`".to_owned(),
                braces(),
            ],
        ));
    }
    if text.contains("which cannot be persisted") {
        let (name, type_name) = (quoted(0)?, quoted(1)?);
        return Some((
            "UnkeptVariable",
            format!("`{name}` has the type `{}`, which cannot be kept for later cells", clean(type_name)),
            vec![
                "give it a type that can be named, such as `Box<dyn Trait>`, or collect it: `.collect::<Vec<_>>()`".to_owned(),
                braces(),
            ],
        ));
    }
    if text.contains("Couldn't automatically determine type of variable") {
        let name = quoted(0)?;
        return Some((
            "UnknownType",
            format!("the type of `{name}` could not be found out"),
            vec![format!("write it: `let {name}: Type = …;`"), braces()],
        ));
    }
    if text.contains("Failed to determine type of variable") {
        let name = quoted(0)?;
        return Some((
            "UnknownType",
            format!(
                "the type of `{name}` is private to its crate, so the variable cannot be kept under that name"
            ),
            vec![
                format!("write a public type for it: `let {name}: Type = …;`"),
                braces(),
            ],
        ));
    }
    if text.contains("A type redefinition resulted in the following variables being lost") {
        let names = text.rsplit_once(": ")?.1;
        return Some((
            "LostVariables",
            format!("a type was defined anew, and variables of the old one were dropped: {names}"),
            vec!["run the cells that make them again".to_owned()],
        ));
    }
    if text.contains("Looks like you're missing a semicolon") {
        return Some((
            "CompileError",
            "a statement of this cell does not end with `;`".to_owned(),
            vec![
                "end every `let` and every statement with `;`; only the last expression may go without"
                    .to_owned(),
            ],
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::snippet::plain;
    use super::*;

    #[test]
    fn a_closure() {
        let error = engine_message(
            "The variable `add` is a closure, which cannot be persisted.\nYou can however persist closures if you box them.",
        );
        assert_eq!(error.ename, "UnkeptVariable");
        assert_eq!(
            plain(&error.traceback),
            "error: `add` is a closure, whose type has no name, so it cannot be kept for later cells\n \
             |\n \
             = help: box it: `let add: Box<dyn Fn(i32) -> i32> = Box::new(|x| x + 1);`, or write an `fn`\n \
             = help: or wrap the code in braces, `{ … }`, so that the variable ends with the cell"
        );
    }

    #[test]
    fn every_text_of_the_engine_is_reworded() {
        for (text, evalue) in [
            (
                "The variable `r` contains a reference with a non-static lifetime so\ncan't be persisted. You can",
                "`r` borrows from another value, so it cannot be kept for later cells",
            ),
            (
                "The variable `it` has type `impl Iterator<Item = ctx::P>` which cannot be persisted.\nYou might",
                "`it` has the type `impl Iterator<Item = P>`, which cannot be kept for later cells",
            ),
            (
                "Couldn't automatically determine type of variable `v`.\nPlease give it an explicit type.",
                "the type of `v` could not be found out",
            ),
            (
                "A type redefinition resulted in the following variables being lost: a, b",
                "a type was defined anew, and variables of the old one were dropped: a, b",
            ),
            (
                "Looks like you're missing a semicolon",
                "a statement of this cell does not end with `;`",
            ),
            ("No such file\n(os error 2)", "No such file; (os error 2)"),
        ] {
            assert_eq!(engine_message(text).evalue, evalue);
        }
    }
}
