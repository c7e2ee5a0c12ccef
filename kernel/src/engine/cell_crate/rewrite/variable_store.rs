//! The variables in a generated crate: the store that it brings, what it takes from there and what it stores.

use std::collections::{BTreeSet, HashSet};

use super::Stored;
use super::lines::{Lines, words};
use crate::engine::cell_crate::generate::PUT_NEW;
use crate::engine::types::definitions::Definitions;

/// evcxr's variable store as cells see it, on one line.
pub const THIN_STORE: &str = concat!(
    "mod evcxr_internal_runtime{use core::ffi::c_void;unsafe extern \"C\"{",
    "fn cellar_host_check(n:*const u8,l:usize,t:*const u8)->u32;",
    "fn cellar_host_take(n:*const u8,l:usize)->*mut c_void;",
    "fn cellar_host_put(n:*const u8,l:usize,t:*const u8,m:*const u8,k:usize,v:*mut c_void,d:unsafe extern \"C\" fn(*mut c_void));}",
    "unsafe extern \"C\" fn drop_value<T>(v:*mut c_void){drop(unsafe{Box::from_raw(v as *mut T)})}",
    // The host owns the values: the store that cells hand on is a value without size.
    "pub struct VariableStore;pub fn create_variable_store()->*mut VariableStore{core::ptr::dangling_mut()}impl VariableStore{",
    // A type's identity is Rust's and that of the definitions it reaches (`D`, see `definitions.rs`).
    "fn identity<T:'static,const D:u128>()->u128{unsafe{core::mem::transmute::<core::any::TypeId,u128>(core::any::TypeId::of::<T>())^D}}",
    "pub fn put_variable<T:'static,const D:u128>(&mut self,n:&str,v:T){let t=Self::identity::<T,D>();let m=core::any::type_name::<T>();",
    "unsafe{cellar_host_put(n.as_ptr(),n.len(),&raw const t as *const u8,m.as_ptr(),m.len(),Box::into_raw(Box::new(v)) as *mut c_void,drop_value::<T>)}}",
    // The type of a new variable may be open until the library is there; `I` and the symbol tell it apart.
    "#[inline(never)]pub fn put_new<T:'static,const I:usize>(&mut self,n:&str,v:T,d:&'static u128){let i=core::hint::black_box(I);",
    "let t=Self::identity::<T,0>()^unsafe{core::ptr::read_volatile(d)};let m=core::any::type_name::<T>();let _=i;",
    "unsafe{cellar_host_put(n.as_ptr(),n.len(),&raw const t as *const u8,m.as_ptr(),m.len(),Box::into_raw(Box::new(v)) as *mut c_void,drop_value::<T>)}}",
    "pub fn check_variable<T:'static,const D:u128>(&mut self,n:&str)->bool{let t=Self::identity::<T,D>();",
    "unsafe{cellar_host_check(n.as_ptr(),n.len(),&raw const t as *const u8)==1}}",
    "pub fn take_variable<T:'static>(&mut self,n:&str)->T{let v=unsafe{cellar_host_take(n.as_ptr(),n.len())} as *mut T;",
    "assert!(!v.is_null());*unsafe{Box::from_raw(v)}}",
    // The name carries the type, so that what is taken has it.
    "#[allow(unused)]pub fn lazy_arc<T:'static,F:FnOnce()->T>(&mut self,n:&str,f:F)->std::sync::Arc<T>{",
    "let n=format!(\"{n}:{:?}\",core::any::TypeId::of::<T>());let v=unsafe{cellar_host_take(n.as_ptr(),n.len())} as *mut std::sync::Arc<T>;",
    "let a=if v.is_null(){std::sync::Arc::new(f())}else{*unsafe{Box::from_raw(v)}};self.put_variable::<_,0>(&n,a.clone());a}",
    "}}",
);

pub const CHECK: &str = "vars_ok &= evcxr_variable_store.check_variable::<";
pub const TAKE: &str = " = evcxr_variable_store.take_variable::<";
pub const PUT: &str = "evcxr_variable_store.put_variable::<";

