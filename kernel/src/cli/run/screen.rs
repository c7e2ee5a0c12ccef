//! What a person at a terminal sees of a run: a line and the text of each cell that has ended, below
//! them a bar with the cell that runs. Where stderr is no terminal all of that is left out.

use std::time::Duration;

use console::{Style, strip_ansi_codes, truncate_str};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::executor::Screen;
use super::notebook::CodeCell;
use crate::interpreter::CellError;

/// Lines of output that are shown of a cell; the notebook has them all.
const LINES_SHOWN: usize = 8;

/// A terminal, or nothing.
pub struct Terminal {
    bar: ProgressBar,
    total: usize,
}

impl Terminal {
    /// For a run of `total` cells.
    pub fn new(total: usize) -> Terminal {
        // Draws on stderr, and not at all where that is no terminal.
        let bar = ProgressBar::new(total as u64);
        let style =
            ProgressStyle::with_template("{bar:24.yellow/dim} {pos}/{len}  {elapsed}  {wide_msg:.dim}")
                .expect("the template is right")
                .progress_chars("━╸─");
        bar.set_style(style);
        bar.enable_steady_tick(Duration::from_millis(100));
        Terminal { bar, total }
    }

    pub fn bar(&self) -> ProgressBar {
        self.bar.clone()
    }

    /// Takes the bar away.
    pub fn close(&self) {
        self.bar.finish_and_clear();
    }

    fn width() -> usize {
        usize::from(console::Term::stderr().size().1).max(20)
    }
}

impl Screen for Terminal {
    fn started(&self, cell: &CodeCell, position: usize) {
        self.bar.set_position(position as u64 - 1);
        self.bar.set_message(title(cell).to_owned());
    }

    fn ended(&self, cell: &CodeCell, position: usize, took: Duration, outputs: &[Value], failed: bool) {
        self.bar.set_position(position as u64);
        if self.bar.is_hidden() {
            return;
        }
        let mark = match (failed, cell.may_fail) {
            (false, _) => paint("✓", Style::new().green()),
            (true, true) => paint("✓", Style::new().yellow()),
            (true, false) => paint("✗", Style::new().red()),
        };
        let number = paint(&format!("[{position}/{}]", self.total), Style::new().dim());
        let time = paint(&duration(took), Style::new().dim());
        let width = Terminal::width();
        let head = truncate_str(title(cell), width.saturating_sub(24), "…").into_owned();
        self.bar.println(format!(
            "{mark} {number} {}  {time}",
            paint(&head, Style::new().bold())
        ));
        for line in brief(outputs, LINES_SHOWN, width.saturating_sub(6)) {
            self.bar.println(format!("    {line}"));
        }
    }
}

/// The error that ended a run, for stderr: in colours on a terminal, without them elsewhere.
pub fn error_text(cell: &CodeCell, position: &str, error: &CellError) -> String {
    let mut text = format!("cellar: {position} failed: {}\n\n", title(cell));
    let traceback = if error.traceback.is_empty() {
        format!("{}: {}", error.ename, error.evalue)
    } else {
        error.traceback.join("\n")
    };
    let traceback = printable(traceback.trim_end());
    if console::colors_enabled_stderr() {
        text.push_str(&traceback);
        text.push_str("\x1b[0m");
    } else {
        text.push_str(&strip_ansi_codes(&traceback));
    }
    text
}

/// The first line of a cell that says something.
pub fn title(cell: &CodeCell) -> &str {
    let mut lines = cell.source.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    if first.starts_with("//") && !first.starts_with("//%") {
        return lines.find(|line| !line.starts_with("//")).unwrap_or(first);
    }
    first
}

