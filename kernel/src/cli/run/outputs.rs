//! The outputs of a run, stored as `nbclient` stores what it hears from a kernel.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use crate::interpreter::{CellError, MimeBundle, Output, Stream};

/// The outputs of all cells that ran, by the cell's index. All of them are kept together because an
/// update of a display changes outputs of earlier cells.
#[derive(Debug, Default)]
pub struct Outputs {
    cells: BTreeMap<usize, Cell>,
    /// Display id to every place where it is shown: index of the cell, index of the output.
    displays: HashMap<String, Vec<(usize, usize)>>,
}

#[derive(Debug, Default)]
struct Cell {
    outputs: Vec<Stored>,
    execution_count: u32,
    /// `clear_output(wait = true)` came and no output since.
    clear_next: bool,
}

/// An output; text apart, so that a million small pieces are appended and not copied.
#[derive(Debug)]
enum Stored {
    Text {
        stream: Stream,
        text: String,
    },
    Rich {
        data: MimeBundle,
        metadata: MimeBundle,
        is_result: bool,
    },
    Error(CellError),
}

impl Outputs {
    /// The cell at `index` starts: it has no outputs.
    pub fn begin(&mut self, index: usize, execution_count: u32) {
        self.forget_displays(index);
        self.cells.insert(
            index,
            Cell {
                execution_count,
                ..Cell::default()
            },
        );
    }

    /// The cell at `index` shows something.
    pub fn add(&mut self, index: usize, output: Output) {
        match output {
            Output::Text { stream, text } => self.text(index, stream, text),
            Output::Display {
                data,
                metadata,
                display_id,
            } => {
                // Showing something under an id that is in use updates what is there, too.
                if let Some(id) = &display_id {
                    self.update(id, &data, &metadata);
                }
                self.push(
                    index,
                    Stored::Rich {
                        data,
                        metadata,
                        is_result: false,
                    },
                );
                if let Some(id) = display_id {
                    let place = (index, self.cell(index).outputs.len() - 1);
                    self.displays.entry(id).or_default().push(place);
                }
            }
            Output::Update {
                data,
                metadata,
                display_id,
            } => self.update(&display_id, &data, &metadata),
            Output::Result { data, metadata } => {
                self.push(
                    index,
                    Stored::Rich {
                        data,
                        metadata,
                        is_result: true,
                    },
                );
            }
            Output::Clear { wait: true } => self.cell(index).clear_next = true,
            Output::Clear { wait: false } => self.clear(index),
        }
    }

    /// The cell at `index` failed.
    pub fn error(&mut self, index: usize, error: CellError) {
        self.push(index, Stored::Error(error));
    }

    /// The cell's outputs in the notebook's form; streams not yet split into lines.
    pub fn to_json(&self, index: usize) -> Vec<Value> {
        let Some(cell) = self.cells.get(&index) else {
            return Vec::new();
        };
        cell.outputs
            .iter()
            .map(|output| output.to_json(cell.execution_count))
            .collect()
    }

    fn cell(&mut self, index: usize) -> &mut Cell {
        self.cells.entry(index).or_default()
    }

    fn text(&mut self, index: usize, stream: Stream, text: String) {
        if text.is_empty() {
            return;
        }
        self.clear_if_waiting(index);
        if let Some(Stored::Text {
            stream: last,
            text: so_far,
        }) = self.cell(index).outputs.last_mut()
            && *last == stream
        {
            so_far.push_str(&text);
            return;
        }
        self.push(index, Stored::Text { stream, text });
    }

    fn push(&mut self, index: usize, output: Stored) {
        self.clear_if_waiting(index);
        self.cell(index).outputs.push(output);
    }

    fn update(&mut self, display_id: &str, data: &MimeBundle, metadata: &MimeBundle) {
        for &(index, at) in self.displays.get(display_id).into_iter().flatten() {
            let output = self
                .cells
                .get_mut(&index)
                .and_then(|cell| cell.outputs.get_mut(at));
            if let Some(Stored::Rich {
                data: old_data,
                metadata: old_metadata,
                ..
            }) = output
            {
                *old_data = data.clone();
                *old_metadata = metadata.clone();
            }
        }
    }

    fn clear_if_waiting(&mut self, index: usize) {
        if self.cell(index).clear_next {
            self.clear(index);
        }
    }

    fn clear(&mut self, index: usize) {
        self.forget_displays(index);
        let cell = self.cell(index);
        cell.outputs.clear();
        cell.clear_next = false;
    }

    fn forget_displays(&mut self, index: usize) {
        for places in self.displays.values_mut() {
            places.retain(|(cell, _)| *cell != index);
        }
    }
}

