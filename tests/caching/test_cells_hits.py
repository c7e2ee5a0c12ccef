"""When a cached cell is taken from the cache: the same again, another layout, another number, after a restart."""

import re

import pytest

from support.cells import told


def test_the_second_run_is_a_hit_and_its_variable_is_there(book):
    first = book.miss("let again: Vec<i32> = (1..4).collect();")
    second = book.hit("let again: Vec<i32> = (1..4).collect();")
    assert told(first)["key"] == told(second)["key"]
    assert told(second)["saved_s"] > 0
    assert book.show("again") == "[1, 2, 3]"


def test_comments_and_layout_do_not_matter(book):
    book.miss("let layout = vec![1, 2];\nlayout.len()")
    result = book.hit("// why\n\n  let layout =\n    vec![ 1,2 ] ; /* so */ layout . len( )")
    assert result.value == "2"


def test_the_number_of_the_cell_does_not_matter_and_is_fresh(book):
    first = book.miss("let number = 5u8;\nnumber")
    for n in range(3):
        book.ok(f"let _ = {n};")
    second = book.hit("let number = 5u8;\nnumber")
    assert second.execution_count > first.execution_count
    shown = [m["content"] for m in second.messages if m["msg_type"] == "execute_result"]
    assert [content["execution_count"] for content in shown] == [second.execution_count]


def test_another_text_in_a_string_is_another_cell(book):
    book.miss('let text = "a b";')
    book.miss('let text = "a  b";')
    assert book.show("text.len()") == "4"


def test_two_cells_that_differ_in_one_token_are_two_entries(book):
    book.miss("let token = 1u8;")
    book.miss("let token = 1u16;")
    book.hit("let token = 1u8;")
    assert book.show("std::mem::size_of_val(&token)") == "1"


NOTEBOOK = [
    "#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)] struct Row { id: u32, name: String }",
    "let rows: Vec<Row> = (0..3).map(|id| Row { id, name: format!(\"r{id}\") }).collect();\nrows.len()",
    "let total: u32 = rows.iter().map(|row| row.id).sum();\nprintln!(\"{total}\");",
]


def test_after_a_restart_all_are_hits_and_no_compiler_is_started(new_book, tmp_path):
    log = tmp_path / "stderr"
    with log.open("w") as stderr:
        first = new_book(stderr=stderr)
        first.ok(NOTEBOOK[0])
        for cell in NOTEBOOK[1:]:
            first.miss(cell)
        first.end()
        environment = {"CELLAR_LOG": "cellar=debug"}
        second = new_book(stderr=stderr, extra_env=environment)
        second.ok(NOTEBOOK[0])
        compiled = compiles(log)
        assert second.hit(NOTEBOOK[1]).value == "3"
        assert second.hit(NOTEBOOK[2]).stdout == "3\n"
        assert compiles(log) == compiled
        assert second.show("rows[2].name.clone() + &total.to_string()") == '"r23"'
        assert compiles(log) > compiled


def compiles(log):
    """How often the engine has been asked for a library, as its log tells."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", log.read_text())
    return len(re.findall(r"\b(built|evaluated|compiled without evcxr|made a codec library)\b", text))


def test_the_same_cell_in_a_kernel_that_runs_at_the_same_time(book, new_book):
    book.miss("let across = 17u64;")
    book.ok("%cache list")
    other = new_book()
    other.hit("let across = 17u64;")
    assert other.show("across") == "17"


@pytest.mark.parametrize("spelling", ["//% cache_data()", "//%cache_data", "//%   cache_data  "])
def test_the_spelling_of_the_directive_does_not_matter(book, spelling):
    name = "spelled_" + str(len(spelling))
    book.miss(f"let {name} = 1;")
    result = book.ok(f"{spelling}\ntick();\nlet {name} = 1;")
    assert told(result)["cache"] == "hit"
