"""Dependencies that some session has built on this machine: the next one links what is there, and asks neither cargo nor evcxr."""

import json
import subprocess

import pytest

from support import paths
from support.store import new_cache

# Nothing depends on how fast it is there, but all is over before evcxr has booted if nobody waits for it.
FIRST = ':dep itoa = "1"\nlet written = itoa::Buffer::new().format(12).to_string();\nwritten'
WAITED = "evcxr has to look at the cell"
ASKED = "dependencies are built"


class Log:
    """What the kernels have to say for themselves."""

    def __init__(self, path):
        self.path = path
        self.seen = 0

    def count(self, words):
        """How often that was said since this was last asked."""
        new = self.path.read_text()[self.seen :]
        self.seen += len(new)
        return new.count(words)


@pytest.fixture
def alone(machine, tmp_path):
    """The machine with dependencies of its own, which nobody else builds meanwhile."""
    machine.environment["CELLAR_CACHE_DIR"] = str(new_cache(tmp_path / "own", shared=["runtime", "codecs"]))
    machine.environment["CELLAR_LOG"] = "debug"
    machine.log = Log(tmp_path / "log")
    machine.cache = tmp_path / "own"
    with machine.log.path.open("w") as machine.stderr:
        yield machine


def end(kernel):
    kernel.manager.shutdown_kernel(now=False)


def types(kernel):
    """Of all variables, by name."""
    rows = [line.split(maxsplit=1) for line in kernel.show("%whos").splitlines()[2:]]
    return {name: text.strip() for name, text in rows}


def records(machine):
    return sorted((machine.cache / "dependencies" / "resolved").glob("*.json"))


def test_the_next_session_finds_them(alone):
    first = alone.kernel()
    assert first.show(FIRST) == '"12"'
    assert first.show("itoa::Buffer::new().format(written.len()).to_string()") == '"2"'
    assert alone.log.count(ASKED) == 1 and len(records(alone)) == 1
    end(first)
    alone.compiles()
    second = alone.kernel()
    assert second.show(FIRST) == '"12"'
    assert second.show("itoa::Buffer::new().format(written.len()).to_string()") == '"2"'
    assert alone.compiles() == 0 and alone.log.count(ASKED) == 0
    # A new cell is compiled, against the same crates.
    assert second.show("itoa::Buffer::new().format(7u8).len()") == "1"
    assert alone.compiles() == 1
    # Again in the same session, then a further one, then evcxr's own crate with all that there is.
    assert second.show(FIRST) == '"12"'
    assert second.show(':dep ryu = "1"\nryu::Buffer::new().format(1.5).to_string() + &written') == '"1.512"'
    second.ok("%cache off")
    assert second.show("(itoa::Buffer::new().format(3).len(), ryu::Buffer::new().format(2.5).len(), written.len())") == "(1, 3, 2)"


def test_what_is_wrong_below_them_is_told_and_they_stay(alone):
    alone.kernel().ok(':dep itoa = "1"')
    kernel = alone.kernel()
    alone.log.count(ASKED)
    assert kernel.fails(':dep itoa = "1"\nlet text: u8 = itoa::Buffer::new();').ename == "E0308"
    assert kernel.show("itoa::Buffer::new().format(5).to_string()") == '"5"'
    assert kernel.fails(':dep itoa = "1"\npanic!("below");').ename == "panic"
    assert kernel.show("itoa::Buffer::new().format(6).to_string()") == '"6"'
    assert alone.log.count(ASKED) == 0
    assert kernel.fails(':dep itoa = "77"').ename == "DependencyError"
    assert kernel.show("itoa::Buffer::new().format(7).to_string()") == '"7"'


def test_only_what_is_whole_is_linked(alone):
    alone.kernel().ok(FIRST)
    alone.log.count(ASKED)
    libraries = list((alone.cache / "dependencies").glob("*/debug/deps/libitoa-*.rlib"))
    assert len(libraries) == 1
    libraries[0].unlink()
    kernel = alone.kernel()
    assert kernel.show("1 + 1") == "2"
    assert kernel.show(':dep itoa = "1"\nitoa::Buffer::new().format(8).to_string()') == '"8"'
    assert alone.log.count(ASKED) == 1 and libraries[0].exists()
    assert alone.kernel().show(FIRST) == '"12"'
    assert alone.log.count(ASKED) == 0


def test_the_version_stays_until_all_is_cleared(alone):
    alone.kernel().ok(FIRST)
    alone.log.count(ASKED)
    (record,) = records(alone)
    locked = json.loads(record.read_text())["lock_file"]
    assert 'name = "itoa"' in locked
    subprocess.run([paths.CELLAR, "cache", "clear"], env=alone.environment, check=True, stdout=subprocess.DEVNULL)
    assert not records(alone)
    kernel = alone.kernel()
    assert kernel.show(FIRST) == '"12"'
    assert alone.log.count(ASKED) == 1 and len(records(alone)) == 1
    # evcxr, which hears of them later, is to find the same.
    other = alone.kernel()
    other.ok(FIRST)
    other.ok("%cache off\n1")
    assert alone.log.count(ASKED) == 0


