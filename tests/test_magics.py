"""Lines that are not Rust: %magics, !shell and evcxr's :commands."""

import pytest


def text(result):
    """All that a cell showed, as text."""
    shown = [result.stdout, result.stderr, result.value or ""]
    shown += [str(bundle.get("text/plain", bundle)) for bundle in result.displays]
    for payload in result.reply.get("payload", []):
        shown.append(payload.get("data", {}).get("text/plain", ""))
    return "\n".join(shown)


def test_who_lists_variables(kernel):
    kernel.ok('let listed = 1; let also_listed = String::from("x");')
    shown = text(kernel.ok("%who"))
    assert "listed" in shown and "also_listed" in shown


def test_whos_lists_them_with_their_types(kernel):
    kernel.ok("let typed_one = vec![1.5f64];")
    shown = text(kernel.ok("%whos"))
    assert "typed_one" in shown and "Vec<f64>" in shown


def test_reset_forgets_everything(kernel):
    kernel.ok("let forgotten = 1;\nfn forgotten_too() {}")
    kernel.ok("%reset")
    assert kernel.fails("forgotten").ename == "E0425"
    assert kernel.fails("forgotten_too()").ename == "E0425"


def test_time_tells_how_long_a_line_took(kernel):
    result = kernel.ok("%time std::thread::sleep(std::time::Duration::from_millis(30))")
    assert "ms" in text(result)


def test_time_shows_the_value_too(kernel):
    assert "42" in text(kernel.ok("%time 40 + 2"))


def test_time_of_a_whole_cell(kernel):
    result = kernel.ok('%%time\nlet timed = 20;\nprintln!("inside");\ntimed * 2')
    assert "inside\n" in result.stdout and result.value == "40"
    assert kernel.show("timed") == "20"


def test_timeit_repeats(kernel):
    shown = text(kernel.ok("%timeit (0..100u64).sum::<u64>()"))
    assert "ns" in shown or "µs" in shown


def test_env_shows_and_sets(kernel):
    kernel.ok("%env CELLAR_TEST_VARIABLE=sea")
    assert "sea" in text(kernel.ok("%env CELLAR_TEST_VARIABLE"))
    assert kernel.show('std::env::var("CELLAR_TEST_VARIABLE").unwrap()') == '"sea"'
    assert "PATH" in text(kernel.ok("%env"))


def test_lsmagic_lists_them(kernel):
    shown = text(kernel.ok("%lsmagic"))
    for name in ("%who", "%whos", "%reset", "%time", "%%time", "%timeit", "%env", "%help"):
        assert name in shown


def test_help_explains_one_and_all(kernel):
    assert "%timeit" in text(kernel.ok("%help"))
    assert "timeit" in text(kernel.ok("%help timeit"))


def test_a_shell_command_runs_in_the_notebooks_folder(new_kernel, tmp_path):
    (tmp_path / "beside.txt").write_text("content")
    kernel = new_kernel(cwd=str(tmp_path))
    assert "beside.txt" in kernel.ok("!ls").stdout
    assert kernel.show('std::fs::read_to_string("beside.txt").unwrap()') == '"content"'


def test_a_shell_command_streams_and_keeps_its_streams_apart(kernel):
    result = kernel.ok("!echo out; sleep 1; echo err >&2; printf partial")
    assert result.stdout == "out\npartial" and result.stderr == "err\n"
    assert result.arrival("err") - result.arrival("out") > 0.5


def test_a_shell_command_that_fails_fails_the_cell(kernel):
    result = kernel.fails("!echo told; exit 3")
    assert result.stdout == "told\n"
    assert "3" in result.evalue


def test_a_shell_command_is_interrupted(kernel):
    request = kernel.submit("!echo started; sleep 1000")
    kernel.started_running(request)
    kernel.interrupt()
    assert kernel.result(request, timeout=15).status == "error"


@pytest.mark.parametrize("typed, meant", [("%whoo", "%who"), ("%timit", "%timeit"), ("%%tim\n1", "%%time"), (":dpe x", ":dep"), (":var", ":vars")])
def test_a_typo_is_an_error_that_names_the_right_one(kernel, typed, meant):
    result = kernel.fails(typed)
    assert meant in result.evalue + result.traceback


def test_magics_and_rust_in_one_cell(kernel):
    result = kernel.ok('%env MIXED=yes\nlet mixed = std::env::var("MIXED").unwrap();\nmixed')
    assert result.value == '"yes"'


def test_errors_below_a_magic_keep_their_line(kernel):
    result = kernel.fails("%env ABOVE=1\nlet fine = 1;\nlet wrong: i32 = true;")
    line = next(line for line in result.traceback.split("\n") if "let wrong" in line)
    assert "3" in line[: line.index("let")]


def test_percent_is_still_an_operator(kernel):
    assert kernel.show("17\n% 5") == "2"
    assert kernel.show("let m = 17; m\n    % 5") == "2"


def test_vars_of_evcxr(kernel):
    kernel.ok("let for_vars = 3;")
    assert "for_vars" in text(kernel.ok(":vars"))


def test_type_of_evcxr(kernel):
    kernel.ok("let for_type = vec![1u16];")
    assert "Vec<u16>" in text(kernel.ok(":type for_type"))


def test_commands_that_show_settings(kernel):
    for command in (":help", ":version", ":show_deps"):
        kernel.ok(command)


def test_quit_ends_the_kernel_only_after_a_reply(new_kernel):
    kernel = new_kernel()
    kernel.ok("1 + 1")
    request = kernel.submit(":quit")
    result = kernel.result(request, timeout=30)
    assert result.status in ("ok", "error")
