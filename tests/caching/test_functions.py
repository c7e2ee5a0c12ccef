"""Functions below `//% cache_data`: what is computed, and what is not computed again."""

import pytest

from support.kernel import Kernel

FACT = """
//% cache_data
fn fact(n: u64) -> u64 {
    println!("fact {n}");
    if n == 0 { 1 } else { n * fact(n - 1) }
}
"""


@pytest.fixture
def own(jupyter_home, tmp_path):
    """Starts kernels that share a store of their own."""
    kernels = []

    def start():
        kernels.append(Kernel(extra_env={"CELLAR_CACHE_DIR": str(tmp_path / "cache")}))
        return kernels[-1]

    yield start
    for kernel in kernels:
        kernel.close()


def computed(result):
    """What the bodies printed."""
    return result.stdout.splitlines()


def test_a_call_is_computed_once_recursion_and_later_cells_included(kernel):
    assert computed(kernel.ok(FACT + "fact(3);")) == ["fact 3", "fact 2", "fact 1", "fact 0"]
    assert computed(kernel.ok("let f = fact(4);")) == ["fact 4"]
    assert kernel.show("f") == "24"
    assert computed(kernel.ok("fact(2);")) == []


def test_clear_and_clear_for(kernel):
    kernel.ok("""
        //% cache_data
        fn cleared(n: u8, _label: &str) -> u8 { println!("cleared {n}"); n }
        cleared(1, "a"); cleared(2, "b");
    """)
    assert kernel.show('cleared::clear_for(1, "another label")') == "true"
    assert kernel.show('cleared::clear_for(9, "")') == "false"
    assert computed(kernel.ok('cleared(1, ""); cleared(2, "");')) == ["cleared 1"]
    assert kernel.show("cleared::clear()") == "2"
    assert computed(kernel.ok('cleared(2, "");')) == ["cleared 2"]


def test_borrowed_ignored_and_pattern_arguments(kernel):
    result = kernel.ok("""
        struct Connection;
        //% cache_data(ignore = [verbose])
        fn borrowed(name: &str, rows: &[f64], (a, b): (u8, Option<char>), _db: &Connection, verbose: bool) -> String {
            println!("{name} {} {a} {b:?}", rows.len());
            name.to_owned()
        }
        let rows = vec![1.0, 2.0];
        borrowed("x", &rows, (1, None), &Connection, true);
        borrowed("x", &rows.clone(), (1, None), &Connection, false);
        borrowed("x", &[1.0], (1, None), &Connection, true);
        borrowed("x", &rows, (1, Some('c')), &Connection, true);
    """)
    assert computed(result) == ["x 2 1 None", "x 1 1 None", "x 2 1 Some('c')"]


def test_results_are_given_by_value(kernel):
    kernel.ok("""
        //% cache_data
        fn list() -> Vec<i32> { println!("list"); vec![1, 2, 3] }
        let mut first = list();
        first.push(4);
    """)
    assert kernel.ok("list()").events == [("result", "[1, 2, 3]")]


def test_errors_and_panics_are_not_kept(kernel):
    kernel.ok("""
        //% cache_data
        fn parsed(text: &str) -> Result<i32, Box<dyn std::error::Error>> {
            println!("parsing {text}");
            Ok(text.parse::<i32>()?)
        }
        //% cache_data
        fn positive(n: i32) -> i32 {
            println!("positive {n}");
            assert!(n > 0);
            n
        }
    """)
    calls = 'for text in ["1", "x", "1", "x"] { let _ = parsed(text); }'
    assert computed(kernel.ok(calls)) == ["parsing 1", "parsing x", "parsing x"]
    for _ in range(2):
        failed = kernel.run("positive(-1)")
        assert failed.ename == "panic" and computed(failed) == ["positive -1"]


def test_a_panic_is_shown_at_the_users_own_line(kernel):
    failed = kernel.run("""//% cache_data
/// Documented.
#[inline]
fn panics(v: &[u8]) -> u8 {
    let at = v.len();
    v[at]
}
panics(&[1])""")
    assert failed.ename == "panic"
    assert ":6:5" in failed.traceback and "v[at]" in failed.traceback


def test_a_mistake_on_the_functions_line_is_shown_at_its_column(kernel):
    failed = kernel.run('//% cache_data\nfn wrong(x: i32) -> i32 { x + "a" }')
    assert ":2:29" in failed.traceback, failed.traceback
    assert "__" not in failed.traceback


def test_async_functions(kernel):
    result = kernel.ok("""
        //% cache_data
        async fn awaited(n: u32) -> Result<u32, std::num::ParseIntError> {
            println!("awaited {n}");
            let seven: u32 = "7".parse()?;
            Ok(n + seven)
        }
        let one = awaited(1).await?;
        let two = awaited(1).await?;
        println!("{}", one + two);
    """)
    assert computed(result) == ["awaited 1", "16"]


