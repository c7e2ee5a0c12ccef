"""Functions below `//% cache_data` and `//% cache_resource` in all the shapes that Rust lets them have."""

import pytest


def computed(result):
    """What the bodies printed."""
    return result.stdout.splitlines()


def kept(kernel, call, once):
    """The call prints `once` the first time only, and nobody warns."""
    first = kernel.ok(call)
    assert computed(first) == [once] and first.stderr == "", first
    second = kernel.ok(call)
    assert computed(second) == [] and second.stderr == "", second


def test_an_argument_may_have_the_functions_name(kernel):
    kernel.ok("""
        //% cache_data
        fn price(price: f64) -> f64 { println!("price"); price * 2.0 }
        //% cache_resource(on_release = shut)
        fn opened(opened: u8, shut: bool) -> String { println!("opened"); format!("{opened} {shut}") }
        fn shut(_it: &String) {}
    """)
    kept(kernel, "price(1.5);", "price")
    kept(kernel, "opened(1, true);", "opened")
    assert kernel.show("price::clear_for(1.5)") == "true"


def test_many_arguments(kernel):
    def function(count):
        names = ", ".join(f"a{n}: u8" for n in range(count))
        return f'//% cache_data\nfn of_{count}({names}) -> u8 {{ println!("many"); a0 }}'

    for count in (13, 24):
        kernel.ok(function(count))
        kept(kernel, f"of_{count}({', '.join(['1'] * count)});", "many")
    refused = kernel.run(function(25))
    assert refused.ename == "CannotCache" and "more than 24 arguments" in refused.evalue


def test_names_of_the_prelude_may_be_the_notebooks_own(new_kernel):
    kernel = new_kernel()
    kernel.ok("""
        use serde::{Deserialize, Serialize};
        use std::io::Result;
        #[derive(Serialize, Deserialize, Clone)]
        struct Row { n: u64 }
        //% cache_data(ttl = "1h")
        fn row(of: Row) -> Result<Row> { println!("row"); std::result::Result::Ok(Row { n: of.n + 1 }) }
    """)
    kept(kernel, "row(Row { n: 1 }).unwrap();", "row")
    kernel.ok("""
        type Option<T> = std::vec::Vec<T>;
        struct String;
        struct Vec;
        #[allow(non_snake_case)] fn Ok() {}
        #[allow(non_snake_case)] fn Some() {}
        //% cache_data(ttl = "1h")
        fn rows(of: &str) -> Option<u8> { println!("rows"); of.bytes().collect() }
        //% cache_resource(on_release = gone)
        fn living(n: u8) -> Row { println!("living"); Row { n: n as u64 } }
        fn gone(_it: &Row) {}
    """)
    kept(kernel, 'rows("a");', "rows")
    kept(kernel, "living(1);", "living")
    kept(kernel, "row(Row { n: 2 }).unwrap();", "row")


@pytest.mark.parametrize("name", ["std", "core", "cellar", "serde"])
def test_a_function_may_be_called_like_a_crate(kernel, name):
    kernel.ok(f"""
        use serde::{{Deserialize, Serialize}};
        #[derive(Serialize, Deserialize)]
        struct Named {{ n: u8 }}
        //% cache_data
        fn {name}(n: u8) -> Named {{ println!("{name}"); Named {{ n }} }}
    """)
    kept(kernel, f"{name}(1);", name)
    assert kernel.show("std::collections::BTreeSet::from([1]).len() + core::mem::size_of::<u8>()") == "2"
    kernel.ok('cellar::html("<b></b>");')
    kernel.ok(f"fn {name}() {{}}")


def test_own_types_with_names_of_std(kernel):
    kernel.ok("""
        use serde::{Deserialize, Serialize};
        #[derive(Serialize, Deserialize, Clone)]
        struct Path { steps: Vec<u8> }
        #[derive(Serialize, Deserialize, Clone)]
        struct Duration(u8);
        //% cache_data
        fn walked(path: &Path, by: Duration) -> Duration { println!("walked"); Duration(by.0 + path.steps[0]) }
    """)
    kept(kernel, "walked(&Path { steps: vec![1] }, Duration(1));", "walked")


