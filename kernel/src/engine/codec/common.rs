//! Types that most notebooks have variables of.

const SCALARS: [&str; 16] = [
    "bool", "char", "String", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "isize",
    "f32", "f64",
];

/// As evcxr writes them.
pub fn types() -> Vec<String> {
    let mut types = Vec::new();
    for scalar in SCALARS {
        types.push(scalar.to_owned());
        types.push(format!("Vec<{scalar}>"));
        types.push(format!("Option<{scalar}>"));
    }
    for numbers in ["f64", "i64", "i32", "String"] {
        types.push(format!("Vec<Vec<{numbers}>>"));
        types.push(format!("Vec<Option<{numbers}>>"));
        types.push(format!("Option<Vec<{numbers}>>"));
    }
    types.push("&str".to_owned());
    types
}
