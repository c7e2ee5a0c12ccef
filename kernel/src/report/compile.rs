//! Compile errors: all of them, with the cell's own lines.

use annotate_snippets::{Element, Group, Level, Patch, Snippet};

use super::clean::clean;
use super::diagnostic::{Diagnostic, Place, Span};
use super::snippet::{self, Mark};
use crate::interpreter::CellError;

/// Errors by which something that outlives the cell borrows from it.
const BORROWED: [&str; 6] = ["E0597", "E0716", "E0505", "E0506", "E0521", "E0373"];

/// What to show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Warnings too, after the errors.
    pub warnings: bool,
}

/// The error of a cell that did not compile. Warnings among `diagnostics` are left out unless asked
/// for; without a single error the message says so, because something did fail.
pub fn compile_errors(diagnostics: &[Diagnostic], options: Options) -> CellError {
    let errors = distinct(diagnostics.iter().filter(|diagnostic| diagnostic.is_error()));
    let mut traceback = Vec::new();
    for error in &errors {
        traceback.extend(drawn(error));
        traceback.push(String::new());
    }
    if options.warnings {
        traceback.extend(warnings(diagnostics));
    }
    let Some(first) = errors.first() else {
        let evalue = "the cell could not be compiled, and the compiler did not say why".to_owned();
        traceback.extend(snippet::message(&evalue, &[]));
        return CellError {
            ename: "CompileError".to_owned(),
            evalue,
            traceback,
        };
    };
    let count = match errors.len() {
        1 => "1 error".to_owned(),
        count => format!("{count} errors"),
    };
    traceback.extend(snippet::message(&format!("the cell was not run: {count}"), &[]));
    CellError {
        ename: first.code.clone().unwrap_or_else(|| "CompileError".to_owned()),
        evalue: one_line(&clean(&first.message)),
        traceback,
    }
}

/// The warnings of a cell, as lines with colours; empty if there are none.
pub fn warnings(diagnostics: &[Diagnostic]) -> Vec<String> {
    let mut lines = Vec::new();
    for warning in distinct(diagnostics.iter().filter(|diagnostic| diagnostic.is_warning())) {
        lines.extend(drawn(warning));
        lines.push(String::new());
    }
    lines
}

/// Each message once: generated code can make the compiler say the same of the same place twice.
fn distinct<'a>(diagnostics: impl Iterator<Item = &'a Diagnostic>) -> Vec<&'a Diagnostic> {
    let mut kept: Vec<&Diagnostic> = Vec::new();
    for diagnostic in diagnostics {
        let places = |of: &'a Diagnostic| of.spans.iter().filter_map(Span::visible).collect::<Vec<_>>();
        let known = kept.iter().any(|earlier| {
            earlier.message == diagnostic.message
                && earlier.code == diagnostic.code
                && places(earlier) == places(diagnostic)
        });
        if !known {
            kept.push(diagnostic);
        }
    }
    kept
}

fn drawn(diagnostic: &Diagnostic) -> Vec<String> {
    let level = level(&diagnostic.level);
    let mut title = level.primary_title(clean(&diagnostic.message));
    // A lint's name is in the note "`#[warn(…)]` on by default".
    if let Some(code) = diagnostic.code.as_deref().filter(|code| is_error_code(code)) {
        title = title.id(code.to_owned());
    }
    let marks = marks(diagnostic);
    let mut first = Group::with_title(title).elements(snippet::snippets(&marks));
    for note in notes(diagnostic, &marks) {
        first = first.element(note);
    }
    let mut rest = Vec::new();
    let borrowed = diagnostic
        .code
        .as_deref()
        .is_some_and(|code| BORROWED.contains(&code));
    for child in &diagnostic.children {
        // Why generated code needs the value to live long: nothing that can be seen or changed.
        if borrowed && !child.spans.is_empty() && child.spans.iter().all(|span| span.visible().is_none()) {
            continue;
        }
        match attachment(child) {
            Some(Attachment::Message(message)) => first = first.element(message),
            Some(Attachment::Group(group)) => rest.push(group),
            None => {}
        }
    }
    let mut groups = vec![first];
    groups.append(&mut rest);
    snippet::draw(&groups)
}

fn is_error_code(code: &str) -> bool {
    code.strip_prefix('E')
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

fn level(name: &str) -> Level<'static> {
    match name {
        "warning" => Level::WARNING,
        "note" => Level::NOTE,
        "help" => Level::HELP,
        "error" => Level::ERROR,
        name if name.starts_with("error") => Level::ERROR.with_name("internal compiler error"),
        _ => Level::NOTE,
    }
}

/// The stretches of cells that a message marks. Where its primary spans are all elsewhere, the
/// others stand for them.
fn marks(diagnostic: &Diagnostic) -> Vec<Mark<'_>> {
    let mut marks: Vec<Mark<'_>> = diagnostic
        .spans
        .iter()
        .filter_map(|span| {
            let label = span.label.as_deref().map(|label| snippet::safe(&clean(label)));
            let label = label.filter(|label| !label.is_empty());
            Some(Mark {
                place: span.visible()?,
                primary: span.is_primary,
                label,
            })
        })
        .collect();
    if !marks.iter().any(|mark| mark.primary)
        && let Some(mark) = marks.first_mut()
    {
        mark.primary = true;
    }
    marks
}

