//! What cargo says while it builds dependencies, as one line that changes in place: a saved notebook keeps
//! how much was built, not cargo's log, which is another one each time.

use std::time::Instant;

use serde_json::Value;

use crate::interpreter::{Frontend, MimeBundle, Output};

/// The line below a cell whose dependencies are built.
pub struct DependencyProgress<'a> {
    frontend: Option<&'a dyn Frontend>,
    started: Instant,
    compiled: usize,
    /// Known once the line is shown. Nothing is shown when cargo has nothing to tell.
    display_id: Option<String>,
}

impl<'a> DependencyProgress<'a> {
    pub fn new(frontend: Option<&'a dyn Frontend>) -> DependencyProgress<'a> {
        DependencyProgress {
            frontend,
            started: Instant::now(),
            compiled: 0,
            display_id: None,
        }
    }

    /// Shows a line of cargo's stderr, if it tells of progress. Returns false for any other line.
    pub fn line(&mut self, line: &str) -> bool {
        let line = line.trim();
        let Some(word) = line.split_whitespace().next().filter(|word| SHOWN.contains(word)) else {
            return false;
        };
        // The cells' own crate, which is built along with its dependencies.
        if line.contains(" ctx v") {
            return false;
        }
        self.compiled += usize::from(word == "Compiling");
        self.show(&format!("{line} …"));
        true
    }

    /// Leaves what stays in the notebook.
    pub fn end(mut self, success: bool) {
        if self.display_id.is_none() {
            return;
        }
        let seconds = self.started.elapsed().as_secs_f64();
        let text = match (success, self.compiled) {
            (false, _) => format!("Dependencies not built ({seconds:.1} s)"),
            (true, 0) => format!("Dependencies are ready ({seconds:.1} s)"),
            (true, 1) => format!("Compiled 1 crate ({seconds:.1} s)"),
            (true, crates) => format!("Compiled {crates} crates ({seconds:.1} s)"),
        };
        self.show(&text);
    }

    fn show(&mut self, text: &str) {
        let Some(frontend) = self.frontend else {
            return;
        };
        let data = MimeBundle::from_iter([("text/plain".to_owned(), Value::from(text))]);
        let metadata = MimeBundle::new();
        frontend.output(match &self.display_id {
            Some(id) => Output::Update {
                data,
                metadata,
                display_id: id.clone(),
            },
            None => {
                let id = uuid::Uuid::new_v4().to_string();
                self.display_id = Some(id.clone());
                Output::Display {
                    data,
                    metadata,
                    display_id: Some(id),
                }
            }
        });
    }
}

const SHOWN: [&str; 8] = [
    "Compiling",
    "Downloading",
    "Downloaded",
    "Updating",
    "Locking",
    "Adding",
    "Building",
    "Blocking",
];

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::interpreter::InputError;

    #[derive(Default)]
    struct Shown(Mutex<Vec<(bool, String)>>);

    impl Frontend for Shown {
        fn output(&self, output: Output) {
            let (new, data) = match output {
                Output::Display { data, .. } => (true, data),
                Output::Update { data, .. } => (false, data),
                other => panic!("{other:?} is no line of progress"),
            };
            let text = data["text/plain"].as_str().expect("text").to_owned();
            self.0.lock().expect("no panic").push((new, text));
        }

        fn input(&self, _: &str, _: bool) -> Result<String, InputError> {
            Err(InputError::NotAllowed)
        }
    }

    #[test]
    fn one_line_tells_what_cargo_does_and_in_the_end_what_it_did() {
        let shown = Shown::default();
        let mut progress = DependencyProgress::new(Some(&shown));
        assert!(progress.line("    Updating registry index"));
        assert!(progress.line("   Compiling either v1.15.0"));
        assert!(progress.line("   Compiling itertools v0.14.0"));
        assert!(!progress.line("   Compiling ctx v1.0.0 (/tmp/ctx)"));
        assert!(!progress.line("error: no such crate"));
        progress.end(true);
        let shown = shown.0.into_inner().expect("no panic");
        let texts: Vec<&str> = shown.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(
            texts[..2],
            ["Updating registry index …", "Compiling either v1.15.0 …"]
        );
        assert!(texts[3].starts_with("Compiled 2 crates ("), "{texts:?}");
        assert_eq!(shown.iter().filter(|(new, _)| *new).count(), 1);
    }

    #[test]
    fn nothing_is_shown_when_cargo_says_nothing() {
        let shown = Shown::default();
        DependencyProgress::new(Some(&shown)).end(true);
        assert!(shown.0.into_inner().expect("no panic").is_empty());
    }
}