def test_an_edit_of_what_is_reached_computes_anew_and_its_revert_does_not(kernel):
    kernel.ok("fn helper(n: u32) -> u32 { n + OFFSET }\nconst OFFSET: u32 = 1;")
    kernel.ok("""
        //% cache_data
        fn reaching(n: u32) -> u32 { println!("reaching {n}"); helper(n) }
    """)
    assert kernel.ok("reaching(1)").events == [("stdout", "reaching 1\n"), ("result", "2")]
    kernel.ok("const OFFSET: u32 = 10;")
    assert kernel.ok("reaching(1)").events == [("stdout", "reaching 1\n"), ("result", "11")]
    kernel.ok("fn unrelated() {}")
    assert kernel.ok("reaching(1)").events == [("result", "11")]
    kernel.ok("const OFFSET: u32 = 1; // again")
    assert kernel.ok("reaching(1)").events == [("result", "2")]


def test_a_pointer_to_an_older_definition_does_not_fill_the_newer_ones_cache(kernel):
    kernel.ok("""
        //% cache_data
        fn version(n: u32) -> u32 { n + 1 }
        let older: fn(u32) -> u32 = version;
    """)
    kernel.ok("//% cache_data\nfn version(n: u32) -> u32 { n + 2 }")
    assert kernel.show("(older(1), version(1), older(1))") == "(2, 3, 2)"


def test_a_function_loses_its_cache_with_its_directive(kernel):
    kernel.ok("fn below(n: u8) -> u8 { n }")
    kernel.ok('//% cache_data\nfn plain(n: u8) -> u8 { println!("plain"); below(n) }\nplain(1);')
    # The old body would not compile any more.
    kernel.ok('fn below(n: u8, m: u8) -> u8 { n + m }\nfn plain(n: u8) -> u8 { println!("plain"); below(n, 1) }')
    assert computed(kernel.ok("plain(1); plain(1);")) == ["plain", "plain"]


def test_types_of_the_notebook_by_serde(kernel):
    kernel.ok("""
        use serde::{Deserialize, Serialize};
        #[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
        struct Row { id: u32, tags: Vec<String> }
        //% cache_data
        fn row_list(like: &Row, n: usize) -> Vec<Row> { println!("rows {n}"); vec![like.clone(); n] }
        //% cache_data
        fn checked(row: Row) -> Result<Row, String> { println!("checked"); if row.id > 0 { Ok(row) } else { Err("zero".into()) } }
        let row = Row { id: 1, tags: vec!["a".into()] };
    """)
    assert computed(kernel.ok("let made = row_list(&row, 2); assert_eq!(made, row_list(&row.clone(), 2));")) == ["rows 2"]
    assert computed(kernel.ok("row_list(&Row { id: 2, tags: vec![] }, 2);")) == ["rows 2"]
    assert computed(kernel.ok("checked(row.clone()).unwrap(); checked(row.clone()).unwrap();")) == ["checked"]


def test_what_serde_leaves_out_is_neither_confused_nor_lost(kernel):
    kernel.ok("#[derive(serde::Serialize, serde::Deserialize, Clone)] struct HalfWritten { seen: u8, #[serde(skip)] unseen: u8 }")
    warned = kernel.ok("""
        //% cache_data
        fn half_made(n: u8) -> HalfWritten { HalfWritten { seen: n, unseen: 2 } }
        //% cache_data
        fn half_read(of: &HalfWritten) -> u8 { of.unseen }
        //% cache_data
        fn half_ignored(_of: &HalfWritten, n: u8) -> u8 { println!("ignored"); n }
    """).stderr
    assert "`half_made` is not cached: its result" in warned and "`HalfWritten.unseen: u8`" in warned, warned
    assert "`half_read` is not cached: its argument `of`" in warned
    assert "half_ignored" not in warned
    assert kernel.show("(half_made(1).unseen, half_made(1).unseen)") == "(2, 2)"
    assert kernel.show("(half_read(&HalfWritten { seen: 1, unseen: 3 }), half_read(&HalfWritten { seen: 1, unseen: 4 }))") == "(3, 4)"
    assert computed(kernel.ok("for unseen in 0..2 { half_ignored(&HalfWritten { seen: 1, unseen }, 1); }")) == ["ignored"]


def test_what_two_threads_want_at_once_is_computed_once(kernel):
    result = kernel.ok("""
        use std::sync::atomic::{AtomicU32, Ordering};
        //% cache_data
        fn slow_square(n: u64, _calls: &AtomicU32) -> u64 {
            _calls.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(100));
            n * n
        }
        {
            let calls = AtomicU32::new(0);
            let of = &calls;
            let results: Vec<u64> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..8).map(|n| scope.spawn(move || slow_square(n % 2 + 10, of))).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            println!("{results:?} {}", calls.load(Ordering::SeqCst));
        }
    """)
    assert result.stdout == "[100, 121, 100, 121, 100, 121, 100, 121] 2\n"


