"""Plain `std::io::stdin()` asks the frontend, as `cellar::input` does."""

import time


def test_read_line_asks_the_frontend(kernel):
    result = kernel.ok(
        'let mut line = String::new(); std::io::stdin().read_line(&mut line).unwrap(); println!("{line:?}");',
        answers=["typed"],
    )
    assert '"typed\\n"\n' in result.stdout


def test_lines_are_asked_for_one_by_one(kernel):
    result = kernel.ok(
        """
        use std::io::BufRead;
        let two: Vec<String> = std::io::stdin().lock().lines().take(2).map(Result::unwrap).collect();
        println!("{two:?}");
        """,
        answers=["one", "two"],
    )
    assert '["one", "two"]\n' in result.stdout


def test_what_was_printed_before_is_there_when_the_prompt_comes(kernel):
    asked = len(kernel.prompts)
    request = kernel.submit(
        'print!("your name: "); let mut l = String::new(); std::io::stdin().read_line(&mut l).unwrap();',
        allow_stdin=True,
    )
    kernel.pump_until(lambda: len(kernel.prompts) > asked, time.monotonic() + 60)
    shown = "".join(m["content"]["text"] for _, m in request.iopub if m["msg_type"] == "stream")
    assert "your name: " in shown + kernel.prompts[-1]["prompt"]
    kernel.answer("x")
    assert kernel.result(request).status == "ok"


def test_without_a_frontend_to_ask_reading_ends_at_once(kernel):
    result = kernel.run(
        'let mut line = String::new(); let n = std::io::stdin().read_line(&mut line); println!("{n:?}");', timeout=30
    )
    assert "Ok(0)" in result.stdout or "Err" in result.stdout or result.status == "error"
    assert kernel.show("1 + 1") == "2"
