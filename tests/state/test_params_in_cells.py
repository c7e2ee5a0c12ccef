"""`cellar::params` in cells and `%params`."""

import pytest


@pytest.fixture(autouse=True)
def nothing_set(kernel):
    kernel.ok("%params clear")


def test_texts_go_in_and_come_out(kernel):
    kernel.ok('cellar::params::set("city", "Oslo"); cellar::params::set("n", 5); cellar::params::set("yes", true);')
    assert kernel.show('cellar::params::get("city")') == 'Some("Oslo")'
    assert kernel.show('cellar::params::get_as::<u32>("n")?') == "Some(5)"
    assert kernel.show('cellar::params::get_as::<bool>("yes")?') == "Some(true)"
    assert kernel.show('cellar::params::get("missing")') == "None"
    assert kernel.show('cellar::params::get_as::<u32>("missing")?') == "None"
    assert kernel.show('cellar::params::get_or("missing", "default")') == '"default"'
    assert kernel.show("cellar::params::keys()") == '["city", "n", "yes"]'
    assert kernel.show('(cellar::params::contains("n"), cellar::params::contains("m"))') == "(true, false)"


def test_a_repeated_key_gives_the_last_value_and_all(kernel):
    kernel.ok('cellar::params::set_all("tag", ["a", "b"]); cellar::params::set_all("none", [""; 0]);')
    assert kernel.show('cellar::params::get("tag")') == 'Some("b")'
    assert kernel.show('cellar::params::get_all("tag")') == '["a", "b"]'
    assert kernel.show('cellar::params::get_all("missing")') == "[]"
    assert kernel.show('cellar::params::get("none")') == 'Some("")'


def test_another_type_is_an_error_that_names_everything(kernel):
    kernel.ok('cellar::params::set("n", "five");')
    error = kernel.fails('let n = cellar::params::get_as::<u32>("n")?;')
    assert "`n`" in error.evalue and '"five"' in error.evalue and "`u32`" in error.evalue


def test_to_map_and_from_map_are_inverse_and_all_or_nothing(kernel):
    kernel.ok('cellar::params::set_all("tag", ["a", "b"]); cellar::params::set("city", "Oslo");')
    kernel.ok("let before = cellar::params::to_map(); cellar::params::from_map(before.clone());")
    assert kernel.show("cellar::params::to_map() == before") == "true"
    error = kernel.fails('cellar::params::from_map([("good", vec!["1"]), ("", vec!["2"])]);')
    assert "empty" in error.evalue
    assert kernel.show("cellar::params::to_map() == before") == "true"
    kernel.ok('cellar::params::from_map([("only", vec!["1", "2"])]);')
    assert kernel.show("cellar::params::to_map()") == '{"only": ["1", "2"]}'
    assert kernel.show('(cellar::params::remove("only"), cellar::params::remove("only"))') == "(true, false)"
    assert kernel.show("cellar::params::clear()") == "0"


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ('set("", 1)', "empty"),
        ('set("a\\nb", 1)', "control characters"),
        ('set("big", "x".repeat(600 << 10))', "bytes"),
        ('set_all("many", 0..1001)', "1002 values"),
    ],
)
def test_what_is_beyond_the_limits_is_refused_and_changes_nothing(kernel, code, told):
    kernel.ok('cellar::params::set("city", "Oslo");')
    error = kernel.fails(f"cellar::params::{code};")
    assert told in error.evalue, error.evalue
    assert kernel.show("cellar::params::to_map()") == '{"city": ["Oslo"]}'


def test_blanks_and_unicode_in_names_and_values(kernel):
    kernel.ok("%params set 'ein Schlüssel' 'Tromsø 🦀' \"\"")
    assert kernel.show('cellar::params::get_all("ein Schlüssel")') == '["Tromsø 🦀", ""]'
    kernel.ok("%params clear 'ein Schlüssel'")
    assert kernel.show("cellar::params::keys()") == "[]"


def test_a_failed_cell_sets_nothing(kernel):
    kernel.ok('cellar::params::set("city", "Oslo");')
    kernel.fails('cellar::params::set("city", "Lima"); cellar::params::set("x", 1); panic!("no");')
    assert kernel.show("cellar::params::to_map()") == '{"city": ["Oslo"]}'


def test_what_a_cell_sets_it_sees_at_once_also_in_threads(kernel):
    shown = kernel.show(
        'cellar::params::set("a", 1);\n'
        'std::thread::spawn(|| { cellar::params::set("b", 2); cellar::params::get("a") }).join().unwrap()'
    )
    assert shown == 'Some("1")'
    assert kernel.show('cellar::params::get("b")') == 'Some("2")'


def test_the_magic_lists_sets_and_clears(kernel):
    assert "no parameters" in kernel.ok("%params").value
    assert "Oslo" in kernel.ok("%params set city Oslo").value
    kernel.ok('%params override {"city": "Lima", "n": 5, "nothing": null}')
    listed = kernel.ok("%params").value
    assert '"Lima"' in listed and "for this run" in listed and '"Oslo"' in listed and '"5"' in listed
    assert "nothing" not in listed
    assert kernel.show('cellar::params::get("city")') == 'Some("Lima")'
    error = kernel.fails("%params clear cty")
    assert "`city` is the nearest" in error.evalue
    error = kernel.fails("%params sett a b")
    assert "`set` is the nearest" in error.evalue
    kernel.ok("%params set city Rome")
    assert kernel.show('cellar::params::get("city")') == 'Some("Rome")', "what is set ends the override"
    assert "2 parameters" in kernel.ok("%params clear").value


def test_an_override_of_another_shape_is_an_error(kernel):
    error = kernel.fails('%params override {"deep": {"a": 1}, "city": "Oslo"}')
    assert "`deep`" in error.evalue and "object" in error.evalue


def test_deprecated_functions_work_and_warn_once(kernel):
    first = kernel.ok('cellar::experimental_set_query_params([("city", vec!["Oslo"])]);')
    assert "cellar::params::from_map" in first.stderr
    again = kernel.ok('cellar::experimental_set_query_params([("city", vec!["Lima"])]);')
    assert "deprecated" not in again.stderr
    result = kernel.ok("cellar::experimental_get_query_params()")
    assert result.value == '{"city": ["Lima"]}'
    assert "cellar::params::to_map" in result.stderr


def test_parameters_outlive_a_reset_and_the_process_of_the_cells(kernel):
    kernel.ok("%params set city Oslo")
    kernel.ok("%reset")
    assert kernel.show('cellar::params::get("city")') == 'Some("Oslo")'
    kernel.ok(":restart")
    assert kernel.show('cellar::params::get("city")') == 'Some("Oslo")'
    kernel.fails("std::process::abort()")
    assert kernel.show('cellar::params::get("city")') == 'Some("Oslo")'
