//! The MIME bundle: one thing to show, in as many forms as its author gives.

use std::borrow::Cow;
use std::fmt;

use crate::host::{self, FORM_BINARY, FORM_JSON, FORM_METADATA, FORM_TEXT, Kind, Part};

/// One thing to show, in several forms; the frontend picks the richest that it can draw.
///
/// ```
/// let bundle = cellar::Bundle::new().text("1/2").latex("$\\frac{1}{2}$");
/// cellar::display(bundle);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "a bundle does nothing until it is displayed"]
pub struct Bundle {
    entries: Vec<(Cow<'static, str>, Content)>,
}

/// What one entry of a [`Bundle`] holds.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    Text(String),
    Binary(Vec<u8>),
    Json(String),
    Metadata(String),
}

impl Bundle {
    /// An empty bundle, which shows nothing.
    pub fn new() -> Bundle {
        Bundle { entries: Vec::new() }
    }

    /// Plain text (`text/plain`), for frontends that can draw nothing else. Give one whenever you can.
    pub fn text(self, text: impl Into<String>) -> Bundle {
        self.mime("text/plain", text)
    }

    /// HTML (`text/html`).
    pub fn html(self, html: impl Into<String>) -> Bundle {
        self.mime("text/html", html)
    }

    /// Markdown (`text/markdown`).
    pub fn markdown(self, markdown: impl Into<String>) -> Bundle {
        self.mime("text/markdown", markdown)
    }

    /// LaTeX (`text/latex`), with its `$` or `\begin{…}`.
    pub fn latex(self, latex: impl Into<String>) -> Bundle {
        self.mime("text/latex", latex)
    }

    /// An SVG image (`image/svg+xml`).
    pub fn svg(self, svg: impl Into<String>) -> Bundle {
        self.mime("image/svg+xml", svg)
    }

    /// A PNG image, as the bytes of its file.
    pub fn png(self, bytes: impl Into<Vec<u8>>) -> Bundle {
        self.mime_bytes("image/png", bytes)
    }

    /// A JPEG image, as the bytes of its file.
    pub fn jpeg(self, bytes: impl Into<Vec<u8>>) -> Bundle {
        self.mime_bytes("image/jpeg", bytes)
    }

    /// JSON (`application/json`): text, or any value whose `Display` is JSON, such as `serde_json::Value`.
    pub fn json(self, json: impl fmt::Display) -> Bundle {
        self.mime_json("application/json", json)
    }

    /// Text of any MIME type.
    pub fn mime(self, mime: impl Into<Cow<'static, str>>, text: impl Into<String>) -> Bundle {
        self.with(mime.into(), Content::Text(text.into()))
    }

    /// Bytes of any MIME type.
    pub fn mime_bytes(self, mime: impl Into<Cow<'static, str>>, bytes: impl Into<Vec<u8>>) -> Bundle {
        self.with(mime.into(), Content::Binary(bytes.into()))
    }

    /// JSON of any MIME type, such as `application/vnd.vegalite.v5+json`.
    pub fn mime_json(self, mime: impl Into<Cow<'static, str>>, json: impl fmt::Display) -> Bundle {
        self.with(mime.into(), Content::Json(json.to_string()))
    }

    /// Metadata for the entry of that MIME type, as JSON: `.metadata("image/png", r#"{"width": 300}"#)`.
    /// With an empty type the JSON object is merged into the metadata of the whole output.
    pub fn metadata(self, mime: impl Into<Cow<'static, str>>, json: impl fmt::Display) -> Bundle {
        self.with(mime.into(), Content::Metadata(json.to_string()))
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.entries
            .iter()
            .all(|(_, content)| matches!(content, Content::Metadata(_)))
    }

    fn with(mut self, mime: Cow<'static, str>, content: Content) -> Bundle {
        let is_metadata = matches!(content, Content::Metadata(_));
        self.entries
            .retain(|(other, old)| *other != mime || matches!(old, Content::Metadata(_)) != is_metadata);
        self.entries.push((mime, content));
        self
    }

    /// Hands the bundle to the host. An empty bundle shows nothing.
    pub(crate) fn send(&self, kind: Kind, display_id: &str) {
        if self.is_empty() {
            return;
        }
        // What was printed before must be shown before; the line that is not yet ended lies in a buffer.
        crate::start::flush_quickly();
        let parts: Vec<Part<'_>> = self
            .entries
            .iter()
            .map(|(mime, content)| match content {
                Content::Text(text) => Part {
                    mime,
                    content: text.as_bytes(),
                    form: FORM_TEXT,
                },
                Content::Binary(bytes) => Part {
                    mime,
                    content: bytes,
                    form: FORM_BINARY,
                },
                Content::Json(json) => Part {
                    mime,
                    content: json.as_bytes(),
                    form: FORM_JSON,
                },
                Content::Metadata(json) => Part {
                    mime,
                    content: json.as_bytes(),
                    form: FORM_METADATA,
                },
            })
            .collect();
        if !host::display(kind, display_id, &parts) && kind != Kind::Update {
            self.print();
        }
    }

    /// The plain form on stdout: all that can be done without a host.
    #[expect(
        clippy::print_stdout,
        reason = "outside a notebook, stdout is where things are shown"
    )]
    fn print(&self) {
        let text = self.entries.iter().find_map(|(mime, content)| match content {
            Content::Text(text) if mime == "text/plain" => Some(text),
            _ => None,
        });
        match text.or_else(|| self.first_readable()) {
            Some(text) => println!("{text}"),
            None => println!(
                "({})",
                self.entries
                    .iter()
                    .map(|(mime, _)| &**mime)
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        }
    }

    fn first_readable(&self) -> Option<&String> {
        self.entries.iter().find_map(|(_, content)| match content {
            Content::Text(text) | Content::Json(text) => Some(text),
            Content::Binary(_) | Content::Metadata(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_entry_replaces_one_of_the_same_type() {
        assert_eq!(
            Bundle::new().text("a").html("b").text("c"),
            Bundle::new().html("b").text("c")
        );
    }

    #[test]
    fn metadata_stands_beside_the_entry_that_it_describes() {
        let bundle = Bundle::new()
            .png(*b"\x89PNG")
            .metadata("image/png", "{\"width\": 3}");
        assert_eq!(bundle.entries.len(), 2);
        assert!(!bundle.is_empty());
        assert!(Bundle::new().metadata("", "{}").is_empty());
    }
}
