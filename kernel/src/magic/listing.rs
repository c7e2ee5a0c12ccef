//! Tables as text and as HTML.

use super::guide::{bundle, escape};
use crate::interpreter::MimeBundle;

/// JupyterLab sets tables of data flush right.
const LEFT: &str = " style=\"text-align: left\"";

/// Columns of text are no wider in plain text.
const WIDEST: usize = 60;

/// A bundle of plain text alone.
pub fn text_bundle(text: &str) -> MimeBundle {
    bundle(text, None)
}

/// A table. The first `code` columns are names and types, set left as code; the others are set right in HTML. A
/// column in which nothing stands is left out. The lines `below` stand below it.
pub fn table_bundle(headers: &[&str], code: usize, rows: &[Vec<String>], below: &[String]) -> MimeBundle {
    let shown: Vec<usize> = (0..headers.len())
        .filter(|column| rows.iter().any(|row| !row[*column].is_empty()))
        .collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        let widest = cells.max().unwrap_or(0).min(WIDEST);
        widest.max(headers[column].chars().count())
    };
    let line = |cell: &dyn Fn(usize) -> String| {
        let cells: Vec<String> = shown
            .iter()
            .map(|column| format!("{:1$}", cell(*column), width(*column)))
            .collect();
        cells.join("   ").trim_end().to_owned()
    };
    let total: usize = shown.iter().map(|column| width(*column) + 3).sum();
    let mut text = vec![
        line(&|column| headers[column].to_owned()),
        "-".repeat(total.saturating_sub(3)),
    ];
    text.extend(rows.iter().map(|row| line(&|column| row[column].clone())));
    let mut html = "<table><thead><tr>".to_owned();
    for column in &shown {
        let left = if *column < code { LEFT } else { "" };
        html.push_str(&format!("<th{left}>{}</th>", headers[*column]));
    }
    html.push_str("</tr></thead><tbody>");
    for row in rows {
        html.push_str("<tr>");
        for column in &shown {
            let cell = escape(&row[*column]);
            if *column < code {
                html.push_str(&format!("<td{LEFT}><code>{cell}</code></td>"));
            } else {
                html.push_str(&format!("<td>{cell}</td>"));
            }
        }
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table>");
    for line in below {
        html.push_str(&format!("<p>{}</p>", escape(line)));
    }
    text.extend_from_slice(below);
    bundle(&text.join("\n"), Some(&html))
}