@pytest.mark.parametrize(
    ("name", "of", "value"),
    [
        ("results", "Vec<Result<u8, String>>", 'vec![Ok(1), Err("e".into())]'),
        ("optional", "Option<Result<u8, String>>", "Some(Ok(1))"),
        ("nested", "Result<Result<u8, String>, String>", "Ok(Ok(1))"),
        ("nine", "(u8, u8, u8, u8, u8, u8, u8, u8, u8)", "(1, 2, 3, 4, 5, 6, 7, 8, 9)"),
        ("boxed", "Box<str>", '"text".into()'),
        ("slice", "Box<[u8]>", "vec![1, 2].into()"),
        ("path", "std::path::PathBuf", '"/a".into()'),
    ],
)
def test_types_of_std_that_serde_writes(kernel, name, of, value):
    kernel.ok(f"""
        //% cache_data
        fn {name}() -> {of} {{ println!("{name}"); {value} }}
        //% cache_data
        fn with_{name}(of: {of}) -> usize {{ println!("with"); std::mem::size_of_val(&of) }}
    """)
    kept(kernel, f"{name}();", name)
    kept(kernel, f"let _: usize = with_{name}({value});", "with")


def test_a_borrowed_result_is_not_kept_and_the_advice_is_to_own_it(kernel):
    for name, of, value in (
        ("borrowed", "&'static str", '"a"'),
        ("borrowed_list", "Vec<&'static str>", 'vec!["a"]'),
        ("borrowed_bytes", "&'static [u8]", "&[1]"),
    ):
        said = kernel.ok(f"//% cache_data\nfn {name}() -> {of} {{ {value} }}\n{name}();").stderr
        assert f"`{name}` is not cached" in said and "own" in said and "derive" not in said, said


def test_a_body_may_give_what_becomes_the_result(kernel):
    kernel.ok("""
        //% cache_data
        fn fallible(n: u8) -> Result<u8, Box<dyn std::error::Error>> {
            println!("fallible"); if n == 0 { return Err(Box::new(std::fmt::Error)) } Ok(n)
        }
        //% cache_data
        fn failing() -> Result<u8, Box<dyn std::error::Error>> { println!("failing"); Err(Box::new(std::fmt::Error)) }
        //% cache_data
        fn boxed_slice() -> Box<[u8]> { println!("boxed_slice"); Box::new([1, 2]) }
        //% cache_resource
        fn living_trait() -> Box<dyn std::fmt::Debug> { println!("living_trait"); Box::new(1) }
        //% cache_resource
        fn failing_trait() -> Result<Box<dyn std::fmt::Debug>, Box<dyn std::error::Error>> {
            println!("failing_trait"); Ok(Box::new(1))
        }
    """)
    kept(kernel, "let _ = fallible(1);", "fallible")
    kept(kernel, "boxed_slice();", "boxed_slice")
    for _ in range(2):
        assert computed(kernel.ok("let _ = failing();")) == ["failing"]
    assert computed(kernel.ok("living_trait(); living_trait();")) == ["living_trait"]
    assert computed(kernel.ok("let _ = failing_trait(); let _ = failing_trait();")) == ["failing_trait"]


def test_two_directives_over_one_function_are_one_error(kernel):
    failed = kernel.run("//% cache_data\n//% cache_resource\nfn twice() -> u8 { 1 }")
    assert failed.ename == "CannotCache" and "two directives" in failed.evalue
    assert ":2:1" in failed.traceback, failed.traceback


