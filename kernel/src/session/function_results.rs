//! Results of cached functions that the process of the cells has in its memory: what `%cache` is told of them, and what is
//! forgotten because others have cleared the store.

use cellar_cache::{Clearing, EntryKind};

use super::Session;
use super::caching::KnownFunction;
use crate::functions::{self, CachedFunction, Kind};
use crate::host::call::Manner;

/// Before a cell: what other processes have cleared is forgotten here too. Costs next to nothing when they have not.
pub fn forget_cleared(session: &Session) {
    let cleared = session.store.cleared_by_others();
    if cleared.is_empty() {
        return;
    }
    let functions: Vec<CachedFunction> = session.functions().all().cloned().collect();
    let covered = |kind: Kind, entries: EntryKind| -> Vec<&str> {
        let is_covered = |function: &&CachedFunction| {
            let covers = |clearing: &Clearing| clearing.covers(entries, &function.label, &session.scope);
            function.kind == kind && cleared.iter().any(covers)
        };
        let covered = functions.iter().filter(is_covered);
        covered.map(|function| &*function.name).collect()
    };
    let resources = covered(Kind::Resource, EntryKind::Resource);
    if !resources.is_empty() {
        call(session, "resource_release_names", &resources);
    }
    let data = covered(Kind::Data, EntryKind::Function);
    if !data.is_empty() {
        call(session, "memo_clear", &data);
        super::functions::forget_given(session);
    }
}

/// Calls a function of the runtime with names. Answers the number that it answers.
pub fn call(session: &Session, function: &str, names: &[&str]) -> Option<u64> {
    let answer = session.engine.call_runtime(function, names, Manner::Protected);
    let answer = answer.inspect_err(|why| tracing::warn!("{function}: {why}")).ok();
    answer.and_then(|answer| Some(u64::from_le_bytes(*answer.first_chunk()?)))
}

/// The session's cached functions, with what their results go by now.
pub fn known(session: &Session) -> Vec<KnownFunction> {
    let codes = session.functions().clone();
    let digests = codes.digests(&session.caching.surroundings());
    let unkeyed = codes.unkeyed();
    let base = |name: &str| {
        let digest = digests.iter().find(|(known, _)| known == name);
        let why = || unkeyed.iter().find(|(known, _)| known == name);
        digest
            .map(|(_, code)| functions::key_of_results(name, code))
            .ok_or_else(|| {
                why().map_or_else(|| "its code cannot be known".to_owned(), |(_, why)| why.clone())
            })
    };
    let known = codes.all().map(|function| KnownFunction {
        name: function.name.clone(),
        label: function.label.clone(),
        is_by_reference: function.kind == Kind::Resource,
        base: base(&function.name),
    });
    known.collect()
}
