"""What was run before can be asked for, also in a later session."""

from support.language import LANGUAGE


def history(kernel, access, **options):
    content = {"output": False, "raw": True, "hist_access_type": access, **options}
    return kernel.request("history_request", content).content["history"]


def run_marked(kernel, mark, count):
    cells = [LANGUAGE.print(f"{mark} {i}") for i in range(count)]
    for cell in cells:
        kernel.ok(cell)
    return cells


def test_tail_gives_the_last_cells_oldest_first(kernel):
    cells = run_marked(kernel, "tail", 4)
    entries = history(kernel, "tail", n=3)
    assert [source for _, _, source in entries] == cells[1:]
    lines = [line for _, line, _ in entries]
    assert lines == list(range(lines[0], lines[0] + 3))


def test_range_gives_lines_of_a_session(kernel):
    cells = run_marked(kernel, "range", 3)
    session, first, _ = history(kernel, "tail", n=3)[0]
    entries = history(kernel, "range", session=session, start=first, stop=first + 2)
    assert [source for _, _, source in entries] == cells[:2]
    current = history(kernel, "range", session=0, start=first, stop=first + 1)
    assert [source for _, _, source in current] == cells[:1], "session 0 is the current one"


def test_search_takes_a_glob_pattern(kernel):
    cells = run_marked(kernel, "search", 3)
    found = history(kernel, "search", pattern="*search [12]*", n=10)
    assert [source for _, _, source in found] == cells[1:]
    assert history(kernel, "search", pattern="*search*", n=1)[0][2] == cells[2], "the newest is kept"
    assert history(kernel, "search", pattern="*nothing has this*", n=5) == []


def test_search_can_leave_out_repetitions(kernel):
    for _ in range(3):
        kernel.ok(LANGUAGE.print("again and again"))
    found = history(kernel, "search", pattern="*again and again*", n=10, unique=True)
    assert len(found) == 1


def test_outputs_are_given_on_demand(kernel):
    kernel.ok(LANGUAGE.value)
    ((_, _, (source, output)),) = history(kernel, "tail", n=1, output=True)
    assert source == LANGUAGE.value
    assert output in (None, "", "42")


def test_history_survives_a_restart(new_kernel, tmp_path):
    kept = {"CELLAR_HISTORY": str(tmp_path / "history.sqlite")}
    first = new_kernel(extra_env=kept)
    first.ok(LANGUAGE.print("in the first session"))
    first.client.shutdown()
    first.manager.finish_shutdown()
    second = new_kernel(extra_env=kept)
    second.ok(LANGUAGE.print("in the second session"))
    entries = history(second, "search", pattern="*in the * session*", n=2)
    assert [source for _, _, source in entries] == [
        LANGUAGE.print("in the first session"),
        LANGUAGE.print("in the second session"),
    ]
    assert entries[0][0] < entries[1][0], "they belong to different sessions"


def test_a_damaged_history_costs_only_the_history(new_kernel, tmp_path):
    (tmp_path / "history.sqlite").write_bytes(b"this is no database" * 100)
    kernel = new_kernel(extra_env={"CELLAR_HISTORY": str(tmp_path / "history.sqlite")})
    assert kernel.show(LANGUAGE.value) == "42"
    history(kernel, "tail", n=5)


def test_a_history_that_cannot_be_written_costs_only_the_history(new_kernel):
    kernel = new_kernel(extra_env={"CELLAR_HISTORY": "/proc/none/history.sqlite"})
    assert kernel.show(LANGUAGE.value) == "42"
    history(kernel, "tail", n=5)
