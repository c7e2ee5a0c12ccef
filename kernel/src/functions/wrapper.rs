//! The text of a wrapper, piece by piece, each on a line that the user wrote.

use super::insertion::Insertions;
use super::option_text::Options;
use super::plain::{Use, may_need_serde};
use super::read::{Function, Visibility};
use super::{CachedFunction, Kind};
use crate::analysis::Item;

/// Where the runtime has what wrappers call. Through `super::*`, so that rust-analyzer, for which `cellar` is a
/// module of the notebook, finds the types too.
const MEMO: &str = "cellar::__private::memo";

/// Crates that cells can name without importing anything from them.
const CRATES: [&str; 8] = [
    "std",
    "core",
    "alloc",
    "proc_macro",
    "test",
    "cellar",
    "cellar_values",
    "serde",
];

/// What serde can write, as parts of keys and as results: between the runtime's own types and all others. Where a type cannot be
/// looked into, its `Debug` form counts too (`cellar_values::doubted`).
fn serde(is_doubtful: bool) -> String {
    let (means, values) = match is_doubtful {
        true => (
            "trait __S: ::serde::Serialize+::core::fmt::Debug{}impl<T: ::serde::Serialize+::core::fmt::Debug+?::core::marker::Sized> __S for T{}",
            "::cellar_values::doubted",
        ),
        false => ("use ::serde::Serialize as __S;", "::cellar_values"),
    };
    format!("{means}{}", SERDE.replace("__values", values))
}

/// `__S` is what can be written, `__values` what writes it. All names are written with full paths: the notebook may have
/// a `Result`, a `String` or an `Ok` of its own.
const SERDE: &str = concat!(
    "use ::serde::Deserialize as __D;use cellar::__private::memo as __m;",
    "use ::core::option::Option as __Option;use ::core::result::Result as __Result;use ::std::vec::Vec as __Vec;",
    "trait __SerdePart{fn __cellar_part<N>(&self,key:&mut __m::Key);fn __cellar_part_again(&self,key:&mut __m::Key);}",
    "impl<T:__S+?::core::marker::Sized> __SerdePart for &__m::Arg<'_,T>{",
    "fn __cellar_part<N>(&self,key:&mut __m::Key){key.digested(__values::digest(self.0).map(|it|it.0))}",
    "fn __cellar_part_again(&self,key:&mut __m::Key){self.__cellar_part::<()>(key)}}",
    "type __Kept=__Result<__Option<__m::Kept>,::std::string::String>;",
    "fn __write<T:__S+__D<'static>>(value:&T)->__Kept{let mut bytes=__Vec::new();",
    "match __values::encode_verified(value,&mut bytes){",
    "__Result::Ok(_)=>__Result::Ok(__Option::Some(__m::Kept::Bytes(::std::sync::Arc::from(bytes)))),",
    "__Result::Err(why)=>__Result::Err(__m::not_kept::<T>(&::std::string::ToString::to_string(&why)))}}",
    "fn __read<T:__D<'static>>(kept:&__m::Kept)->__Option<T>{match kept{",
    "__m::Kept::Bytes(bytes)=>::cellar_values::decode(bytes).ok(),_=>__Option::None}}",
    "#[derive(::core::clone::Clone,::core::marker::Copy)]pub struct __Serde;impl<T:__S+__D<'static>> __m::Coder<T> for __Serde{",
    "fn keep(self,result:&T)->__Kept{__write(result)}fn give(self,kept:&__m::Kept)->__Option<T>{__read(kept)}",
    "fn bytes(kept:&__m::Kept)->__Option<__Vec<::core::primitive::u8>>{kept.bytes()}}",
    "#[derive(::core::clone::Clone,::core::marker::Copy)]pub struct __SerdeOk;",
    "impl<T:__S+__D<'static>,E> __m::Coder<__Result<T,E>> for __SerdeOk{",
    "fn keep(self,result:&__Result<T,E>)->__Kept{match result{",
    "__Result::Ok(value)=>__write(value),__Result::Err(_)=>__Result::Ok(__Option::None)}}",
    "fn give(self,kept:&__m::Kept)->__Option<__Result<T,E>>{__read(kept).map(__Result::Ok)}",
    "fn bytes(kept:&__m::Kept)->__Option<__Vec<::core::primitive::u8>>{kept.bytes()}}",
    "trait __ChooseSerdeOk{fn __cellar_coder(&self)->__SerdeOk;}",
    "impl<T:__S+__D<'static>,E> __ChooseSerdeOk for &&__m::Probe<__Result<T,E>>{fn __cellar_coder(&self)->__SerdeOk{__SerdeOk}}",
    "trait __ChooseSerde{fn __cellar_coder(&self)->__Serde;}",
    "impl<T:__S+__D<'static>> __ChooseSerde for &__m::Probe<T>{fn __cellar_coder(&self)->__Serde{__Serde}}",
);

