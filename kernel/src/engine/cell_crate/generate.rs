//! The crate that evcxr would generate for a cell, made without it.
//!
//! evcxr writes its crate when it has found the types of new variables, which takes rust-analyzer as long as
//! rustc takes to compile the cell. But rustc needs nobody to find them. So the same crate is made here beforehand, from
//! the session's items and variables, with the types of new variables left open; [`early`](crate::engine::early)
//! compiles it meanwhile. Line for line it is evcxr's text (`eval_context.rs`, `ContextState::code_to_compile`) in another
//! order, so that [`rewrite`](super::rewrite) works on both and the two can be compared.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::engine::cell_code::{Binding, CellCode};
use crate::engine::knowledge::Variable;
use crate::engine::knowledge::items::Item;

/// How a new variable is stored while its type is open.
pub const PUT_NEW: &str = "evcxr_variable_store.put_new::<";

/// The start of a cell that runs in an asynchronous runtime, token for token evcxr's: the compiler writes both.
const RUNTIME: &str = stringify!(
    let mut mutex = evcxr_variable_store.lazy_arc("evcxr_tokio_runtime",
        || std::sync::Mutex::new(tokio::runtime::Runtime::new().unwrap())
    );
    // If a previous cell execution did panic, then the mutex may be poisoned.
    match mutex.lock() {
        Ok(guard) => guard,
        Err(poisoned) => poisoned.into_inner(),
    }
);

/// What a crate is made from.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Those of the cell included.
    pub items: &'a [Arc<Item>],
    /// Those that are stored.
    pub variables: &'a [Variable],
}

/// The crate for a cell. `moved` are variables that are not stored at its end, since it moves them. Without
/// `catching` panics, the crate is only good for rustc's messages.
pub fn crate_text(code: &CellCode, context: &Context<'_>, moved: &[String], catching: bool) -> String {
    let mut text = String::from("#![allow(unused_imports, unused_mut, dead_code)]\n");
    context.items.iter().for_each(|item| text.push_str(&item.piece()));
    let (question_mark, awaits) = (code.question_mark, code.awaits);
    // The older value of what the cell only binds is nothing to it: its text is the same whether there is one or not.
    let is_replaced = |name: &str| {
        let is_bound = code.bindings.iter().any(|binding| binding.name == name);
        is_bound && code.only_bound.contains(name) && !moved.iter().any(|moved| moved == name)
    };
    let variables = || context.variables.iter().filter(|it| !is_replaced(&it.name));
    let stores = variables().next().is_some() || !code.bindings.is_empty() || question_mark || awaits;
    if code.statements.is_empty() {
        text.push_str(
            "#[unsafe(no_mangle)]\npub extern \"C\" fn run_user_code_0(\n\
             mut x: *mut std::os::raw::c_void) -> *mut std::os::raw::c_void {x}\n",
        );
        return text;
    }
    if stores {
        text.push_str("mod evcxr_internal_runtime {\n}\n");
    }
    text.push_str("#[unsafe(no_mangle)]\npub extern \"C\" fn run_user_code_0(\n");
    if stores {
        text.push_str(concat!(
            "mut evcxr_variable_store: *mut evcxr_internal_runtime::VariableStore)\n",
            "  -> *mut evcxr_internal_runtime::VariableStore {\n",
            "if evcxr_variable_store.is_null() {\n",
            "  evcxr_variable_store = evcxr_internal_runtime::create_variable_store();\n",
            "}\n",
            "let evcxr_variable_store = unsafe {&mut *evcxr_variable_store};\n",
            "{let mut vars_ok = true;\n",
        ));
        for Variable { name, type_text, .. } in variables() {
            text.push_str(&format!(
                "vars_ok &= evcxr_variable_store.check_variable::<{type_text}>(stringify!({name}));\n"
            ));
        }
        text.push_str("if !vars_ok {return evcxr_variable_store;}}\n");
        for variable in variables() {
            let Variable { name, type_text, .. } = variable;
            let mutable = if variable.mutable { "mut " } else { "" };
            text.push_str(&format!(
                "let {mutable}{name} = evcxr_variable_store.take_variable::<{type_text}>(stringify!({name}));\n"
            ));
        }
    } else {
        text.push_str("evcxr_variable_store: *mut u8) -> *mut u8 {\n");
    }
    let (open, close) = match (catching, stores) {
        (true, true) => (
            "match std::panic::catch_unwind(\n  std::panic::AssertUnwindSafe(||{\n",
            "})) { \n  Ok(_) => {}\n  Err(_) => {\n    println!(\"EVCXR_PANIC_NOTIFICATION\");\n}}\n",
        ),
        (true, false) => (
            "if std::panic::catch_unwind(||{\n",
            "}).is_err() {\n    println!(\"EVCXR_PANIC_NOTIFICATION\");\n}\n",
        ),
        (false, _) => ("", ""),
    };
    text.push_str(open);
    if awaits {
        text.push_str(RUNTIME);
        text.push_str("\n.block_on(async {\n");
    } else if question_mark {
        text.push_str("let _ = (|| -> std::result::Result<(), EvcxrUserCodeError> {\n");
    }
    text.push_str(&code.statements);
    for (index, binding) in code.bindings.iter().enumerate() {
        if !moved.contains(&binding.name) {
            text.push_str(&put_new(index, binding));
        }
    }
    match (question_mark, awaits) {
        (true, true) => text.push_str("Ok::<(), EvcxrUserCodeError>(())\n});\n"),
        (false, true) => text.push_str("});\n"),
        (true, false) => text.push_str("Ok(())})();\n"),
        (false, false) => {}
    }
    text.push_str(close);
    for Variable { name, type_text, .. } in context.variables {
        let replaced = code.bindings.iter().any(|binding| binding.name == *name);
        if !replaced && !moved.contains(name) {
            text.push_str(&format!(
                "evcxr_variable_store.put_variable::<{type_text}>(stringify!({name}), {name});\n"
            ));
        }
    }
    text.push_str("evcxr_variable_store\n}\n");
    text
}

