"""`files`, `env` and `ignore` of functions: inputs of the function, and of everything that calls it."""

import json

import pytest

from support.kernel import Kernel
from support.store import new_cache


@pytest.fixture
def own(jupyter_home, tmp_path):
    """Starts kernels that share a store of their own."""
    kernels = []
    cache = str(new_cache(tmp_path / "cache"))

    def start(**environment):
        kernels.append(Kernel(extra_env={"CELLAR_CACHE_DIR": cache, **environment}))
        return kernels[-1]

    yield start
    for kernel in kernels:
        kernel.close()


def cache_of(result):
    return result.request.reply["metadata"]["cellar"]["cache"]


def set_env(kernel, value):
    kernel.ok(f'unsafe {{ std::env::set_var("DECLARED", "{value}") }};')


READER = 'fn read_env() -> String { std::env::var("DECLARED").unwrap_or_default() }'
FUNCTION = '//% cache_data(env = "DECLARED")\nfn declared(n: u64) -> String { println!("computed"); read_env() }'
CELL = "//% cache_data\nlet of_declared = declared(1);\nof_declared"


def test_a_cell_depends_on_what_the_functions_declare_that_it_calls(own):
    kernel = own(DECLARED="one")
    kernel.ok(READER)
    kernel.ok(FUNCTION)
    assert kernel.ok(CELL).value == '"one"'
    assert cache_of(kernel.ok(CELL)) == "hit"
    set_env(kernel, "two")
    assert kernel.ok(CELL).value == '"two"'
    assert "the environment variable `DECLARED` changed" in kernel.show("%cache explain of_declared")
    set_env(kernel, "one")
    again = kernel.ok(CELL)
    assert (cache_of(again), again.value) == ("hit", '"one"')
    kernel.manager.shutdown_kernel(now=False)
    for value in ["three", "one"]:
        later = own(DECLARED=value)
        later.ok(READER)
        later.ok(FUNCTION)
        result = later.ok(CELL)
        assert result.value == f'"{value}"'
        assert cache_of(result) == ("hit" if value == "one" else "miss")
        later.close()


def test_a_function_depends_on_what_the_functions_declare_that_it_calls(own, tmp_path):
    file = tmp_path / "input.txt"
    kernel = own()
    kernel.ok(f"""
        //% cache_data(files = {json.dumps(str(file))})
        fn inner() -> String {{ std::fs::read_to_string({json.dumps(str(file))}).unwrap() }}
        //% cache_data
        fn outer(n: u64) -> String {{ println!("outer"); format!("{{}} {{n}}", inner()) }}
    """)
    for text, runs in [("a", "outer\n"), ("b", "outer\n"), ("a", "")]:
        file.write_text(text)
        result = kernel.ok("outer(1)")
        assert (result.stdout, result.value) == (runs, f'"{text} 1"')


def test_other_options_are_another_function(own):
    kernel = own()
    for ignored, expected in [("lo", "905"), ("hi", "905")]:
        kernel.ok(f"//% cache_data(ignore = {ignored})\nfn span(lo: u64, hi: u64) -> u64 {{ hi * 100 + lo }}")
        kernel.ok("span(1, 5); span(5, 1);")
        kernel.ok("span::clear_for(5, 9);")
        assert kernel.show("span(5, 9)") == expected
        kernel.ok("span(5, 9); span(9, 5);")
    for name in ["DECLARED_A", "DECLARED_B"]:
        kernel.ok(f'unsafe {{ std::env::set_var("{name}", "x") }};')
    body = 'fn of_option() -> String { std::env::var("DECLARED_A").unwrap() + &std::env::var("DECLARED_B").unwrap() }'
    kernel.ok(f'//% cache_data(env = "DECLARED_A")\n{body}\nof_option();')
    kernel.ok(f'//% cache_data(env = "DECLARED_B")\n{body}\nof_option();')
    kernel.ok('unsafe { std::env::set_var("DECLARED_B", "y") };')
    assert kernel.show("of_option()") == '"xy"'