fn needs_serde(function: &Function, kind: Kind, options: &Options, items: &[&Item]) -> bool {
    let is_input = |(name, is_input): &(String, bool)| *is_input && !options.ignored.contains(name);
    let params = function.params.iter();
    let mut params = params.filter(|param| param.names.iter().any(is_input));
    let returned = function.returned.as_ref().filter(|_| kind == Kind::Data);
    let returned = returned.map(|it| it.ok.as_ref().map_or(&it.text, |(_, text)| text));
    params.any(|param| may_need_serde(&param.type_text, Use::Key, items))
        || returned.is_some_and(|text| may_need_serde(text, Use::Result, items))
}

/// What a wrapper depends on besides its function.
pub struct Surroundings<'a> {
    /// A type of its arguments or of its result cannot be looked into.
    pub is_doubtful: bool,
    /// The notebook's.
    pub items: &'a [&'a Item],
}

/// Puts a wrapper around a function.
pub fn wrap(
    function: &Function,
    kind: Kind,
    options: &Options,
    surroundings: &Surroundings<'_>,
    insertions: &mut Insertions,
) {
    let module = CachedFunction::module(&function.name);
    insertions.add(
        function.start,
        format!("mod {module}{{{}", head(function, kind, options, surroundings)),
    );
    match &function.visibility {
        Visibility::Wide => {}
        Visibility::Unsaid(at) => insertions.add(*at, "pub(crate) "),
        Visibility::Narrow(range) => {
            insertions.add(range.start, "pub(crate)/*");
            insertions.add(range.end, "*/");
        }
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
    let own_module = match is_crate(&function.name, surroundings.items) {
        true => String::new(),
        false => module_of_function(function, kind, options),
    };
    insertions.add(
        function.close + 1,
        format!("{own_module}}}use {module}::{};", function.written_name),
    );
}

/// Whether a function is called like a crate, or like a module from which the notebook imports. A module of that name would
/// hide the other from the whole notebook, so such a function has none.
fn is_crate(name: &str, items: &[&Item]) -> bool {
    let is_imported_from = |item: &&Item| {
        let path = item.import.as_ref().map_or(&[][..], |import| &import.path);
        let of_own = |it: &String| it == "clear" || it == "clear_for";
        path.first().is_some_and(|first| first == name) && !path.get(1).is_some_and(of_own)
    };
    CRATES.contains(&name) || items.iter().any(is_imported_from)
}

/// What stands before the function.
fn head(function: &Function, kind: Kind, options: &Options, surroundings: &Surroundings<'_>) -> String {
    let mut fields = String::new();
    for (name, value) in &options.fields {
        fields.push_str(&format!("{name}: {value},"));
    }
    let on_disk = kind == Kind::Data && options.on_disk;
    let serde = match needs_serde(function, kind, options, surroundings.items) {
        true => serde(surroundings.is_doubtful),
        false => String::new(),
    };
    let name = &function.name;
    let variable = CachedFunction::code_variable(name);
    let arguments: String = inputs(function, options)
        .map(|argument| format!("pub struct {argument};"))
        .collect();
    format!(
        "use super::*;static __CELLAR:{MEMO}::Function={MEMO}::Function::new({name:?},::core::option_env!({variable:?}),\
         {MEMO}::Options{{{fields}disk:{on_disk},..{MEMO}::Options::new()}});mod __cellar_args{{{arguments}}}{serde} "
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

/// Makes `__cellar_key` of the arguments.
///
/// An argument that cannot be in it is an error once, where the function is.
fn key(function: &Function, options: &Options, is_checked: bool) -> String {
    let mut text = format!("let mut __cellar_key={MEMO}::Key::new();");
    let mut inputs = inputs(function, options).peekable();
    if inputs.peek().is_none() {
        return text;
    }
    text.push_str(&format!("{{use {MEMO}::parts::*;"));
    for name in inputs {
        let part = match is_checked {
            true => format!("__cellar_part::<__cellar_args::{name}>"),
            false => "__cellar_part_again".to_owned(),
        };
        text.push_str(&format!("(&&&{MEMO}::Arg(&{name})).{part}(&mut __cellar_key);"));
    }
    text.push('}');
    text
}

fn around_body(function: &Function, kind: Kind, options: &Options) -> (String, String) {
    let key = key(function, options, true);
    let probe = probe(function, kind);
    let (suffix, body) = match (function.is_async, kind) {
        (true, _) => ("_async", "async move{".to_owned()),
        (false, Kind::Data) => ("", format!("{probe}.body(move||{{")),
        (false, Kind::Resource) => ("", format!("{probe}.made(move||{{")),
    };
    let is_ok = function.returned.as_ref().is_some_and(|it| it.ok.is_some());
    let before = match kind {
        Kind::Data => format!(
            "{key}let __cellar_coder={{use {MEMO}::choose::*;(&&&&&{probe}).__cellar_coder()}};\
             {MEMO}::data{suffix}(&__CELLAR,__cellar_key,__cellar_coder,{body}"
        ),
        Kind::Resource => {
            let hook = |path: &Option<String>, end: &str| match path {
                Some(path) => {
                    let names = || function.params.iter().flat_map(|param| &param.names);
                    // An argument of that name stands before the function.
                    let from = if names().any(|(name, _)| name == path) {
                        "self::"
                    } else {
                        ""
                    };
                    format!("::core::option::Option::Some(|it|{{{from}{path}(it){end}}})")
                }
                None => "::core::option::Option::None".to_owned(),
            };
            let (on_release, validate) = (hook(&options.on_release, ";"), hook(&options.validate, ""));
            let ok = if is_ok { "_ok" } else { "" };
            format!(
                "{key}let __cellar_place={{use {MEMO}::{{RefuseResult,place::*}};(&&&&{probe}).__cellar_place()}};\
                 {MEMO}::resource{ok}{suffix}(&__CELLAR,__cellar_key,__cellar_place,\
                 {MEMO}::Hooks{{on_release: {on_release},validate: {validate}}},{body}"
            )
        }
    };
    let after = if function.is_async { "}).await" } else { "}))" };
    (before, after.to_owned())
}

/// An expression that stands for the type that the wrapper returns.
fn probe(function: &Function, kind: Kind) -> String {
    if !function.is_async {
        // Not by the type's text: a mistake in it would be told twice.
        let count = function.params.len();
        // `self`, as an argument may have the function's name.
        return format!("{MEMO}::returned::of_{count}(self::{})", function.written_name);
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
    let key = key(function, options, false);
    format!(
        "pub mod {}{{use super::*;pub fn clear()->::core::primitive::usize{{super::__CELLAR.{clear}()}}\
         pub fn clear_for{}({})->::core::primitive::bool{{{key}super::__CELLAR.{clear_for}(__cellar_key)}}}}",
        function.written_name,
        function.lifetimes,
        params.join(",")
    )
}
