"""What cells show: values, and rich output made anywhere in a cell."""

import base64

import pytest


@pytest.mark.parametrize(
    "expression, shown",
    [
        ("40 + 2", "42"),
        ('"text"', '"text"'),
        ('String::from("é🦀")', '"é🦀"'),
        ("vec![1, 2, 3]", "[1, 2, 3]"),
        ("(1, 2.5, 'c')", "(1, 2.5, 'c')"),
        ("Some(3)", "Some(3)"),
        ('Err::<i32, String>("no".into())', 'Err("no")'),
        ("&[1u8, 2][..]", "[1, 2]"),
        ("(1..4).map(|x| x * x).collect::<Vec<i32>>()", "[1, 4, 9]"),
        ("if true { 1 } else { 2 }", "1"),
        ("match 3 { 3 => 'y', _ => 'n' }", "'y'"),
        ("{ let inner = 20; inner * 2 }", "40"),
        ("std::time::Duration::from_millis(1500)", "1.5s"),
    ],
)
def test_the_last_expression_is_the_cells_value(kernel, expression, shown):
    result = kernel.ok(expression)
    assert result.events == [("result", shown)]


@pytest.mark.parametrize("cell", ["()", "println!()", "{ let unused = 1; }", "for _ in 0..3 {}", "drop(3)", "40 + 2;"])
def test_unit_and_statements_show_nothing(kernel, cell):
    result = kernel.ok(cell)
    assert result.value is None and result.displays == []


def test_a_print_as_last_expression_prints_and_shows_nothing(kernel):
    assert kernel.ok('println!("text")').events == [("stdout", "text\n")]
    loop = 'use std::io::Write; for i in 0..3 { print!("\\r{i}"); std::io::stdout().flush().unwrap() }'
    assert kernel.ok(loop).events == [("stdout", "\r0\r1\r2")]


def test_a_cell_with_a_value_runs_once(kernel, tmp_path):
    counter = tmp_path / "runs"
    kernel.ok(f"""
        use std::io::Write;
        std::fs::OpenOptions::new().create(true).append(true).open("{counter}").unwrap().write_all(b"x").unwrap();
        7
    """)
    assert counter.read_bytes() == b"x"


def test_showing_a_variable_does_not_move_it(kernel):
    kernel.ok("let shown_text = String::from(\"still here\");")
    assert kernel.show("shown_text") == '"still here"'
    assert kernel.show("shown_text") == '"still here"'


def test_a_value_without_debug_says_so(kernel):
    """Neither a failure nor silence: the reader is told what is missing."""
    kernel.ok("struct Opaque;")
    result = kernel.run("Opaque")
    assert "Debug" in str(result.value) + result.traceback


MIMES = {
    'cellar::html("<b>hi</b>");': ("text/html", "<b>hi</b>"),
    'cellar::markdown("*hi*");': ("text/markdown", "*hi*"),
    'cellar::latex("$x$");': ("text/latex", "$x$"),
    'cellar::svg("<svg></svg>");': ("image/svg+xml", "<svg></svg>"),
    "cellar::png([1u8, 2, 3]);": ("image/png", base64.b64encode(b"\x01\x02\x03").decode()),
    "cellar::jpeg([4u8, 5, 6]);": ("image/jpeg", base64.b64encode(b"\x04\x05\x06").decode()),
    r'cellar::json("{\"a\": [1, 2]}");': ("application/json", {"a": [1, 2]}),
    "cellar::display(42);": ("text/plain", "42"),
}


@pytest.mark.parametrize("cell", MIMES)
def test_rich_output_from_code(kernel, cell):
    mime, content = MIMES[cell]
    result = kernel.ok(cell)
    (bundle,) = result.displays
    shown = bundle[mime]
    assert (shown.strip() if isinstance(shown, str) else shown) == content


def test_several_displays_each_where_it_was_made(kernel):
    result = kernel.ok("""
        println!("before");
        cellar::html("<i>1</i>");
        print!("between");
        cellar::html("<i>2</i>");
        eprintln!("after");
        99
    """)
    kinds = [kind for kind, _ in result.events]
    assert kinds == ["stdout", "display_data", "stdout", "display_data", "stderr", "result"]
    assert [bundle["text/html"] for bundle in result.displays] == ["<i>1</i>", "<i>2</i>"]
    assert result.events[2] == ("stdout", "between")


