"""Values that cannot be stored: the cell says which and what to do, and its result stays usable."""

import pytest

from support.cells import cache_of


def test_a_struct_without_serde(book):
    book.ok("#[derive(Debug)] struct Plain { n: i32 }")
    result = book.miss("let plain = Plain { n: 4 };\nplain.n")
    assert result.value == "4"
    assert "`plain` cannot be stored" in result.stderr and "`Plain`" in result.stderr
    assert "#[derive(serde::Serialize, serde::Deserialize)]" in result.stderr and "cache_resource" in result.stderr
    assert book.show("plain.n + 1") == "5"
    # It was not kept, and a run of it is a run.
    book.miss("let plain = Plain { n: 4 };\nplain.n")
    book.ok("#[derive(Debug, serde::Serialize, serde::Deserialize)] struct Plain { n: i32 }")
    assert book.miss("let plain = Plain { n: 4 };\nplain.n").stderr == ""
    book.hit("let plain = Plain { n: 4 };\nplain.n")


def test_a_struct_without_serde_deep_inside(book):
    book.ok("#[derive(Debug)] struct Hidden1; #[derive(Debug)] struct Around { list: Vec<Option<Hidden1>> }")
    result = book.miss("let around = vec![Around { list: vec![Some(Hidden1)] }];")
    assert "`around` cannot be stored" in result.stderr and "Around" in result.stderr
    assert book.show("around.len()") == "1"


REFUSED = {
    "Rc": ("std::rc::Rc::new(5)", "Rc"),
    "Arc of a Mutex": ("std::sync::Arc::new(std::sync::Mutex::new(1))", "Arc"),
    "RefCell": ("std::cell::RefCell::new(vec![1])", "RefCell"),
    "Cell inside a Vec": ("vec![std::cell::Cell::new(1)]", "Cell"),
    "File": ('std::fs::File::open("/dev/null").unwrap()', "File"),
    "a raw pointer": ("std::ptr::null::<u8>()", "raw pointer"),
    "an atomic": ("std::sync::atomic::AtomicU8::new(1)", "AtomicU8"),
    "a boxed closure": ("Box::new(|| 1) as Box<dyn Fn() -> i32>", "dyn"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_value_with_something_shared_or_outside_is_refused(book, what):
    expression, named = REFUSED[what]
    cell = f"let handle_of = {expression};"
    result = book.miss(cell)
    said = result.stderr + book.late()
    assert "`handle_of` cannot be stored" in said and named in said and "cache_resource" in said, said
    book.ok("let _ = &handle_of;")
    book.miss(cell)


def test_the_field_that_is_refused_is_named(book):
    book.ok("struct Inside { cell: std::cell::RefCell<u8> } struct Outside { inner: Vec<Inside> }")
    result = book.miss("let outside = Outside { inner: vec![] };")
    assert "`Inside.cell: std::cell::RefCell<u8>`" in result.stderr, result.stderr


def test_a_field_that_serde_skips_is_refused(book):
    book.ok("#[derive(serde::Serialize, serde::Deserialize)] struct Skips { kept: u8, #[serde(skip)] dropped: u8 }")
    result = book.miss("let skips = Skips { kept: 1, dropped: 2 };")
    assert "`Skips.dropped: u8`" in result.stderr and "serde(skip)" in result.stderr, result.stderr
    assert book.show("skips.dropped") == "2"


def test_what_serde_skips_is_compared_by_the_run_that_made_it(book):
    book.ok("#[derive(serde::Serialize, serde::Deserialize)] struct HalfSeen { seen: u8, #[serde(skip)] unseen: u8 }")
    book.ok("let half_seen = HalfSeen { seen: 1, unseen: 2 };")
    cell = "let of_unseen = half_seen.unseen;\nof_unseen"
    assert book.miss(cell).value == "2"
    assert book.hit(cell).value == "2"
    book.ok("let half_seen = HalfSeen { seen: 1, unseen: 3 };")
    assert book.miss(cell).value == "3"
    assert "compared by the run" in book.explain("of_unseen")


BORROWED = {
    "text": ('"borrowed"', "borrowed_text.len()", "8"),
    "a list of texts": ('vec!["a", "b"]', "borrowed_text[1]", '"b"'),
    "a field": ('BorrowsName { name: "n" }', "borrowed_text.name", '"n"'),
}


@pytest.mark.parametrize("what", BORROWED)
def test_borrowed_text_is_refused_with_what_to_do(book, what):
    expression, shown, value = BORROWED[what]
    book.ok("#[derive(serde::Serialize, serde::Deserialize)] struct BorrowsName { name: &'static str }")
    result = book.miss(f"let borrowed_text = {expression};")
    assert "`borrowed_text` cannot be stored" in result.stderr, result
    assert "`.to_string()`" in result.stderr and "cache_resource" in result.stderr
    assert ("`BorrowsName.name: &'static str`" in result.stderr) == (what == "a field")
    assert book.late() == ""
    assert book.show(shown) == value


def test_borrowed_text_is_an_input_by_its_content(book):
    book.ok('let said = "one";')
    cell = "let said_length = said.len();\nsaid_length"
    assert book.miss(cell).value == "3"
    book.ok('let said = "one";')
    assert book.hit(cell).value == "3"
    book.ok('let said = "three";')
    assert book.miss(cell).value == "5"


def test_a_borrow_is_refused_with_what_to_do(book):
    result = book.miss("let borrowed_number = &5;")
    assert "`borrowed_number` cannot be stored" in result.stderr and "`.clone()`" in result.stderr
    assert book.show("borrowed_number") == "5"


def test_a_cell_that_uses_a_value_with_interior_mutability(book):
    book.ok("let shared_cell = std::cell::RefCell::new(1);")
    result = book.miss("let from_shared = *shared_cell.borrow();\nfrom_shared")
    assert result.value == "1"
    assert "shared_cell" in result.stderr and "ignore" in result.stderr
    book.ok("*shared_cell.borrow_mut() = 2;")
    assert book.miss("let from_shared = *shared_cell.borrow();\nfrom_shared").value == "2"


def test_a_value_without_a_hash_is_compared_by_the_run_that_made_it(book):
    make = "struct Opaque(i32); let opaque = Opaque(1);"
    book.ok(make)
    cell = "let from_opaque = opaque.0;\nfrom_opaque"
    assert book.miss(cell).value == "1"
    assert book.hit(cell).value == "1"
    book.ok(make)
    assert book.miss(cell).value == "1"


def test_a_statement_that_defines_nothing_is_kept_with_its_output(book):
    result = book.miss('println!("only output");')
    assert result.stderr == ""
    again = book.hit('println!("only output");')
    assert again.stdout == "only output\n" and cache_of(again) == "hit"
