"""Parameters in JupyterLab and Notebook 7: read, edited, saved, given in the address."""

import pytest

from support import wait

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

BOTH = pytest.mark.parametrize("at", ["lab", "notebook"])
GET = 'print!("{:?}", cellar::params::to_map());'
OSLO = '{"city": ["Oslo"]}'


@BOTH
def test_a_cell_reads_parameters_and_what_it_sets_is_saved(open_notebook, at):
    window = open_notebook(
        GET,
        'cellar::params::set("city", "Lima");\ncellar::params::set_all("tag", ["a", "b"]);',
        "%params set n 1",
        'cellar::params::remove("n");',
        cellar={"other": 1, "params": {"city": "Oslo"}},
        at=at,
    )
    # Run at once, before anybody has answered: what the cell reads is on its way before it.
    assert window.run(0) == OSLO
    assert window.saved_metadata() == {"other": 1, "params": {"city": "Oslo"}}
    window.run(1)
    assert window.saved_metadata() == {"other": 1, "params": {"city": "Lima", "tag": ["a", "b"]}}
    window.run(2)
    assert window.saved_metadata()["params"]["n"] == "1"
    window.run(3)
    assert window.run(0) == '{"city": ["Lima"], "tag": ["a", "b"]}'
    assert window.saved_metadata() == {"other": 1, "params": {"city": "Lima", "tag": ["a", "b"]}}


def test_opening_a_notebook_changes_nothing(open_notebook):
    untidy = {"params": {"b": ["x"], "a": 1, "odd": {"x": None}}}
    window = open_notebook(GET, cellar=untidy).ready()
    window.saved(window.file)
    window.load(window.opened)
    window.ready()
    assert window.metadata() == untidy
    assert not window.dirty()


def test_without_parameters_nothing_is_written(open_notebook):
    window = open_notebook(GET).ready()
    assert window.run(0) == "{}"
    assert window.saved_metadata() is None
    window.palette("Show Parameters")
    window.field("Name of the new parameter").fill("n")
    window.field("Value of the new parameter").fill("1")
    window.page.keyboard.press("Enter")
    window.expect_metadata({"params": {"n": "1"}})
    window.field("Remove n").click()
    window.expect_metadata(None)
    assert window.saved_metadata() is None


@BOTH
def test_editing_the_metadata_reaches_the_next_cell(open_notebook, at):
    window = open_notebook(GET, cellar={"params": {"city": "Oslo"}}, at=at).ready()
    window.set_metadata({"params": {"city": "Rome", "n": "2"}})
    assert window.run(0) == '{"city": ["Rome"], "n": ["2"]}'
    assert window.saved_metadata() == {"params": {"city": "Rome", "n": "2"}}


@BOTH
def test_a_kernel_that_was_shut_down_is_told_again(open_notebook, at):
    window = open_notebook(GET, 'cellar::params::set("city", "Lima");', cellar={"params": {"city": "Oslo"}}, at=at)
    window.run(1)
    window.expect_metadata({"params": {"city": "Lima"}})
    window.shut_down_kernel()
    # This starts another one.
    window.run_cell(0)
    window.expect_output(0, '{"city": ["Lima"]}')


@BOTH
def test_two_windows_agree(open_notebook, at):
    first = open_notebook(GET, 'cellar::params::set("city", "Lima");', cellar={"params": {"city": "Oslo"}}, at=at).ready()
    second = first.another().ready()
    first.run(1)
    second.expect_metadata({"params": {"city": "Lima"}})
    # What one has not saved yet is newer than the file that a third one reads.
    third = first.another().ready()
    third.expect_metadata({"params": {"city": "Lima"}})
    second.set_metadata({"params": {"city": "Rome"}})
    first.expect_metadata({"params": {"city": "Rome"}})
    assert first.run(0) == '{"city": ["Rome"]}'
    assert first.saved_metadata() == {"params": {"city": "Rome"}}


def test_a_renamed_notebook_keeps_its_parameters(open_notebook, folder):
    window = open_notebook(GET, 'cellar::params::set("city", "Lima");', cellar={"params": {"city": "Oslo"}}).ready()
    window.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.rename('new näme.ipynb')")
    wait.until((folder / "new näme.ipynb").exists, what="the renamed notebook")
    window.file = folder / "new näme.ipynb"
    window.run(1)
    assert window.saved_metadata() == {"params": {"city": "Lima"}}
    window.restart()
    assert window.run(0) == '{"city": ["Lima"]}'


@BOTH
def test_a_restart_keeps_what_was_set(open_notebook, at):
    window = open_notebook(GET, 'cellar::params::set("city", "Lima");', cellar={"params": {"city": "Oslo"}}, at=at)
    assert window.run(0) == OSLO
    window.run(1)
    # Not saved; and the first cell is on its way before the new kernel has said a word.
    window.menu("Kernel", "Restart Kernel and Run All Cells…")
    window.accept()
    wait.until(lambda: window.prompt(1) == "[2]:", timeout=60, what="the second cell of the new kernel")
    window.expect_output(0, '{"city": ["Lima"]}')
    window.expect_metadata({"params": {"city": "Lima"}})


