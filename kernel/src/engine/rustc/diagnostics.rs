//! rustc's messages on their way to evcxr, with the places in cells added.
//!
//! evcxr keeps each message's JSON as it came. A span gets a field more, `cellar`, which names cell, line and
//! column, so that the report can be made from the messages alone, whichever attempt they came from.

use serde_json::{Value, json};

use crate::engine::cell_crate::source_map::{Marks, Place, SourceMap};

/// The field that a span gets.
pub const PLACE: &str = "cellar";

/// What knows where generated code comes from.
pub struct Places<'a> {
    pub map: &'a SourceMap,
    pub marks: &'a Marks,
}

impl Places<'_> {
    fn stretch(&self, span: &Value) -> Option<(Place, Place)> {
        let here = ends(span);
        here.and_then(|(start, end)| self.map.stretch(start, end))
            .or_else(|| {
                expansion(span)
                    .and_then(ends)
                    .and_then(|(start, end)| self.map.stretch(start, end))
            })
            .or_else(|| here.and_then(|_| self.marks.in_use(spanned_word(span)?)))
    }
}

/// The text under a span that lies on one line.
fn spanned_word(span: &Value) -> Option<&str> {
    let line = span["text"].get(0)?;
    let text = line["text"].as_str()?;
    let column = |name: &str| line[name].as_u64().and_then(|value| usize::try_from(value).ok());
    let byte = |column: usize| {
        text.char_indices()
            .nth(column - 1)
            .map_or(text.len(), |(at, _)| at)
    };
    let word = text.get(byte(column("highlight_start")?)..byte(column("highlight_end")?))?;
    (text.trim_start().starts_with("use ") && !word.is_empty()).then_some(word)
}

/// Adds places to all messages in rustc's JSON output, a message a line.
pub fn with_places(messages: &str, places: &Places<'_>) -> String {
    let mut text = String::with_capacity(messages.len() * 2);
    for line in messages.lines() {
        match serde_json::from_str::<Value>(line) {
            Ok(mut message) => {
                add_places(&mut message, places);
                text.push_str(&message.to_string());
            }
            // Such as the linker's words or a compiler that crashed.
            Err(_) => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

/// Whether a message is about the text of a cell alone, and not about what its names mean.
pub fn is_of_the_parser(message: &Value) -> bool {
    // The lexer's own; the parser's have no number.
    const CODES: [&str; 8] = [
        "E0586", "E0748", "E0758", "E0762", "E0763", "E0765", "E0766", "E0768",
    ];
    let text = message["message"].as_str().unwrap_or_default();
    message["level"] == "error"
        && message["code"]["code"]
            .as_str()
            .is_none_or(|code| CODES.contains(&code))
        && !["cannot find", "aborting due to", "could not compile"]
            .iter()
            .any(|start| text.starts_with(start))
        && message["spans"].as_array().is_some_and(|spans| !spans.is_empty())
}

fn add_places(message: &mut Value, places: &Places<'_>) {
    if let Some(spans) = message.get_mut("spans").and_then(Value::as_array_mut) {
        for span in spans {
            add_place(span, places);
        }
    }
    if let Some(children) = message.get_mut("children").and_then(Value::as_array_mut) {
        for child in children {
            add_places(child, places);
        }
    }
}

fn add_place(span: &mut Value, places: &Places<'_>) {
    let Some((start, end)) = places.stretch(span) else {
        return;
    };
    if start.cell != end.cell {
        return;
    }
    span[PLACE] = json!({
        "cell": start.cell.name, "line": start.line, "column": start.column,
        "end_line": end.line, "end_column": end.column,
    });
}

/// Start and end of a span in the generated file.
fn ends(span: &Value) -> Option<((usize, usize), (usize, usize))> {
    if span["file_name"].as_str()? != "src/lib.rs" {
        return None;
    }
    let number = |name: &str| span[name].as_u64().and_then(|value| usize::try_from(value).ok());
    Some((
        (number("line_start")?, number("column_start")?),
        (number("line_end")?, number("column_end")?),
    ))
}

/// The place where a macro that the span is in was called.
fn expansion(span: &Value) -> Option<&Value> {
    let mut call = span.get("expansion")?.get("span")?;
    while ends(call).is_none() {
        call = call.get("expansion")?.get("span")?;
    }
    Some(call)
}

/// Paths, types and traits: what is wrong before captures and borrows are looked at. Not unknown names (E0425): a second
/// look may find a variable of a similar name.
const SAME_IN_CLOSURES: [&str; 23] = [
    "E0023", "E0026", "E0027", "E0040", "E0061", "E0063", "E0106", "E0107", "E0277", "E0282", "E0283",
    "E0308", "E0369", "E0412", "E0423", "E0432", "E0433", "E0560", "E0599", "E0600", "E0608", "E0609",
    "E0614",
];

/// Whether all errors among rustc's messages are of kinds that do not change when the same code stands
/// outside of a closure. evcxr compiles a faulty cell again without the closure that catches its panics; about
/// names, types and syntax rustc would say the same once more.
pub fn is_independent_of_closures(messages: &str) -> bool {
    let mut errors = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["level"] == "error")
        // rustc's last words, how many errors there were, have no place.
        .filter(|message| message["spans"].as_array().is_some_and(|spans| !spans.is_empty()))
        .peekable();
    errors.peek().is_some()
        && errors.all(|error| {
            error["code"]["code"]
                .as_str()
                .is_some_and(|code| SAME_IN_CLOSURES.contains(&code))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: &str) -> String {
        format!(r#"{{"level":"error","code":{{"code":"{code}"}},"spans":[{{}}]}}"#)
    }

    #[test]
    fn errors_about_borrows_are_worth_a_second_attempt() {
        let last =
            r#"{"level":"error","code":null,"message":"aborting due to 2 previous errors","spans":[]}"#;
        let types = format!("{}\n{}\n{last}\n", error("E0308"), error("E0433"));
        assert!(is_independent_of_closures(&types));
        assert!(!is_independent_of_closures(&format!(
            "{types}{}\n",
            error("E0596")
        )));
        assert!(!is_independent_of_closures(last));
        assert!(!is_independent_of_closures("linking failed"));
    }
}
