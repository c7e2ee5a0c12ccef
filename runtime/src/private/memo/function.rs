//! A memoised function as its wrapper sees it, and the registry of all tables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::coder::Coder;
use super::computing::{self, Of, Turn};
use super::disk;
use super::key::Key;
use super::registry::Owner;
use super::spinner::Spinner;
use super::surroundings::Surroundings;
use super::table::{Miss, Table};
use crate::__private::surroundings::{Read, Reading, State, Subject};

/// A directive's options, as far as they matter when the function is called.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// How long a result holds, in milliseconds.
    pub ttl_ms: Option<u64>,
    pub max_entries: Option<u64>,
    pub max_bytes: Option<u64>,
    /// Results are kept on disk too.
    pub disk: bool,
    /// Globs of files whose contents are inputs.
    pub files: &'static [&'static str],
    /// Environment variables that are inputs.
    pub env: &'static [&'static str],
    /// What is shown while it computes.
    pub spinner: Option<&'static str>,
}

impl Options {
    /// Of a function without options.
    #[must_use]
    pub const fn new() -> Options {
        Options {
            ttl_ms: None,
            max_entries: None,
            max_bytes: None,
            disk: false,
            files: &[],
            env: &[],
            spinner: None,
        }
    }

    /// The inputs that are no arguments.
    fn declared(&self) -> impl Iterator<Item = Subject> {
        let env = self.env.iter().map(|name| Subject::Env((*name).to_owned()));
        let files = (!self.files.is_empty()).then(|| Subject::Files(self.files.join("\n")));
        env.chain(files)
    }
}

/// A memoised function in one compiled cell.
#[derive(Debug)]
pub struct Function {
    name: &'static str,
    /// Digest of its code and of what the code reaches, set by the kernel when it compiles. Without it nothing is
    /// kept.
    code: Option<&'static str>,
    options: Options,
    table: OnceLock<&'static Table>,
    surroundings: OnceLock<&'static Surroundings>,
}

/// What a function reads, as a part of a call's key.
pub(super) type States = Option<BTreeMap<Subject, State>>;

type Tables = BTreeMap<&'static str, BTreeMap<&'static str, &'static Table>>;

/// Tables by function and code. They are never freed: cells hold on to them.
static TABLES: Mutex<Tables> = Mutex::new(BTreeMap::new());

fn tables() -> std::sync::MutexGuard<'static, Tables> {
    TABLES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All tables there are.
fn all() -> Vec<&'static Table> {
    tables().values().flat_map(BTreeMap::values).copied().collect()
}

/// Forgets the results of all functions. Returns how many there were.
pub(crate) fn clear_all() -> usize {
    all().into_iter().map(Table::clear).sum()
}

/// Forgets the results of all functions, and asks the kernel to forget those of cells. Returns how many results of
/// functions there were.
pub(crate) fn clear_data() -> usize {
    disk::clear();
    clear_all()
}

/// Forgets the results of a function, also those of its earlier definitions. Returns how many there were.
pub(crate) fn clear_name(name: &str) -> usize {
    let of_function: Vec<_> = tables()
        .get(name)
        .map(|of_function| of_function.values().copied().collect())
        .unwrap_or_default();
    of_function.into_iter().map(Table::clear).sum()
}

/// Calls `visit` with name, code, number of entries and their bytes of every function whose results the disk has not.
pub(crate) fn list_functions(visit: &mut dyn FnMut(&str, &str, u64, u64)) {
    for table in all().into_iter().filter(|table| table.is_in_memory_only()) {
        table.describe(visit);
    }
}

/// Writes what the disk has not.
pub(crate) fn save_all() {
    all().into_iter().for_each(Table::save);
    disk::flush();
}

impl Function {
    #[must_use]
    pub const fn new(name: &'static str, code: Option<&'static str>, options: Options) -> Function {
        Function {
            name,
            code,
            options,
            table: OnceLock::new(),
            surroundings: OnceLock::new(),
        }
    }

