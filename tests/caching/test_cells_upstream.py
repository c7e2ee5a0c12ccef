"""Variables as inputs: compared by content, wherever the cell names them."""

import pytest


def test_another_value_is_a_miss_and_the_old_one_a_hit_again(book):
    cell = "let doubled = start * 2;\ndoubled"
    values = []
    for start, computed in ((1, True), (2, True), (1, False), (2, False), (3, True)):
        book.ok(f"let start = {start}i64;")
        result, ran = book.run(cell)
        assert ran == computed
        values.append(result.value)
    assert values == ["2", "4", "2", "4", "6"]


def test_equal_content_computed_anew_stops_the_chain(book):
    book.ok("let raw = vec![3, 1, 2];")
    sort = "let sorted = { let mut all = raw.clone(); all.sort(); all };"
    sums = "let sum_of: i32 = sorted.iter().sum();"
    book.miss(sort)
    book.miss(sums)
    book.ok("let raw = vec![2, 3, 1];")
    book.miss(sort)
    book.hit(sums)
    book.ok("let raw = vec![2, 3, 9];")
    book.miss(sort)
    book.miss(sums)
    assert book.show("sum_of") == "14"


def test_a_chain_of_cached_cells_after_a_restart(new_book):
    cells = ["let one = 1u32;", "let two = one + 1;", "let three = two + 1;\nthree"]
    first = new_book()
    for cell in cells:
        first.miss(cell)
    first.end()
    second = new_book()
    for cell in cells:
        result = second.hit(cell)
    assert result.value == "3"
    second.ok("let two = 7u32;")
    second.miss(cells[2])
    assert second.show("three") == "8"


def test_an_unrelated_variable_does_not_matter(book):
    book.ok("let wanted = 1; let unwanted = 1;")
    book.miss("let of_wanted = wanted + 1;")
    book.ok("let unwanted = 2;")
    book.hit("let of_wanted = wanted + 1;")


def test_the_same_digits_of_another_type_are_another_value(book):
    cell = "let size = std::mem::size_of_val(&digits);\nsize"
    book.ok("let digits = 1u8;")
    assert book.miss(cell).value == "1"
    book.ok("let digits = 1u64;")
    assert book.miss(cell).value == "8"


def test_a_mutation_from_outside_is_seen(book):
    book.ok("let mut grown = vec![1];")
    cell = "let grown_len = grown.len();\ngrown_len"
    assert book.miss(cell).value == "1"
    book.ok("grown.push(2);")
    assert book.miss(cell).value == "2"
    book.ok("grown.pop();")
    assert book.hit(cell).value == "1"


def test_a_mutation_in_a_function_that_borrows_is_seen(book):
    book.ok("fn grow(list: &mut Vec<i32>) { list.push(0); } let mut lent = vec![1];")
    cell = "let lent_len = lent.len();\nlent_len"
    assert book.miss(cell).value == "1"
    book.ok("grow(&mut lent);")
    assert book.miss(cell).value == "2"


HIDDEN = {
    "inline format capture": 'let shown = format!("{hidden}");',
    "width of a format": 'let shown = format!("{:>hidden$}", "x");',
    "an argument of println!": 'println!("{}", hidden); let shown = hidden.to_string();',
    "assert!": 'let shown = { assert!(hidden > 0); hidden.to_string() };',
    "vec!": "let shown = vec![hidden; 2];",
    "the notebook's own macro": "let shown = twice!(hidden);",
    "matches!": "let shown = matches!(hidden, 1..=2);",
    "a closure": "let shown = (|| hidden + 1)();",
    "a closure that moves": "let shown = std::thread::spawn(move || hidden + 1).join().unwrap();",
    "a struct's short field": "struct Short { hidden: usize } let shown = Short { hidden }.hidden;",
    "an inner block": "let shown = { let a = 1; if a > 0 { hidden } else { 0 } };",
    "a guard of a match": "let shown = match 3 { n if n > hidden => 1, _ => 2 };",
    "a nested macro": 'let shown = vec![format!("{}", vec![hidden].len() + hidden)];',
}


@pytest.mark.parametrize("where", HIDDEN)
def test_a_variable_is_found_wherever_it_stands(book, where):
    book.ok("macro_rules! twice { ($e:expr) => { $e * 2 } }")
    cell = HIDDEN[where]
    book.ok("let hidden = 1usize;")
    book.miss(cell)
    book.ok("let hidden = 5usize;")
    book.miss(cell)
    book.ok("let hidden = 1usize;")
    book.hit(cell)


def test_a_name_that_the_notebooks_macro_mentions(book):
    book.ok("macro_rules! bare { ($name:ident) => { $name + 1 } } let by_macro = 1;")
    book.miss("let from_macro = bare!(by_macro);")
    book.ok("let by_macro = 2;")
    book.miss("let from_macro = bare!(by_macro);")
    assert book.show("from_macro") == "3"


def test_shadowing_in_the_cell_itself(book):
    book.ok("let shade = 1;")
    cell = "let shade = shade + 1;\nshade"
    assert book.miss(cell).value == "2"
    assert book.miss(cell).value == "3"
    book.ok("let shade = 1;")
    assert book.hit(cell).value == "2"
    assert book.hit(cell).value == "3"


def test_inputs_that_are_left_out(book):
    book.ok("let _progress = 1; let verbose = 1; let counted = 1;")
    cell = "let left_out = counted + _progress + verbose;\nleft_out"
    options = '(ignore = "verbose")'
    assert book.miss(cell, options).value == "3"
    book.ok("let _progress = 10;")
    assert book.hit(cell, options).value == "3"
    book.ok("let verbose = 10;")
    assert book.hit(cell, options).value == "3"
    book.ok("let counted = 2;")
    assert book.miss(cell, options).value == "22"


def test_floats_by_their_bits(book):
    cell = "let sign = if zero.is_sign_negative() { -1 } else { 1 };\nsign"
    book.ok("let zero = 0.0f64;")
    assert book.miss(cell).value == "1"
    book.ok("let zero = -0.0f64;")
    assert book.miss(cell).value == "-1"


def test_maps_do_not_depend_on_the_order_of_insertion(book):
    cell = "let entries = ages.len();"
    book.ok('let ages = std::collections::HashMap::from([("a".to_string(), 1), ("b".to_string(), 2)]);')
    book.miss(cell)
    book.ok('let ages = std::collections::HashMap::from([("b".to_string(), 2), ("a".to_string(), 1)]);')
    book.hit(cell)
