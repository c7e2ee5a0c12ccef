"""JupyterLab in a real browser. What it looked like is in target/screenshots/ afterwards."""

import shutil

import pytest

from support import notebooks, paths

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture
def open_file(address, page):
    from support import lab

    return lambda name: lab.Lab(page, address, name)


@pytest.fixture
def open_notebook(folder, open_file, request):
    def open_it(*cells):
        name = f"{request.node.name}.ipynb"
        notebooks.write(folder / name, *cells)
        return open_file(name)

    return open_it


def test_run_all_shows_every_output(open_notebook):
    lab = open_notebook(
        'println!("hello from Rust");\neprintln!("and from stderr");',
        "let squares: Vec<u64> = (1..6).map(|n| n * n).collect();\nsquares",
        'cellar::html("<b id=bold>rich</b>");',
        "cellar::svg(\"<svg xmlns='http://www.w3.org/2000/svg' width='200' height='60'>"
        "<rect width='200' height='60' rx='9' fill='steelblue'/></svg>\");",
        "for i in cellar::progress(0..10) { std::thread::sleep(std::time::Duration::from_millis(20 + i)); }",
    )
    lab.menu("Run", "Run All Cells")
    lab.expect_output(0, "hello from Rust")
    lab.expect_output(0, "and from stderr")
    lab.expect_output(1, "[1, 4, 9, 16, 25]")
    lab.cell(2).locator("#bold").wait_for(timeout=60_000)
    lab.idle()
    lab.screenshot("run-all")
    assert lab.prompt(4) == "[5]:"


def test_an_error_stops_run_all_and_is_readable(open_notebook):
    lab = open_notebook('println!("first");', "let fine = 1;\nlet wrong: i32 = true;", 'println!("never");')
    lab.menu("Run", "Run All Cells")
    lab.expect_output(1, "mismatched types")
    lab.idle()
    lab.screenshot("error")
    lab.expect_no_output(2)
    assert lab.prompt(2) == "[ ]:"


def test_an_endless_loop_is_interrupted_and_variables_stay(open_notebook):
    lab = open_notebook("let survivor = 41;", 'println!("looping");\nloop {}', "survivor + 1")
    lab.run_cell(0)
    lab.idle()
    lab.run_cell(1)
    lab.expect_output(1, "looping")
    lab.busy()
    lab.menu("Kernel", "Interrupt Kernel")
    lab.expect_output(1, "nterrupt")
    lab.idle()
    lab.run_cell(2)
    lab.expect_output(2, "42")
    lab.screenshot("interrupt")


def test_restart_forgets_and_counts_anew(open_notebook):
    lab = open_notebook("let before_restart = 1;", "before_restart")
    lab.menu("Run", "Run All Cells")
    lab.expect_output(1, "1")
    lab.menu("Kernel", "Restart Kernel…")
    lab.accept()
    lab.idle()
    lab.run_cell(1)
    lab.expect_output(1, "cannot find value")
    assert lab.prompt(1) == "[1]:"
    lab.screenshot("restart")


def test_tab_completes_a_name(open_notebook):
    lab = open_notebook("let remarkable_name = 7;", "remarkab")
    lab.run_cell(0)
    lab.idle()
    editor = lab.cell(1).locator(".cm-content")
    editor.click()
    lab.page.keyboard.press("End")
    lab.page.keyboard.press("Tab")
    lab.page.wait_for_function(
        "() => document.querySelector('.jp-Completer-item') || "
        "[...document.querySelectorAll('.cm-content')].some(e => e.innerText.trim() === 'remarkable_name')",
        timeout=30_000,
    )
    lab.screenshot("completion")
    if lab.page.locator(".jp-Completer-item").count():
        lab.page.keyboard.press("Enter")
    assert editor.inner_text().strip() == "remarkable_name"


def test_input_is_asked_for_below_the_cell(open_notebook):
    lab = open_notebook('let name = cellar::input("Your name: ").unwrap();\nformat!("hello {name}")')
    lab.run_cell(0)
    box = lab.page.locator("input.jp-Stdin-input")
    box.wait_for(timeout=60_000)
    box.fill("Ferris")
    box.press("Enter")
    lab.expect_output(0, "hello Ferris")
    lab.screenshot("input")


def test_the_tour_runs_from_top_to_bottom(folder, open_file):
    shutil.copy(paths.NOTEBOOKS / "tour.ipynb", folder / "tour.ipynb")
    lab = open_file("tour.ipynb")
    lab.clear_outputs()
    lab.menu("Run", "Run All Cells")
    lab.all_ran(timeout=180)
    made = lab.saved(folder / "tour.ipynb")
    code = [cell for cell in made.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    for cell in code:
        failed = any(output.output_type == "error" for output in cell.outputs)
        assert failed == ("raises-exception" in cell.metadata.get("tags", [])), cell.source
    lab.screenshots("tour")
