"""evcxr's :commands, each with what it does."""

import json

import pytest

from support import toolchain
from support.cells import told


def text(result):
    """All that a cell showed, as text."""
    shown = [result.stdout, result.stderr, result.value or ""]
    shown += [str(bundle.get("text/plain", bundle)) for bundle in result.displays]
    return "\n".join(shown)


@pytest.fixture
def formats(kernel):
    """A kernel whose format is the usual one again afterwards."""
    yield kernel
    kernel.ok(":fmt")


@pytest.fixture
def types(formats):
    formats.ok(":types")
    yield formats
    formats.ok(":types")


@pytest.mark.parametrize(
    "format, expression, shown",
    [
        ("{:x}", "255", "ff"),
        ("{:#010b}", "5u8", "0b00000101"),
        ("{}", '"text"', "text"),
        ("{:.3?}", "vec![1.0 / 3.0]", "[0.333]"),
        ("{:#?}", "(1,)", "(\n    1,\n)"),
        ("<{0}> {0:x}", "10", "<10> a"),
        ("{:>5}|", "'a'", "    a|"),
        (r"{}\n.", "1", "1\n."),
        ('"{}"', "1", '"1"'),
    ],
)
def test_fmt_shows_results_in_any_format(formats, format, expression, shown):
    formats.ok(f":fmt {format}")
    assert formats.show(expression) == shown


def test_fmt_leaves_what_it_does_not_fit(formats):
    formats.ok(":fmt {:x}")
    assert formats.show('"no number"') == '"no number"'
    assert formats.ok("()").value is None
    assert formats.ok('cellar::Html("<b>rich</b>")').value == "<b>rich</b>"
    assert formats.fails("let a = 1;\na.no_such_method()").ename == "E0599"


def test_fmt_in_the_cell_that_it_is_for(formats):
    assert formats.ok(":fmt {:o}\n8").value == "10"
    assert "{:o}" in text(formats.ok(":fmt {:o}"))


@pytest.mark.parametrize("wrong", ["{} {}", "{name}", "{:y}", "{", "text", "{:1$}"])
def test_fmt_refuses_what_is_no_format_of_one_value(formats, wrong):
    formats.ok(":fmt {:x}")
    assert formats.fails(f":fmt {wrong}").ename == "BadFormat"
    assert formats.show("255") == "ff"


def test_types_shows_the_type_before_the_value(types):
    assert types.show("1u8") == ": u8 = 1"
    assert types.show("&vec![Some(1)]") == ": &Vec<Option<i32>> = [Some(1)]"
    assert types.ok("()").value is None
    types.ok(":fmt {:x}")
    assert types.show("255") == ": i32 = ff"
    assert types.show('"a"') == ': &str = "a"'


def test_types_toggles(kernel):
    assert "true" in text(kernel.ok(":types"))
    assert "false" in text(kernel.ok(":types"))
    assert kernel.show("1u8") == "1"


def test_a_cached_cell_shows_its_result_in_the_format_of_today(formats):
    cell = "//% cache_data\nlet shown_later = 171;\nshown_later"
    assert formats.ok(cell).value == "171"
    formats.ok(":fmt {:x}")
    assert formats.ok(cell).value == "ab"
    formats.ok(":fmt")
    assert formats.ok(cell).value == "171"


def test_explain_and_json_of_the_last_error(new_kernel):
    kernel = new_kernel()
    assert kernel.fails(":explain").ename == "NothingToExplain"
    kernel.fails('let wrong: i32 = "text";')
    assert "E0308" in text(kernel.ok(":explain"))
    message = json.loads(kernel.ok(":last_error_json").stdout.splitlines()[0])
    assert message["code"]["code"] == "E0308"


