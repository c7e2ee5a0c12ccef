"""Functions whose results, or whose effects, no key of arguments could tell: refused, or computed each time."""

import pytest

ATOMICS = "use std::sync::atomic::{AtomicI32, Ordering::SeqCst};\n"

STATICS = {
    "an atomic": (
        "static N: AtomicI32 = AtomicI32::new(0);",
        "println!(\"computed {x}\"); x + N.load(SeqCst)",
        "`N` (`AtomicI32` can change behind a shared reference)",
    ),
    "static mut": ("static mut M: i32 = 0;", "x + unsafe { M }", "`M` (which is `static mut`)"),
    "a lock behind helpers": (
        "static L: std::sync::Mutex<i32> = std::sync::Mutex::new(0);\nfn outer() -> i32 { inner() }\nfn inner() -> i32 { *L.lock().unwrap() }",
        "x + outer()",
        "`L`",
    ),
    "what is set once": ("static O: std::sync::OnceLock<i32> = std::sync::OnceLock::new();", "x + O.get().unwrap()", "`O`"),
    "a thread's own": ("", "thread_local! { static T: std::cell::Cell<i32> = std::cell::Cell::new(1); }\nx + T.get()", "`T`"),
    "one in the body": ("", "static CALLS: AtomicI32 = AtomicI32::new(0);\nx + CALLS.fetch_add(1, SeqCst)", "`CALLS`"),
}


@pytest.mark.parametrize("kind", STATICS)
def test_a_function_that_uses_a_static_that_can_change_is_refused(kernel, kind):
    before, body, named = STATICS[kind]
    failed = kernel.run(f"{ATOMICS}{before}\n//% cache_data\nfn refused(x: i32) -> i32 {{ {body} }}\nrefused(0)")
    assert failed.ename == "CannotCache" and named in failed.evalue, failed.evalue
    assert "Pass what it needs as an argument" in failed.traceback and "Nothing was run" in failed.traceback
    assert failed.stdout == ""


def test_statics_that_never_change_are_a_part_of_the_code(kernel):
    cell = """
        use std::sync::LazyLock;
        static TABLE: [i32; 3] = [1, 2, %s];
        static SQUARES: LazyLock<Vec<i32>> = LazyLock::new(|| TABLE.iter().map(|n| n * n).collect());
        //%% cache_data
        fn looked_up(at: usize) -> i32 { println!("looked up {at}"); SQUARES[at] }
        println!("{} {}", looked_up(2), looked_up(2));
    """
    assert kernel.ok(cell % 3).stdout == "looked up 2\n9 9\n"
    assert kernel.ok(cell % 3).stdout == "9 9\n"
    assert kernel.ok(cell % 4).stdout == "looked up 2\n16 16\n"


def test_a_static_of_a_later_cell_ends_the_cache_of_a_function_that_comes_to_use_it(kernel):
    kernel.ok(ATOMICS + "fn level() -> i32 { 1 }")
    kernel.ok("//% cache_data\nfn levelled(x: i32) -> i32 { println!(\"levelled {x}\"); x + level() }")
    twice = 'println!("{} {}", levelled(0), levelled(0));'
    assert kernel.ok(twice).stdout == "levelled 0\n1 1\n"
    warned = kernel.ok("static LEVEL: AtomicI32 = AtomicI32::new(5);\nfn level() -> i32 { LEVEL.load(SeqCst) }")
    assert "`levelled` is not cached" in warned.stderr and "`LEVEL`" in warned.stderr, warned.stderr
    result = kernel.ok('let low = levelled(0);\nLEVEL.store(50, SeqCst);\nprintln!("{low} {}", levelled(0));')
    assert result.stdout == "levelled 0\nlevelled 0\n5 50\n" and result.stderr == ""
    kernel.ok("fn level() -> i32 { 1 }")
    assert kernel.ok(twice).stdout == "1 1\n"


ARGUMENTS = {
    "an alias of `&mut`": ("type M<'a> = &'a mut Vec<i32>;", "fn f(v: M) { v.push(1); }", "`v` has a `&mut` in it"),
    "an alias of an alias": (
        "type Of<'a, T> = &'a mut T;\ntype Two<'a> = (Of<'a, u8>, u8);",
        "fn f(v: Two) { *v.0 += 1; }",
        "`v` has a `&mut` in it",
    ),
    "a field": ("struct Holder<'a> { it: &'a mut u8 }", "fn f(v: Holder) { *v.it += 1; }", "`Holder.it: &'a mut u8`"),
    "a cell": ("use std::cell::Cell;", "fn f(c: &Cell<i32>) { c.set(c.get() + 1) }", "`c` can change inside (`Cell<i32>`"),
    "a shared cell": (
        "use std::{cell::RefCell, rc::Rc};",
        "fn f(c: Rc<RefCell<i32>>) { *c.borrow_mut() += 1 }",
        "`c` can change inside",
    ),
    "a counter in a struct": (
        ATOMICS + "struct Counted { count: AtomicI32 }",
        "fn f(c: &Counted) { c.count.fetch_add(1, SeqCst); }",
        "`Counted.count: AtomicI32`",
    ),
    "a type that a trait names": (
        "trait Named { type Out; }\nstruct S;\nimpl Named for S { type Out = std::cell::Cell<i32>; }",
        "fn f(c: &<S as Named>::Out) { c.set(c.get() + 1) }",
        "`c` may be something that changes inside",
    ),
    "a borrowed result": ("type Text<'a> = &'a str;", "fn f(s: &str) -> Text { s }", "it returns a borrow"),
}


@pytest.mark.parametrize("kind", ARGUMENTS)
def test_what_a_body_could_change_for_its_caller_is_refused(kernel, kind):
    before, function, said = ARGUMENTS[kind]
    failed = kernel.run(f"{before}\n//% cache_data\n{function}")
    assert failed.ename == "CannotCache" and said in failed.evalue, failed.evalue
    kernel.ok(before)
    failed = kernel.run(f"//% cache_data\n{function}")
    assert failed.ename == "CannotCache" and said in failed.evalue, "the type is of an earlier cell"


def test_an_argument_that_is_left_out_may_change_inside(kernel):
    result = kernel.ok("""
        use std::cell::Cell;
        //% cache_data
        fn counted(x: i32, _calls: &Cell<i32>) -> i32 { _calls.set(_calls.get() + 1); x }
        let calls = Cell::new(0);
        for x in [1, 2, 1] { counted(x, &calls); }
        println!("{}", calls.get());
    """)
    assert result.stdout == "2\n"
