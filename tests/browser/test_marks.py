"""The mark below cells whose result came from the cache, and the command that clears their entry."""

import re

import pytest

from support import wait

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

BOTH = pytest.mark.parametrize("at", ["lab", "notebook"])
WORDS = re.compile(r"from cache · saved [\d.]+ m?s · (just now|\d+ (s|min) old)")


def cached(name, milliseconds=300):
    return (
        "//% cache_data\n"
        f"let {name}: Vec<u64> = {{ std::thread::sleep(std::time::Duration::from_millis({milliseconds})); (0..9).collect() }};\n"
        f'println!("{{}} {name}", {name}.len());'
    )


@BOTH
def test_a_hit_is_marked_and_the_file_knows_nothing_of_it(open_notebook, at):
    window = open_notebook(cached(f"rows_{at}"), f"rows_{at}.len()", "%cache list", at=at)
    assert window.run(0) == f"9 rows_{at}"
    wait.until(lambda: f"rows_{at}" in window.run(2), timeout=90, what="the written entry")
    window.expect_no_mark(0)
    miss = window.saved(window.file).cells[0]
    window.restart()
    assert window.run(0) == f"9 rows_{at}"
    window.expect_mark(0, "from cache")
    assert WORDS.match(window.mark(0).inner_text())
    assert f"(rows_{at})" in window.mark(0).get_attribute("title")
    hit = window.saved(window.file).cells[0]
    # Only times of day differ.
    for cell in (miss, hit):
        cell.metadata.pop("execution", None)
    assert hit == miss
    assert window.run(1) == "9"
    window.expect_no_mark(1)
    window.screenshots_in_both_themes(f"mark-{at}")


def test_a_mark_goes_with_what_it_marks(open_notebook):
    window = open_notebook(cached("one"), cached("two"), cached("three"))
    for n in range(3):
        window.run(n)
        window.run(n)
        window.expect_mark(n, "from cache")
    window.type(0, "let other = 1;")
    window.expect_no_mark(0)
    window.cell(1).locator(".jp-InputPrompt").click()
    window.menu("Edit", "Clear Cell Output")
    window.expect_no_mark(1)
    window.expect_mark(2, "from cache")
    # Run again it is a miss: what it said is no longer so.
    window.type(2, cached("three", 301))
    window.run(2)
    window.expect_no_mark(2)


@BOTH
def test_the_entry_is_cleared_from_the_palette_the_menu_and_the_mark(open_notebook, at):
    window = open_notebook(cached(f"gone_{at}"), at=at)
    window.run(0)

    def clear_in_menu():
        window.cell(0).locator(".jp-InputPrompt").click(button="right")
        window.page.get_by_role("menuitem", name="Clear This Cell's Cache Entry").click()

    def clear_in_palette():
        window.cell(0).locator(".jp-InputPrompt").click()
        window.palette("Clear This Cell's Cache Entry")

    def clear_by_keyboard():
        window.mark(0).get_by_role("button").focus()
        window.screenshot(f"mark-focus-{at}")
        window.page.keyboard.press("Enter")

    for clear in (clear_in_menu, clear_in_palette, clear_by_keyboard):
        window.run(0)
        window.expect_mark(0, "from cache")
        clear()
        window.expect_mark(0, "cache entry cleared")
        # Computed anew, and kept again.
        window.run(0)
        window.expect_no_mark(0)
    window.run(0)
    window.expect_mark(0, "from cache")


def test_marks_in_a_long_notebook_and_in_a_second_view(open_notebook):
    cells = [cached(f"row_{n}", 1) for n in range(25)]
    window = open_notebook(*cells, at="lab")
    for _ in range(2):
        window.menu("Run", "Run All Cells")
        window.idle(timeout=180)
    window.expect_mark(24, "from cache")
    window.cell(0).scroll_into_view_if_needed()
    window.expect_mark(0, "from cache")
    window.command("docmanager:clone")
    window.page.locator(".jp-Notebook >> nth=1").wait_for()
    second = window.page.locator(".jp-Notebook").nth(1).locator(".jp-CodeCell").first.locator(".cellar-Mark")
    second.wait_for()
    window.screenshot("mark-two-views")
