"""`show_spinner`: seen while something computes, and nowhere afterwards."""

import os

import nbformat
import pytest

from support import notebooks

SLEEP = "std::thread::sleep(std::time::Duration::from_millis(1500));"


def shown_texts(result):
    """What displays said while the cell ran, empty ones left out."""
    texts = []
    for message in result.messages:
        if message["msg_type"] in ("display_data", "update_display_data"):
            texts.append(message["content"]["data"].get("text/plain"))
    return [text for text in texts if text]


def left(result):
    """The outputs of a notebook's cell after these messages."""
    outputs, clears = [], False
    for message in result.messages:
        kind, content = message["msg_type"], message["content"]
        if kind == "clear_output":
            clears = True
            if not content["wait"]:
                outputs, clears = [], False
        elif kind in ("stream", "display_data", "execute_result", "error"):
            if clears:
                outputs, clears = [], False
            if kind == "stream" and outputs and outputs[-1][0] == content["name"]:
                outputs[-1] = (content["name"], outputs[-1][1] + content["text"])
            elif kind == "stream":
                outputs.append((content["name"], content["text"]))
            else:
                outputs.append((kind, content.get("data", {}).get("text/plain", content.get("ename"))))
    return outputs


CELL = 'println!("before");\n' + SLEEP + '\nprintln!("after");\nlet spun_long = 3;\nspun_long'
OUTPUTS = [("stdout", "before\nafter\n"), ("execute_result", "3")]


def test_a_text_is_shown_while_the_cell_computes(book):
    miss = book.miss(CELL, '(show_spinner = "Loading the data…")')
    assert shown_texts(miss) == ["Loading the data…"]
    assert left(miss) == OUTPUTS
    # It is there while the cell sleeps: between the two lines, and before what takes it away.
    kinds = [m["msg_type"] for m in miss.messages]
    assert kinds.index("display_data") < kinds.index("clear_output")
    hit = book.hit(CELL, '(show_spinner = "Loading the data…")')
    assert shown_texts(hit) == [] and left(hit) == OUTPUTS
    assert "clear_output" not in [m["msg_type"] for m in hit.messages]


def test_true_says_what_computes(book):
    assert shown_texts(book.miss(CELL.replace("3", "4"), "(show_spinner = true)")) == ["Running spun_long"]
    named = book.miss(CELL.replace("3", "5"), '(show_spinner = true, name = "prices")')
    assert shown_texts(named) == ["Running prices"]


@pytest.mark.parametrize("options", ["", "(show_spinner = false)"])
def test_nothing_is_shown_unless_it_is_asked_for(book, options):
    miss = book.miss(CELL.replace("3", "6" + str(len(options))), options)
    assert shown_texts(miss) == [] and "clear_output" not in [m["msg_type"] for m in miss.messages]


def test_nothing_is_left_of_a_cell_that_shows_nothing_and_of_one_that_fails(book):
    quiet = book.miss(f"{SLEEP}\nlet spun_quietly = 1;", '(show_spinner = "Hush")')
    assert shown_texts(quiet) == ["Hush"] and left(quiet) == []
    failed = book.kernel.run(f'//% cache_data(show_spinner = "Alas")\nprintln!("before");\n{SLEEP}\npanic!("on purpose");')
    assert shown_texts(failed) == ["Alas"]
    assert left(failed) == [("stdout", "before\n"), ("stderr", failed.stderr), ("error", "panic")] or left(failed) == [
        ("stdout", "before\n"),
        ("error", "panic"),
    ]


def test_displays_and_updates_of_the_cell_itself_stay(book):
    cell = f'{{ let shown = cellar::text("first");\n{SLEEP}\nshown.update("second".to_string()); }}\nlet spun_shown = 1;'
    miss = book.miss(cell, '(show_spinner = "Working")')
    assert "Working" in shown_texts(miss)
    assert [kind for kind, _ in left(miss)] == ["display_data"]
    own = [m["content"]["transient"]["display_id"] for m in miss.messages if m["content"].get("data", {}).get("text/plain") == "first"]
    assert len(own) == 2 and len(set(own)) == 1, "shown again under its own id"


def test_functions(kernel):
    result = kernel.ok(f"""
        //% cache_data(show_spinner = "Fetching…")
        fn spinning(n: u64) -> u64 {{ {SLEEP} println!("computed {{n}}"); n }}
        //% cache_data(show_spinner = true)
        fn also_spinning(n: u64) -> u64 {{ if n > 0 {{ {SLEEP} }} n }}
        //% cache_resource(show_spinner = "Connecting…")
        fn connecting() -> String {{ {SLEEP} "connection".to_owned() }}
        println!("start");
        spinning(1); also_spinning(0); also_spinning(1); connecting();
    """)
    assert shown_texts(result) == ["Fetching…", "Running also_spinning(…)", "Connecting…"]
    assert left(result) == [("stdout", "start\ncomputed 1\n")]
    again = kernel.ok("spinning(1); also_spinning(1); connecting();")
    assert shown_texts(again) == [] and left(again) == []
    # In a cached cell it is no output either, neither at once nor when the cell is taken from the cache.
    cell = "//% cache_data\nlet by_spinning = spinning(2);\nby_spinning"
    outputs = [("stdout", "computed 2\n"), ("execute_result", "2")]
    miss = kernel.ok(cell)
    assert shown_texts(miss) == ["Fetching…"] and left(miss) == outputs
    assert left(kernel.ok(cell)) == outputs and shown_texts(kernel.ok(cell)) == []


def test_the_saved_notebook_is_that_of_a_hit(own_cache, tmp_path, monkeypatch):
    monkeypatch.setenv("CELLAR_CACHE_DIR", str(own_cache))
    path = notebooks.write(tmp_path / "spins.ipynb", f'//% cache_data(show_spinner = "Loading…")\n{CELL}')
    outputs = []
    for run in ("miss", "hit"):
        done = notebooks.nbconvert(path, tmp_path / f"{run}.ipynb")
        assert done.returncode == 0, done.stderr
        made = nbformat.read(tmp_path / f"{run}.ipynb", as_version=4)
        outputs.append([cell.outputs for cell in made.cells])
    assert outputs[0] == outputs[1]
    done = notebooks.cellar("run", path, "-o", tmp_path / "run.ipynb", env={**os.environ, "CELLAR_CACHE_DIR": str(tmp_path / "other")})
    assert done.returncode == 0, done.stderr
    shown = [notebooks.shown(notebooks.read(tmp_path / f"{name}.ipynb")) for name in ("run", "miss")]
    assert shown[0] == shown[1]
    assert "Loading" not in (tmp_path / "miss.ipynb").read_text().replace("Loading…\\\")", "")