def test_attributes_and_docs_may_stand_above_the_directive(kernel):
    kernel.ok("""
        /// Documented.
        #[inline]
        #[must_use]
        //% cache_data
        #[allow(unused_variables)]
        fn attributed(n: u8) -> u8 { println!("attributed"); n }
    """)
    kept(kernel, "let _ = attributed(1);", "attributed")
    failed = kernel.run("#[inline]\n//% cache_data\nfn above(x: i32) -> i32 { x + 'a' }")
    assert ":3:29" in failed.traceback, failed.traceback


def test_a_function_may_be_for_its_own_module_only(kernel):
    kernel.ok("""
        //% cache_data
        pub(self) fn own_only(n: u8) -> u8 { println!("own_only"); n }
        //% cache_data
        pub(in self) fn own_in(n: u8) -> u8 { println!("own_in"); n }
        //% cache_data
        pub(crate) async fn own_crate(n: u8) -> u8 { n }
    """)
    kept(kernel, "own_only(1);", "own_only")
    kept(kernel, "own_in(1);", "own_in")


def test_another_fault_of_a_function_of_the_same_name_is_told_too(kernel):
    for name in ("One", "Other"):
        said = kernel.ok(f"""
            struct {name};
            //% cache_data
            fn faulty() -> {name} {{ {name} }}
            faulty(); faulty();
        """).stderr
        assert said.count("`faulty` is not cached") == 1 and name in said, said


def test_errors_show_no_names_of_generated_modules(kernel):
    kernel.ok("""
        //% cache_data
        fn same_names(s: u8) -> u8 { s }
    """)
    failed = kernel.run("""
        struct NoKey;
        //% cache_data
        fn no_key(s: NoKey) -> u8 { 1 }
    """)
    shown = failed.traceback + failed.evalue
    assert "the argument `s` of a cached function" in shown, shown
    assert "__" not in shown and "keeps for the cell" not in shown, shown


@pytest.mark.parametrize(
    ("name", "alias", "returned"),
    [
        ("plain_alias", "type PlainAlias<T> = Result<T, String>;", "PlainAlias<String>"),
        ("imported_alias", "use std::io::Result as ImportedAlias;", "ImportedAlias<String>"),
        ("in_module", "mod fails { pub type Res<T> = std::result::Result<T, String>; }", "fails::Res<String>"),
    ],
)
def test_an_error_is_not_kept_whatever_its_result_is_called(kernel, name, alias, returned):
    kernel.ok(f"""
        {alias}
        fn fail_{name}<T>() -> {returned.replace("String", "T")} {{
            let failed: std::result::Result<u8, _> = "x".parse::<u8>().map_err(|_| std::io::Error::other("no"));
            {"failed?;" if "imported" in name else 'failed.map_err(|e| e.to_string())?;'}
            unreachable!()
        }}
        //% cache_resource
        fn res_{name}(n: u64) -> {returned} {{
            println!("res"); if n == 0 {{ fail_{name}::<u8>()?; }} Ok("r".into())
        }}
        //% cache_data
        fn data_{name}(n: u64) -> {returned} {{
            println!("data"); if n == 0 {{ fail_{name}::<u8>()?; }} Ok("d".into())
        }}
    """)
    for function, once in ((f"res_{name}", "res"), (f"data_{name}", "data")):
        for _ in range(2):
            assert computed(kernel.ok(f"assert!({function}(0).is_err());")) == [once]
        kept(kernel, f"assert!({function}(1).is_ok());", once)


def test_a_result_that_cannot_be_taken_apart_is_refused_for_a_resource(kernel):
    for alias, returned in (
        ("type Whole = Result<String, String>;", "Whole"),
        ("type Turned<E, T> = Result<T, E>;", "Turned<String, String>"),
    ):
        failed = kernel.run(f"""
            {alias}
            //% cache_resource
            fn hidden() -> {returned} {{ Err("no".into()) }}
        """)
        shown = failed.traceback + failed.evalue
        assert "`Result` under another name" in shown and "write `Result<…>`" in shown, shown
        assert "__" not in shown, shown
    assert kernel.show("1 + 1") == "2"
