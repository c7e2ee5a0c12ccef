//! `%who` and `%whos`: the notebook's variables, listed.

use super::guide::bundle;
use super::listing::table_bundle;
use crate::interpreter::MimeBundle;

/// One variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariableRow {
    pub name: String,
    pub type_name: String,
    /// Bytes, where known.
    pub size: Option<u64>,
}

const EMPTY: &str = "There are no variables.";

fn chosen<'a>(rows: &'a [VariableRow], types: &[String]) -> Vec<&'a VariableRow> {
    let mut rows: Vec<&VariableRow> = rows
        .iter()
        .filter(|row| types.is_empty() || types.iter().any(|part| row.type_name.contains(part.as_str())))
        .collect();
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    rows
}

fn none(types: &[String]) -> MimeBundle {
    let text = match types {
        [] => EMPTY.to_owned(),
        types => format!("There are no variables of type {}.", types.join(" or ")),
    };
    bundle(&text, None)
}

/// The names, as IPython lists them.
pub fn who(rows: &[VariableRow], types: &[String]) -> MimeBundle {
    let rows = chosen(rows, types);
    if rows.is_empty() {
        return none(types);
    }
    let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    bundle(&names.join("\t"), None)
}

/// The table; the column of sizes is there if any is known.
pub fn whos(rows: &[VariableRow], types: &[String]) -> MimeBundle {
    let rows = chosen(rows, types);
    if rows.is_empty() {
        return none(types);
    }
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            vec![
                row.name.clone(),
                row.type_name.clone(),
                row.size.map(size_text).unwrap_or_default(),
            ]
        })
        .collect();
    table_bundle(&["Variable", "Type", "Size"], 2, &cells, &[])
}

fn size_text(bytes: u64) -> String {
    let mut value = bytes as f64;
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    for unit in ["kB", "MB", "GB"] {
        value /= 1000.0;
        if value < 1000.0 {
            return format!("{value:.1} {unit}");
        }
    }
    format!("{:.1} TB", value / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<VariableRow> {
        let row = |name: &str, type_name: &str, size| VariableRow {
            name: name.to_owned(),
            type_name: type_name.to_owned(),
            size,
        };
        vec![
            row("words", "Vec<String>", Some(2_500_000)),
            row("a", "i32", None),
        ]
    }

    #[test]
    fn names_sorted_and_filtered() {
        assert_eq!(who(&rows(), &[])["text/plain"], "a\twords");
        assert_eq!(who(&rows(), &["Vec".to_owned()])["text/plain"], "words");
        assert_eq!(
            who(&rows(), &["f64".to_owned()])["text/plain"],
            "There are no variables of type f64."
        );
        assert_eq!(whos(&[], &[])["text/plain"], EMPTY);
    }

    #[test]
    fn a_table_in_text_and_html() {
        let bundle = whos(&rows(), &[]);
        assert_eq!(
            bundle["text/plain"],
            "Variable   Type          Size\n\
             -------------------------------\n\
             a          i32\n\
             words      Vec<String>   2.5 MB"
        );
        let html = bundle["text/html"].as_str().expect("text");
        assert!(
            html.contains("<code>Vec&lt;String&gt;</code></td><td>2.5 MB</td>"),
            "{html}"
        );
    }
}
