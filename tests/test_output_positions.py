"""`dbg!` tells places in cells, not in the crate that is made of them."""

import pytest

from support.result import without_colours


def test_dbg_tells_the_place_in_the_cell(kernel):
    result = kernel.ok("let x = 3;\n  dbg!(x + 1); dbg!(x);\ndbg!(x,\n x * 2);\ndbg!();")
    assert result.stderr == (
        "[In[{0}]:2:3] x + 1 = 4\n[In[{0}]:2:16] x = 3\n[In[{0}]:3:1] x = 3\n[In[{0}]:3:1] x * 2 = 6\n[In[{0}]:5:1]\n"
    ).format(result.execution_count)


def test_dbg_gives_its_value_and_is_shown_as_a_last_expression(kernel):
    result = kernel.ok('let owned = dbg!(String::from("é"));\n\n\ndbg!(owned)')
    assert result.stderr == '[In[{0}]:1:13] String::from("é") = "é"\n[In[{0}]:4:1] owned = "é"\n'.format(
        result.execution_count
    )
    assert result.value == '"é"'
    assert kernel.ok("dbg!((1, 2), vec![3])").value == "((1, 2), [3])"


def test_dbg_in_items_tells_the_cell_that_defined_them(kernel):
    first = kernel.ok("fn one() {}\nfn debugged(y: u8) -> u8 {\n    dbg!(y)\n}").execution_count
    second = kernel.ok("mod inner {\n  pub fn within() { dbg!(1); }\n}\n\nmacro_rules! show { ($e:expr) => { dbg!($e) } }")
    last = kernel.ok("debugged(7);\ninner::within();\n show!(5);\n(|| { dbg!(8); })();")
    assert last.stderr == "[In[{}]:3:5] y = 7\n[In[{}]:2:21] 1 = 1\n[In[{}]:3:2] 5 = 5\n[In[{}]:4:7] 8 = 8\n".format(
        first, second.execution_count, last.execution_count, last.execution_count
    )


def test_what_an_earlier_cell_keeps_tells_that_cell(kernel):
    made = kernel.ok("let later: Box<dyn Fn(u8)> = Box::new(|x| { dbg!(x); });").execution_count
    kernel.ok("struct Between; fn between() {} let between = 1;")
    assert kernel.ok("\n\nlater(2);\ndbg!(3);").stderr.startswith(f"[In[{made}]:1:45] x = 2\n")


def test_dbg_of_what_has_no_debug_is_shown_in_the_cell(kernel):
    kernel.ok("struct Opaque;")
    failed = kernel.fails("let o = Opaque;\ndbg!(o);")
    assert failed.ename == "E0277" and "dbg!(o);" in failed.traceback
    assert "value" not in failed.traceback.replace("dbg!(o);", "")


@pytest.mark.parametrize(
    "own",
    [
        'macro_rules! dbg { ($e:expr) => { println!("own {}", $e) } }',
        'mod of_{n} {{ macro_rules! dbg_{n} {{ ($e:expr) => {{ println!("own {{}}", $e) }} }} pub(crate) use dbg_{n}; }}\n'
        "use of_{n}::dbg_{n} as dbg;",
    ],
)
def test_a_macro_of_the_user_goes_first(new_kernel, own):
    kernel = new_kernel()
    own = own.format(n=1) if "{n}" in own else own
    kernel.ok(own)
    assert kernel.ok("dbg!(4);").stdout == "own 4\n"


def test_a_cell_with_dbg_is_compiled_once(new_kernel, tmp_path):
    log = tmp_path / "log"
    with log.open("w") as stderr:
        kernel = new_kernel(extra_env={"CELLAR_LOG": "debug"}, stderr=stderr)
        kernel.ok("fn seen_before() { dbg!(0); } fn and_another() {} fn and_more() {}")
        kernel.ok("1")
        before = len(log.read_text())
        assert kernel.ok("let twice = dbg!(2);").stderr.endswith("] 2 = 2\n")
    said = without_colours(log.read_text()[before:])
    assert "compiles=1" in said and "compiles=2" not in said and "compiled again" not in said


def test_a_cached_cell_with_dbg_is_computed_anew_where_its_layout_changes(kernel):
    cell = "//% cache_data\nlet debugged = dbg!(40 + 2);"
    first = kernel.ok(cell)
    assert first.stderr == f"[In[{first.execution_count}]:2:16] 40 + 2 = 42\n"
    assert kernel.ok(cell).request.reply["metadata"]["cellar"]["cache"] == "hit"
    moved = kernel.ok(cell.replace("let", "\nlet"))
    assert moved.stderr == f"[In[{moved.execution_count}]:3:16] 40 + 2 = 42\n"
