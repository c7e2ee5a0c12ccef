//! rustc's diagnostics as data, and where in which cell they point.
//!
//! The shape is that of `rustc --error-format=json`. Positions in a [`Span`] are those of the generated
//! source; whoever knows how that source was made fills in [`Span::place`].

use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use crate::cell::CellSource;

/// A stretch of a cell. Lines and columns count from 1; columns count characters (code points), and
/// the end is exclusive, all as rustc does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub cell: Arc<CellSource>,
    pub line: usize,
    pub column: usize,
    pub end_line: usize,
    pub end_column: usize,
}

/// One message of the compiler with everything that belongs to it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Diagnostic {
    /// `error`, `warning`, `note`, `help`, `failure-note`, `error: internal compiler error`.
    #[serde(default)]
    pub level: String,
    /// `E0308`, or a lint's name.
    #[serde(default, deserialize_with = "code")]
    pub code: Option<String>,
    pub message: String,
    #[serde(default)]
    pub spans: Vec<Span>,
    #[serde(default)]
    pub children: Vec<Diagnostic>,
}

/// A stretch of source that a message talks about.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Span {
    #[serde(default)]
    pub file_name: String,
    #[serde(default)]
    pub line_start: usize,
    #[serde(default)]
    pub line_end: usize,
    #[serde(default)]
    pub column_start: usize,
    #[serde(default)]
    pub column_end: usize,
    #[serde(default)]
    pub is_primary: bool,
    #[serde(default)]
    pub label: Option<String>,
    /// What a suggestion would put here.
    #[serde(default)]
    pub suggested_replacement: Option<String>,
    /// The macro call that this span comes from.
    #[serde(default)]
    pub expansion: Option<Box<Expansion>>,
    /// Where in a cell it is, as the engine found out when rustc wrote the message.
    #[serde(default, rename = "cellar")]
    pub position: Option<Position>,
    /// Where the author of the cell sees it; `None` for generated and for foreign code.
    #[serde(skip)]
    pub place: Option<Place>,
}

/// The engine's word on where a span is: a cell's name, and a stretch as in [`Place`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Position {
    pub cell: String,
    pub line: usize,
    pub column: usize,
    pub end_line: usize,
    pub end_column: usize,
}

/// The macro call behind a span.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Expansion {
    /// The call.
    pub span: Span,
    /// `println!`.
    #[serde(default)]
    pub macro_decl_name: String,
}

impl Diagnostic {
    /// Reads one message as rustc prints it, or as cargo wraps it. `None` if it is something else.
    pub fn from_json(json: &serde_json::Value) -> Option<Diagnostic> {
        let inner = match json.get("message") {
            Some(inner) if inner.is_object() => inner,
            _ => json,
        };
        Diagnostic::deserialize(inner).ok()
    }

    /// Fills in every span's place, also of the macro calls behind it and of all children.
    pub fn fill_places(&mut self, find: &mut dyn FnMut(&Span) -> Option<Place>) {
        for span in &mut self.spans {
            span.fill_places(find);
        }
        for child in &mut self.children {
            child.fill_places(find);
        }
    }

    /// Whether it stops the cell from being compiled.
    pub fn is_error(&self) -> bool {
        self.level.starts_with("error") && !self.is_summary()
    }

    pub fn is_warning(&self) -> bool {
        self.level == "warning" && !self.is_summary()
    }

    /// rustc's closing lines, which count what came before.
    fn is_summary(&self) -> bool {
        self.level == "failure-note"
            || (self.spans.is_empty()
                && [
                    "aborting due to",
                    "Some errors have",
                    "Some errors occurred",
                    "For more information about",
                ]
                .iter()
                .any(|start| self.message.starts_with(start)))
            || (self.spans.is_empty() && self.message.ends_with("emitted"))
    }
}

impl Span {
    fn fill_places(&mut self, find: &mut dyn FnMut(&Span) -> Option<Place>) {
        self.place = find(self);
        if let Some(expansion) = &mut self.expansion {
            expansion.span.fill_places(find);
        }
    }

    /// Where it shows in a cell: here, or at the call of the macro that it comes from.
    pub fn visible(&self) -> Option<&Place> {
        self.place
            .as_ref()
            .or_else(|| self.expansion.as_ref()?.span.visible())
    }
}

fn code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Code {
        Object { code: String },
        Text(String),
    }
    Ok(Option::<Code>::deserialize(deserializer)?.map(|code| match code {
        Code::Object { code } | Code::Text(code) => code,
    }))
}
