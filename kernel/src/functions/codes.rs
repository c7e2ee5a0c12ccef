//! What the code of a cached function is: a digest of its own tokens and of those of every item that it reaches,
//! whichever cell they stand in. Layout and comments do not matter.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::faults::{self, Fault};
use super::{CachedFunction, Kind, Part, Role};
use crate::analysis::{self, InForce, Item, Reached, words_of_type};

const READS_FILES: &str = "it, or what it calls, has `include_str!`, `env!` or the like, and what these find is not a part of its \
     key. Bind it to a variable and pass that as an argument";

/// The items that hold now, and the functions that are cached among them.
#[derive(Debug, Clone, Default)]
pub struct Codes {
    items: InForce<()>,
    functions: BTreeMap<String, CachedFunction>,
    had_resources: bool,
}

impl Codes {
    /// The items and cached functions of a cell's Rust, as the user wrote it, take the place of those of their names.
    pub fn learn(&mut self, rust: &str, functions: &[CachedFunction]) {
        self.learn_items(analysis::read_cell(rust).items, functions);
    }

    /// The same where the cell's items are known.
    pub fn learn_items(&mut self, items: Vec<Item>, functions: &[CachedFunction]) {
        for name in items.iter().filter_map(|item| item.name.as_ref()) {
            self.functions.remove(name);
        }
        self.items.learn(items.into_iter().map(|item| (item, ())));
        for function in functions {
            self.had_resources |= function.kind == Kind::Resource;
            self.functions.insert(function.name.clone(), function.clone());
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Codes {
            had_resources: self.had_resources,
            ..Codes::default()
        };
    }

    /// Whether there were ever functions whose results are kept by reference.
    pub fn had_resources(&self) -> bool {
        self.had_resources
    }

    /// What lists and `clear` call the functions.
    pub fn labels(&self) -> BTreeMap<String, String> {
        let functions = self.functions.values();
        functions
            .map(|function| (function.name.clone(), function.label.clone()))
            .collect()
    }

    /// Whether there are no cached functions.
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }

    /// The cached functions that hold now.
    pub fn all(&self) -> impl Iterator<Item = &CachedFunction> {
        self.functions.values()
    }

    /// The items that hold now.
    pub fn items(&self) -> Vec<&Item> {
        self.items.items().collect()
    }

    /// A cached function that holds now.
    pub fn function(&self, name: &str) -> Option<&CachedFunction> {
        self.functions.get(name)
    }

    /// Names of cached functions that the cell defines anew without a directive: their wrappers must go.
    pub fn no_longer_cached(&self, rust: &str, functions: &[CachedFunction]) -> Vec<String> {
        if self.functions.is_empty() {
            return Vec::new();
        }
        let items = analysis::read_cell(rust).items;
        let names = items.iter().filter_map(|item| item.name.as_ref());
        names
            .filter(|name| {
                self.functions.contains_key(*name) && !functions.iter().any(|it| it.name == **name)
            })
            .cloned()
            .collect()
    }

    /// The digest of each cached function's code, hexadecimal, those that have none left out. `surroundings` is what
    /// all of them depend on, such as the locked dependencies.
    pub fn digests(&self, surroundings: &str) -> Vec<(String, String)> {
        let items = self.items();
        let session = analysis::Session::new(items.iter().copied());
        self.reached(&items, &session)
            .filter_map(|(name, reached)| {
                let reached = reached.ok()?;
                let function = self.functions.get(name)?;
                let mut hash = Sha256::new();
                let mut part = |bytes: &[u8]| {
                    hash.update((bytes.len() as u64).to_le_bytes());
                    hash.update(bytes);
                };
                part(name.as_bytes());
                part(surroundings.as_bytes());
                for index in &reached.items {
                    part(&items[*index].canonical);
                }
                // The key of a call is its arguments in a row: which these are, must be the same.
                for argument in &function.parts {
                    if let Role::Input(name) = &argument.role {
                        part(name.as_bytes());
                    }
                }
                for text in &function.upkeep {
                    part(text.as_bytes());
                }
                for index in reached_by_upkeep(function, &session) {
                    part(&items[index].canonical);
                }
                Some((name.to_owned(), hex::encode(hash.finalize())))
            })
            .collect()
    }

    /// The functions that have no digest, each with why and what to do.
    pub fn unkeyed(&self) -> Vec<(String, String)> {
        let items = self.items();
        let session = analysis::Session::new(items.iter().copied());
        let unkeyed = self.reached(&items, &session).filter_map(|(name, reached)| {
            let why = reached.err()?;
            Some((name.to_owned(), why))
        });
        unkeyed.collect()
    }

    /// Why a function cannot be cached at all.
    pub fn fault(&self, name: &str) -> Option<Fault> {
        let items = self.items();
        let session = analysis::Session::new(items.iter().copied());
        fault_in(
            self.functions.get(name)?,
            &reach(&session, name),
            &items,
            &session,
        )
    }

    /// What serde leaves out of a function's arguments or of its result: results would be confused, or come back otherwise.
    fn lossy(&self, function: &CachedFunction) -> Option<String> {
        let compared = |part: &&Part| !matches!(part.role, Role::Ignored(_));
        function.parts.iter().filter(compared).find_map(|part| {
            let fault = analysis::hazards(&part.type_text, self.items.items()).lossy?;
            let what = &part.role;
            Some(format!(
                "{what} cannot be compared or kept by what serde writes: {fault}. Derive serde's traits without leaving anything \
                 out, or give an argument a name that begins with `_`, which is not compared"
            ))
        })
    }

