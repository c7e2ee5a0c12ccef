//! The bar itself: when to draw it, and what it looks like.

use std::fmt::Write;
use std::time::{Duration, Instant};

use crate::Bundle;
use crate::display::{DisplayHandle, show};

/// The shortest time between two updates.
const BETWEEN_UPDATES: Duration = Duration::from_millis(100);
/// How many items may pass without a look at the clock. Reading it costs about 25 ns; a larger
/// stride would leave the bar standing when items suddenly take seconds.
const LONGEST_STRIDE: u32 = 32;
/// Width of the bar in characters.
const WIDTH: usize = 20;

/// How a loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    /// All items came.
    Finished,
    /// Left early (`break`, `?`, `take`).
    Left,
    Panicked,
}

/// A progress bar that is told when items have come.
#[derive(Debug)]
pub struct ProgressBar {
    label: String,
    total: Option<usize>,
    /// Items that came before the current stride.
    count: u64,
    /// Length of the current stride.
    stride: u32,
    shown: Option<Shown>,
    state: State,
}

/// What exists from the first item on.
#[derive(Debug)]
struct Shown {
    handle: DisplayHandle,
    started: Instant,
    last_look: Instant,
    last_update: Instant,
}

/// A bar as the iterator sees it.
pub trait Bar: std::fmt::Debug + Send + Sync {
    fn set_label(&mut self, label: String);
    fn set_total(&mut self, items: usize);
    /// A stride has passed. Draws if it is time to and says how many items the next stride has.
    fn look_at_clock(&mut self) -> u32;
    /// The iterator gave its last item; `left` items of the stride did not come.
    fn finish(&mut self, left: u32);
    /// The iterator is dropped; `left` items of the stride did not come.
    fn leave(&mut self, left: u32);
}

/// A bar for an iterator with that size hint. Shows nothing yet.
#[inline(never)]
pub fn new_bar(size_hint: (usize, Option<usize>)) -> Box<dyn Bar> {
    Box::new(ProgressBar::new(size_hint))
}

impl ProgressBar {
    /// A bar for an iterator with that size hint. Shows nothing yet.
    pub fn new(size_hint: (usize, Option<usize>)) -> ProgressBar {
        let total = size_hint.1.filter(|&most| most == size_hint.0);
        ProgressBar {
            label: String::new(),
            total,
            count: 0,
            stride: 0,
            shown: None,
            state: State::Running,
        }
    }
}

impl Bar for ProgressBar {
    fn set_label(&mut self, label: String) {
        self.label = label;
    }

    fn set_total(&mut self, items: usize) {
        self.total = Some(items);
    }

    fn look_at_clock(&mut self) -> u32 {
        let now = Instant::now();
        self.count += u64::from(self.stride);
        match &mut self.shown {
            None => {
                // Also when an iterator is used on after its end: the bar starts anew.
                self.state = State::Running;
                self.stride = 1;
                let handle = show(&self.draw(Duration::ZERO));
                self.shown = Some(Shown {
                    handle,
                    started: now,
                    last_look: now,
                    last_update: now,
                });
            }
            Some(shown) => {
                let pace = (now - shown.last_look) / self.stride.max(1);
                shown.last_look = now;
                self.stride = if pace > BETWEEN_UPDATES / 100 {
                    1
                } else {
                    (self.stride * 2).min(LONGEST_STRIDE)
                };
                if now - shown.last_update >= BETWEEN_UPDATES {
                    shown.last_update = now;
                    let elapsed = now - shown.started;
                    self.redraw(elapsed);
                }
            }
        }
        self.stride
    }

    fn finish(&mut self, left: u32) {
        self.end(left, State::Finished);
    }

    fn leave(&mut self, left: u32) {
        let state = if std::thread::panicking() {
            State::Panicked
        } else {
            State::Left
        };
        self.end(left, state);
    }
}

impl ProgressBar {
    fn end(&mut self, left: u32, state: State) {
        if self.state != State::Running || self.shown.is_none() {
            return;
        }
        self.state = state;
        self.count += u64::from(self.stride - left);
        // What is left of the stride will be counted down by `next`, should anyone call it again.
        self.stride = left;
        // A loop that took all items with `take(n)` or `zip` never sees the end of the iterator.
        if state == State::Left && self.total.is_some_and(|total| self.count == total as u64) {
            self.state = State::Finished;
        }
        if let Some(shown) = &self.shown {
            let elapsed = shown.started.elapsed();
            self.redraw(elapsed);
        }
    }

    fn redraw(&self, elapsed: Duration) {
        if let Some(shown) = &self.shown {
            shown.handle.replace(&self.draw(elapsed));
        }
    }

    fn draw(&self, elapsed: Duration) -> Bundle {
        Bundle::new().text(self.text(elapsed)).html(self.html(elapsed))
    }

    /// `label: 42%|████████▍           | 42/100 [00:03<00:04, 12.3/s]`
    fn text(&self, elapsed: Duration) -> String {
        let mut text = self.label.clone();
        if !text.is_empty() {
            text.push_str(": ");
        }
        if let Some(part) = self.part() {
            let _ = write!(text, "{:>3.0}%|{}| ", (part * 100.0).floor(), blocks(part));
        }
        text.push_str(&self.numbers(elapsed));
        text
    }

