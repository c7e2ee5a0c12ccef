"""Code that was compiled before is run again without a compiler: in the session, and in later ones."""

import time

from support.sessions import run_all, shown

NOTEBOOK = [
    "use std::collections::HashMap;",
    "let a = 41;",
    "a + 1",
    "let mut v: Vec<i32> = (0..10).collect();",
    "v.push(a); v.len()",
    "#[derive(Debug, Clone)] struct P { x: i32 }\nimpl P { fn twice(&self) -> i32 { self.x * 2 } }",
    "let p = P { x: 3 }; p.clone()",
    'println!("{}", p.twice());',
    'let t: i32 = "7".parse()?; t',
    "let mut m = HashMap::new(); m.insert(1, p.clone());",
    "m[&1].x + t",
    "macro_rules! three { () => { 3 } }",
    "three!() + a",
    'let s = String::from("moved"); let kept = s;',
    "trait Shape { fn area(&self) -> f64; }\nimpl Shape for P { fn area(&self) -> f64 { self.x as f64 } }",
    "let shapes: Vec<Box<dyn Shape>> = vec![Box::new(p.clone())]; shapes[0].area()",
    "static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(5);",
    "COUNT.fetch_add(1, std::sync::atomic::Ordering::SeqCst)",
    "let words: Vec<String> = \"a b c\".split(' ').map(|w| w.to_owned()).collect();",
    "words.join(\"-\")",
]


def test_after_a_restart_nothing_is_compiled(machine):
    first = run_all(machine.kernel(), NOTEBOOK)
    assert all(status == "ok" for status, *_ in first), first
    assert machine.compiles() >= len(NOTEBOOK) - 5
    machine.settle()
    kernel = machine.kernel()
    assert run_all(kernel, NOTEBOOK) == first
    assert machine.compiles() == 0
    # The same in the same session.
    assert shown(kernel, NOTEBOOK[2]) == first[2]
    assert machine.compiles() == 0


def test_one_edited_cell_is_one_compile(machine):
    run_all(machine.kernel(), NOTEBOOK)
    machine.settle()
    edited = list(NOTEBOOK)
    edited[7] = 'println!("edited {}", p.twice());'
    outputs = run_all(machine.kernel(), edited)
    assert outputs[7][1] == "edited 6\n"
    assert machine.compiles() == 1


def test_an_edited_item_concerns_only_those_who_reach_it(machine):
    cells = ["fn f() -> i32 { 1 }", "fn g() -> i32 { 2 }", "f()", "g()", "let a = f() + g(); a"]
    run_all(machine.kernel(), cells)
    machine.settle()
    cells[0] = "fn f() -> i32 { 10 }"
    outputs = run_all(machine.kernel(), cells)
    assert [value for *_, value, _ in outputs[2:]] == ["10", "2", "12"]
    # The item itself, and the two cells that call it.
    assert machine.compiles() == 3


def test_a_rerun_begins_with_fresh_statics(machine):
    kernel = machine.kernel()
    cell = (
        "static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(5);\n"
        "COUNT.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + COUNT.load(std::sync::atomic::Ordering::SeqCst)"
    )
    first = kernel.show(cell)
    assert first == "11"
    machine.settle()
    assert [kernel.show(cell) for _ in range(3)] == ["11"] * 3
    assert machine.compiles() == 0


def test_impls_and_macros_of_a_rerun_do_not_conflict(machine):
    kernel = machine.kernel()
    cell = "struct R(u8);\nimpl R { fn get(&self) -> u8 { self.0 } }\nmacro_rules! r { () => { R(4).get() } }"
    for _ in range(3):
        kernel.ok(cell)
        assert kernel.show("r!()") == "4"


def test_what_was_replayed_is_there_for_new_cells(machine):
    run_all(machine.kernel(), NOTEBOOK)
    machine.settle()
    kernel = machine.kernel()
    run_all(kernel, NOTEBOOK)
    machine.compiles()
    assert kernel.show("v.len() as i32 + p.twice() + m[&1].x + three!()") == "23"
    assert machine.compiles() == 1
    # `s` was moved away.
    assert "s" not in kernel.show("%who").split()
    error = kernel.run("let x = 1;\nlet y: String = p.twice();")
    assert error.ename == "E0308" and ":2:17" in error.traceback
    panic = kernel.run('let q = 1;\n\npanic!("here {}", p.x + q);')
    assert panic.ename == "panic" and ":3:1" in panic.traceback
    assert kernel.show("p.x") == "3"


def test_completion_and_inspection_know_what_was_replayed(machine):
    run_all(machine.kernel(), NOTEBOOK)
    machine.settle()
    kernel = machine.kernel()
    run_all(kernel, NOTEBOOK)
    kernel.ok("1 + 2000")
    deadline = time.monotonic() + 30
    while not any("twice" in match for match in kernel.completions("p.tw")):
        assert time.monotonic() < deadline, "`twice` is not proposed"
        time.sleep(0.2)


def test_a_panic_and_a_failed_question_mark_point_to_the_cell_as_it_is_now(machine):
    fails = "let zero = 0;\n\nlet q = 7 / std::hint::black_box(zero);"
    asks = 'let n: i32 =\n  "x".parse()?;'
    first = machine.kernel()
    run_all(first, ["1", fails, asks])
    machine.settle()
    kernel = machine.kernel()
    panic, error = kernel.run(fails), kernel.run(asks)
    assert machine.compiles() == 0
    assert panic.ename == "panic" and "In[1]:3:9" in panic.traceback, panic.traceback
    assert error.ename == "ParseIntError" and "In[2]:2:3" in error.traceback, error.traceback
    assert "q" not in kernel.show("%who").split()


