"""What cells write to stdout and stderr: all of it, as it comes, in order, whoever writes it."""

import pytest


def test_stdout_and_stderr_keep_the_order_in_which_the_cell_wrote(kernel):
    result = kernel.ok('for i in 0..3 { println!("out {i}"); eprintln!("err {i}"); }')
    expected = []
    for i in range(3):
        expected += [("stdout", f"out {i}\n"), ("stderr", f"err {i}\n")]
    assert result.events == expected


def test_output_comes_before_the_cell_ends(kernel):
    cell = 'println!("early"); std::thread::sleep(std::time::Duration::from_secs(2)); println!("late");'
    result = kernel.ok(cell)
    assert result.arrival("late") - result.arrival("early") > 1


def test_a_partial_line_comes_when_it_is_flushed(kernel):
    result = kernel.ok("""
        use std::io::Write;
        print!("working ... "); std::io::stdout().flush().unwrap();
        std::thread::sleep(std::time::Duration::from_secs(2));
        println!("done");
    """)
    assert result.stdout == "working ... done\n"
    assert result.arrival("done") - result.arrival("working") > 1


def test_a_last_line_without_an_end_belongs_to_its_own_cell(kernel):
    assert kernel.ok('print!("no end");').stdout == "no end"
    assert kernel.ok('eprint!("nor here");').stderr == "nor here"
    assert kernel.ok('println!("next");').stdout == "next\n"


def test_a_flushed_line_without_an_end_does_not_hang_the_kernel(kernel):
    result = kernel.ok('use std::io::Write; print!("x"); std::io::stdout().flush().unwrap(); let y_after = 1;')
    assert result.stdout == "x"


def test_progress_that_rewrites_its_line(kernel):
    result = kernel.ok(r"""
        use std::io::Write;
        for i in 0..4 {
            print!("\r{i}/3"); std::io::stdout().flush().unwrap();
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
    """)
    assert result.stdout == "\r0/3\r1/3\r2/3\r3/3"
    assert result.arrival("3/3") - result.arrival("0/3") > 0.5


def test_invalid_utf8_is_replaced_and_nothing_gets_out_of_step(kernel):
    result = kernel.ok(r'use std::io::Write; std::io::stdout().write_all(b"a\xff\xfeb\n").unwrap();')
    assert result.stdout == "a\ufffd\ufffdb\n"
    result = kernel.ok(r'use std::io::Write; std::io::stderr().write_all(b"\xc3\n").unwrap();')
    assert result.stderr == "\ufffd\n"
    assert kernel.ok('println!("in step");').stdout == "in step\n"


def test_characters_that_are_written_in_pieces_stay_whole(kernel):
    result = kernel.ok(r"""
        use std::io::Write;
        for byte in "é🦀".bytes() {
            std::io::stdout().write_all(&[byte]).unwrap(); std::io::stdout().flush().unwrap();
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    """)
    assert result.stdout == "é🦀"


def test_characters_on_the_edges_of_blocks_stay_whole(kernel):
    result = kernel.ok('for _ in 0..20_000 { print!("a🦀é"); }')
    assert result.stdout == "a🦀é" * 20_000


def test_a_nul_byte_in_the_output(kernel):
    assert kernel.ok(r'println!("a\0b");').stdout == "a\0b\n"


def test_child_processes_write_into_the_cell(kernel):
    result = kernel.ok("""
        std::process::Command::new("sh").args(["-c", "echo from a child; echo and its stderr >&2"]).status().unwrap();
        println!("from the cell");
    """)
    assert result.stdout == "from a child\nfrom the cell\n"
    assert result.stderr == "and its stderr\n"


def test_c_code_writes_into_the_cell(kernel):
    result = kernel.ok(r"""
        unsafe extern "C" { fn puts(text: *const std::ffi::c_char) -> i32; }
        unsafe { puts(c"from C".as_ptr()); }
    """)
    assert result.stdout == "from C\n"
    assert kernel.ok('println!("next");').stdout == "next\n"


def test_a_thread_of_the_cell_writes_into_it(kernel):
    result = kernel.ok('std::thread::spawn(|| println!("from a thread")).join().unwrap();')
    assert result.stdout == "from a thread\n"


def test_ten_megabytes_come_whole_and_in_order(kernel):
    result = kernel.ok('for i in 0..1_000_000u32 { println!("{i:09}"); }')
    lines = result.stdout.split("\n")
    assert len(lines) == 1_000_001 and lines[-1] == ""
    assert all(int(line) == i for i, line in enumerate(lines[:-1]))
    messages = sum(m["msg_type"] == "stream" for m in result.messages)
    assert messages < 20_000, "a message for every line would drown the frontend"


def test_one_line_of_ten_megabytes(kernel):
    result = kernel.ok('println!("{}", "x".repeat(10_000_000));')
    assert len(result.stdout) == 10_000_001


@pytest.mark.parametrize(
    "marker",
    [
        "EVCXR_EXECUTION_COMPLETE",
        "EVCXR_PANIC_NOTIFICATION",
        "EVCXR_ERROR_OCCURRED",
        "EVCXR_VARIABLE_CHANGED_TYPE:kept_marker",
        "EVCXR_INPUT_REQUEST:who",
        "EVCXR_NOTHING_OF_THE_KIND",
    ],
)
def test_text_that_looks_like_a_marker_is_text(kernel, marker):
    """evcxr's child and parent talk over stdout; a cell must not be able to speak for them."""
    kernel.ok("let kept_marker = 5;")
    result = kernel.ok(f'println!("{marker}"); println!("after"); let made_after = 6;')
    assert result.stdout == f"{marker}\nafter\n"
    assert kernel.show("kept_marker + made_after") == "11"


def test_ten_thousand_prints_come_in_order_with_stderr_between(kernel):
    result = kernel.ok('for i in 0..1000 { println!("{i}"); if i % 100 == 99 { eprintln!("at {i}"); } }')
    assert len(result.events) == 20
    assert [kind for kind, _ in result.events] == ["stdout", "stderr"] * 10