    fn html(&self, elapsed: Duration) -> String {
        let colour = match self.state {
            State::Running => "var(--jp-brand-color1, #1976d2)",
            State::Finished => "var(--jp-success-color1, #388e3c)",
            State::Left => "var(--jp-warn-color1, #f57c00)",
            State::Panicked => "var(--jp-error-color1, #d32f2f)",
        };
        let mut html = String::from("<div style=\"display:flex;align-items:center;gap:.75em\">");
        if !self.label.is_empty() {
            let _ = write!(html, "<span>{}</span>", escape(&self.label));
        }
        let value = match (self.total, self.state) {
            (Some(total), _) => format!(
                " value=\"{}\" max=\"{}\"",
                self.count.min(total as u64),
                total.max(1)
            ),
            // Without a value the browser draws a bar that moves to and fro.
            (None, State::Running) => String::new(),
            (None, _) => " value=\"1\" max=\"1\"".to_owned(),
        };
        let _ = write!(
            html,
            "<progress style=\"width:20em;accent-color:{colour}\"{value}></progress>"
        );
        let _ = write!(
            html,
            "<span style=\"font-family:var(--jp-code-font-family,monospace)\">{}</span></div>",
            escape(&self.numbers(elapsed))
        );
        html
    }

    /// `42/100 [00:03<00:04, 12.3/s]`, and how it ended if not well.
    fn numbers(&self, elapsed: Duration) -> String {
        let mut text = self.count.to_string();
        if let Some(total) = self.total {
            let _ = write!(text, "/{total}");
        }
        let _ = write!(text, " [{}", clock(elapsed));
        let seconds = elapsed.as_secs_f64();
        let rate = if seconds > 0.0 {
            self.count as f64 / seconds
        } else {
            0.0
        };
        if self.state == State::Running
            && let Some(total) = self.total
        {
            let left = (total as f64 - self.count as f64).max(0.0) / rate;
            let _ = write!(
                text,
                "<{}",
                Duration::try_from_secs_f64(left).map_or("?".to_owned(), clock)
            );
        }
        let _ = match rate {
            0.0 => write!(text, "]"),
            _ if rate < 1.0 => write!(text, ", {:.2} s each]", 1.0 / rate),
            _ => write!(text, ", {}/s]", short(rate)),
        };
        match self.state {
            State::Running | State::Finished => {}
            State::Left => text.push_str(" stopped"),
            State::Panicked => text.push_str(" panicked"),
        }
        text
    }

    fn part(&self) -> Option<f64> {
        self.total.map(|total| {
            if total == 0 {
                1.0
            } else {
                (self.count as f64 / total as f64).min(1.0)
            }
        })
    }
}

/// A bar of [`WIDTH`] characters, drawn in eighths of a character.
fn blocks(part: f64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (part * (WIDTH * 8) as f64) as usize;
    let mut bar = "█".repeat(eighths / 8);
    bar.push_str(EIGHTHS[eighths % 8]);
    let drawn = eighths / 8 + usize::from(!eighths.is_multiple_of(8));
    bar.push_str(&" ".repeat(WIDTH - drawn));
    bar
}

/// `03:07`, `1:02:03`.
fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes:02}:{seconds:02}")
    }
}

/// Three figures and a unit: `12.3`, `4.56k`, `789M`.
fn short(number: f64) -> String {
    let (number, unit) = match number {
        n if n >= 999.5e6 => (n / 1e9, "G"),
        n if n >= 999.5e3 => (n / 1e6, "M"),
        n if n >= 999.5 => (n / 1e3, "k"),
        n => (n, ""),
    };
    let decimals = if number < 9.995 {
        2
    } else {
        usize::from(number < 99.95)
    };
    format!("{number:.decimals$}{unit}")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(total: Option<usize>, count: u64, state: State) -> ProgressBar {
        ProgressBar {
            label: String::new(),
            total,
            count,
            stride: 0,
            shown: None,
            state,
        }
    }

    #[test]
    fn the_text_tells_number_rate_and_times() {
        let ten = Duration::from_secs(10);
        assert_eq!(
            bar(Some(100), 25, State::Running).text(ten),
            " 25%|█████               | 25/100 [00:10<00:30, 2.50/s]"
        );
        assert_eq!(
            bar(Some(4), 4, State::Finished).text(ten),
            "100%|████████████████████| 4/4 [00:10, 2.50 s each]"
        );
        assert_eq!(
            bar(None, 123_456_789, State::Left).text(ten),
            "123456789 [00:10, 12.3M/s] stopped"
        );
        assert_eq!(
            bar(Some(0), 0, State::Finished)
                .text(Duration::ZERO)
                .matches('█')
                .count(),
            WIDTH
        );
    }

    #[test]
    fn a_part_of_a_character_never_makes_the_bar_longer() {
        for eighth in 0..=WIDTH * 8 {
            assert_eq!(blocks(eighth as f64 / (WIDTH * 8) as f64).chars().count(), WIDTH);
        }
    }

    #[test]
    fn a_label_is_escaped() {
        let mut bar = bar(None, 1, State::Running);
        bar.set_label("<a> & b".to_owned());
        assert!(
            bar.html(Duration::from_secs(1))
                .contains("<span>&lt;a&gt; &amp; b</span>")
        );
    }

    #[test]
    fn every_item_is_counted_whenever_the_loop_ends() {
        for taken in [0, 1, 2, 3, 31, 32, 33, 100, 1000] {
            let mut progress = ProgressBar::new((1000, Some(1000)));
            let mut left = 0;
            for _ in 0..taken {
                if left == 0 {
                    left = progress.look_at_clock();
                }
                left -= 1;
            }
            progress.leave(left);
            assert_eq!(progress.count, taken);
            let expected = if taken == 1000 {
                State::Finished
            } else if taken == 0 {
                State::Running
            } else {
                State::Left
            };
            assert_eq!(progress.state, expected, "{taken}");
        }
    }
}
