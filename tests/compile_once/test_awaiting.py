"""Cells that await a future, and those below them, which run in its runtime: compiled once like all others."""

from support.sessions import run_all, shown

NOTEBOOK = [
    "async fn soon() -> i32 { 41 }",
    "soon().await + 1",
    "let mut awaited = soon().await;",
    "awaited += 1; awaited",
    'let n: i32 = async { "7".parse::<i32>() }.await?;',
    'async { "x".parse::<i32>() }.await?',
    # No `.await`, but it needs the runtime.
    "let task = tokio::spawn(async { 5 });",
    "task.await?",
    'panic!("{awaited}")',
    "let kept = vec![soon().await]; (awaited, n, kept.len())",
]


def test_after_a_restart_nothing_is_compiled(machine):
    first = run_all(machine.kernel(), NOTEBOOK)
    values = [value for _, _, value, _ in first]
    assert values == [None, "42", None, "42", None, None, None, "5", None, "(42, 7, 1)"]
    assert [name for *_, name in first if name] == ["ParseIntError", "panic"]
    machine.settle()
    kernel = machine.kernel()
    assert run_all(kernel, NOTEBOOK) == first
    assert machine.compiles() == 0
    # In the same session, and again by evcxr, which has to hear of the runtime then.
    assert shown(kernel, NOTEBOOK[-1]) == first[-1]
    assert machine.compiles() == 0
    kernel.ok("%cache off")
    assert kernel.show("tokio::spawn(async { 6 }); soon().await + awaited") == "83"


def test_a_runtime_of_ones_own(machine):
    kernel = machine.kernel()
    kernel.ok(':dep tokio = { version = "1", features = ["rt", "rt-multi-thread", "time"] }')
    assert kernel.show("tokio::time::sleep(std::time::Duration::from_millis(1)).await; 1") == "1"
    machine.settle()
    kernel = machine.kernel()
    kernel.ok(':dep tokio = { version = "1", features = ["rt", "rt-multi-thread", "time"] }')
    assert kernel.show("tokio::time::sleep(std::time::Duration::from_millis(1)).await; 1") == "1"
    assert machine.compiles() == 0
