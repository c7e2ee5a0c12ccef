//! Type names as people say them.

/// Longer than this, and the parameters of a type are left out.
const LONG: usize = 60;

/// A type as `std::any::type_name` gives it, without the modules: `alloc::boxed::Box<dyn
/// core::error::Error>` is `Box<dyn Error>`. The parameters of a very long one become `…`.
pub fn short_type_name(full: &str) -> String {
    let mut short = String::with_capacity(full.len());
    let mut word_start = 0;
    let mut rest = full;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("::") {
            // What came before was a module; after `>` it is an associated type of it.
            if short.ends_with('>') {
                short.push_str("::");
                word_start = short.len();
            } else {
                short.truncate(word_start);
            }
            rest = after;
            continue;
        }
        short.push(c);
        if !(c == '_' || c.is_alphanumeric()) {
            word_start = short.len();
        }
        rest = &rest[c.len_utf8()..];
    }
    if short.chars().count() <= LONG {
        return short;
    }
    match short.find('<') {
        Some(at) if at > 0 => format!("{}<…>", &short[..at]),
        _ => short,
    }
}

#[cfg(test)]
mod tests {
    use super::short_type_name;

    #[test]
    fn modules_go_and_parameters_stay() {
        for (full, short) in [
            ("core::num::error::ParseIntError", "ParseIntError"),
            ("alloc::boxed::Box<dyn core::error::Error>", "Box<dyn Error>"),
            (
                "a::Failed<alloc::vec::Vec<u8>, (b::C, &str)>",
                "Failed<Vec<u8>, (C, &str)>",
            ),
            ("i32", "i32"),
            ("ctx::MyError", "MyError"),
        ] {
            assert_eq!(short_type_name(full), short);
        }
    }

    #[test]
    fn very_long_parameters_are_left_out() {
        let long = format!("a::Many<{}>", ["core::num::error::ParseIntError"; 9].join(", "));
        assert_eq!(short_type_name(&long), "Many<…>");
    }
}