def test_a_thread_goes_on_when_the_one_it_waited_for_fails(kernel):
    result = kernel.ok("""
        use std::sync::atomic::{AtomicU32, Ordering};
        //% cache_data
        fn fails_first(n: u64, _tries: &AtomicU32) -> Result<u64, String> {
            let before = _tries.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(100));
            if before == 0 { panic!("on purpose") }
            if before == 1 { Err("also on purpose".into()) } else { Ok(n) }
        }
        {
            let tries = AtomicU32::new(0);
            let outcomes = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| fails_first(7, &tries))).collect();
                threads.into_iter().map(|thread| thread.join()).collect::<Vec<_>>()
            });
            let panicked = outcomes.iter().filter(|it| it.is_err()).count();
            let good = outcomes.iter().filter(|it| matches!(it, Ok(Ok(7)))).count();
            println!("{panicked} {good} {}", tries.load(Ordering::SeqCst));
        }
    """)
    assert result.stdout == "1 2 3\n"


def test_threads_that_need_each_others_results_do_not_wait_for_ever(kernel):
    result = kernel.ok("""
        //% cache_data
        fn to_and_fro(n: u64, deep: u64) -> u64 {
            std::thread::sleep(std::time::Duration::from_millis(50));
            if deep == 0 { n } else { to_and_fro(1 - n, deep - 1) + to_and_fro(n, deep - 1) }
        }
        //% cache_data
        fn itself(n: u64, _depth: &std::cell::Cell<u32>) -> u64 {
            if _depth.replace(1) == 0 { itself(n, _depth) + 1 } else { n }
        }
        let sums: Vec<u64> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..2).map(|n| scope.spawn(move || to_and_fro(n, 3))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        println!("{sums:?} {}", itself(5, &std::cell::Cell::new(0)));
    """, timeout=50)
    assert result.stdout == "[4, 4] 6\n"


def test_what_is_in_memory_only_is_listed_and_counted(own):
    kernel = own()
    kernel.ok("""
        //% cache_data(persist = "memory")
        fn in_memory(n: u64) -> u64 { println!("in_memory"); n }
        //% cache_data(persist = "memory", name = "labelled")
        fn other_in_memory(n: u64) -> u64 { n }
        for n in 0..3 { in_memory(n); }
        other_in_memory(1);
    """)
    assert {line.split()[0] for line in kernel.ok("%cache").value.splitlines()[2:]} == {"in_memory", "labelled"}
    assert "4 entries" in kernel.ok("%cache stats").value
    assert "0 entries cleared" in kernel.ok("%cache clear resource").value
    assert "1 entry cleared" in kernel.ok("%cache clear labelled").value
    assert computed(kernel.ok("in_memory(1);")) == []
    assert "3 entries cleared" in kernel.ok("%cache clear").value
    assert computed(kernel.ok("in_memory(1);")) == ["in_memory"]
    assert "1 entry cleared" in kernel.ok("%cache clear data").value


def test_an_argument_that_is_no_key_is_an_error_that_names_it(kernel):
    failed = kernel.run("""
        struct Opaque(u8);
        //% cache_data
        fn keyed(handle: &Opaque, n: u8) -> u8 { handle.0 + n }
    """)
    assert failed.status == "error"
    assert "the argument `handle`" in failed.evalue
    assert "begin the argument's name with `_`" in failed.traceback
    assert failed.traceback.count("the argument `handle`") == 1


def test_a_result_that_cannot_be_kept_warns_once_and_is_usable(kernel):
    result = kernel.ok("""
        struct Unkept(u8);
        //% cache_data
        fn unkept(n: u8) -> Unkept { println!("unkept"); Unkept(n) }
        println!("{}", unkept(1).0 + unkept(1).0);
    """)
    assert computed(result) == ["unkept", "unkept", "2"]
    assert result.stderr.count("`unkept` is not cached") == 1
    assert "cache_resource" in result.stderr


@pytest.mark.parametrize(
    "function, why",
    [
        ("fn g<T: Copy>(x: T) -> T { x }", "generic"),
        ("fn g(x: &mut Vec<u8>) -> usize { x.len() }", "&mut"),
        ("fn g(x: &str) -> &str { x }", "returns a borrow"),
        ("fn g(x: impl Into<u8>) -> u8 { x.into() }", "impl Trait"),
        ("fn g() -> impl Iterator<Item = u8> { 0..3 }", "impl Trait"),
        ("fn g(f: fn(u8) -> u8) -> u8 { f(1) }", "code"),
        ("const fn g() -> u8 { 1 }", "const"),
        ("unsafe fn g() -> u8 { 1 }", "unsafe"),
        ('extern "C" fn g() -> u8 { 1 }', "extern"),
        ("#[track_caller]\nfn g() -> u8 { 1 }", "track_caller"),
    ],
)
def test_what_cannot_be_cached_is_refused_before_anything_runs(kernel, function, why):
    failed = kernel.run(f'println!("ran");\n//% cache_data\n{function}')
    assert failed.ename == "CannotCache" and why in failed.evalue
    assert failed.stdout == "" and "= help:" in failed.traceback