def test_variables_survive_a_replayed_cell_that_dies_or_is_interrupted(machine):
    cells = ["let a = vec![1, 2, 3];", "std::process::abort();", "loop { std::hint::spin_loop() }"]
    first = machine.kernel()
    run_all(first, cells[:2])
    request = first.submit(cells[2])
    time.sleep(5)
    first.interrupt()
    first.wait(request)
    machine.settle()
    kernel = machine.kernel()
    kernel.ok(cells[0])
    assert kernel.run(cells[1]).status == "error"
    request = kernel.submit(cells[2])
    time.sleep(1)
    kernel.interrupt()
    assert kernel.result(request).status == "error"
    assert machine.compiles() == 0
    assert kernel.show("a.len()") == "3"


def test_where_threads_forbid_a_snapshot_the_session_goes_on(machine):
    cells = [
        "let a = 5;",
        "std::thread::spawn(|| std::thread::sleep(std::time::Duration::from_secs(100)));",
        'let b = String::from("b"); if a > 0 { panic!("with threads") }',
        "a",
        "std::process::abort();",
    ]
    first = run_all(machine.kernel(), cells)
    machine.settle()
    kernel = machine.kernel()
    assert run_all(kernel, cells) == first
    # The process is gone, and the next cell has a new one.
    assert kernel.run("a").status == "error"
    kernel.ok("let a = 6;")
    assert kernel.show("a") == "6"


def test_files_and_environment_that_the_compiler_read(machine, tmp_path):
    file = tmp_path / "included.txt"
    file.write_text("one")
    cells = [f'include_str!("{file}")', 'option_env!("VALUE_OF_A_TEST").unwrap_or("none")']
    assert [value for *_, value, _ in run_all(machine.kernel(), cells)] == ['"one"', '"none"']
    machine.settle()
    run_all(machine.kernel(), cells)
    assert machine.compiles() == 0
    file.write_text("two")
    kernel = machine.kernel(VALUE_OF_A_TEST="set")
    assert [value for *_, value, _ in run_all(kernel, cells)] == ['"two"', '"set"']
    assert machine.compiles() == 2


def test_a_damaged_library_is_compiled_again(machine):
    cells = NOTEBOOK[:8]
    first = run_all(machine.kernel(), cells)
    machine.settle()
    blobs = [path for path in machine.store.rglob("blobs/**/*") if path.is_file()]
    assert blobs
    for at, blob in enumerate(blobs):
        content = bytearray(blob.read_bytes())
        blob.chmod(0o600)
        if at % 3 == 0:
            content[len(content) // 2] ^= 0xFF
        elif at % 3 == 1:
            del content[len(content) // 2 :]
        else:
            content.clear()
        blob.write_bytes(content)
    assert run_all(machine.kernel(), cells) == first
    assert machine.compiles() > 0


def test_cache_off_compiles(machine):
    cells = ["let a = 1;", "a + 1"]
    run_all(machine.kernel(), cells)
    machine.settle()
    kernel = machine.kernel()
    kernel.ok("%cache off")
    assert run_all(kernel, cells)[1][2] == "2"
    assert machine.compiles() == 2


def test_options_and_dependencies_are_part_of_the_key(machine, tmp_path):
    crate = tmp_path / "local"
    (crate / "src").mkdir(parents=True)
    (crate / "Cargo.toml").write_text('[package]\nname = "local"\nversion = "0.1.0"\nedition = "2021"\n')
    (crate / "src/lib.rs").write_text("pub fn value() -> u32 { 1 }\n")
    cells = [f':dep local = {{ path = "{crate}" }}', "local::value()", "let a = local::value(); a"]
    assert [value for *_, value, _ in run_all(machine.kernel(), cells)[1:]] == ["1", "1"]
    machine.settle()
    kernel = machine.kernel()
    kernel.ok(cells[0])
    machine.compiles()
    run_all(kernel, cells[1:])
    assert machine.compiles() == 0
    (crate / "src/lib.rs").write_text("pub fn value() -> u32 { 2 }\n")
    kernel = machine.kernel()
    kernel.ok(cells[0])
    machine.compiles()
    assert [value for *_, value, _ in run_all(kernel, cells[1:])] == ["2", "2"]
    assert machine.compiles() == 2


def test_a_changed_comment_is_no_change(machine):
    """Lines that stay where they are: only words, or blanks, at their ends."""
    cells = ["// first\nfn twice(n: u32) -> u32 {\n    n * 2 // two times\n}", "twice(4) /* eight */"]
    others = ["fn twice(n: u32) -> u32 {\n    n * 2\n}", "twice(4)"]
    documented = ["/// Twice.\nfn twice(n: u32) -> u32 {\n    n * 2\n}", "twice(4)"]
    run_all(machine.kernel(), cells)
    machine.settle()
    kernel = machine.kernel()
    assert [value for _, _, value, _ in run_all(kernel, others)] == [None, "8"]
    assert machine.compiles() == 0
    run_all(kernel, documented)
    assert machine.compiles() > 0
    # The lines of a panic are those of the cell as it is now.
    failing = "let here = 1; // one\n// above\npanic!(\"{here}\")"
    kernel.fails(failing)
    machine.settle()
    result = kernel.fails(failing.replace("one", "1").replace("// above\n", "// above\n// and above\n"))
    assert machine.compiles() == 0
    assert ":4:1" in result.traceback


def test_a_cell_that_binds_is_compiled_once(machine):
    """Whether there is an older value of what it binds does not matter to it."""
    cells = ["let a = 1;", "let kept = vec![a]; (a, kept.len())", 'let mut text = String::from("x"); text.push(\'y\'); text.clone()']
    kernel = machine.kernel()
    first = run_all(kernel, cells)
    machine.settle()
    assert run_all(kernel, cells) == first
    assert machine.compiles() == 0
