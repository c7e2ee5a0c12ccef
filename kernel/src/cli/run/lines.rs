//! Multi-line texts in notebook files: lists of lines on disk, one text in memory, exactly where
//! `nbformat` does so.

use serde_json::Value;

/// Joins the lists of lines in a cell as it is read.
pub fn join(cell: &mut Value) {
    each_text(
        cell,
        &mut |text| {
            if let Value::Array(lines) = text
                && lines.iter().all(Value::is_string)
            {
                *text = lines.iter().filter_map(Value::as_str).collect::<String>().into();
            }
        },
        |mime| !is_json(mime),
    );
}

/// Splits the texts of a cell as it is written.
pub fn split(cell: &mut Value) {
    each_text(
        cell,
        &mut |text| {
            if let Value::String(joined) = text {
                *text = split_lines(joined).into();
            }
        },
        |mime| mime.starts_with("text/") || matches!(mime, "application/javascript" | "image/svg+xml"),
    );
}

/// Visits the source, the streams and the MIME contents of the types that `wanted` names.
fn each_text(cell: &mut Value, visit: &mut impl FnMut(&mut Value), wanted: impl Fn(&str) -> bool) {
    if let Some(source) = cell.get_mut("source") {
        visit(source);
    }
    let bundle = |bundle: &mut Value, visit: &mut dyn FnMut(&mut Value)| {
        for (mime, content) in bundle.as_object_mut().into_iter().flatten() {
            if wanted(mime) {
                visit(content);
            }
        }
    };
    for (_, attachment) in cell
        .get_mut("attachments")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flatten()
    {
        bundle(attachment, visit);
    }
    for output in cell
        .get_mut("outputs")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        let is_stream = output["output_type"] == "stream";
        if let Some(text) = output.get_mut("text").filter(|_| is_stream) {
            visit(text);
        }
        if let Some(data) = output.get_mut("data") {
            bundle(data, visit);
        }
    }
}

fn is_json(mime: &str) -> bool {
    mime == "application/json" || (mime.starts_with("application/") && mime.ends_with("+json"))
}

/// Python's `str.splitlines(keepends=True)`, which also ends lines at a lone `\r` and at rarer
/// separators.
fn split_lines(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let ends_line = matches!(
            c,
            '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}'
        );
        if !ends_line || (c == '\r' && chars.peek().is_some_and(|&(_, next)| next == '\n')) {
            continue;
        }
        let end = at + c.len_utf8();
        lines.push(&text[start..end]);
        start = end;
    }
    if start < text.len() {
        lines.push(&text[start..]);
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_as_python_splits_them() {
        assert_eq!(
            split_lines("a\nb\r\nc\rd\x0be\u{2028}f"),
            ["a\n", "b\r\n", "c\r", "d\x0b", "e\u{2028}", "f"]
        );
        assert_eq!(split_lines("a\n"), ["a\n"]);
        assert!(split_lines("").is_empty());
        assert_eq!(split_lines("\n\n"), ["\n", "\n"]);
    }

    #[test]
    fn split_and_join_are_each_others_reverse() {
        let joined = json!({
            "cell_type": "code",
            "source": "let a = 1;\na",
            "attachments": {"a.svg": {"image/svg+xml": "<svg>\n</svg>", "image/png": "QUJD\n"}},
            "outputs": [
                {"output_type": "stream", "name": "stdout", "text": "1\n2\n"},
                {"output_type": "display_data", "metadata": {}, "data": {
                    "text/html": "<b>\n</b>", "application/json": ["x", "y"], "image/png": "QUJD\n"}},
                {"output_type": "error", "ename": "E", "evalue": "v\nw", "traceback": ["a\nb"]},
            ],
        });
        let mut cell = joined.clone();
        split(&mut cell);
        assert_eq!(cell["source"], json!(["let a = 1;\n", "a"]));
        assert_eq!(
            cell["attachments"]["a.svg"]["image/svg+xml"],
            json!(["<svg>\n", "</svg>"])
        );
        assert_eq!(cell["outputs"][0]["text"], json!(["1\n", "2\n"]));
        assert_eq!(cell["outputs"][1]["data"]["image/png"], json!("QUJD\n"));
        assert_eq!(cell["outputs"][2], joined["outputs"][2]);
        join(&mut cell);
        assert_eq!(cell, joined);
    }
}