@pytest.mark.parametrize("name", ["FOR_BUILDS", "CELLAR_FOR_BUILDS"])
def test_build_env_is_seen_while_compiling(kernel, name):
    kernel.ok("1")
    kernel.ok(f":build_env {name}=sea")
    assert kernel.show(f'env!("{name}")') == '"sea"'
    kernel.ok(f":build_env {name}=lake")
    assert kernel.show(f'env!("{name}")') == '"lake"'


def test_env_is_seen_by_the_next_process_of_cells(new_kernel):
    kernel = new_kernel()
    kernel.ok(":env FOR_CELLS=sea")
    kernel.ok(":restart")
    assert kernel.show('std::env::var("FOR_CELLS").unwrap()') == '"sea"'


def test_restart_forgets_variables_and_keeps_items(new_kernel, tmp_path):
    kernel = new_kernel()
    released = tmp_path / "released"
    kernel.ok(f'fn gone<T>(_: T) {{ std::fs::write("{released}", "").unwrap(); }}')
    kernel.ok("//% cache_resource(on_release = gone)\nlet instance = vec![1];")
    kernel.ok("fn twice(x: i32) -> i32 { x * 2 }\nlet older = 1;\nlet bound = 2;")
    kernel.ok(":restart\nlet bound = twice(4);")
    assert released.exists()
    listed = text(kernel.ok("%whos"))
    assert "bound" in listed and "older" not in listed and "instance" not in listed
    failed = kernel.fails("older")
    assert failed.ename == "E0425" and failed.stderr == ""
    assert kernel.show("bound") == "8"
    kernel.ok("//% cache_resource\nlet instance = vec![2];")
    assert kernel.show("&*instance") == "[2]"


def test_opt_sets_a_level_that_there_is(new_kernel):
    kernel = new_kernel()
    assert "0" in text(kernel.ok(":opt 0"))
    assert kernel.show("(0..10).sum::<i32>()") == "45"
    assert "2" in text(kernel.ok(":opt"))
    assert kernel.fails(":opt 7").ename == "BadOption"
    assert kernel.show("(0..10).sum::<i32>()") == "45"


@pytest.fixture
def toolchains(new_kernel, tmp_path):
    """A kernel on a machine with two toolchains, on the first of them."""
    environment = toolchain.with_names(tmp_path, "cellar-test-first", "cellar-test-second")
    return new_kernel(env=environment, cwd=tmp_path)


def test_toolchain_is_told(kernel):
    assert "rustc" in text(kernel.ok(":toolchain"))


def test_another_toolchain_keeps_items_and_drops_variables(toolchains):
    kernel = toolchains
    kernel.ok("fn twice(x: i32) -> i32 { x * 2 }\nstruct Pair(i32, i32);\nlet older = Pair(1, 2);\nlet text = 3;")
    assert "cellar-test-first" in text(kernel.ok(":toolchain"))
    changed = text(kernel.ok(":toolchain cellar-test-second\nlet newer = twice(2);"))
    assert "cellar-test-second" in changed and "`older`, `text`" in changed
    assert "cellar-test-second" in text(kernel.ok(":toolchain"))
    assert kernel.fails("older.0").ename == "E0425"
    listed = text(kernel.ok("%whos"))
    assert "newer" in listed and "older" not in listed
    # Items, `?`, panics, rich output and crates of Cellar's own are as before.
    assert kernel.show("twice(newer) + Pair(3, 4).1") == "12"
    assert kernel.fails('let n: u8 = "x".parse()?;').ename == "ParseIntError"
    assert kernel.fails('panic!("still told")').evalue == "still told"
    assert kernel.ok('cellar::html("<b>hi</b>");').displays[0]["text/html"] == "<b>hi</b>"
    kernel.ok("#[derive(serde::Serialize, serde::Deserialize, Clone, Debug, PartialEq)] struct Kept { x: u8 }")
    made = '//% cache_data\nprintln!("computed");\nlet kept = Kept { x: newer as u8 };'
    assert told(kernel.ok(made))["cache"] == "miss"
    assert told(kernel.ok(made))["cache"] == "hit"
    assert kernel.show("kept.x") == "4"
    # And back.
    kernel.ok(":toolchain cellar-test-first")
    assert kernel.fails("newer").ename == "E0425"
    assert kernel.show("twice(7)") == "14"


