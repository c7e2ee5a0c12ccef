"""Items that cells replace, and items that take part without being named: what holds now is what counts."""

import pytest


def alternates(book, cell, states):
    """Runs a cached cell after each of some definitions, which lead to these values, and goes back to each of them."""
    for _ in range(2):
        for definition, value in states:
            book.ok(definition)
            result, _ = book.run(cell)
            assert result.value == value, definition


@pytest.mark.parametrize(
    "what, cell, states",
    [
        ("use", "side()", [("use ra::side;", "1"), ("use rb::side;", "2")]),
        ("fn and use", "side_f()", [("fn side_f() -> i32 { 3 }", "3"), ("use rb::side_f;", "2")]),
        ("inner macro", "inner()", [
            ("fn inner() -> i32 { macro_rules! qq { () => { 1 } } qq!() }", "1"),
            ("fn inner() -> i32 { 2 }", "2"),
        ]),
        ("inherent method gone", "Replaced.go()", [
            ("struct Replaced;\nimpl Replaced { fn go(&self) -> i32 { 2 } }\nimpl ReplacedGo for Replaced {}", "2"),
            ("struct Replaced;\nimpl ReplacedGo for Replaced {}", "1"),
        ]),
        ("two const blocks", "ByConst.to_string()", [
            (f'struct ByConst;\nconst _: () = {{ impl std::fmt::Display for ByConst {{ fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {{ f.write_str("{text}") }} }} }};\nconst _: () = {{ assert!(1 + 1 == 2) }};', f'"{text}"')
            for text in ["one", "two"]
        ]),
    ],
)
def test_what_was_replaced_does_not_count(book, what, cell, states):
    book.ok("mod ra { pub fn side() -> i32 { 1 } }\nmod rb { pub fn side() -> i32 { 2 } pub fn side_f() -> i32 { 2 } }")
    book.ok("trait ReplacedGo { fn go(&self) -> i32 { 1 } }")
    alternates(book, cell, states)


def test_a_drop_that_went_with_its_type(book):
    book.ok('struct Dropped;\nimpl Drop for Dropped { fn drop(&mut self) { println!("drop"); } }')
    assert book.miss("{ let _d = Dropped; } 1").stdout == "drop\n"
    book.ok("struct Dropped;")
    assert book.run("{ let _d = Dropped; } 1")[0].stdout == ""


def test_two_cells_in_another_order(book):
    for order, value in [("ab", "2"), ("ba", "1"), ("ab", "2")]:
        for which in order:
            book.ok(f"mod o{which} {{ pub fn last() -> i32 {{ {'1' if which == 'a' else '2'} }} }}\nuse o{which}::last;")
        assert book.run("last()")[0].value == value


@pytest.mark.parametrize(
    "name, cell, text",
    [
        ("alias in a module", "InAl.to_string()",
         "struct InAl;\nmod al {{ pub type Q = super::InAl; }}\nimpl std::fmt::Display for al::Q {{ fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {{ write!(f, \"{0}\") }} }}"),
        ("macro in a const", "ByMac.go()",
         "struct ByMac;\nmacro_rules! imc {{ ($t:ty, $n:expr) => {{ impl $t {{ pub fn go(&self) -> String {{ $n.to_string() }} }} }} }}\nconst _: () = {{ imc!(ByMac, {0}); }};"),
        ("macro in a function", "InFn.go()",
         "struct InFn;\nmacro_rules! imf {{ ($t:ty, $n:expr) => {{ impl $t {{ pub fn go(&self) -> String {{ $n.to_string() }} }} }} }}\nfn hook() {{ imf!(InFn, {0}); }}"),
        ("macro whose body names the type", "Body.go()",
         "struct Body;\nmacro_rules! imb {{ ($n:expr) => {{ impl Body {{ pub fn go(&self) -> String {{ $n.to_string() }} }} }} }}\nmod ib {{ use super::*; imb!({0}); }}"),
        ("trait that a macro implements", "7u8.tgo()",
         "trait Tgo {{ fn tgo(&self) -> String; }}\nmacro_rules! imt {{ ($t:ty, $n:expr) => {{ impl Tgo for $t {{ fn tgo(&self) -> String {{ $n.to_string() }} }} }} }}\nmod it {{ use super::*; imt!(u8, {0}); }}"),
        ("methods that a macro declares", "7u8.area()",
         "macro_rules! decl {{ ($n:ident) => {{ fn $n(&self) -> String; }} }}\ntrait Shape {{ decl!(area); }}\nimpl Shape for u8 {{ fn area(&self) -> String {{ {0}.to_string() }} }}"),
        ("an enum of the same name", "(C as i32).to_string()",
         "enum Color {{ A, B }}\nmod other {{ pub enum Color {{ C = {0} }} }}\nuse other::Color::*;"),
        ("a macro that a macro makes", "foo!().to_string()",
         "macro_rules! mkm {{ ($n:ident, $v:expr) => {{ macro_rules! $n {{ () => {{ $v }} }} }} }}\n#[macro_use] mod mm {{ mkm!(foo, {0}); }}"),
    ],
)
def test_what_takes_part_without_being_named(book, name, cell, text):
    for value in ["1", "2", "1"]:
        book.ok(text.format(value))
        assert book.run(cell)[0].value == f'"{value}"', name
    assert book.kernel.show(cell) == '"1"', "and without the directive"


