"""Cells that take their process down: the cell fails, the variables stay."""

import pytest

CRASHES = {
    "abort": ("std::process::abort();", "SIGABRT"),
    "null write": ("unsafe { std::ptr::null_mut::<u8>().write_volatile(1) };", "SIGSEGV"),
    "null read": ("let p = std::hint::black_box(std::ptr::null::<u64>()); unsafe { p.read_volatile() }", "SIGSEGV"),
    "stack overflow": (
        "fn deep(n: u64) -> u64 { if n == u64::MAX { 0 } else { 1 + std::hint::black_box(deep(std::hint::black_box(n) + 1)) } }\n"
        "deep(0)",
        "overflow",
    ),
    "exit": ("std::process::exit(3);", "3"),
    "exit 0": ("std::process::exit(0);", "0"),
    "killed": ('std::process::Command::new("kill").args(["-9", &std::process::id().to_string()]).status().unwrap(); loop {}', "SIGKILL"),
    "panic in extern C": ('extern "C" fn no_unwind() { panic!("cannot unwind") }\nno_unwind();', "cannot unwind"),
    "double panic": (
        'struct Twice;\nimpl Drop for Twice { fn drop(&mut self) { panic!("second") } }\nlet _t = Twice; panic!("first");',
        "first",
    ),
    "trap": ("unsafe { std::arch::asm!(\"ud2\") };", "SIGILL"),
}


@pytest.mark.parametrize("crash", CRASHES.values(), ids=CRASHES.keys())
def test_a_crash_ends_the_cell_and_nothing_else(kernel, crash):
    code, told = crash
    kernel.ok('let mut lasting = vec![String::from("kept")]; let number_kept = 42;')
    kernel.ok("fn kept_function() -> u8 { 9 }")

    result = kernel.fails(f'println!("before"); lasting.push("lost".into()); let never = 1;\n{code}')

    assert told in result.ename + result.evalue + result.traceback
    assert "before" in result.stdout, "what was printed before the crash is shown"
    assert kernel.show("lasting") == '["kept"]', "a failed cell changes nothing"
    assert kernel.show("number_kept + 0") == "42"
    assert kernel.show("kept_function()") == "9"
    assert kernel.fails("never").ename == "E0425"


def test_an_unfinished_line_before_a_crash_is_shown_or_at_least_does_not_move(kernel):
    kernel.run('print!("half"); std::process::abort();')
    assert kernel.ok('println!("next");').stdout == "next\n"


def test_a_value_can_be_made_again_after_a_crash(kernel):
    kernel.fails("let again = 1; std::process::abort();")
    kernel.ok("let again = 2;")
    assert kernel.show("again") == "2"


def test_cells_behind_a_crash_are_aborted(kernel):
    crash = kernel.submit("std::thread::sleep(std::time::Duration::from_millis(800)); std::process::abort();")
    behind = kernel.submit('println!("ran");')
    assert kernel.result(crash).status == "error"
    assert kernel.result(behind).status == "aborted"


def test_what_cannot_be_kept_is_told(kernel):
    """With other threads alive no snapshot can be made; the user learns what that cost."""
    kernel.ok("let with_threads = 1;")
    kernel.ok("std::thread::spawn(|| loop { std::thread::sleep(std::time::Duration::from_secs(1)) });")
    result = kernel.fails("std::process::abort();")
    assert "SIGABRT" in result.ename + result.evalue
    told = result.traceback + result.stderr + result.evalue
    after = kernel.run("with_threads")
    if after.status == "error":
        assert "thread" in told and ("lost" in told or "gone" in told), result
    assert kernel.show("1 + 1") == "2"