def test_a_toolchain_that_is_not_there_changes_nothing(toolchains):
    kernel = toolchains
    kernel.ok("let stays = 5;")
    refused = kernel.fails(":toolchain cellar-test-secnd\nlet never = 1;")
    assert refused.ename == "ToolchainError"
    assert refused.traceback.index("`cellar-test-second`") < refused.traceback.index("`cellar-test-first`")
    assert kernel.show("stays") == "5"
    assert kernel.fails("never").ename == "E0425"
    assert "cellar-test-first" in text(kernel.ok(":toolchain"))


def test_instances_are_released_when_the_toolchain_changes(toolchains, tmp_path):
    kernel = toolchains
    released = tmp_path / "released"
    kernel.ok(f'fn gone<T>(_: T) {{ std::fs::write("{released}", "").unwrap(); }}')
    kernel.ok("//% cache_resource(on_release = gone)\nlet instance = vec![1];")
    kernel.fails(":toolchain nowhere")
    assert not released.exists()
    assert kernel.show("&*instance") == "[1]"
    kernel.ok(":toolchain cellar-test-second")
    assert released.exists()
    kernel.ok("//% cache_resource\nlet instance = vec![2];")
    assert kernel.show("&*instance") == "[2]"


@pytest.fixture
def errors(kernel):
    """A kernel whose format of errors is the usual one again afterwards."""
    yield kernel
    kernel.ok(":efmt {}")


@pytest.mark.parametrize(
    "format, shown",
    [("{}", ["not found"]), ("{:?}", ["Missing { code: 404 }"]), ("{:#?}", ["Missing {", "    code: 404,", "}"])],
)
def test_efmt_shows_errors_that_leave_a_cell(errors, format, shown):
    errors.ok(
        "#[derive(Debug)] struct Missing { code: u16 }\n"
        "impl std::fmt::Display for Missing {\n"
        '    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { write!(f, "not found") }\n'
        "}\nfn missing() -> Result<u8, Missing> { Err(Missing { code: 404 }) }"
    )
    assert format in text(errors.ok(f":efmt {format}"))
    result = errors.fails("let never = 1;\nmissing()?;")
    assert result.ename == "Missing"
    assert result.evalue == "; ".join(line.strip() for line in shown)
    assert result.traceback.splitlines()[0].endswith(shown[0])
    assert result.traceback.splitlines()[1 : len(shown)] == shown[1:]
    assert "missing()?;" in result.traceback
    assert errors.fails("let nothing: Option<u8> = None;\nnothing?;").ename == "None"


def test_efmt_is_in_force_in_the_cell_that_it_is_for(errors):
    assert errors.fails(':efmt {:?}\nErr("quoted")?;').evalue == '"quoted"'
    # That cell failed, so it changed nothing.
    assert "{}" in text(errors.ok(":efmt"))
    errors.ok(":efmt {:?}")
    assert errors.fails('Err("quoted")?;').evalue == '"quoted"'
    assert errors.fails(":efmt {:x}").status == "error"
    assert errors.fails('Err("quoted")?;').evalue == '"quoted"'


def test_efmt_tells_of_errors_that_it_does_not_fit(errors):
    errors.ok("struct Mute; #[derive(Debug)] struct Talks;")
    told = errors.fails("Err(Talks)?;")
    assert "has no `Display` text" in told.traceback and ":efmt {:?}" in told.traceback
    errors.ok(":efmt {:?}")
    assert errors.fails("Err(Talks)?;").evalue == "Talks"
    told = errors.fails("Err(Mute)?;")
    assert "has no `Debug` text" in told.traceback and ":efmt {}" in told.traceback


