//! rustc's messages on their way to evcxr, with the places in cells added.
//!
//! evcxr keeps each message's JSON as it came. A span gets a field more, `cellar`, which names cell, line and
//! column, so that the report can be made from the messages alone, whichever attempt they came from.

use std::io::{BufRead, BufReader, Read};

use serde_json::{Value, json};

use super::source_map::{Marks, Place, SourceMap};

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

/// The rendered texts of the errors in cargo's JSON output.
pub fn rendered_errors(output: Option<impl Read>) -> String {
    let Some(output) = output else {
        return String::new();
    };
    let mut text = String::new();
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        let Ok(message) = serde_json::from_str::<Value>(&line) else {
            continue;
        };
        let message = &message["message"];
        if message["level"] == "error" {
            text.push_str(message["rendered"].as_str().unwrap_or_default());
        }
    }
    text
}
