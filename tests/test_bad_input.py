"""Bad input and bad surroundings: a clear error, and the session is alive."""

import os
import subprocess

import pytest

from support import toolchain


def alive(kernel):
    assert kernel.request("kernel_info_request").content["status"] == "ok"


def crate(folder, name, source, build=None):
    path = folder / name
    (path / "src").mkdir(parents=True)
    (path / "Cargo.toml").write_text(f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n')
    (path / "src" / "lib.rs").write_text(source)
    if build:
        (path / "build.rs").write_text(build)
    return path


# -- cells ---------------------------------------------------------------------------------------


def test_a_cell_of_ten_megabytes_of_comments(kernel):
    kernel.ok("let before_the_long_one = 1;")
    line = "// " + "x" * 97 + "\n"
    result = kernel.run(line * 100_000 + "40 + 2", timeout=200)
    assert result.value == "42" or (result.status == "error" and result.evalue), result.status
    assert kernel.show("before_the_long_one") == "1"


def test_a_cell_with_a_string_of_a_megabyte(kernel):
    result = kernel.run('let megabyte = "' + "é" * 500_000 + '"; megabyte.len()', timeout=200)
    assert result.value == "1000000"


def test_a_nul_byte_in_a_cell(kernel):
    for code in ("let a = 1;\0", "\0", 'let s = "a\0b"; s.len()', "// \0\n1"):
        result = kernel.run(code, timeout=60)
        assert result.status in ("ok", "error")
        if result.status == "error":
            assert result.evalue and result.traceback
    assert kernel.show("1 + 1") == "2"


@pytest.mark.parametrize("code", ["\ufeff1 + 1", "1 +\u00a01", "\u200b", "let x\u202e = 1;", "\x1b[31m", "\x07", "\x7f"])
def test_odd_characters_in_a_cell(kernel, code):
    result = kernel.run(code, timeout=60)
    assert result.status in ("ok", "error")
    assert kernel.show("1 + 1") == "2"


def test_ten_thousand_statements(kernel):
    code = "let mut total = 0u64;\n" + "total += 1;\n" * 3000 + "total"
    assert kernel.run(code, timeout=200).value == "3000"


def test_deeply_nested_code(kernel):
    result = kernel.run("(" * 3000 + "1" + ")" * 3000, timeout=120)
    assert result.status in ("ok", "error")
    alive(kernel)
    assert kernel.show("1 + 1") == "2"


@pytest.mark.parametrize("request_type", ["complete_request", "inspect_request", "is_complete_request"])
@pytest.mark.parametrize("code", ["\0", "(" * 5000, "🦀" * 1000, "let s = \"", "x" * 1_000_000], ids=["NUL", "parentheses", "crabs", "open string", "long name"])
def test_help_on_odd_text(kernel, request_type, code):
    content = {"code": code, "cursor_pos": len(code), "detail_level": 0}
    assert kernel.request(request_type, content, timeout=60).reply is not None
    alive(kernel)


def test_names_of_the_machinery_are_free(kernel):
    """A user may call things what the kernel calls them."""
    kernel.ok("fn run_user_code_0() -> i32 { 1 }\nlet cellar_value = 3;")
    assert kernel.show("run_user_code_0() + cellar_value") == "4"


# -- dependencies --------------------------------------------------------------------------------


def test_a_dependency_that_does_not_exist(kernel, tmp_path):
    kernel.ok("let before_missing = 1;")
    missing = tmp_path / "nowhere"
    result = kernel.fails(f':dep nowhere = {{ path = "{missing}" }}\n1 + 1', timeout=120)
    assert "nowhere" in result.traceback + result.evalue
    assert kernel.show("before_missing") == "1", "the bad dependency is not kept"


def test_a_dependency_that_does_not_build(kernel, tmp_path):
    kernel.ok("let before_broken = 2;")
    broken = crate(tmp_path, "broken", "pub fn f() -> u8 { this_is_not_rust }\n")
    result = kernel.fails(f':dep broken = {{ path = "{broken}" }}\nbroken::f()', timeout=120)
    shown = result.traceback + result.evalue
    assert "broken" in shown and "this_is_not_rust" in shown
    assert kernel.show("before_broken") == "2", "the bad dependency is not kept"


def test_a_dependency_whose_build_script_fails(kernel, tmp_path):
    scripted = crate(tmp_path, "scripted", "", build='fn main() { panic!("no libfoo on this machine") }')
    result = kernel.fails(f':dep scripted = {{ path = "{scripted}" }}\n1', timeout=120)
    assert "no libfoo on this machine" in result.traceback + result.evalue
    assert kernel.show("1 + 1") == "2"


def test_a_dependency_line_that_means_nothing(kernel):
    for line in (":dep", ':dep serde = {', ':dep = "1"', ":dep a b c"):
        assert kernel.fails(line, timeout=60).evalue
    assert kernel.show("1 + 1") == "2"


def test_a_dependency_that_ends_the_process_when_used(kernel, tmp_path):
    kernel.ok("let before_exit = 3;")
    leaver = crate(tmp_path, "leaver", "pub fn leave() { std::process::exit(7) }\n")
    kernel.ok(f':dep leaver = {{ path = "{leaver}" }}', timeout=120)
    assert "7" in kernel.fails("leaver::leave();", timeout=120).traceback
    assert kernel.show("before_exit") == "3"


# -- surroundings --------------------------------------------------------------------------------


def test_missing_cargo(new_kernel, tmp_path):
    kernel = new_kernel(env=toolchain.without_cargo(tmp_path))
    alive(kernel)
    result = kernel.fails("1 + 1", timeout=60)
    assert "cargo" in result.traceback + result.evalue
    assert "rustup" in result.traceback + result.evalue, "what to do about it is told"
    alive(kernel)


def test_missing_rust_src(new_kernel, tmp_path):
    kernel = new_kernel(env=toolchain.without_rust_src(tmp_path))
    alive(kernel)
    result = kernel.fails("let v = vec![1];", timeout=120)
    assert "rustup component add rust-src" in result.traceback + result.evalue
    alive(kernel)


@pytest.mark.parametrize("folder", ["/proc/none", "a file", "a long path"])
def test_a_temporary_folder_that_cannot_be_used(new_kernel, tmp_path, folder):
    if folder == "a file":
        (tmp_path / "file").write_text("")
        folder = str(tmp_path / "file")
    if folder == "a long path":
        # Longer than a socket's path may be.
        deep = tmp_path / ("long" * 30)
        deep.mkdir()
        folder = str(deep)
    kernel = new_kernel(extra_env={"TMPDIR": folder})
    alive(kernel)
    result = kernel.run("40 + 2", timeout=120)
    if result.status == "error":
        assert folder in result.traceback + result.evalue and "TMPDIR" in result.traceback + result.evalue
    else:
        assert result.value == "42"
    alive(kernel)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 96 MB, where the machine lets us have one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(folder)], capture_output=True)
    if mount.returncode != 0:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder):
    filler = folder / "filler"
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 65536)
        except OSError:
            pass
    return filler


def test_a_full_disk(new_kernel, small_disk):
    kernel = new_kernel(extra_env={"TMPDIR": str(small_disk)})
    kernel.ok("let before_it_was_full = 5;")
    # Waits until evcxr is there. It cannot start on a full disk, and the process of the cells would end with it.
    kernel.ok(":type before_it_was_full")
    filler = fill(small_disk)
    result = kernel.fails("let needs_room = 1;", timeout=120)
    told = (result.traceback + result.evalue).lower()
    assert "no space left" in told or "disk is full" in told or "full" in told, result
    alive(kernel)
    os.unlink(filler)
    assert kernel.show("before_it_was_full") == "5"
    kernel.ok("let has_room = 2;")
