//! The text of a generated crate, line by line.

use std::collections::HashSet;

use crate::engine::cell_crate::source_map::SourceMap;

/// The names (and numbers) in a text.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
}

/// The lines of a generated file, and which of them a user wrote.
pub struct Lines {
    lines: Vec<String>,
    users: HashSet<usize>,
}

impl Lines {
    pub fn new(generated: &str, map: &SourceMap) -> Lines {
        let users = map
            .pieces()
            .flat_map(|(_, range)| range)
            .map(|line| line - 1)
            .collect();
        Lines {
            lines: generated.lines().map(str::to_owned).collect(),
            users,
        }
    }

    pub fn len(&self) -> usize {
        self.lines.len()
    }

    pub fn text(&self, at: usize) -> &str {
        &self.lines[at]
    }

    pub fn is_generated(&self, at: usize) -> bool {
        !self.users.contains(&at)
    }

    pub fn generated(&self, at: usize) -> Option<&str> {
        self.is_generated(at).then(|| self.text(at))
    }

    pub fn first(&self, matches: impl Fn(&str) -> bool) -> Option<usize> {
        self.lines.iter().position(|line| matches(line))
    }

    pub fn last_generated(&self, matches: impl Fn(&str) -> bool) -> Option<usize> {
        (0..self.len())
            .rev()
            .find(|at| self.generated(*at).is_some_and(&matches))
    }

    pub fn generated_before(&self, before: usize, matches: impl Fn(&str) -> bool) -> Option<usize> {
        (0..before)
            .rev()
            .find(|at| self.generated(*at).is_some_and(&matches))
    }

    /// Puts `text` (one line) on the first line of a range and empties the others.
    pub fn replace(&mut self, range: std::ops::Range<usize>, text: &str) {
        for at in range.clone() {
            self.lines[at].clear();
        }
        if !range.is_empty() {
            self.lines[range.start].push_str(text);
        }
    }

    pub fn join(&self) -> String {
        let mut text = self.lines.join("\n");
        text.push('\n');
        text
    }
}