/// Stores a new variable. The library's symbols tell its type; the place for its identity is filled in
/// when evcxr has found the type too.
fn put_new(index: usize, binding: &Binding) -> String {
    let Binding { name, type_text, .. } = binding;
    let type_text = type_text.as_deref().unwrap_or("_");
    let identity = u128::from_ne_bytes(placeholder(index));
    format!(
        "{PUT_NEW}{type_text}, {index}>(stringify!({name}), {name}, {{static IDENTITY: u128 = {identity}; &IDENTITY}});\n"
    )
}

/// What stands in a compiled library where the identity of a new variable's type is to be.
pub fn placeholder(index: usize) -> [u8; 16] {
    let hash = Sha256::digest(format!("identity of the type of new variable {index}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::rewrite::tests::{cell, generated};
    use super::super::rewrite::{Needs, for_running};
    use super::super::source_map::Marks;
    use super::*;
    use crate::cell::CellSource;
    use crate::engine::cell_code::{DebugFormat, prepare};
    use crate::engine::knowledge::items::Items;

    fn variable(name: &str, type_text: &str, mutable: bool) -> Variable {
        Variable {
            name: name.into(),
            type_text: type_text.into(),
            mutable,
        }
    }

    /// What matters of a crate's text.
    fn sorted(text: &str) -> Vec<String> {
        let lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.contains("put_"));
        let mut lines: Vec<String> = lines.map(str::to_owned).collect();
        lines.sort();
        lines
    }

    #[test]
    fn it_is_evcxrs_crate() {
        let cells = [
            "let a = 1; let mut b = String::new();\nuse std::collections::{HashMap, BTreeMap as Tree};",
            "struct S;\nimpl S { fn one(&self) -> i32 { 1 } }\nmacro_rules! m { () => { 1 } }",
            "b.push('x'); let (c, mut d) = (a + m!(), S.one());\nlet e: Tree<i32, i32> = Tree::new();",
        ];
        let mut marks = Marks::default();
        let theirs = generated(&cells, &mut marks);
        let mut items = Items::default();
        let mut ours = Marks::default();
        let mut last = CellCode::default();
        for (index, code) in cells.iter().enumerate() {
            last = cell(index + 1, code, &mut ours);
            items.commit(&last.items);
        }
        let items: Vec<Arc<Item>> = items.iter().cloned().collect();
        let context = Context {
            items: &items,
            variables: &[variable("a", "i32", false), variable("b", "String", true)],
        };
        let ours = crate_text(&last, &context, &[], true);
        let rewritten = |text: &str| sorted(&for_running(text, &marks, Needs::default()).text);
        assert_eq!(rewritten(&ours), rewritten(&theirs));
        assert_eq!(last.bindings.len(), 3);
    }

    #[test]
    fn a_cell_that_awaits_is_evcxrs_too() {
        for code in [
            "async { 1 }.await;",
            "let a: i32 = async { \"1\".parse() }.await?;",
        ] {
            let mut marks = Marks::default();
            let theirs = generated(&[code], &mut marks);
            let code = cell(1, code, &mut Marks::default());
            assert!(code.awaits);
            let context = Context {
                items: &[],
                variables: &[],
            };
            let ours = crate_text(&code, &context, &[], true);
            let needs = || Needs {
                question_mark: code.question_mark,
                ..Needs::default()
            };
            let rewritten = |text: &str| sorted(&for_running(text, &marks, needs()).text);
            assert_eq!(rewritten(&ours), rewritten(&theirs));
        }
    }

    #[test]
    fn a_cell_of_items_and_one_without_variables_are_evcxrs_too() {
        for code in ["fn f() {}", "std::hint::black_box(1);"] {
            let mut marks = Marks::default();
            let theirs = generated(&[code], &mut marks);
            let cell = CellSource::new("In[1]", code);
            let code = prepare(code, &cell, &mut Marks::default(), DebugFormat::Compact);
            let mut items = Items::default();
            items.commit(&code.items);
            let items: Vec<Arc<Item>> = items.iter().cloned().collect();
            let context = Context {
                items: &items,
                variables: &[],
            };
            let ours = crate_text(&code, &context, &[], true);
            let rewritten = |text: &str| sorted(&for_running(text, &marks, Needs::default()).text);
            assert_eq!(rewritten(&ours), rewritten(&theirs));
        }
    }
}