/// A length of time as people read it.
pub fn duration(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        seconds @ 1..60 => format!("{seconds}.{} s", time.subsec_millis() / 100),
        seconds @ 60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// The text of a cell's outputs in at most `limit` lines, and one more that says what was left out.
fn brief(outputs: &[Value], limit: usize, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut left_out = 0;
    for output in outputs {
        let text = text_of(output);
        for line in text.trim_end().lines() {
            if lines.len() == limit {
                left_out += 1;
                continue;
            }
            // A progress bar draws over itself; what counts is what it drew last.
            let line = line
                .trim_end_matches('\r')
                .rsplit('\r')
                .next()
                .unwrap_or_default();
            let line = if console::colors_enabled_stderr() {
                let line = truncate_str(line, width, "…");
                if line.contains('\x1b') {
                    format!("{line}\x1b[0m")
                } else {
                    line.into_owned()
                }
            } else {
                truncate_str(&strip_ansi_codes(line), width, "…").into_owned()
            };
            lines.push(printable(&line));
        }
    }
    if left_out > 0 {
        lines.push(paint(&format!("… {left_out} more lines"), Style::new().dim()));
    }
    lines
}

/// An output as text; rich content that has none by its type and size.
fn text_of(output: &Value) -> String {
    match output["output_type"].as_str() {
        Some("stream") => output["text"].as_str().unwrap_or_default().to_owned(),
        Some("error") => {
            let lines: Vec<_> = output["traceback"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            lines.join("\n")
        }
        _ => {
            let data = output["data"].as_object();
            let text = |mime: &str| data.and_then(|data| data.get(mime)).and_then(Value::as_str);
            if let Some(text) = text("text/plain").or_else(|| text("text/markdown")) {
                return text.to_owned();
            }
            let Some((mime, content)) = data.and_then(|data| data.iter().next()) else {
                return String::new();
            };
            let size = content
                .as_str()
                .map_or_else(|| content.to_string().len(), str::len);
            format!("[{mime}, {}]", indicatif::HumanBytes(size as u64))
        }
    }
}

/// Leaves out control characters, with which a cell could rearrange the terminal; colours stay.
fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for (part, is_escape) in console::AnsiCodeIterator::new(text) {
        if !is_escape {
            clean.extend(
                part.chars()
                    .filter(|c| !c.is_control() || matches!(c, '\n' | '\t')),
            );
        } else if part.starts_with("\x1b[") && part.ends_with('m') {
            clean.push_str(part);
        }
    }
    clean
}

fn paint(text: &str, style: Style) -> String {
    style.for_stderr().apply_to(text).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cell(source: &str) -> CodeCell {
        CodeCell {
            index: 0,
            id: "a".into(),
            source: source.into(),
            may_fail: false,
        }
    }

    #[test]
    fn a_title_is_the_first_line_that_says_something() {
        assert_eq!(title(&cell("\n  let a = 1;\na")), "let a = 1;");
        assert_eq!(title(&cell("// A comment.\n// More.\nfn f() {}")), "fn f() {}");
        assert_eq!(title(&cell("// Only a comment.")), "// Only a comment.");
        assert_eq!(title(&cell("//% cache_data\nlet a = 1;")), "//% cache_data");
    }

    #[test]
    fn outputs_in_brief() {
        let outputs = [
            json!({"output_type": "stream", "name": "stdout", "text": "10%\r50%\r100%\nnext\n"}),
            json!({"output_type": "display_data", "data": {"image/svg+xml": "<svg/>"}, "metadata": {}}),
            json!({"output_type": "execute_result", "data": {"text/html": "<b>", "text/plain": "b"}}),
        ];
        assert_eq!(
            brief(&outputs, 8, 80),
            ["100%", "next", "[image/svg+xml, 6 B]", "b"]
        );
        let cut = brief(&outputs, 1, 80);
        assert_eq!(cut[0], "100%");
        assert!(cut[1].contains("3 more lines"), "{cut:?}");
    }

    #[test]
    fn a_cell_cannot_rearrange_the_terminal() {
        assert_eq!(
            printable("a\x1b[31mred\x1b[0m\x1b[2Jb\x07\x08"),
            "a\x1b[31mred\x1b[0mb"
        );
    }

    #[test]
    fn durations() {
        assert_eq!(duration(Duration::from_millis(12)), "12 ms");
        assert_eq!(duration(Duration::from_millis(1250)), "1.2 s");
        assert_eq!(duration(Duration::from_secs(61)), "1 min 1 s");
        assert_eq!(duration(Duration::from_secs(7260)), "2 h 1 min");
    }
}