    /// What calls of this function have read, whichever library they were in.
    #[inline]
    pub(super) fn surroundings(&self) -> &'static Surroundings {
        match self.surroundings.get() {
            Some(surroundings) => surroundings,
            None => self.find_surroundings(),
        }
    }

    #[inline(never)]
    fn find_surroundings(&self) -> &'static Surroundings {
        static ALL: Mutex<BTreeMap<(String, String), &'static Surroundings>> = Mutex::new(BTreeMap::new());
        self.surroundings.get_or_init(|| {
            let owner = (self.name.to_owned(), self.code.unwrap_or_default().to_owned());
            let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
            let surroundings = *all.entry(owner).or_insert_with(|| Box::leak(Box::default()));
            surroundings.learn(self.options.declared());
            surroundings
        })
    }

    /// Completes the key of a call by what is no argument.
    #[inline]
    pub(super) fn complete(&self, key: &mut Key) -> States {
        self.surroundings().add_to(key)
    }

    /// Completes the key of what was computed. `false` if it must not be kept.
    #[inline]
    pub(super) fn settle(&self, key: &mut Key, states: States, read: Read) -> bool {
        match self.surroundings().settle(key, states, read) {
            Ok(()) => true,
            Err(why) => {
                if !why.is_empty() {
                    self.warn_once(&why);
                }
                false
            }
        }
    }

    #[inline]
    fn table(&self) -> Option<&'static Table> {
        match self.table.get() {
            Some(table) => Some(table),
            None => self.find_table(),
        }
    }

    /// The table for a call, whose key is completed.
    #[inline]
    fn table_for(&self, key: &mut Key) -> Option<(&'static Table, States)> {
        let table = self.table()?;
        let states = self.complete(key);
        if let Some(why) = key.refused() {
            self.warn_once(&format!("an argument cannot be part of its key: {why}"));
            return None;
        }
        Some((table, states))
    }

    #[inline(never)]
    fn find_table(&self) -> Option<&'static Table> {
        let code = self.code?;
        let table = self.table.get_or_init(|| {
            let mut tables = tables();
            let of_function = match tables.get_mut(self.name) {
                Some(of_function) => of_function,
                // The name belongs to a library of a cell, which is never unloaded; but the registry outlives all.
                None => tables.entry(String::leak(self.name.to_owned())).or_default(),
            };
            let table = *of_function
                .entry(String::leak(code.to_owned()))
                .or_insert_with(|| Box::leak(Box::new(Table::new(self.name, code))));
            table.set_options(self.options);
            self.surroundings().learn(table.subjects_on_disk());
            table
        });
        Some(table)
    }

    /// Forgets all results of this function, also those of its earlier definitions. Returns how many there were.
    pub fn clear(&self) -> usize {
        self.table();
        clear_name(self.name)
    }

    /// Forgets one result. Returns whether there was one.
    pub fn clear_for(&self, mut key: Key) -> bool {
        let Some(table) = self.table() else { return false };
        self.complete(&mut key);
        table.clear_for(key.finish())
    }

    pub(super) fn owner(&self) -> Option<Owner<'static>> {
        Some(Owner {
            name: self.name,
            version: self.code?,
        })
    }

    pub(super) fn owner_name(&self) -> &'static str {
        self.name
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    pub(super) fn warn_once(&self, why: &str) {
        // With what was said of it: the function may be defined anew and have another fault.
        static WARNED: Mutex<BTreeSet<(String, String)>> = Mutex::new(BTreeSet::new());
        let mut warned = WARNED.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.insert((self.name.to_owned(), why.to_owned())) {
            eprintln!("warning: `{}` is not cached: {why}", self.name);
        }
    }
}

/// A call of a function below `//% cache_data`.
#[inline]
pub fn data<R, C: Coder<R>>(
    function: &'static Function,
    mut key: Key,
    coder: C,
    body: impl FnOnce() -> R,
) -> R {
    let Some((table, states)) = function.table_for(&mut key) else {
        return body();
    };
    match look(table, &mut key, coder) {
        Ok(result) => result,
        Err(_) => compute(function, table, key, states, coder, body),
    }
}

/// A call whose result is not there: computed here, or by another thread that does so already.
#[inline(never)]
fn compute<R, C: Coder<R>>(
    function: &'static Function,
    table: &'static Table,
    mut key: Key,
    states: States,
    coder: C,
    body: impl FnOnce() -> R,
) -> R {
    let computing = loop {
        if let Turn::Compute(computing) = computing::begin(Of::Table(table.address()), key.finish()) {
            break computing;
        }
        if let Ok(result) = look(table, &mut key, coder) {
            return result;
        }
    };
    // Another thread may have ended since the last look.
    let miss = match look(table, &mut key, coder) {
        Ok(result) => return result,
        Err(miss) => miss,
    };
    let spinner = Spinner::begin(function.options.spinner);
    let reading = Reading::begin();
    let result = body();
    let read = reading.end();
    drop(spinner);
    if function.settle(&mut key, states, read) {
        keep(function, table, &mut key, miss, coder, &result);
    }
    drop(computing);
    result
}

/// A call of an `async fn` below `//% cache_data`. It does not wait for another thread: that could need this one to go on.
pub async fn data_async<R, C: Coder<R>>(
    function: &'static Function,
    mut key: Key,
    coder: C,
    body: impl Future<Output = R>,
) -> R {
    let Some((table, states)) = function.table_for(&mut key) else {
        return body.await;
    };
    let miss = match look(table, &mut key, coder) {
        Ok(result) => return result,
        Err(miss) => miss,
    };
    let spinner = Spinner::begin(function.options.spinner);
    let reading = Reading::begin();
    let result = body.await;
    let read = reading.end();
    drop(spinner);
    if function.settle(&mut key, states, read) {
        keep(function, table, &mut key, miss, coder, &result);
    }
    result
}

#[inline]
fn look<R, C: Coder<R>>(table: &Table, key: &mut Key, coder: C) -> Result<R, Miss> {
    let mut result = None;
    table.look(key.finish(), &mut |kept| {
        result = coder.give(kept);
        result.is_some()
    })?;
    Ok(result.expect("what was given is there"))
}

fn keep<R, C: Coder<R>>(function: &Function, table: &Table, key: &mut Key, miss: Miss, coder: C, result: &R) {
    match coder.keep(result) {
        Ok(Some(kept)) => table.keep(miss, key.finish(), kept, C::bytes),
        Ok(None) => {}
        Err(why) => function.warn_once(&why),
    }
}