/// What the labels in generated code have to say, for a person who cannot see that code.
fn notes<'a>(diagnostic: &Diagnostic, marks: &[Mark<'_>]) -> Vec<Element<'a>> {
    let hidden: Vec<&Span> = diagnostic
        .spans
        .iter()
        .filter(|span| span.visible().is_none())
        .collect();
    let mut notes: Vec<Element<'a>> = Vec::new();
    if marks.is_empty() {
        notes.push(
            Level::NOTE
                .message("this is in code that Cellar generates around the cell")
                .into(),
        );
    }
    match diagnostic.code.as_deref() {
        // The value outlives the cell because a variable refers to it.
        Some(code) if BORROWED.contains(&code) && !hidden.is_empty() => {
            notes.push(
                Level::NOTE
                    .message("a variable that is kept for later cells cannot borrow from this cell")
                    .into(),
            );
            notes.push(
                Level::HELP
                    .message(
                        "keep an owned value (`.clone()`, `.to_owned()`, `Rc`), or wrap the code in braces so \
                         that the variable ends with the cell",
                    )
                    .into(),
            );
        }
        Some("E0384" | "E0596") => {
            notes.push(
                Level::HELP
                    .message("a variable of an earlier cell becomes mutable with `let mut x = x;`")
                    .into(),
            );
        }
        // A syntax error's labels in generated code only say where the parser got to.
        None => {}
        Some(_) => {
            for label in hidden.iter().filter_map(|span| span.label.as_deref()) {
                let cleaned = clean(label);
                // A label that had to be reworded talks about the generated code itself, and one
                // that says "here" about a place that nobody can see.
                if cleaned == label && !label.ends_with("here") {
                    notes.push(Level::NOTE.message(snippet::safe(&cleaned)).into());
                }
            }
        }
    }
    notes
}

enum Attachment<'a> {
    Message(Element<'a>),
    Group(Group<'a>),
}

fn attachment(child: &Diagnostic) -> Option<Attachment<'_>> {
    let text = snippet::safe(&clean(&child.message));
    let level = level(&child.level);
    let suggestions: Vec<&Span> = child
        .spans
        .iter()
        .filter(|span| span.suggested_replacement.is_some())
        .collect();
    if !suggestions.is_empty() {
        return suggestion(level, text, &suggestions);
    }
    let marks = marks(child);
    if !marks.is_empty() {
        return Some(Attachment::Group(
            Group::with_title(level.secondary_title(text)).elements(snippet::snippets(&marks)),
        ));
    }
    // "method defined here" of a place that cannot be shown.
    if !child.spans.is_empty() && (text.ends_with("here") || text.ends_with("here:")) {
        return None;
    }
    Some(Attachment::Message(level.message(text).into()))
}

/// A suggestion as a change of the cell. One that would change generated code (an import goes to the
/// top of it) shows the text to add.
fn suggestion<'a>(level: Level<'a>, text: String, spans: &[&'a Span]) -> Option<Attachment<'a>> {
    let placed: Option<Vec<(&Place, &str)>> = spans
        .iter()
        .map(|span| Some((span.place.as_ref()?, span.suggested_replacement.as_deref()?)))
        .collect();
    let one_cell = placed.filter(|placed| placed.windows(2).all(|pair| pair[0].0.cell == pair[1].0.cell));
    let Some(placed) = one_cell else {
        let mut lines: Vec<String> = Vec::new();
        for span in spans {
            let replacement = span.suggested_replacement.as_deref().unwrap_or_default().trim();
            if !replacement.is_empty() && clean(replacement) == replacement {
                lines.push(snippet::safe(replacement));
            }
        }
        lines.dedup();
        if lines.is_empty() {
            return None;
        }
        return Some(Attachment::Message(
            level.message(format!("{text}:\n{}", lines.join("\n"))).into(),
        ));
    };
    let cell = &placed[0].0.cell;
    let source = snippet::drawn_text(cell);
    let mut alternatives: Vec<Vec<(std::ops::Range<usize>, &str)>> = Vec::new();
    for (place, replacement) in placed {
        let range = snippet::bytes(&source, place);
        // Two changes of the same text cannot be parts of one suggestion.
        let clashes = |(other, _): &(std::ops::Range<usize>, &str)| {
            (other.start < range.end && range.start < other.end) || other.start == range.start
        };
        match alternatives.last_mut() {
            Some(parts) if !parts.iter().any(clashes) => parts.push((range, replacement)),
            _ => alternatives.push(vec![(range, replacement)]),
        }
    }
    let snippets = alternatives.into_iter().map(|mut parts| {
        parts.sort_by_key(|(range, _)| range.start);
        Snippet::source(source.clone())
            .path(cell.name.to_string())
            .patches(
                parts
                    .into_iter()
                    .map(|(range, replacement)| Patch::new(range, replacement)),
            )
    });
    Some(Attachment::Group(
        Group::with_title(level.secondary_title(text)).elements(snippets),
    ))
}

/// The lines of a message in one.
pub(super) fn one_line(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    snippet::safe(&lines.join("; "))
}

#[cfg(test)]
#[path = "compile_tests.rs"]
mod tests;
