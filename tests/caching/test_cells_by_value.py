"""What a cached cell defines is given back as a fresh value: what cells do to it never reaches the cache."""

import pytest


def test_a_variable_that_was_pushed_to_is_the_original_after_a_hit(book):
    cell = "let mut pushed = vec![1, 2];"
    book.miss(cell)
    for _ in range(2):
        book.ok("pushed.push(3);")
        assert book.show("pushed") == "[1, 2, 3]"
        book.hit(cell)
        assert book.show("pushed") == "[1, 2]"


def test_a_mutation_right_behind_the_cell_does_not_reach_the_entry(book):
    cell = "let mut hasty = vec![1u64; 200_000];"
    book.miss(cell)
    book.ok("for x in hasty.iter_mut() { *x = 7; }")
    book.hit(cell)
    assert book.show("hasty.iter().sum::<u64>()") == "200000"


def test_a_variable_that_was_moved_or_dropped_is_back_after_a_hit(book):
    cell = 'let gone = vec!["a".to_string(), "b".to_string()];'
    book.miss(cell)
    book.ok("let elsewhere = gone;")
    book.hit(cell)
    assert book.show("gone.len() + elsewhere.len()") == "4"
    book.ok("drop(gone);")
    assert book.kernel.fails("gone").ename
    book.hit(cell)
    assert book.show("gone.concat()") == '"ab"'


def test_a_shadowed_variable_is_back_after_a_hit(book):
    cell = "let shadowed = vec![1u8];"
    book.miss(cell)
    book.ok('let shadowed = "text";')
    book.hit(cell)
    assert book.show("shadowed") == "[1]"


def test_drop_is_called_for_each_value_once(book):
    book.ok(
        "#[derive(serde::Serialize, serde::Deserialize)] struct Noisy(u8);"
        'impl Drop for Noisy { fn drop(&mut self) { println!("drop {}", self.0); } }'
    )
    assert book.miss("let noisy = Noisy(1);").stdout == ""
    assert book.ok("drop(noisy);").stdout == "drop 1\n"
    assert book.hit("let noisy = Noisy(1);").stdout == ""
    assert book.ok("drop(noisy);").stdout == "drop 1\n"


def test_a_cell_that_changes_an_earlier_variable(book):
    cell = "counter.push(9);\nlet pushed_len = counter.len();"
    for ran in (True, False, False):
        book.ok("let mut counter = vec![1];")
        _, computed = book.run(cell)
        assert computed == ran
        assert book.show("(&counter, pushed_len)") == "([1, 9], 2)"


def test_a_cell_that_changes_an_earlier_variable_after_a_restart(new_book):
    cells = ["let mut tower = vec![1u32];", "tower.push(2);", "tower.push(3);"]
    first = new_book()
    first.ok(cells[0])
    first.miss(cells[1])
    first.miss(cells[2])
    assert first.show("tower") == "[1, 2, 3]"
    first.end()
    second = new_book()
    second.ok(cells[0])
    second.hit(cells[1])
    second.hit(cells[2])
    assert second.show("tower") == "[1, 2, 3]"
    # The same again begins with another content.
    second.miss(cells[2])
    assert second.show("tower") == "[1, 2, 3, 3]"


def test_assignment_to_an_earlier_variable(book):
    book.ok("let mut assigned = 1;")
    cell = "assigned += 10;"
    book.miss(cell)
    book.miss(cell)
    assert book.show("assigned") == "21"
    book.ok("assigned = 1;")
    book.hit(cell)
    assert book.show("assigned") == "11"


def test_a_cell_that_moves_a_variable_out(book):
    cell = "let consumed: usize = raw_lines.into_iter().map(|line: String| line.len()).sum();"
    for ran in (True, False):
        book.ok('let raw_lines = vec!["ab".to_string()];')
        _, computed = book.run(cell)
        assert computed == ran
        assert book.show("consumed") == "2"
        assert "raw_lines" not in (book.ok("%who").value or "")
        assert book.kernel.fails("raw_lines").ename


