//! Names that only the generated source knows, in words that a person knows.

/// Exact texts, longest first where one contains another.
const WORDS: &[(&str, &str)] = &[
    ("`evcxr_variable_store`", "the end of the cell"),
    ("`evcxr_internal_runtime`", "Cellar's runtime"),
    ("`evcxr_analysis_wrapper`", "this cell"),
    ("evcxr_internal_runtime::", ""),
    ("evcxr_variable_store", "the notebook's variables"),
    ("evcxr_internal_runtime", "Cellar's runtime"),
    ("evcxr_analysis_wrapper", "this cell"),
    (
        "`cellar::__private::memo::key::parts::NoPart::__cellar_part`",
        "the key of a cached function",
    ),
    (
        "`cellar::__private::memo::not_a_result::RefuseResult::__cellar_place`",
        "a cached function",
    ),
    ("cellar::__private::memo::key::", "cellar::"),
    ("cellar::__private::memo::not_a_result::", "cellar::"),
    ("cellar::__private::", "cellar::"),
    ("CellOutcome<DebugText<false>>", "CellOutcome"),
    ("CellOutcome<DebugText<true>>", "CellOutcome"),
    ("crate `ctx`", "this notebook"),
    ("`ctx`", "this notebook"),
];

/// Names whose place in a type or path says nothing: removed with the `::` that follows them.
const PATHS: &[&str] = &["ctx::", "__private::", "__cellar_args::"];

/// What names begin with that are removed likewise: the modules around cached functions.
const PATHS_BEGIN: &str = "__memo_";

/// Names of generated functions and types, each followed by a number or not.
const NAMES: &[(&str, &str)] = &[
    ("run_user_code_", "this cell"),
    ("evcxr_user_code_", "this cell"),
    ("user_code_", "this notebook"),
    ("CellOutcome", "the cell's result"),
    (PATHS_BEGIN, "the cache of a function"),
    ("__cellar_", "a value that Cellar keeps for the cell"),
];

/// `text` without names of the generated source.
pub fn clean(text: &str) -> String {
    let mut text = text.to_owned();
    for (from, to) in WORDS {
        if text.contains(from) {
            text = text.replace(from, to);
        }
    }
    for path in PATHS {
        text = replace_words(&text, |word| word == path.trim_end_matches("::"), true, "");
    }
    text = replace_words(&text, |word| word.starts_with(PATHS_BEGIN), true, "");
    for (name, words) in NAMES {
        if text.contains(name) {
            let is_name = |word: &str| {
                word.strip_prefix(name)
                    .is_some_and(|rest| !name.ends_with('_') || name.starts_with("__") || is_number(rest))
            };
            text = replace_words(&text, is_name, false, words);
        }
    }
    text
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Replaces whole identifiers, with the backticks that enclose nothing else. With `path`, only those
/// that are followed by `::`, and the `::` with them.
fn replace_words(text: &str, matches: impl Fn(&str) -> bool, path: bool, with: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c == '_' || c.is_alphanumeric()) {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let end = from
            .find(|c: char| !(c == '_' || c.is_alphanumeric()))
            .unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        rest = after;
        if !matches(word) {
            out.push_str(word);
        } else if path {
            match after.strip_prefix("::") {
                Some(after) => rest = after,
                None => out.push_str(word),
            }
        } else {
            let called = after.strip_prefix("()").unwrap_or(after);
            match (out.ends_with('`'), called.strip_prefix('`')) {
                (true, Some(after)) => {
                    out.pop();
                    out.push_str(with);
                    rest = after;
                }
                _ => out.push_str(with),
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn generated_names_become_words() {
        for (from, to) in [
            (
                "expected `;`, found `evcxr_variable_store`",
                "expected `;`, found the end of the cell",
            ),
            (
                "expected `ctx::Point`, found `ctx::m::Q`",
                "expected `Point`, found `m::Q`",
            ),
            ("in function `run_user_code_12`", "in function this cell"),
            ("`run_user_code_3()` is here", "this cell is here"),
            (
                "cannot find value `x` in crate `ctx`",
                "cannot find value `x` in this notebook",
            ),
            ("found enum `CellOutcome`", "found enum the cell's result"),
            (
                "`cellar::__private::Shown` is missing",
                "`cellar::Shown` is missing",
            ),
            (
                "the argument `__memo_nd::__cellar_args::s` of `ctx::__memo_nd::nd`",
                "the argument `s` of `nd`",
            ),
            ("in module `__memo_nd`", "in module the cache of a function"),
            (
                "the variable `ctx_size` and `my_ctx::A` stay",
                "the variable `ctx_size` and `my_ctx::A` stay",
            ),
            ("`run_user_code_mine` stays", "`run_user_code_mine` stays"),
        ] {
            assert_eq!(clean(from), to);
        }
    }
}
