"""A value of 160 MB: stored behind the reply, and unharmed by what comes next."""

import time

import pytest

BIG = "let mut big: Vec<f64> = (0..20_000_000u32).map(|n| f64::from(n) * 0.5).collect();"


@pytest.mark.slow
def test_saving_does_not_delay_the_reply_and_the_next_cell_does_not_change_what_is_saved(book):
    started = time.monotonic()
    book.ok(BIG.replace("big", "plain") + "\n" + BIG.replace("big", "plain_two"))
    uncached = time.monotonic() - started
    started = time.monotonic()
    book.miss(BIG)
    cached = time.monotonic() - started
    # Hashing and writing alone would take longer than this on a slow disk; the limit is generous for a busy machine.
    assert cached < 4 * uncached + 2
    # At once, while it may still be written.
    book.ok("for x in big.iter_mut() { *x = -1.0; }\nbig.push(7.0);")
    assert book.show("(big.len(), big[5])") == "(20000001, -1.0)"
    book.hit(BIG)
    assert book.show("(big.len(), big[5], big[19_999_999])") == "(20000000, 2.5, 9999999.5)"
    assert book.miss("let big_sum: f64 = big.iter().sum();\nbig_sum").value == "99999995000000.0"
    book.ok("big[0] = 1.0;")
    assert book.miss("let big_sum: f64 = big.iter().sum();\nbig_sum").value == "99999995000001.0"


@pytest.mark.slow
def test_a_big_value_is_right_after_a_restart_and_its_changes_never_reach_the_cache(new_book):
    book = new_book()
    book.miss(BIG)
    book.end()
    book = new_book()
    # Changed as soon as it is there, moved and dropped: each hit has a value of its own.
    for change in ("big[0] = -1.0;", "big.clear();", "drop(big);", "let moved = big;\nlet moved_length = moved.len();"):
        book.hit(BIG)
        book.ok(change)
    book.hit(BIG)
    assert book.show("(big.len(), big[0], big[19_999_999], big.iter().sum::<f64>())") == "(20000000, 0.0, 9999999.5, 99999995000000.0)"