def test_methods_are_refused(kernel):
    failed = kernel.run("struct M;\nimpl M {\n    //% cache_data\n    fn m(&self) -> u8 { 1 }\n}")
    assert failed.ename == "CannotCache" and "method" in failed.evalue
    assert ":4:8" in failed.traceback


def test_bounds_and_time_to_live(kernel):
    result = kernel.ok("""
        //% cache_data(max_entries = 2, persist = "memory")
        fn bounded(n: u8) -> u8 { println!("{n}"); n }
        for n in [1, 2, 1, 3, 1, 2] { bounded(n); }
    """)
    assert computed(result) == ["1", "2", "3", "2"], "the least recently used goes first"
    result = kernel.ok("""
        //% cache_data(ttl = "300ms", persist = "memory")
        fn aging(n: u8) -> u8 { println!("{n}"); n }
        aging(1); aging(1);
        std::thread::sleep(std::time::Duration::from_millis(400));
        aging(1);
    """)
    assert computed(result) == ["1", "1"]


def test_environment_is_an_input(kernel):
    result = kernel.ok("""
        //% cache_data(env = [CELLAR_TEST_CITY])
        fn city() -> Option<String> { println!("city"); std::env::var("CELLAR_TEST_CITY").ok() }
        city(); city();
        unsafe { std::env::set_var("CELLAR_TEST_CITY", "Oslo") };
        println!("{:?}", city());
    """)
    assert computed(result) == ["city", "city", 'Some("Oslo")']


def test_deprecated_directives_work_and_warn_once(kernel):
    first = kernel.ok('//% experimental_memo\nfn memo_old(n: u8) -> u8 { println!("old"); n }\nmemo_old(1); memo_old(1);')
    assert computed(first) == ["old"]
    assert "write `//% cache_data`" in first.stderr
    again = kernel.ok("//% experimental_memo\nfn memo_older(n: u8) -> u8 { n }")
    assert again.stderr == ""


def test_clear_of_all(kernel):
    kernel.ok('//% cache_data\nfn of_all(n: u8) -> u8 { println!("of_all"); n }\nof_all(1);')
    assert int(kernel.show("cellar::cache_data::clear()")) >= 1
    assert computed(kernel.ok("of_all(1);")) == ["of_all"]


def test_results_survive_a_restart(own):
    cell = """
        //% cache_data
        fn kept(n: usize) -> Vec<f64> { println!("kept {n}"); (0..n).map(|n| n as f64).collect() }
        //% cache_data(persist = "memory")
        fn lost(n: u8) -> u8 { println!("lost {n}"); n }
        println!("{} {}", kept(3).len(), kept(50_000)[49_999]);
        lost(1);
    """
    kernel = own()
    assert computed(kernel.ok(cell)) == ["kept 3", "kept 50000", "3 49999", "lost 1"]
    kernel.restart()
    assert computed(kernel.ok(cell)) == ["3 49999", "lost 1"]
    kernel.ok("kept::clear_for(3);")
    kernel.restart()
    assert computed(kernel.ok(cell)) == ["kept 3", "3 49999", "lost 1"]
    kernel.ok("kept::clear();")
    kernel.restart()
    assert computed(kernel.ok(cell)) == ["kept 3", "kept 50000", "3 49999", "lost 1"]


def test_a_failed_cell_keeps_nothing(own):
    kernel = own()
    kernel.ok('//% cache_data\nfn undone(n: u8) -> u8 { println!("undone"); n }')
    kernel.run('undone(1); panic!("after it");')
    assert computed(kernel.ok("undone(1);")) == ["undone"]


def test_an_item_that_came_from_the_cache_is_an_input(kernel):
    """A cell with a directive is taken from the cache and defines anew what a cached function leads to."""
    factor = "//% cache_data\n// a comment\nlet made_{0} = {0};\nconst FACTOR: i64 = {0};"
    kernel.ok(factor.format(2))
    kernel.ok("//% cache_data\nfn scaled(n: i64) -> i64 { n * FACTOR }")
    assert kernel.show("scaled(5)") == "10"
    kernel.ok(factor.format(3))
    assert kernel.show("scaled(5)") == "15"
    again = kernel.ok(factor.format(2))
    assert again.request.reply["metadata"]["cellar"]["cache"] == "hit"
    assert kernel.show("scaled(5)") == "10"
