//! What rustc said of the last cell that did not compile, for `:explain` and `:last_error_json`.
//!
//! evcxr has these commands, but it does not hear of errors that rustc found before it had analysed the cell.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::errors;
use crate::interpreter::{CellError, MimeBundle};

/// rustc's errors, as it wrote them in JSON.
#[derive(Debug, Default)]
pub struct LastErrors(Vec<Value>);

impl LastErrors {
    /// Takes up the messages of a compile that failed.
    pub fn set(&mut self, messages: &[Value]) {
        let is_error = |message: &&Value| message["level"] == "error";
        self.0 = messages.iter().filter(is_error).cloned().collect();
    }

    /// What Rust's index of errors says of them, each code once.
    ///
    /// # Errors
    /// When there was no error, or none that the index knows.
    pub fn explanation(&self) -> Result<MimeBundle, CellError> {
        if self.0.is_empty() {
            let help = "`:explain` is about the last cell that did not compile.";
            return Err(errors::plain(
                "NothingToExplain",
                "no cell has failed to compile",
                &[help],
            ));
        }
        let mut told = BTreeSet::new();
        let mut text = String::new();
        for message in &self.0 {
            let code = message["code"]["code"].as_str().unwrap_or_default();
            let explanation = message["code"]["explanation"].as_str().unwrap_or_default();
            if !explanation.trim().is_empty() && told.insert(code) {
                text.push_str(&format!("**{code}**: {}\n\n", explanation.trim()));
            }
        }
        if text.is_empty() {
            let evalue = "rustc has no explanation of the last error";
            return Err(errors::plain("NothingToExplain", evalue, &[""; 0]));
        }
        Ok(MimeBundle::from_iter([
            ("text/plain".to_owned(), json!(text)),
            ("text/markdown".to_owned(), json!(text)),
        ]))
    }

    /// The messages, a line each.
    pub fn json(&self) -> String {
        self.0.iter().map(|message| format!("{message}\n")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(messages: &[Value]) -> LastErrors {
        let mut last = LastErrors::default();
        last.set(messages);
        last
    }

    #[test]
    fn each_code_is_explained_once_and_warnings_are_not() {
        let error = json!({"level": "error", "code": {"code": "E0308", "explanation": "Expected type.\n"}});
        let warning = json!({"level": "warning", "code": {"code": "unused", "explanation": "no"}});
        let last = last(&[error.clone(), warning, error]);
        assert_eq!(last.json().lines().count(), 2);
        let shown = last.explanation().expect("it is explained");
        assert_eq!(shown["text/plain"], "**E0308**: Expected type.\n\n");
    }

    #[test]
    fn what_cannot_be_explained_says_why() {
        let why = |messages: &[Value]| last(messages).explanation().expect_err("nothing").evalue;
        assert_eq!(why(&[]), "no cell has failed to compile");
        assert!(why(&[json!({"level": "error", "code": null})]).contains("no explanation"));
    }
}
