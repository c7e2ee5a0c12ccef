"""What a cell depends on although its name does not stand in it, or not as it is called elsewhere."""

import pytest


def test_raw_names_of_other_things_do_not_matter(book):
    book.ok("fn r#match(r#in: i32) -> i32 { r#in }\nstruct Raw { r#type: i32 }")
    book.miss("let of_raw = r#match(Raw { r#type: 4 }.r#type);")
    book.hit("let of_raw = r#match(Raw { r#type: 4 }.r#type);")


def test_impls_that_a_macro_makes_in_a_module(book):
    book.ok("struct ByMacro;\nmacro_rules! implement { ($of:ty, $n:expr) => { impl $of { pub fn go(&self) -> i32 { $n } } } }")
    for value in ["1", "2"]:
        book.ok(f"mod implementing {{ use super::*; implement!(ByMacro, {value}); }}")
        assert book.miss("ByMacro.go()").value == value
        book.hit("ByMacro.go()")


@pytest.mark.parametrize("how", ["include", "path"])
def test_items_that_only_a_file_names(book, tmp_path, how):
    file = tmp_path / "included.rs"
    if how == "include":
        file.write_text("helper_of_file(3)")
        cell = f'include!("{file}")'
    else:
        file.write_text("pub fn go() -> i32 { crate::helper_of_file(3) }")
        cell = f'#[path = "{file}"] mod of_file;\nof_file::go()'
    for factor in [1, 2]:
        book.ok(f"fn helper_of_file(n: i32) -> i32 {{ n * {factor} }}")
        assert book.miss(cell).value == str(3 * factor)
    book.hit(cell)


def test_the_layout_that_stringify_sees(book):
    assert book.miss("stringify!(a + b)").value == '"a + b"'
    assert book.miss("stringify!(a+b)").value in ['"a+b"', '"a + b"']


# Last: a cell that may name everything cannot be cached below it.
def test_variables_with_raw_names_are_not_trusted(book):
    for value in ["1", "2"]:
        book.ok(f"let r#type = {value}; let r#plain = {value};")
        for read in ["r#type", 'format!("{type}")', "plain"]:
            assert value in book.miss(read).value
    for _ in range(2):
        result = book.miss("let r#box = vec![5];")
        assert "not cached" in result.stderr and "`r#box`" in result.stderr and "`box_`" in result.stderr
        assert book.show("r#box") == "[5]"
    book.ok("let mut r#mod = vec![1];")
    for _ in range(2):
        book.run("r#mod.push(2);")
    assert book.show("r#mod.len()") == "3"