def test_a_loop_that_appends_is_hit_only_with_the_same_beginning(book):
    cell = "for n in 0..3 { series.push(n); }"
    book.ok("let mut series: Vec<i32> = vec![];")
    book.miss(cell)
    book.ok("let mut series: Vec<i32> = vec![5];")
    book.miss(cell)
    book.ok("let mut series: Vec<i32> = vec![];")
    book.hit(cell)
    assert book.show("series") == "[0, 1, 2]"


TYPES = """
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
enum Shape { Dot, Line(f64, f64), Box { corner: (i8, i8), label: Option<String> } }
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
struct Drawing<T> { shapes: Vec<Shape>, by_name: BTreeMap<String, T>, nested: Option<Box<Drawing<T>>> }
"""
VALUES = {
    "numbers": ("(i128::MIN, u64::MAX, f32::MIN_POSITIVE, 'ß', true)", None),
    "f64 with a nan": ("vec![f64::NAN, f64::INFINITY, -0.0]", None),
    "strings": ('vec![String::new(), "a\\0ü🦀".to_string()]', None),
    "nested collections": ("vec![Some(vec![(1u8, [1i16; 3])]), None]", None),
    "a map": ('HashMap::from([("a".to_string(), vec![1]), ("b".to_string(), vec![])])', "value[\"a\"].len() + value.len()"),
    "a set": ("HashSet::from([1u8, 2, 3])", "value.contains(&2) as usize + value.len()"),
    "a deque": ("VecDeque::from([1, 2])", None),
    "an enum": ("vec![Shape::Dot, Shape::Line(1.5, -2.0), Shape::Box { corner: (1, -1), label: Some(\"x\".into()) }]", None),
    "a generic struct": (
        'Drawing { shapes: vec![Shape::Dot], by_name: BTreeMap::from([("k".to_string(), 1u16)]), nested: Some(Box::new(Drawing { shapes: vec![], by_name: BTreeMap::new(), nested: None })) }',
        None,
    ),
    "a Result": ('Ok::<u8, String>(1)', None),
    "a Duration": ("std::time::Duration::from_millis(1500)", None),
    "unit": ("()", None),
    "a PathBuf": ('std::path::PathBuf::from("/tmp/x")', None),
}


@pytest.mark.parametrize("what", VALUES)
def test_values_of_many_types_come_back(book, what):
    expression, looked_at = VALUES[what]
    looked_at = looked_at or 'format!("{value:?}")'
    book.ok(TYPES)
    cell = f"let value = {expression};"
    book.miss(cell)
    before = book.show(looked_at)
    book.hit(cell)
    assert book.show(looked_at) == before


def test_several_variables_and_patterns(book):
    cell = 'let (left, mut right) = (1u8, "r".to_string());\nlet third = right.len();'
    book.miss(cell)
    book.ok("right.push('!');")
    book.hit(cell)
    assert book.show("(left, &right, third)") == '(1, "r", 1)'


def test_variables_after_hits_are_listed_and_can_be_inputs(new_book):
    cells = ["let first_of = vec![1u32, 2];", 'let second_of = "text".to_string();']
    book = new_book()
    for cell in cells:
        book.miss(cell)
    book.end()
    book = new_book()
    for cell in cells:
        book.hit(cell)
    listed = book.ok("%whos").value
    assert "first_of" in listed and "Vec<u32>" in listed and "second_of" in listed and "String" in listed
    assert book.ok("let joined = first_of.len() + second_of.len();\njoined").value == "6"
    assert book.kernel.completions("second_of.as_st") and book.show("second_of") == '"text"'


def test_a_type_that_was_defined_anew_after_the_hit(book):
    book.ok("#[derive(Debug, serde::Serialize, serde::Deserialize)] struct Anew { a: u8 }")
    book.miss("let anew = Anew { a: 1 };")
    book.hit("let anew = Anew { a: 1 };")
    redefined = book.ok("#[derive(Debug, serde::Serialize, serde::Deserialize)] struct Anew { a: u8, b: u8 }")
    used = book.kernel.run("anew.b")
    assert used.status == "error", used
    assert "anew" in used.evalue + used.traceback + redefined.stderr, used