def test_a_function_that_an_attribute_in_a_macro_names(book):
    book.ok("""
        macro_rules! with_default { ($n:ident) => {
            #[derive(serde::Serialize, serde::Deserialize, Debug)] struct $n { #[serde(default = "fallback")] a: i32 }
        } }
    """)
    cell = """
        use serde::Deserialize; with_default!(Conf);
        let read = Conf::deserialize(serde::de::value::MapDeserializer::<_, serde::de::value::Error>::new(std::iter::empty::<(String, i32)>())).unwrap().a;
        read
    """
    for value in ["1", "2"]:
        book.ok(f"fn fallback() -> i32 {{ {value} }}")
        assert book.run(cell)[0].value == value


def test_drop_by_an_alias_or_a_macro_runs(kernel):
    kernel.ok('struct Pd;\nmod ald { pub type Q = super::Pd; }\nimpl Drop for ald::Q { fn drop(&mut self) { println!("dropped"); } }')
    assert kernel.ok("{ let _p = Pd; }\n1").stdout == "dropped\n"
    kernel.ok("""
        macro_rules! drops { ($t:ty) => { impl Drop for $t { fn drop(&mut self) { println!("dropped"); } } } }
        struct Pf;
        const _: () = { drops!(Pf); };
    """)
    assert kernel.ok("{ let _p = Pf; }\n1").stdout == "dropped\n"


def test_a_directive_cell_that_fails_beside_a_thread_has_changed_things(new_book):
    book = new_book()
    book.ok("std::thread::spawn(|| loop { std::thread::sleep(std::time::Duration::from_secs(1)); });")
    book.ok("let mut z = vec![1];")
    assert book.miss("let total: i32 = z.iter().sum(); total").value == "1"
    book.kernel.fails('//% cache_data\nz.push(7); if z.len() > 1 { panic!("x"); }')
    assert book.miss("let total: i32 = z.iter().sum(); total").value == "8"


def test_two_flattened_maps_are_not_one(book):
    book.ok("""
        #[derive(serde::Serialize, serde::Deserialize, Debug, Clone)]
        struct Flat { #[serde(flatten)] a: std::collections::BTreeMap<String, i32>, #[serde(flatten)] b: std::collections::BTreeMap<String, i32> }
        fn flat(a: &[(&str, i32)], b: &[(&str, i32)]) -> Flat {
            let map = |of: &[(&str, i32)]| of.iter().map(|(k, v)| (k.to_string(), *v)).collect();
            Flat { a: map(a), b: map(b) }
        }
    """)
    for text, value in [('flat(&[("x", 1)], &[])', "1"), ('flat(&[], &[("x", 1)])', "0")]:
        book.ok(f"let flattened = {text};")
        assert book.miss("flattened.a.len()").value == value


def test_two_impls_with_one_header_in_a_cell(book):
    book.ok("struct Halves;\nimpl Halves { fn one(&self) -> i32 { 1 } }\nimpl Halves { fn other(&self) -> i32 { 2 } }")
    assert book.show("Halves.one() + Halves.other()") == "3"
    assert book.miss("Halves.one() + Halves.other()").value == "3"
    book.ok("impl Halves { fn one(&self) -> i32 { 4 } fn other(&self) -> i32 { 5 } }")
    assert book.miss("Halves.one() + Halves.other()").value == "9"


@pytest.mark.parametrize("how", ["path", "include"])
def test_a_type_whose_file_changes_is_another_type(book, tmp_path, how):
    file = tmp_path / "model.rs"
    file.write_text("pub struct M { pub d: [u8; 4] } impl M { pub fn new() -> M { M { d: [1; 4] } } }")
    module = f'#[path = "{file}"] mod model_{how};' if how == "path" else f'mod model_{how} {{ include!("{file}"); }}'
    book.ok(module)
    book.ok(f"let of_{how} = vec![model_{how}::M::new()];")
    assert book.show(f"of_{how}[0].d.to_vec()") == "[1, 1, 1, 1]"
    file.write_text("pub struct M { pub d: [u8; 64] } impl M { pub fn new() -> M { M { d: [1; 64] } } }")
    result = book.kernel.run(f"of_{how}[0].d.to_vec()")
    assert result.status == "error" and f"of_{how}" in result.stderr + str(result), result


def test_a_stored_value_whose_types_file_changed_is_not_read(new_book, tmp_path):
    file = tmp_path / "stored.rs"
    derive = "#[derive(serde::Serialize, serde::Deserialize, Debug, Clone)]"
    cell = 'let n = stored::M::new(); uses_serde(&n); format!("{:?}", n)'
    for field, made, shown in [("u64", "7", "7"), ("Box<u64>", "Box::new(9)", "9"), ("Box<u64>", "Box::new(9)", "9")]:
        file.write_text(f"{derive} pub struct M {{ pub x: {field} }} impl M {{ pub fn new() -> M {{ M {{ x: {made} }} }} }}")
        book = new_book()
        book.ok(f'#[path = "{file}"] pub mod stored;\npub fn uses_serde<T: serde::Serialize>(_: &T) {{}}')
        result, _ = book.run(cell)
        assert shown in result.value
        assert shown in book.show('format!("{:?}", n)')
        book.end()
