"""Directives written wrongly: an error that names the right one, and nothing runs."""

import pytest

WRONG = {
    "two directives": ("//% cache_data\n//% cache_resource\ntick();", ["cache_data", "cache_resource", "line 1", "line 2"]),
    "the same twice": ("//% cache_data\n//% cache_data\ntick();", ["two directives"]),
    "a magic below it": ("//% cache_data\ntick();\n%time 1 + 1", ["line 3", "cell of its own"]),
    "a shell line below it": ("//% cache_data\n!echo hello\ntick();", ["line 2"]),
    "a :command below it": ("//% cache_data\n:dep itoa\ntick();", ["line 2"]),
    "an unknown directive": ("//% cache_dta\ntick();", ["cache_dta", "`cache_data`"]),
    "an unknown option": ('//% cache_data(nmae = "x")\ntick();', ["nmae", "`name`"]),
    "an option of the other directive": ("//% cache_data(validate = tick)\ntick();", ["validate"]),
    "a bad glob": ('//% cache_data(files = ["data/*.csv", "more/["])\ntick();', ["`more/[`", "character 6", "`files`"]),
    "a bad glob of a function": ('//% cache_data(files = "***")\nfn of_glob() -> u8 { 1 }\ntick();', ["`***`", "character 3", "`files`"]),
    "in the middle of the cell": ("tick();\n//% cache_data\nlet middle = 1;", ["cache_data"]),
}


@pytest.mark.parametrize("what", WRONG)
def test_it_is_an_error_and_nothing_runs(book, what):
    code, words = WRONG[what]
    failed = book.kernel.fails(code)
    for word in words:
        assert word in failed.evalue + failed.traceback, failed
    assert book.runs == 0


def test_a_cell_with_a_directive_and_nothing_else(book):
    assert book.ok("//% cache_data").events == []


def test_a_directive_in_a_string_or_comment_is_none(book):
    result = book.ok('let text_of = "\n//% cache_dta\n";\n/*\n//% nonsense\n*/')
    assert result.stderr == "" and "cellar" not in result.request.reply["metadata"]
