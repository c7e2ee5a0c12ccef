//! `%who` and `%whos`: the notebook's variables, listed.

use super::guide::{bundle, escape};
use crate::interpreter::MimeBundle;

/// One variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariableRow {
    pub name: String,
    pub type_name: String,
    /// Bytes, where known.
    pub size: Option<u64>,
}

/// JupyterLab sets tables of data flush right.
const LEFT: &str = "style=\"text-align: left\"";

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
    let sizes = rows.iter().any(|row| row.size.is_some());
    let width =
        |texts: &mut dyn Iterator<Item = &str>| texts.map(|text| text.chars().count()).max().unwrap_or(0);
    let name_width = width(&mut rows.iter().map(|row| row.name.as_str())).max("Variable".len());
    let type_width = width(&mut rows.iter().map(|row| row.type_name.as_str())).clamp("Type".len(), 60);
    let mut text = format!("{:name_width$}   {:type_width$}", "Variable", "Type");
    let mut html = format!("<table><thead><tr><th {LEFT}>Variable</th><th {LEFT}>Type</th>");
    if sizes {
        text.push_str("   Size");
        html.push_str("<th>Size</th>");
    }
    html.push_str("</tr></thead><tbody>");
    text = text.trim_end().to_owned();
    text.push('\n');
    text.push_str(&"-".repeat(name_width + type_width + 3 + if sizes { 10 } else { 0 }));
    for row in rows {
        let size = row.size.map(size_text).unwrap_or_default();
        let line = format!(
            "{:name_width$}   {:type_width$}   {size}",
            row.name, row.type_name
        );
        text.push('\n');
        text.push_str(line.trim_end());
        html.push_str(&format!(
            "<tr><td {LEFT}><code>{}</code></td><td {LEFT}><code>{}</code></td>",
            escape(&row.name),
            escape(&row.type_name)
        ));
        if sizes {
            html.push_str(&format!("<td>{size}</td>"));
        }
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table>");
    bundle(&text, Some(&html))
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
             --------------------------------\n\
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