@BOTH
def test_a_killed_kernel_keeps_what_was_set(open_notebook, at):
    window = open_notebook(GET, 'cellar::params::set("city", "Lima");', cellar={"params": {"city": "Oslo"}}, at=at)
    window.run(1)
    window.kill_kernel()
    wait.until(lambda: window.status() not in ("idle", "busy"), what="the end of the kernel")
    window.page.locator(".jp-Dialog .jp-mod-accept").click()
    window.ready()
    assert window.run(0) == '{"city": ["Lima"]}'
    assert window.saved_metadata() == {"params": {"city": "Lima"}}


@pytest.mark.parametrize("at", ["lab", "doc", "notebook"])
def test_the_address_overrides_for_this_run(open_notebook, at):
    window = open_notebook(
        GET,
        'cellar::params::set("city", "Lima");',
        cellar={"params": {"city": "Oslo", "n": "1"}},
        at=at,
        query="reset&city=Malm%C3%B6&tag=a&tag=b%20c",
    )
    assert window.run(0) == '{"city": ["Malmö"], "n": ["1"], "tag": ["a", "b c"]}'
    assert window.saved_metadata() == {"params": {"city": "Oslo", "n": "1"}}
    # A new kernel is still the same page's.
    window.restart()
    assert window.run(0) == '{"city": ["Malmö"], "n": ["1"], "tag": ["a", "b c"]}'
    window.palette("Show Parameters")
    note = window.panel.locator(".cellar-Params-note").first
    assert note.inner_text() == "for this run only; saved is Oslo"
    window.screenshot(f"params-overridden-{at}")
    window.run(1)
    assert window.run(0) == '{"city": ["Lima"], "n": ["1"], "tag": ["a", "b c"]}'
    assert window.saved_metadata() == {"params": {"city": "Lima", "n": "1"}}
    if at != "lab":  # There the address is soon another thing's.
        query = window.query()
        query.pop("reset", None)
        assert query == {"city": ["Lima"], "n": ["1"], "tag": ["a", "b c"]}
        window.load(window.page.url)
        assert window.run(0) == '{"city": ["Lima"], "n": ["1"], "tag": ["a", "b c"]}'
        window.expect_metadata({"params": {"city": "Lima", "n": "1"}})


@BOTH
def test_a_link_opens_the_notebook_with_these_parameters(open_notebook, at):
    window = open_notebook(GET, cellar={"params": {"city": "Oslo"}}, at=at, name=f"with a link {at}.ipynb").ready()
    window.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    window.palette("Show Parameters")
    window.field("city").fill("São Paulo & more")
    window.page.keyboard.press("Enter")
    window.expect_metadata({"params": {"city": "São Paulo & more"}})
    window.palette("Copy Link with Parameters")
    link = window.page.evaluate("() => navigator.clipboard.readText()")
    # Not saved, and another kernel: it can only come from the link.
    window.shut_down_kernel()
    window.page.once("dialog", lambda dialog: dialog.accept())
    window.load(link)
    assert window.run(0) == '{"city": ["São Paulo & more"]}'
    assert window.metadata() == {"params": {"city": "Oslo"}}


@BOTH
def test_the_panel_by_keyboard(open_notebook, at):
    window = open_notebook(GET, cellar={"params": {"city": "Oslo", "tag": ["a", "b"]}}, at=at).ready()
    keyboard = window.page.keyboard
    window.palette("Show Parameters")
    window.expect_shown({"city": ["Oslo"], "tag": ["a", "b"]})
    # The first value has the keyboard.
    keyboard.press("Control+a")
    keyboard.type("Lima")
    keyboard.press("Enter")
    window.expect_metadata({"params": {"city": "Lima", "tag": ["a", "b"]}})
    # Its "remove", then the second parameter: "add a value".
    keyboard.press("Tab")
    keyboard.press("Tab")
    keyboard.press("Enter")
    keyboard.type("c")
    keyboard.press("Enter")
    window.expect_metadata({"params": {"city": "Lima", "tag": ["a", "b", "c"]}})
    # What is not sent is taken back by Escape.
    window.field("city").fill("never")
    keyboard.press("Escape")
    assert window.field("city").input_value() == "Lima"
    # A change from elsewhere is shown where the keyboard is, but not over what is being typed.
    window.set_metadata({"params": {"city": "Rome", "tag": ["a", "b\nb", "c"]}})
    window.expect_shown({"city": ["Rome"], "tag": ["a", "b\nb", "c"]})
    window.field("city").fill("Li")
    window.set_metadata({"params": {"city": "Oslo", "tag": ["a", "b\nb", "c"]}})
    window.page.wait_for_timeout(500)
    keyboard.press("End")
    keyboard.type("ma")
    keyboard.press("Enter")
    window.expect_metadata({"params": {"city": "Lima", "tag": ["a", "b\nb", "c"]}})
    # A line break is not lost because another value is edited.
    window.field("tag, value 1").fill("A")
    keyboard.press("Enter")
    window.expect_metadata({"params": {"city": "Lima", "tag": ["A", "b\nb", "c"]}})
    window.field("Remove value 2 of tag").focus()
    keyboard.press("Enter")
    window.expect_shown({"city": ["Lima"], "tag": ["A", "c"]})
    window.field("Name of the new parameter").focus()
    keyboard.type("n")
    keyboard.press("Tab")
    keyboard.type("7")
    keyboard.press("Enter")
    window.expect_shown({"city": ["Lima"], "n": ["7"], "tag": ["A", "c"]})
    assert window.run(0) == '{"city": ["Lima"], "n": ["7"], "tag": ["A", "c"]}'
    assert window.saved_metadata() == {"params": {"city": "Lima", "n": "7", "tag": ["A", "c"]}}
    window.screenshots_in_both_themes(f"params-panel-{at}")


