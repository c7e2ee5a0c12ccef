//! Hands the value of a cell's last expression to the host. Not generic: compiled once, here.

use std::fmt;

use crate::Bundle;
use crate::host::Kind;

/// Shows a rich value as the cell's result; an empty bundle shows nothing.
pub fn rich(bundle: Bundle) {
    bundle.send(Kind::Result, "");
}

/// Shows text as the cell's result.
pub fn debug(text: fmt::Arguments<'_>) {
    rich(Bundle::new().text(text.to_string()));
}

/// Shows text as the cell's result, as evcxr does after `:types`: `: i32 = 42`.
pub fn typed(type_name: Option<&str>, text: fmt::Arguments<'_>) {
    match type_name {
        Some(name) => debug(format_args!(": {} = {text}", without_paths(name))),
        None => debug(text),
    }
}

/// Shows that a value is there which has no form to show, and what to do.
pub fn not_shown(type_name: &str) {
    rich(Bundle::new().text(explain(type_name)));
}

fn explain(type_name: &str) -> String {
    if type_name.ends_with("{{closure}}") {
        return "(a closure or a future; it has no text to show)".to_owned();
    }
    format!(
        "(a value of type `{}`, which has no `Debug`: add `#[derive(Debug)]` to the type to show it, \
         or implement `cellar::Rich` for it)",
        without_paths(type_name)
    )
}

/// `alloc::vec::Vec<ctx::Point>` as its author wrote it: `Vec<Point>`.
fn without_paths(type_name: &str) -> String {
    let mut short = String::with_capacity(type_name.len());
    for piece in type_name.split_inclusive(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
        short.push_str(piece.rsplit("::").next().unwrap_or(piece));
    }
    short
}

#[cfg(test)]
mod tests {
    use super::explain;

    #[test]
    fn a_value_without_debug_says_what_to_derive() {
        assert!(explain("alloc::vec::Vec<ctx::Point>").starts_with("(a value of type `Vec<Point>`, which"));
        assert!(explain("dyn core::ops::function::Fn(&ctx::A) -> u8").contains("`dyn Fn(&A) -> u8`"));
        assert!(explain("ctx::run_user_code_3::{{closure}}").contains("closure"));
    }
}
