//! What `%cache explain` says of functions.

use std::collections::BTreeSet;

use cellar_cache::{EntryKind, Listed, printable};

use super::Caching;
use super::magics::{KnownFunction, OfFunctions};

impl Caching {
    /// What is kept of the function of that name, or of all; nothing where there is none. `entries` are the notebook's.
    pub(super) fn explain_functions(
        &self,
        name: Option<&str>,
        functions: &OfFunctions,
        entries: &[Listed],
    ) -> String {
        let known = functions.known.iter().map(|function| function.label.as_str());
        let kept = entries
            .iter()
            .filter(|entry| entry.kind == EntryKind::Function)
            .map(|entry| entry.name.as_str());
        let labels: BTreeSet<&str> = known
            .chain(kept)
            .filter(|label| name.is_none_or(|name| name == *label))
            .collect();
        labels
            .into_iter()
            .map(|label| self.explain_function(label, functions, entries))
            .collect()
    }

    fn explain_function(&self, label: &str, functions: &OfFunctions, entries: &[Listed]) -> String {
        let of_kind = |kind: EntryKind, name: &str| {
            let is_its = |entry: &&Listed| entry.kind == kind && entry.name == name;
            entries.iter().filter(is_its).count()
        };
        let shown = printable(label);
        let kept = of_kind(EntryKind::Function, label);
        let known: Vec<&KnownFunction> = functions
            .known
            .iter()
            .filter(|function| function.label == label)
            .collect();
        let Some(first) = known.first() else {
            return format!(
                "{shown}: a function that this session has not defined. {}\n",
                results(kept)
            );
        };
        let mut text = format!(
            "{shown}: a function; its results go by its arguments and its code, what that reaches included."
        );
        if let Some(why) = known.iter().find_map(|function| function.base.as_ref().err()) {
            text.push_str(&format!(" It is not cached: {}.", why.trim_end_matches('.')));
        }
        if first.is_by_reference {
            let instances = of_kind(EntryKind::Resource, &first.name);
            text.push_str(&match instances {
                0 => " No instance is kept.\n".to_owned(),
                1 => " 1 instance is kept.\n".to_owned(),
                count => format!(" {count} instances are kept.\n"),
            });
            return text;
        }
        let in_memory: u64 = functions
            .in_memory
            .iter()
            .filter(|results| results.name == label)
            .map(|results| results.entries)
            .sum();
        if in_memory > 0 {
            text.push_str(&format!(" In the memory of this session: {in_memory}."));
        }
        if in_memory == 0 || kept > 0 {
            text.push_str(&format!(" {}", results(kept)));
        }
        let bases = known.iter().filter_map(|function| function.base.as_ref().ok());
        let current: usize = bases
            .map(|base| {
                let entries = self.store.find(*base);
                entries.iter().filter(|entry| entry.scope == self.scope).count()
            })
            .sum();
        let older = kept.saturating_sub(current);
        if older > 0 && known.iter().all(|function| function.base.is_ok()) {
            let which = match (older == kept, older) {
                (true, 1) => "It was".to_owned(),
                (true, _) => "They were".to_owned(),
                (false, 1) => "1 of them was".to_owned(),
                (false, _) => format!("{older} of them were"),
            };
            text.push_str(&format!(
                " {which} made before the function, or something that it reaches, was edited: a call finds {} when the edit is \
                 taken back.",
                if older == 1 { "it" } else { "them" }
            ));
        }
        text.push('\n');
        text
    }
}

fn results(count: usize) -> String {
    match count {
        0 => "No result is kept.".to_owned(),
        1 => "1 result is kept.".to_owned(),
        count => format!("{count} results are kept."),
    }
}