    /// Whether a type of what is compared or kept cannot be looked into: serde may not be told all of its values.
    pub fn is_doubtful(&self, parts: &[Part]) -> bool {
        let mut compared = parts.iter().filter(|part| !matches!(part.role, Role::Ignored(_)));
        compared.any(|part| analysis::is_doubtful(&part.type_text, self.items.items()))
    }

    /// Why the wrapper of a function does no longer do.
    fn outdated(&self, function: &CachedFunction) -> Option<String> {
        (!function.is_doubtful && self.is_doubtful(&function.parts))
            .then(|| "a type that it uses was defined anew. Run the cell with the function again".to_owned())
    }

    /// What each cached function reaches, or why that is not all that its results depend on and what to do.
    fn reached<'a>(
        &'a self,
        items: &'a [&'a Item],
        session: &'a analysis::Session<'a>,
    ) -> impl Iterator<Item = (&'a str, Result<Reached, String>)> {
        self.functions.values().map(move |function| {
            let reached = reach(session, &function.name);
            let fault = fault_in(function, &reached, items, session)
                .map(|fault| format!("{}. {}", fault.why, fault.help.trim_end_matches('.')));
            let reads = reached.flags.includes_files || reached.flags.build_environment;
            let why = fault
                .or_else(|| self.lossy(function))
                .or_else(|| self.outdated(function))
                .or_else(|| reads.then(|| READS_FILES.to_owned()));
            (function.name.as_str(), why.map_or(Ok(reached), Err))
        })
    }
}

/// What the code of a function depends on.
fn reach(session: &analysis::Session<'_>, name: &str) -> Reached {
    let reached = session.reach([name], false);
    match reached.flags.reads_everything || reached.flags.parse_error {
        true => session.reach([], true),
        false => reached,
    }
}

fn fault_in(
    function: &CachedFunction,
    reached: &Reached,
    items: &[&Item],
    session: &analysis::Session<'_>,
) -> Option<Fault> {
    faults::of_types(function, items).or_else(|| faults::of_statics(reached, items, session))
}

/// What the functions reach that a resource's directive names.
fn reached_by_upkeep(function: &CachedFunction, session: &analysis::Session<'_>) -> Vec<usize> {
    if function.upkeep.iter().all(String::is_empty) {
        return Vec::new();
    }
    let words = function.upkeep.iter().flat_map(|path| words_of_type(path));
    session.reach(words, false).items
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cached(name: &str) -> CachedFunction {
        CachedFunction {
            name: name.to_owned(),
            kind: Kind::Data,
            label: name.to_owned(),
            parts: Vec::new(),
            is_doubtful: false,
            without_lifetime: Vec::new(),
            upkeep: Vec::new(),
            has_spinner: false,
            line: 1,
            deprecated: None,
        }
    }

    fn digest(cells: &[&str]) -> String {
        let mut codes = Codes::default();
        for cell in cells {
            let functions: Vec<_> = cell.contains("fn f(").then(|| cached("f")).into_iter().collect();
            codes.learn(cell, &functions);
        }
        codes.digests("").remove(0).1
    }

    #[test]
    fn a_code_changes_with_what_it_reaches_and_comes_back() {
        let f = "fn f(n: u64) -> u64 { g(n) }";
        let base = digest(&["fn g(n: u64) -> u64 { n * K }", "const K: u64 = 2;", f]);
        assert_eq!(
            base,
            digest(&[f, "const K: u64 = 2; // two", "fn g(n: u64) -> u64 {\n n * K }"]),
            "neither layout nor order matter"
        );
        assert_ne!(
            base,
            digest(&["fn g(n: u64) -> u64 { n * K }", "const K: u64 = 3;", f])
        );
        assert_eq!(
            base,
            digest(&[
                "fn g(n: u64) -> u64 { n }",
                f,
                "const K: u64 = 2;",
                "fn unrelated() {}",
                "fn g(n: u64) -> u64 { n * K }"
            ]),
            "an edit that was taken back, and what is not reached"
        );
        assert_ne!(
            base,
            digest(&[
                "fn g(n: u64) -> u64 { n * K }",
                "const K: u64 = 2;",
                "fn f(n: u64) -> u64 { g(n + 1) }"
            ])
        );
    }

    #[test]
    fn what_is_defined_without_a_directive_is_no_longer_cached() {
        let mut codes = Codes::default();
        codes.learn("fn f() -> u64 { 1 }", &[cached("f")]);
        assert_eq!(codes.no_longer_cached("fn f() -> u64 { 2 }", &[]), ["f"]);
        assert!(
            codes
                .no_longer_cached("fn f() -> u64 { 2 }", &[cached("f")])
                .is_empty()
        );
        let with_macro = "mod m { macro_rules! f { () => {} } }";
        assert!(codes.no_longer_cached(with_macro, &[]).is_empty());
        codes.learn(with_macro, &[]);
        assert!(codes.function("f").is_some());
        codes.learn("fn f() -> u64 { 2 }", &[]);
        assert!(codes.function("f").is_none());
    }
}