def test_a_display_comes_while_the_cell_runs(kernel):
    request = kernel.submit("""
        cellar::html("early"); std::thread::sleep(std::time::Duration::from_secs(2));
    """)
    kernel.wait(request)
    shown = next(t for t, m in request.iopub if m["msg_type"] == "display_data")
    assert request.replied_after - shown > 1


def test_evcxrs_own_convention_for_rich_output(kernel):
    """As plotters, plotly, charton and others print it."""
    result = kernel.ok(r"""
        println!("text");
        println!("EVCXR_BEGIN_CONTENT text/html\n<p>one\ntwo</p>\nEVCXR_END_CONTENT");
        println!("more text");
        println!("EVCXR_BEGIN_CONTENT text/html\n<p>again</p>\nEVCXR_END_CONTENT");
    """)
    kinds = [kind for kind, _ in result.events]
    assert kinds == ["stdout", "display_data", "stdout", "display_data"]
    assert [bundle["text/html"].strip() for bundle in result.displays] == ["<p>one\ntwo</p>", "<p>again</p>"]


def test_evcxr_display_methods_are_honoured(kernel):
    kernel.ok(r"""
        struct Badge(u8);
        impl Badge {
            fn evcxr_display(&self) {
                println!("EVCXR_BEGIN_CONTENT text/html\n<b>{}</b>\nEVCXR_END_CONTENT", self.0);
            }
        }
    """)
    result = kernel.ok("Badge(7)")
    bundles = result.displays + ([result.rich] if result.rich else [])
    assert [bundle["text/html"].strip() for bundle in bundles] == ["<b>7</b>"]


def test_a_type_that_knows_how_to_show_itself(kernel):
    kernel.ok("""
        struct Colour(u8);
        impl cellar::Rich for Colour {
            fn mime_bundle(&self) -> cellar::Bundle {
                cellar::Bundle::new().text(format!("colour {}", self.0)).html(format!("<hr id={}>", self.0))
            }
        }
    """)
    assert kernel.ok("Colour(5)").rich == {"text/plain": "colour 5", "text/html": "<hr id=5>"}
    assert kernel.ok("cellar::display(Colour(6));").displays == [
        {"text/plain": "colour 6", "text/html": "<hr id=6>"}
    ]


def display_ids(result, kind):
    return [m["content"]["transient"]["display_id"] for m in result.messages if m["msg_type"] == kind]


def test_a_handle_updates_its_output_in_place(kernel):
    result = kernel.ok("""
        let handle = cellar::display("first");
        handle.update("second");
    """)
    assert result.events == [
        ("display_data", {"text/plain": "first"}),
        ("update_display_data", {"text/plain": "second"}),
    ]
    assert display_ids(result, "display_data") == display_ids(result, "update_display_data")


def test_a_handle_works_from_a_later_cell(kernel):
    first = kernel.ok('let later_handle = cellar::display("first");')
    second = kernel.ok('later_handle.update("later");')
    assert display_ids(first, "display_data") == display_ids(second, "update_display_data")


def test_clear_output(kernel):
    result = kernel.ok('println!("gone"); cellar::clear_output(true); println!("kept");')
    assert result.events == [("stdout", "gone\n"), ("clear", True), ("stdout", "kept\n")]
    assert ("clear", False) in kernel.ok("cellar::clear_output(false);").events


def test_a_progress_bar_moves_in_one_place(kernel):
    result = kernel.ok("""
        let mut sum = 0;
        for i in cellar::progress(1..=20) { sum += i; std::thread::sleep(std::time::Duration::from_millis(50)); }
        sum
    """)
    assert result.value == "210"
    assert len(result.displays) == 1
    updates = [event for event in result.events if event[0] == "update_display_data"]
    assert len(updates) >= 2
    assert "20" in updates[-1][1]["text/plain"]


def test_a_hundred_displays_in_a_row(kernel):
    result = kernel.ok('for i in 0..100 { cellar::html(format!("{i}")); }')
    assert [bundle["text/html"] for bundle in result.displays] == [str(i) for i in range(100)]