@pytest.mark.parametrize("command", [":clear", "%reset"])
def test_clear_forgets_variables_and_items(new_kernel, command):
    kernel = new_kernel()
    kernel.ok("let cleared = 1; fn cleared_too() {}")
    kernel.ok(command)
    assert kernel.fails("cleared").ename == "E0425"
    assert kernel.fails("cleared_too()").ename == "E0425"
    assert "cleared_too" not in kernel.completions("cleared_")


@pytest.mark.parametrize("command", [":clear", "%reset"])
def test_the_cellar_crate_is_there_after_a_clear(new_kernel, command):
    kernel = new_kernel()
    kernel.ok("//% cache_resource\nlet shared = vec![1];")
    kernel.ok(command)
    assert kernel.ok('cellar::html("<b>hi</b>");').displays[0]["text/html"] == "<b>hi</b>"
    kernel.ok("//% cache_resource\nlet shared = vec![2];")
    assert kernel.show("&*shared") == "[2]"
    assert "Resource<Vec<i32>>" in text(kernel.ok(":t shared"))
    assert {"html", "progress"} <= {match.strip("():") for match in kernel.completions("cellar::")}
    # And after a second one, with Rust below it.
    shown = kernel.ok(f'{command}\nlet after = 1;\ncellar::html("<b>{{}}</b>"); after').value
    assert shown == "1"
    kernel.ok("//% cache_resource\nlet shared = after;")
    assert kernel.show("*shared") == "1"


@pytest.mark.parametrize("command", [":clear", "%reset"])
def test_a_clear_leaves_nothing_for_cached_cells(new_kernel, command, tmp_path):
    kernel = new_kernel()
    released = tmp_path / "released"
    kernel.ok(f'fn gone<T>(_: T) {{ std::fs::write("{released}", "").unwrap(); }}')
    kernel.ok("//% cache_resource(on_release = gone)\nlet instance = vec![1];")
    kernel.ok(command)
    assert released.exists()
    kernel.ok("let seed = 1;")
    # Not the other command's entry.
    cached = f'//% cache_data\nprintln!("computed after {command}");\nlet grown = seed + 1;'
    assert told(kernel.ok(cached))["cache"] == "miss"
    kernel.ok(command)
    # `seed` is no more: neither the ledger nor the store may say otherwise.
    assert kernel.fails(cached).ename == "E0425"
    kernel.ok("let seed = 2;")
    kernel.ok(cached)
    assert kernel.show("grown") == "3"


def test_t_and_doc_tell_of_a_variable(kernel):
    kernel.ok("let documented = vec![1u16];")
    for command in (":t", ":type", ":doc"):
        assert "Vec<u16>" in text(kernel.ok(f"{command} documented"))


def test_timing_tells_how_long_a_cell_took(new_kernel):
    kernel = new_kernel()
    kernel.ok(":timing")
    for _ in range(2):  # compiled, and from what was compiled
        assert "Took" in kernel.ok("let a = 1;").stdout
    kernel.ok(":timing")
    assert "Took" not in kernel.ok("let a = 1;").stdout


@pytest.mark.parametrize(
    "command, told",
    [
        (":version", "0.22.0"),
        (":efmt {:?}", "Debug"),
        (":efmt {}", "Display"),
        (":linker", "system"),
        (":codegen_backend", "default"),
        (":offline 1", "true"),
        (":offline 0", "false"),
        (":allow_static_linking 0", "false"),
        (":allow_static_linking 1", "true"),
        (":sccache 0", "false"),
        (":cache 0", "0 MiB"),
        (":clear_cache", "MiB"),
        (":internal_debug", "true"),
        (":internal_debug", "false"),
        (":preserve_vars_on_panic 0", "false"),
        (":time_passes", "true"),
        (":time_passes", "false"),
        (":help", ":dep"),
        (":load_config --quiet", ""),
        (":last_compile_dir", "/"),
    ],
)
def test_a_setting_is_taken_and_told(kernel, command, told):
    assert told in text(kernel.ok(command))