def test_another_dependency_does_not_change_the_version_of_the_first(alone):
    def stanza(text):
        return next(part for part in text.split("[[package]]") if 'name = "itoa"' in part)

    alone.kernel().ok(':dep itoa = "=1.0.9"')
    (old,) = records(alone)
    alone.kernel().ok(':dep itoa = "1"')
    (new,) = set(records(alone)) - {old}
    # As if the newer version had been published after this.
    record = json.loads(new.read_text())
    record["lock_file"] = record["lock_file"].replace(stanza(record["lock_file"]), stanza(json.loads(old.read_text())["lock_file"]))
    new.write_text(json.dumps(record))
    kernel = alone.kernel()
    alone.log.count(ASKED)
    kernel.ok(':dep itoa = "1"')
    assert alone.log.count(ASKED) == 0
    kernel.ok(':dep ryu = "1"')
    assert alone.log.count(ASKED) == 1
    (both,) = set(records(alone)) - {old, new}
    assert 'version = "1.0.9"' in stanza(json.loads(both.read_text())["lock_file"])


def test_settings_of_one_session_are_not_anothers(alone):
    kernel = alone.kernel()
    kernel.ok(':build_env RUSTFLAGS=--cfg of_a_session')
    kernel.ok(FIRST)
    assert not records(alone)
    alone.kernel().ok(FIRST)
    assert len(records(alone)) == 1
    kernel = alone.kernel()
    kernel.ok(':build_env RUSTFLAGS=--cfg of_a_session')
    alone.log.count(ASKED)
    kernel.ok(FIRST)
    assert alone.log.count(ASKED) == 1


def test_nothing_is_built_for_a_cell_that_cannot_be_parsed(alone):
    kernel = alone.kernel()
    assert "unclosed" in kernel.fails(':dep itoa = "1"\nlet open = { 1;').evalue
    assert alone.log.count(ASKED) == 0 and not records(alone)


def test_dependencies_that_evcxr_cannot_have_are_told(alone):
    """They are there, but the package that evcxr looks at is not."""
    alone.kernel().ok(FIRST)
    kernel = alone.kernel(CARGO_NET_OFFLINE="true", CARGO_HOME=str(alone.cache / "empty"))
    kernel.ok("let before = 1;")
    kernel.ok(FIRST)
    kernel.ok("%cache off")
    result = kernel.run("before + 1")
    assert "dependencies of earlier cells" in result.stderr and "Run the cells with `:dep` again" in result.stderr
    assert result.value == "2"
    assert kernel.fails("itoa::Buffer::new();").ename in ("E0432", "E0433")


def test_features_are_not_mixed_up(alone):
    plain, other = ':dep serde_json = "1"', ':dep serde_json = { version = "1", features = ["preserve_order"] }'
    keys = 'serde_json::json!({"b": 1, "a": 2}).as_object().unwrap().keys().cloned().collect::<Vec<_>>()'
    for session in range(2):
        assert alone.kernel().show(f"{plain}\n{keys}") == '["a", "b"]'
        assert alone.kernel().show(f"{other}\n{keys}") == '["b", "a"]'
        assert alone.log.count(ASKED) == (2 if session == 0 else 0)


def test_types_of_crates_are_named_without_evcxr(alone):
    """rust-analyzer has said what they are called: in this session, or in an earlier one."""
    cells = [':dep itoa = "1"', "let mut one = itoa::Buffer::new();", "let two = (vec![itoa::Buffer::new()], 2u8);"]
    first = alone.kernel()
    for cell in cells:
        first.ok(cell)
    assert types(first) == {"one": "itoa::Buffer", "two": "(Vec<itoa::Buffer>, u8)"}
    assert alone.log.count(WAITED) == 1, "the third cell has only names that were learnt"
    end(first)
    second = alone.kernel()
    second.ok(cells[0])
    second.ok("let mut three = itoa::Buffer::new(); let four = [itoa::Buffer::new()];")
    assert types(second) == {"three": "itoa::Buffer", "four": "[itoa::Buffer; 1]"}
    assert alone.log.count(WAITED) == 0
    assert second.show("three.format(4).to_string()") == '"4"'
    # Where the name may mean something else, it is asked for again.
    second.ok("struct Another;")
    second.ok("let five = itoa::Buffer::new();")
    assert alone.log.count(WAITED) == 1
    second.ok("%cache off")
    assert second.show("{ let mut five = five; three = five; three.format(5).to_string() }") == '"5"'
