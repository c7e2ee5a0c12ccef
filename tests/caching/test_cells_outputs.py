"""What a hit shows: the same as the run, byte for byte and in the same order, with fresh ids and numbers."""

from support import notebooks
from support.cells import cache_of

MIXED = """
println!("a");
eprint!("b");
println!("c\\u{1b}[31md\\u{1b}[0m\\r\\n");
cellar::html("<b>bold</b>");
eprintln!("e");
print!("no newline");
"ü\\u{0}🦀".to_string()
"""


def test_streams_displays_and_the_result_in_their_order(book):
    first = book.miss(MIXED)
    second = book.hit(MIXED)
    assert [kind for kind, _ in first.events] == ["stdout", "stderr", "stdout", "display_data", "stderr", "stdout", "result"]
    assert second.events == first.events
    assert second.rich == first.rich


def test_updates_go_to_a_display_of_their_own(book):
    cell = 'for n in cellar::progress(0..3) { let _ = n; }\nprintln!("done");'
    first, second = book.miss(cell), book.hit(cell)

    def ids(result):
        return [
            message["content"]["transient"]["display_id"]
            for message in result.messages
            if message["msg_type"] in ("display_data", "update_display_data")
        ]

    assert len(set(ids(first))) == 1 and len(set(ids(second))) == 1
    assert ids(first)[0] != ids(second)[0]
    # How a bar looks while it runs depends on the clock; how it ends does not.
    assert second.events[-1] == first.events[-1]
    assert [kind for kind, _ in second.events] == [kind for kind, _ in first.events]


def test_clear_output(book):
    cell = 'println!("gone");\ncellar::clear_output(true);\nprintln!("stays");'
    first, second = book.miss(cell), book.hit(cell)
    assert ("clear", True) in first.events
    assert second.events == first.events


def test_output_of_c_code_and_children(book):
    cell = 'println!("rust");\nstd::process::Command::new("echo").arg("child").status().unwrap();\nprintln!("rust again");'
    first, second = book.miss(cell), book.hit(cell)
    assert first.stdout == "rust\nchild\nrust again\n"
    assert second.events == first.events


def test_a_lot_of_output(book):
    cell = 'for n in 0..20_000 { println!("line {n}"); }'
    first, second = book.miss(cell), book.hit(cell)
    assert second.stdout == first.stdout and second.stdout.endswith("line 19999\n")


def test_a_value_with_several_forms(book):
    book.ok(
        'struct Both; impl Both { fn evcxr_display(&self) { println!("EVCXR_BEGIN_CONTENT text/html\\n<i>x</i>\\nEVCXR_END_CONTENT"); } }'
    )
    first, second = book.miss("Both"), book.hit("Both")
    assert {"text/html"} <= {kind for _, data in first.events if isinstance(data, dict) for kind in data}
    assert second.events == first.events and second.rich == first.rich


def test_a_silent_run_and_a_loud_one(book):
    cell = 'println!("heard");\n5'
    book.miss(cell, silent=True)
    assert book.hit(cell).events == [("stdout", "heard\n"), ("result", "5")]


def test_how_a_value_is_shown_is_an_input(book):
    cell = "let shown_as = (1, 2);\nshown_as"
    first = book.miss(cell)
    assert first.value == "(1, 2)"
    book.ok(":fmt {:#?}")
    second, _ = book.run(cell)
    book.ok(":fmt {:?}")
    assert second.value == "(\n    1,\n    2,\n)"


def test_an_expression_of_the_request_sees_the_value_of_a_hit(book):
    book.miss("let asked = vec![1, 2];")
    result = book.hit("let asked = vec![1, 2];", user_expressions={"n": "asked.len()"})
    assert result.reply["user_expressions"]["n"]["data"]["text/plain"] == "2"


def test_a_notebook_that_nbconvert_runs_twice(tmp_path):
    path = notebooks.write(
        tmp_path / "twice.ipynb",
        "#[derive(Debug, serde::Serialize, serde::Deserialize)]\nstruct Point { x: f64 }",
        '//% cache_data\nlet points: Vec<Point> = (0..3).map(|n| Point { x: n as f64 }).collect();\nprintln!("made");\neprintln!("warned");\n&points',
        "//% cache_data\nlet sum: f64 = points.iter().map(|p| p.x).sum();\ncellar::html(&format!(\"<b>{sum}</b>\"));\nsum",
        "points[1].x + sum",
    )
    made = []
    for name in ("cold.ipynb", "warm.ipynb"):
        done = notebooks.nbconvert(path, tmp_path / name)
        assert done.returncode == 0, done.stderr
        made.append(notebooks.read(tmp_path / name))
    cold, warm = ([cell.get("outputs") for cell in one.cells] for one in made)
    assert cold == warm
    assert [cell.execution_count for cell in made[0].cells] == [cell.execution_count for cell in made[1].cells]
    assert warm[3][0].data["text/plain"] == "4.0"


def test_a_cell_without_a_directive_says_nothing_of_the_cache(kernel):
    assert cache_of(kernel.ok("1 + 1")) is None