impl Stored {
    fn to_json(&self, execution_count: u32) -> Value {
        match self {
            Stored::Text { stream, text } => {
                let name = match stream {
                    Stream::Stdout => "stdout",
                    Stream::Stderr => "stderr",
                };
                json!({"output_type": "stream", "name": name, "text": text})
            }
            Stored::Rich {
                data,
                metadata,
                is_result: false,
            } => {
                json!({"output_type": "display_data", "data": data, "metadata": metadata})
            }
            Stored::Rich {
                data,
                metadata,
                is_result: true,
            } => json!({
                "output_type": "execute_result",
                "execution_count": execution_count,
                "data": data,
                "metadata": metadata,
            }),
            Stored::Error(error) => json!({
                "output_type": "error",
                "ename": error.ename,
                "evalue": error.evalue,
                "traceback": error.traceback,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(stream: Stream, text: &str) -> Output {
        Output::Text {
            stream,
            text: text.to_owned(),
        }
    }

    fn plain(text: &str) -> MimeBundle {
        MimeBundle::from_iter([("text/plain".to_owned(), json!(text))])
    }

    fn display(content: &str, id: Option<&str>) -> Output {
        Output::Display {
            data: plain(content),
            metadata: MimeBundle::new(),
            display_id: id.map(str::to_owned),
        }
    }

    fn update(content: &str, id: &str) -> Output {
        Output::Update {
            data: plain(content),
            metadata: MimeBundle::new(),
            display_id: id.to_owned(),
        }
    }

    /// Runs outputs through cells and tells what is shown, shortly.
    fn shown(story: Vec<(usize, Output)>) -> Vec<(usize, String)> {
        let mut outputs = Outputs::default();
        for (index, output) in story {
            if !outputs.cells.contains_key(&index) {
                outputs.begin(index, 1);
            }
            outputs.add(index, output);
        }
        let short = |value: &Value| match value["output_type"].as_str() {
            Some("stream") => format!(
                "{}:{}",
                value["name"].as_str().unwrap(),
                value["text"].as_str().unwrap()
            ),
            _ => value["data"]["text/plain"].as_str().unwrap().to_owned(),
        };
        let indices: Vec<usize> = outputs.cells.keys().copied().collect();
        indices
            .into_iter()
            .flat_map(|index| {
                outputs
                    .to_json(index)
                    .iter()
                    .map(|v| (index, short(v)))
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    #[test]
    fn consecutive_text_of_a_stream_is_one_output() {
        let story = vec![
            (0, text(Stream::Stdout, "a")),
            (0, text(Stream::Stdout, "b\r")),
            (0, text(Stream::Stderr, "c")),
            (0, text(Stream::Stderr, "")),
            (0, text(Stream::Stdout, "d")),
        ];
        assert_eq!(
            shown(story),
            [
                (0, "stdout:ab\r".to_owned()),
                (0, "stderr:c".to_owned()),
                (0, "stdout:d".to_owned())
            ]
        );
    }

    #[test]
    fn an_update_reaches_every_cell_that_shows_the_id() {
        let story = vec![
            (0, display("one", Some("x"))),
            (0, display("other", None)),
            (1, display("two", Some("x"))),
            (2, update("three", "x")),
            (2, update("nobody", "y")),
        ];
        assert_eq!(
            shown(story),
            [
                (0, "three".to_owned()),
                (0, "other".to_owned()),
                (1, "three".to_owned())
            ]
        );
    }

    #[test]
    fn clear_at_once_or_with_the_next_output() {
        let story = vec![
            (0, display("a", Some("x"))),
            (0, Output::Clear { wait: false }),
            (0, update("ghost", "x")),
            (0, text(Stream::Stdout, "b")),
            (0, Output::Clear { wait: true }),
        ];
        assert_eq!(shown(story.clone()), [(0, "stdout:b".to_owned())]);
        let mut replaced = story;
        replaced.push((0, text(Stream::Stdout, "c")));
        assert_eq!(shown(replaced), [(0, "stdout:c".to_owned())]);
    }

    #[test]
    fn results_and_errors_have_the_notebooks_form() {
        let mut outputs = Outputs::default();
        outputs.begin(4, 7);
        outputs.add(
            4,
            Output::Result {
                data: plain("42"),
                metadata: MimeBundle::new(),
            },
        );
        let error = CellError {
            ename: "panic".into(),
            evalue: "no".into(),
            traceback: vec!["no".into()],
        };
        outputs.error(4, error);
        assert_eq!(
            outputs.to_json(4),
            [
                json!({"output_type": "execute_result", "execution_count": 7, "data": {"text/plain": "42"},
                       "metadata": {}}),
                json!({"output_type": "error", "ename": "panic", "evalue": "no", "traceback": ["no"]}),
            ]
        );
    }
}