/// A variable that the cell does not name stays where it is. Names count wherever they stand, also in
/// strings (`"{name}"`) and comments: naming too many costs time, naming too few would be wrong.
///
/// One that is `only_bound` is stored and nothing else: its older value need not be of a type that there still is.
pub fn leave_out_unnamed_variables(
    lines: &mut Lines,
    body: std::ops::Range<usize>,
    only_bound: &BTreeSet<String>,
) {
    // What the cell binds but has moved is not stored. Then the older value goes the way of all.
    let stored = body
        .clone()
        .filter_map(|at| lines.generated(at).and_then(stored_name));
    let replaced: HashSet<String> = stored
        .filter(|name| only_bound.contains(*name))
        .map(str::to_owned)
        .collect();
    let mut named: HashSet<String> = HashSet::new();
    for at in body.clone() {
        if !lines.is_generated(at) {
            named.extend(words(lines.text(at)).map(str::to_owned));
        }
    }
    let mut at = body.start;
    while at < body.end {
        let Some(line) = lines.generated(at) else {
            at += 1;
            continue;
        };
        let is_store = line.starts_with(PUT);
        let is_access =
            line.starts_with(CHECK) || is_store || (line.starts_with("let ") && line.contains(TAKE));
        if !is_access {
            at += 1;
            continue;
        }
        // A type that its author wrote over several lines makes the statement as long.
        let Some(end) = (at..body.end).find(|end| lines.text(*end).trim_end().ends_with(");")) else {
            break;
        };
        let statement = (at..=end)
            .map(|line| lines.text(line))
            .collect::<Vec<_>>()
            .join(" ");
        let needless = |name: &str| !named.contains(name) || !is_store && replaced.contains(name);
        if stringified_name(&statement).is_some_and(needless) {
            lines.replace(at..end + 1, "");
        }
        at = end + 1;
    }
}

/// The variables whose loading was not left out. A type over several lines ends on a later one.
pub fn taken(lines: &Lines, body: std::ops::Range<usize>) -> Vec<String> {
    let mut names = Vec::new();
    for at in body.clone() {
        let is_load = |line: &str| line.starts_with("let ") && line.contains(TAKE);
        if lines.generated(at).is_some_and(is_load) {
            let end = (at..body.end).find(|end| lines.text(*end).contains("(stringify!("));
            names.extend(end.and_then(|end| stringified_name(lines.text(end)).map(str::to_owned)));
        }
    }
    names
}

/// The lines (1-based) of a generated crate that store one of these variables.
pub fn lines_that_store(generated: &str, names: &[String]) -> Vec<usize> {
    let stores = |line: &str| stored_name(line).is_some_and(|name| names.iter().any(|wanted| wanted == name));
    let lines = generated.lines().enumerate();
    lines
        .filter(|(_, line)| stores(line))
        .map(|(index, _)| index + 1)
        .collect()
}

/// Where a variable is checked or stored, its type's definitions are part of the type's identity. Tells which are
/// stored.
pub fn add_identities(
    lines: &mut Lines,
    body: std::ops::Range<usize>,
    definitions: &Definitions<'_>,
) -> Vec<Stored> {
    let mut stored = Vec::new();
    for at in body.clone() {
        let Some(line) = lines.generated(at) else { continue };
        let Some(start) = [CHECK, PUT].iter().find(|start| line.starts_with(**start)) else {
            continue;
        };
        // A type over several lines ends on a later one.
        let Some(end) = (at..body.end).find(|end| lines.text(*end).contains(">(stringify!(")) else {
            break;
        };
        let statement = (at..=end)
            .map(|line| lines.text(line))
            .collect::<Vec<_>>()
            .join(" ");
        let Some((before, after)) = statement.rsplit_once(">(stringify!(") else {
            continue;
        };
        let type_text = &before[start.len()..];
        let identity = definitions.identity(type_text);
        if *start == PUT {
            stored.extend(stringified_name(&statement).map(|name| Stored {
                name: name.to_owned(),
                type_text: type_text.to_owned(),
                identity,
            }));
        }
        let statement = format!("{before},{identity}>(stringify!({after}");
        lines.replace(at..end + 1, &statement);
    }
    stored
}

/// The variable that a generated line stores.
pub fn stored_name(line: &str) -> Option<&str> {
    let stores = [PUT, PUT_NEW]
        .iter()
        .any(|start| line.trim_start().starts_with(start));
    stores.then(|| stringified_name(line)).flatten()
}

fn stringified_name(statement: &str) -> Option<&str> {
    let (_, after) = statement.rsplit_once("stringify!(")?;
    let (name, _) = after.split_once(')')?;
    Some(name.trim().trim_start_matches("r#"))
}
