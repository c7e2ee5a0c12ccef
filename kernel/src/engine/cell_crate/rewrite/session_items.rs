//! The items of the session in a generated crate: their order, and what is taken out.

use std::collections::HashMap;
use std::sync::Arc;

use super::lines::Lines;
use crate::cell::CellSource;
use crate::engine::API_STUB;
use crate::engine::cell_crate::left_out::LeftOut;
use crate::engine::cell_crate::source_map::{Kind, Mark, Marks, SourceMap};

/// evcxr writes items in no certain order, but a macro can only be used below its definition. So those of the notebook
/// move above all other items; the lines below the items keep their numbers.
pub fn macros_first(generated: &str, marks: &Marks) -> String {
    let mut lines: Vec<&str> = generated.lines().collect();
    let entry = lines
        .iter()
        .rposition(|line| line.starts_with("pub extern \"C\" fn run_user_code_"))
        .unwrap_or(lines.len());
    let map = marks.map(generated);
    let items: Vec<(Mark, std::ops::Range<usize>)> = map
        .pieces()
        .map(|(mark, range)| (mark, range.start() - 1..*range.end()))
        .filter(|(_, range)| range.end <= entry)
        .collect();
    let begins_with = |range: &std::ops::Range<usize>, start: &str| {
        let code = lines[range.clone()].iter().map(|line| line.trim_start());
        code.clone()
            .find(|line| !line.is_empty() && !line.starts_with("//") && !line.starts_with("#["))
            .is_some_and(|line| line.starts_with(start))
    };
    let mut macros: Vec<_> = items
        .iter()
        .filter(|(_, range)| begins_with(range, "macro_rules!"))
        .cloned()
        .collect();
    macros.sort_by_key(|(mark, _)| *mark);
    let others = items.iter().filter(|(_, range)| !begins_with(range, "#!["));
    let Some(first) = others.map(|(_, range)| range.start).min() else {
        return generated.to_owned();
    };
    let moved: Vec<&str> = macros
        .iter()
        .flat_map(|(_, range)| lines[range.clone()].to_vec())
        .collect();
    macros.sort_by_key(|(_, range)| std::cmp::Reverse(range.start));
    for (_, range) in macros {
        lines.drain(range);
    }
    lines.splice(first..first, moved);
    lines.join("\n") + "\n"
}

/// The item `mod cellar` tells rust-analyzer what the runtime crate offers; rustc has the crate itself.
pub fn blank_api_stub(lines: &mut Lines) {
    if let Some(at) = lines.first(|line| line.trim_end() == API_STUB) {
        lines.replace(at..at + 1, "");
    }
}

/// evcxr keeps every `impl` that it has seen. Of those with one header only the newest is meant, and what stands beside it in its
/// cell.
pub fn blank_superseded_impls(lines: &mut Lines, map: &SourceMap, marks: &Marks) {
    let impls: Vec<_> = map
        .pieces()
        .filter_map(|(mark, range)| {
            let origin = marks.origin(mark)?;
            match &origin.kind {
                Kind::Impl(header) => Some((header.as_str(), mark, &origin.cell, range)),
                _ => None,
            }
        })
        .collect();
    let mut newest: HashMap<&str, (Mark, &Arc<CellSource>)> = HashMap::new();
    for (header, mark, cell, _) in &impls {
        let known = newest.entry(header).or_insert((*mark, cell));
        if *mark > known.0 {
            *known = (*mark, cell);
        }
    }
    for (header, _, cell, range) in &impls {
        if !Arc::ptr_eq(newest[header].1, cell) {
            lines.replace(range.start() - 1..*range.end(), "");
        }
    }
}

/// Takes out what the cell does not reach.
pub fn blank_left_out(lines: &mut Lines, map: &SourceMap, left_out: &LeftOut) {
    if left_out.is_empty() {
        return;
    }
    for (mark, range) in map.pieces() {
        if left_out.marks.contains(&mark) {
            lines.replace(range.start() - 1..*range.end(), "");
        }
    }
    for at in 0..lines.len() {
        let is_left_out = |line: &str| left_out.imports.contains(line.trim());
        if lines.generated(at).is_some_and(is_left_out) {
            lines.replace(at..at + 1, "");
        }
    }
}