@BOTH
def test_a_value_of_several_lines_is_edited_as_such(open_notebook, at):
    window = open_notebook(GET, cellar={"params": {"text": "a\nb"}}, at=at).ready()
    window.palette("Show Parameters")
    window.expect_shown({"text": ["a\nb"]})
    window.field("text").focus()
    window.page.keyboard.press("Control+End")
    window.page.keyboard.press("Enter")
    window.page.keyboard.type("c")
    window.page.keyboard.press("Control+Enter")
    window.expect_metadata({"params": {"text": "a\nb\nc"}})
    assert window.run(0) == '{"text": ["a\\nb\\nc"]}'
    window.screenshots_in_both_themes(f"params-lines-{at}")


def test_names_that_every_object_has_in_javascript(open_notebook):
    names = ["valueOf", "constructor", "toString", "hasOwnProperty"]
    window = open_notebook(GET, *[f'cellar::params::set("{name}", "1");' for name in names[:2]], at="lab").ready()
    window.run(1)
    window.expect_metadata({"params": {"valueOf": "1"}})
    window.run(2)
    window.expect_metadata({"params": {"constructor": "1", "valueOf": "1"}})
    window.palette("Show Parameters")
    for name in names[2:]:
        window.field("Name of the new parameter").fill(name)
        window.field("Value of the new parameter").fill("2")
        window.page.keyboard.press("Enter")
        window.expect_shown({"constructor": ["1"], "valueOf": ["1"]} | {each: ["2"] for each in names[2:names.index(name) + 1]})
    assert "for this run only" not in window.page.locator(".cellar-Params").inner_text()
    assert window.saved_metadata() == {"params": {"constructor": "1", "valueOf": "1", "toString": "2", "hasOwnProperty": "2"}}


def test_what_cannot_be_is_told_in_the_panel(open_notebook):
    window = open_notebook(GET, cellar={"params": {"city": "Oslo", "odd": {"x": 1}}}).ready()
    window.palette("Show Parameters")
    assert "`odd`" in window.panel.locator(".cellar-Params-problems").inner_text()
    name = window.field("Name of the new parameter")
    name.fill("big")
    window.field("Value of the new parameter").fill("x" * 600_000)
    window.page.keyboard.press("Enter")
    window.panel.get_by_role("alert").wait_for()
    # What was typed can be mended.
    assert name.input_value() == "big"
    window.screenshots_in_both_themes("params-problems")
    assert window.saved_metadata() == {"params": {"city": "Oslo", "odd": {"x": 1}}}


def test_a_change_waits_for_the_cell_that_runs(open_notebook):
    slow = "std::thread::sleep(std::time::Duration::from_secs(6));"
    window = open_notebook(GET, slow, cellar={"params": {"city": "Oslo"}})
    window.run(0)
    window.palette("Show Parameters")
    window.run_cell(1)
    window.busy()
    window.field("city").fill("Lima")
    window.page.keyboard.press("Enter")
    window.idle()
    window.expect_metadata({"params": {"city": "Lima"}})
    assert window.run(0) == '{"city": ["Lima"]}'


@BOTH
def test_a_notebook_on_another_kernel_is_left_alone(open_notebook, at):
    window = open_notebook("print(6 * 7)", cellar={"params": {"city": "Oslo"}}, kernel="python3", at=at, query="reset&city=Rome")
    window.page.wait_for_timeout(500)
    assert window.run(0) == "42"
    enabled = "() => window.jupyterapp.commands.listCommands().filter(id => id.startsWith('cellar:') && window.jupyterapp.commands.isVisible(id))"
    assert window.page.evaluate(enabled) == []
    assert window.panel.count() == 0
    assert window.saved_metadata() == {"params": {"city": "Oslo"}}
    assert window.errors == []
