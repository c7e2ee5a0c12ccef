//! Completion and inspection: what names tell at once, joined with what rust-analyzer knows when it has time.

use std::time::Duration;

use serde_json::Value;

use super::Session;
use crate::engine::{Proposal, Proposals};
use crate::help::{self, KnownNames};
use crate::interpreter::{Completion, Completions, MimeBundle};
use crate::magic;

/// How long rust-analyzer is waited for while nothing else runs. While a cell runs or the engine
/// starts, nobody waits: the engine takes the question only when it is free.
const PATIENCE: Duration = Duration::from_millis(900);
/// The same when the engine is at work.
const NO_PATIENCE: Duration = Duration::from_millis(60);
/// More proposals help nobody, and frontends draw them all.
const MOST: usize = 400;

/// Completions at `cursor` (code points).
pub fn complete(session: &Session, code: &str, cursor: usize) -> Completions {
    let mut found = help::complete_by_name(code, cursor, &names(session));
    if found
        .matches
        .iter()
        .any(|one| ["magic", "directive", "option"].contains(&one.kind))
    {
        return found;
    }
    let byte = help::byte_of(code, cursor);
    let rust = rust_only(code);
    if let Some(proposals) = session.engine.complete(&rust, byte, patience(session)) {
        join(&mut found, code, byte, proposals);
    }
    found.matches.truncate(MOST);
    found
}

/// What is known of the name at `cursor` (code points).
pub fn inspect(session: &Session, code: &str, cursor: usize, detail: u8) -> Option<MimeBundle> {
    let by_name = help::inspect_by_name(code, cursor, detail, &names(session));
    if by_name.as_ref().is_some_and(|bundle| !help::is_std(bundle)) {
        return by_name;
    }
    let Some(name) = help::name_at(code, cursor) else {
        return by_name;
    };
    let rust = rust_only(code);
    let Some((plain, html)) = session.engine.hover(&rust[..name.range.end], patience(session)) else {
        return by_name;
    };
    let mut bundle = MimeBundle::new();
    bundle.insert("text/plain".to_owned(), Value::String(plain));
    bundle.insert("text/html".to_owned(), Value::String(html));
    Some(bundle)
}

/// What is known of a name as `%help` and `name?` give it.
pub fn inspect_name(session: &Session, name: &str, detail: u8) -> Option<MimeBundle> {
    help::inspect_name(name, detail, &names(session))
        .or_else(|| inspect(session, name, name.chars().count(), detail))
}

/// Whether `?` can be applied to the variable `name`.
pub fn has_question_mark(session: &Session, name: &str) -> bool {
    names(session)
        .variable(name)
        .is_some_and(|variable| help::has_question_mark(&variable.type_name))
}

fn patience(session: &Session) -> Duration {
    if session.engine.is_busy() {
        NO_PATIENCE
    } else {
        PATIENCE
    }
}

fn names(session: &Session) -> KnownNames {
    let mut names = session.names().clone();
    for variable in session.engine.known().variables {
        names.set_variable(&variable.name, &variable.type_text);
    }
    names
}

/// The cell with everything that is not Rust overwritten by blanks, byte for byte.
fn rust_only(code: &str) -> String {
    let Ok(parsed) = magic::parse(code) else {
        // Half a magic is no Rust; nor is a `:dep`, which would change what the session depends on.
        let is_rust = |line: &str| {
            !line.trim_start().starts_with([':', '%', '!']) || line.trim_start().starts_with("::")
        };
        let lines = code.split('\n');
        let kept = lines.map(|line| match is_rust(line) {
            true => line.to_owned(),
            false => " ".repeat(line.len()),
        });
        return kept.collect::<Vec<_>>().join("\n");
    };
    let rust = parsed.rust();
    let mut kept = rust.split('\n');
    let mut lines = Vec::new();
    for line in code.split('\n') {
        match kept.next() {
            Some("") | None => lines.push(" ".repeat(line.len())),
            Some(_) => lines.push(line.to_owned()),
        }
    }
    lines.join("\n")
}

/// Puts rust-analyzer's proposals before those that are known by name alone.
fn join(found: &mut Completions, code: &str, cursor: usize, proposals: Proposals) {
    if proposals.proposals.is_empty() || proposals.start > cursor || !code.is_char_boundary(proposals.start) {
        return;
    }
    let typed = &code[proposals.start..cursor];
    let mut matches: Vec<Completion> = Vec::new();
    for proposal in proposals.proposals {
        if starts_with(&proposal.code, typed) && !matches.iter().any(|known| known.text == proposal.code) {
            matches.push(completion(proposal));
        }
    }
    if matches.is_empty() {
        return;
    }
    // Names of the notebook first, as typed most; then in rust-analyzer's order.
    let start = help::codepoint_of(code, proposals.start);
    if start == found.start {
        for known in std::mem::take(&mut found.matches) {
            if !matches.iter().any(|one| one.text == known.text) {
                matches.push(known);
            }
        }
    }
    *found = Completions {
        start,
        end: help::codepoint_of(code, proposals.end.max(cursor)),
        matches,
    };
}

fn starts_with(text: &str, typed: &str) -> bool {
    let mut text = text.chars().flat_map(char::to_lowercase);
    typed
        .chars()
        .flat_map(char::to_lowercase)
        .all(|wanted| text.next() == Some(wanted))
}

fn completion(proposal: Proposal) -> Completion {
    let signature = (proposal.label != proposal.code).then_some(proposal.label);
    Completion {
        text: proposal.code,
        kind: proposal.kind,
        signature,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_rust_is_blank_and_nothing_moves() {
        assert_eq!(
            rust_only("%who \nlet é = 1;\n:vars"),
            format!("{}\nlet é = 1;\n{}", " ".repeat(5), " ".repeat(5))
        );
    }

    #[test]
    fn proposals_replace_what_they_say() {
        let mut found = Completions {
            start: 2,
            end: 3,
            matches: vec![],
        };
        let proposals = vec![
            Proposal {
                code: "len".into(),
                kind: "function",
                label: "len(&self)".into(),
            },
            Proposal {
                code: "pop".into(),
                kind: "function",
                label: "pop".into(),
            },
        ];
        join(
            &mut found,
            "é.l",
            4,
            Proposals {
                start: 3,
                end: 4,
                proposals,
            },
        );
        let texts: Vec<&str> = found.matches.iter().map(|one| one.text.as_str()).collect();
        assert_eq!((found.start, found.end, texts), (2, 3, vec!["len"]));
    }
}
