"""Every instance is released once, and never while the process lives that has it."""

import json

import pytest

SESSION = """
use std::io::Write;
struct Guarded { name: String }
fn note(text: &str) { std::fs::OpenOptions::new().append(true).create(true).open(LOG).unwrap().write_all(format!("{text}\\n").as_bytes()).unwrap(); }
fn release(it: &Guarded) { note(&format!("release {}", it.name)); }
"""


class Log:
    def __init__(self, kernel, path):
        self.kernel, self.path = kernel, path
        kernel.ok(f"const LOG: &str = {json.dumps(str(path))};\n{SESSION}")

    @property
    def lines(self):
        return self.path.read_text().splitlines() if self.path.exists() else []


@pytest.fixture
def log(new_kernel, tmp_path):
    kernel = new_kernel()
    log = Log(kernel, tmp_path / "log")
    kernel.ok("""
        //% cache_resource(on_release = release)
        fn make(name: &str) -> Guarded { note(&format!("make {name}")); Guarded { name: name.to_owned() } }
    """)
    return log


def test_exit_in_a_cell_releases_nothing_that_lives_on(log):
    kernel = log.kernel
    kernel.ok("""
        //% cache_resource(on_release = release_own)
        fn own(n: u64) -> std::rc::Rc<u64> { note("make own"); std::rc::Rc::new(n) }
        fn release_own(_: &std::rc::Rc<u64>) { note("release own"); }
    """)
    kernel.ok('//% cache_resource(on_release = release)\nlet of_cell = Guarded { name: "cell".into() };')
    kernel.ok("own(1);")
    for _ in range(2):
        kernel.fails("std::process::exit(3)")
        assert kernel.show("*own(1)") != ""
        kernel.ok('//% cache_resource(on_release = release)\nlet of_cell = Guarded { name: "cell".into() };')
    assert log.lines == ["make own"]
    kernel.manager.shutdown_kernel(now=False)
    assert sorted(log.lines) == ["make own", "release cell", "release own"]


@pytest.mark.parametrize("magic", ["%reset", ":clear", ":restart"])
def test_a_reset_releases_the_instances_of_functions(log, magic):
    log.kernel.ok('make("a");')
    log.kernel.ok(magic)
    assert log.lines == ["make a", "release a"]
    log.kernel.manager.shutdown_kernel(now=False)
    assert log.lines == ["make a", "release a"]


def test_a_function_that_is_no_resource_any_more(log):
    log.kernel.ok('make("a");')
    log.kernel.ok('fn make(name: &str) -> Guarded { Guarded { name: name.to_owned() } }')
    assert log.lines == ["make a", "release a"]
    assert "make" not in log.kernel.show("%cache list")


def test_other_functions_for_release_and_validation_hold_at_once(log):
    kernel = log.kernel
    directive = '//% cache_resource(on_release = last, validate = check)\nfn checked(name: &str) -> Guarded { note("make"); Guarded { name: name.to_owned() } }'
    kernel.ok('fn last(it: &Guarded) { note("last") }\nfn check(_: &Guarded) -> bool { true }')
    kernel.ok(directive)
    kernel.ok('checked("a"); checked("a");')
    assert log.lines == ["make"]
    kernel.ok("fn check(_: &Guarded) -> bool { false }")
    kernel.ok('checked("a");')
    assert log.lines == ["make", "last", "make"]
    kernel.ok('fn last(it: &Guarded) { note("another last") }\nfn check(_: &Guarded) -> bool { true }')
    kernel.ok('checked("a"); checked::clear();')
    assert log.lines[3:] == ["last", "make", "another last"]


def test_a_shorter_ttl_holds_for_what_is_there(log):
    kernel = log.kernel
    body = 'fn timed() -> Guarded { note("make timed"); Guarded { name: "timed".into() } }'
    kernel.ok(f"//% cache_resource(on_release = release)\n{body}\ntimed();")
    kernel.ok(f'//% cache_resource(on_release = release, ttl = "10s")\n{body}\ntimed();')
    assert log.lines == ["make timed", "release timed", "make timed"]


def test_a_check_that_panics_means_not_valid(log):
    kernel = log.kernel
    kernel.ok("""
        fn panics(_: &Guarded) -> bool { panic!("no answer") }
        //% cache_resource(on_release = release, validate = panics)
        fn doubted() -> Guarded { note("make doubted"); Guarded { name: "doubted".into() } }
        doubted();
    """)
    kernel.ok("doubted();")
    assert log.lines == ["make doubted", "release doubted", "make doubted"]


def test_an_instance_that_nobody_keeps_leaves_with_its_last_handle(log):
    kernel = log.kernel
    kernel.ok("%cache off")
    kernel.ok('let handle = make("a");\nlet other = handle.clone();\ndrop(handle);')
    assert log.lines == ["make a"]
    kernel.ok("drop(other);")
    assert log.lines == ["make a", "release a"]
    kernel.ok("%cache on")