def test_ignored_arguments_of_before_are_not_confused_after_a_restart(own):
    first = own()
    first.ok("//% cache_data(ignore = lo)\nfn range(lo: u64, hi: u64) -> u64 { hi * 100 + lo }\nrange(1, 5);")
    first.manager.shutdown_kernel(now=False)
    second = own()
    second.ok("//% cache_data(ignore = hi)\nfn range(lo: u64, hi: u64) -> u64 { hi * 100 + lo }")
    assert second.show("range(5, 9)") == "905"


def test_what_changed_while_it_was_computed_is_not_kept(own, tmp_path):
    file = tmp_path / "changing.txt"
    path = json.dumps(str(file))
    file.write_text("old")
    kernel = own()
    kernel.ok(f"""
        //% cache_data(files = {path})
        fn slow(n: u64) -> String {{
            // As another program would.
            if std::fs::read_to_string({path}).unwrap() == "old" && n == 1 {{ std::fs::write({path}, "new").unwrap(); }}
            std::fs::read_to_string({path}).unwrap()
        }}
    """)
    result = kernel.ok("//% cache_data\nlet of_slow = slow(1);\nof_slow")
    assert result.value == '"new"'
    assert "changed while the cell ran" in result.stderr
    file.write_text("old")
    kernel.ok("slow(2);")
    assert kernel.show('slow(2)') == '"old"'
    assert kernel.show("slow(1)") == '"new"', "computed again, and it changes the file again"


def test_a_damaged_result_of_a_function_is_computed_again(own, tmp_path):
    cell = "//% cache_data\nfn large(n: u64) -> Vec<u64> { println!(\"computed\"); (0..n).collect() }"
    first = own()
    first.ok(cell + "\nlarge(100_000);")
    first.manager.shutdown_kernel(now=False)
    second = own()
    second.ok(cell)
    blobs = [file for file in (tmp_path / "cache").rglob("blobs/??/*") if file.stat().st_size > 100_000]
    assert blobs
    for file in blobs:
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 0x40
        file.chmod(0o600)
        file.write_bytes(content)
    result = second.ok("large(100_000).iter().sum::<u64>()")
    assert (result.stdout, result.value) == ("computed\n", "4999950000")
    assert "damaged" in result.stderr


def test_clear_reaches_the_disk_where_results_are_kept_in_memory_by_now(own):
    first = own()
    body = "fn moved_to_memory(n: u64) -> u64 { println!(\"computed\"); n }"
    first.ok(f"//% cache_data\n{body}\nmoved_to_memory(1);")
    first.ok(f'//% cache_data(persist = "memory")\n{body}\nmoved_to_memory(1);')
    first.ok("moved_to_memory::clear();")
    first.manager.shutdown_kernel(now=False)
    second = own()
    assert second.ok(f"//% cache_data\n{body}\nmoved_to_memory(1);").stdout == "computed\n"


@pytest.mark.parametrize("magic", ["%reset", ":clear", ":restart"])
def test_results_on_disk_are_found_after_a_reset(own, magic):
    kernel = own()
    cell = '//% cache_data\nfn found_again(n: u64) -> u64 { println!("computed"); n }\nfound_again(1);'
    assert kernel.ok(cell).stdout == "computed\n"
    kernel.ok(magic)
    assert kernel.ok(cell).stdout == ""


def test_the_name_holds_for_calls_in_the_same_cell(own):
    kernel = own()
    kernel.ok('//% cache_data(name = "prices")\nfn fetch(n: u64) -> u64 { println!("computed"); n }\nfetch(1);')
    assert "prices" in kernel.show("%cache list")
    kernel.ok("%cache clear prices")
    assert kernel.ok("fetch(1);").stdout == "computed\n"


def test_calls_in_a_cell_with_a_new_dependency_say_that_they_are_not_cached(own, tmp_path):
    folder = tmp_path / "tiny"
    (folder / "src").mkdir(parents=True)
    (folder / "Cargo.toml").write_text('[package]\nname = "tiny"\nversion = "0.1.0"\nedition = "2021"\n')
    (folder / "src/lib.rs").write_text("pub fn one() -> u64 { 1 }")
    kernel = own()
    result = kernel.ok(f':dep tiny = {{ path = "{folder}" }}\n//% cache_data\nfn with_dep() -> u64 {{ tiny::one() }}\nwith_dep();')
    assert "`with_dep` in this cell are not cached" in result.stderr
    assert kernel.ok("with_dep()").stderr == ""
