//! The text of a wrapper, piece by piece, each on a line that the user wrote.

use super::insertion::Insertions;
use super::option_text::Options;
use super::read::Function;
use super::{CachedFunction, Kind};

/// Where the runtime has what wrappers call. Through `super::*`, so that rust-analyzer, for which `cellar` is a
/// module of the notebook, finds the types too.
const MEMO: &str = "cellar::__private::memo";

/// Puts a wrapper around a function.
pub fn wrap(function: &Function, kind: Kind, options: &Options, insertions: &mut Insertions) {
    let module = CachedFunction::module(&function.name);
    insertions.add(function.directive, format!("mod {module}{{{}", head(function, kind, options)));
    if let Some(at) = function.private_at {
        insertions.add(at, "pub(crate) ");
    }
    if kind == Kind::Resource {
        match &function.returned {
            Some(returned) => {
                let made = returned.ok.as_ref().map_or(&returned.range, |(range, _)| range);
                insertions.add(made.start, "cellar::Resource<");
                insertions.add(made.end, ">");
            }
            None => insertions.add(function.open, "-> cellar::Resource<()> "),
        }
    }
    let (before, after) = around_body(function, kind, options);
    insertions.add(function.open + 1, before);
    insertions.add(function.close, after);
    insertions.add(
        function.close + 1,
        format!("{}}}use {module}::{};", module_of_function(function, kind, options), function.written_name),
    );
}

/// What stands before the function.
fn head(function: &Function, kind: Kind, options: &Options) -> String {
    let mut fields = String::new();
    for (name, value) in &options.fields {
        fields.push_str(&format!("{name}:{value},"));
    }
    let on_disk = kind == Kind::Data && options.on_disk;
    let name = &function.name;
    let variable = CachedFunction::code_variable(name);
    let arguments: String = inputs(function, options)
        .map(|argument| format!("pub struct {argument};"))
        .collect();
    format!(
        "use super::*;static __CELLAR:{MEMO}::Function={MEMO}::Function::new({name:?},option_env!({variable:?}),\
         {MEMO}::Options{{{fields}disk:{on_disk},..{MEMO}::Options::new()}});mod __cellar_args{{{arguments}}} "
    )
}

/// The arguments that are in the key.
fn inputs<'a>(function: &'a Function, options: &'a Options) -> impl Iterator<Item = &'a str> {
    function
        .params
        .iter()
        .flat_map(|param| &param.names)
        .filter(|(name, is_input)| *is_input && !options.ignored.contains(name))
        .map(|(name, _)| name.as_str())
}

/// Makes `__cellar_key` of the arguments. `args` is the path of the module with their names.
fn key(function: &Function, options: &Options, args: &str) -> String {
    let mut text = format!("let mut __cellar_key={MEMO}::Key::new();");
    let mut inputs = inputs(function, options).peekable();
    if inputs.peek().is_none() {
        return text;
    }
    text.push_str(&format!("{{use {MEMO}::parts::*;"));
    for name in inputs {
        text.push_str(&format!(
            "(&&&{MEMO}::Arg(&{name})).__cellar_part::<{args}::{name}>(&mut __cellar_key);"
        ));
    }
    text.push('}');
    text
}

fn around_body(function: &Function, kind: Kind, options: &Options) -> (String, String) {
    let key = key(function, options, "__cellar_args");
    let probe = probe(function, kind);
    let (suffix, body) = if function.is_async {
        ("_async", "async move{")
    } else {
        ("", "move||{")
    };
    let is_ok = function.returned.as_ref().is_some_and(|it| it.ok.is_some());
    let before = match kind {
        Kind::Data => format!(
            "{key}let __cellar_coder={{use {MEMO}::choose::*;(&&&&&{probe}).__cellar_coder()}};\
             {MEMO}::data{suffix}(&__CELLAR,__cellar_key,__cellar_coder,{body}"
        ),
        Kind::Resource => {
            let hook = |path: &Option<String>, end: &str| match path {
                Some(path) => format!("Some(|it|{{{path}(it){end}}})"),
                None => "None".to_owned(),
            };
            let (on_release, validate) = (hook(&options.on_release, ";"), hook(&options.validate, ""));
            let ok = if is_ok { "_ok" } else { "" };
            format!(
                "{key}let __cellar_place={{use {MEMO}::place::*;(&&&{probe}).__cellar_place()}};\
                 {MEMO}::resource{ok}{suffix}(&__CELLAR,__cellar_key,__cellar_place,\
                 {MEMO}::Hooks{{on_release:{on_release},validate:{validate}}},{body}"
            )
        }
    };
    let after = if function.is_async { "}).await" } else { "})" };
    (before, after.to_owned())
}

/// An expression that stands for the type that the wrapper returns.
fn probe(function: &Function, kind: Kind) -> String {
    if !function.is_async {
        // Not by the type's text: a mistake in it would be told twice.
        let count = function.params.len();
        return format!("{MEMO}::returned::of_{count}({})", function.written_name);
    }
    let of = match (&function.returned, kind) {
        (None, Kind::Data) => "()".to_owned(),
        (None, Kind::Resource) => "cellar::Resource<()>".to_owned(),
        (Some(returned), Kind::Data) => returned.text.clone(),
        (Some(returned), Kind::Resource) => {
            let made = returned.ok.as_ref().map_or(&returned.text, |(_, text)| text);
            format!("cellar::Resource<{made}>")
        }
    };
    format!("{MEMO}::Probe::<{of}>::new()")
}

/// `fetch::clear()` and `fetch::clear_for(…)`.
fn module_of_function(function: &Function, kind: Kind, options: &Options) -> String {
    let (clear, clear_for) = match kind {
        Kind::Data => ("clear", "clear_for"),
        Kind::Resource => ("release", "release_for"),
    };
    let params: Vec<&str> = function.params.iter().map(|param| param.text.as_str()).collect();
    let key = key(function, options, "super::__cellar_args");
    format!(
        "pub mod {}{{use super::*;pub fn clear()->usize{{super::__CELLAR.{clear}()}}\
         pub fn clear_for{}({})->bool{{{key}super::__CELLAR.{clear_for}(__cellar_key)}}}}",
        function.written_name,
        function.lifetimes,
        params.join(",")
    )
}
