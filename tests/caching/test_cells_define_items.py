"""Items that a cached cell defines are there after a hit."""

import pytest

ITEMS = """macro_rules! made { () => { Made { n: MADE } } }
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Made { n: u32 }
impl Made { fn twice(&self) -> u32 { self.n * 2 } }
const MADE: u32 = 4;
fn make() -> Made { Made { n: MADE } }
let made_one = make();"""


def test_after_a_hit_and_after_a_restart_and_a_hit(new_book):
    book = new_book()
    book.miss(ITEMS)
    book.hit(ITEMS)
    assert book.show("(made_one.twice(), make().n, made!().n, MADE)") == "(8, 4, 4, 4)"
    book.end()
    book = new_book()
    book.hit(ITEMS)
    assert book.show("(made_one.twice(), make().n, made!().n, MADE)") == "(8, 4, 4, 4)"


def test_in_a_cached_cell_that_follows_a_hit(new_book):
    cells = ["fn stepped(n: i32) -> i32 { n + 1 }", "let walked = stepped(1);", "let further = stepped(walked);\nfurther"]
    book = new_book()
    for cell in cells[:2]:
        book.miss(cell)
    book.end()
    book = new_book()
    for cell in cells[:2]:
        book.hit(cell)
    assert book.miss(cells[2]).value == "3"


def test_an_item_of_a_hit_is_edited(book):
    book.miss("fn edited_item() -> i32 { 1 }")
    assert book.miss("let of_edited = edited_item();\nof_edited").value == "1"
    book.miss("fn edited_item() -> i32 { 2 }")
    assert book.miss("let of_edited = edited_item();\nof_edited").value == "2"
    book.hit("fn edited_item() -> i32 { 1 }")
    assert book.hit("let of_edited = edited_item();\nof_edited").value == "1"
    assert book.show("edited_item()") == "1"


def test_a_use_of_a_hit(new_book):
    cell = "use std::collections::BTreeSet as Ordered;\nlet ordered: Ordered<u8> = [2, 1].into_iter().collect();"
    book = new_book()
    book.miss(cell)
    book.end()
    book = new_book()
    book.hit(cell)
    assert book.show("(ordered, Ordered::<u8>::new())") == "({1, 2}, {})"


@pytest.mark.parametrize("restarted", [False, True])
def test_a_panic_in_an_item_of_a_hit_points_at_its_line(new_book, restarted):
    cell = 'fn explode(n: u32) -> u32 {\n    if n > 1 {\n        panic!("too much");\n    }\n    n\n}'
    book = new_book()
    book.miss(cell)
    if restarted:
        book.end()
        book = new_book()
    hit = book.hit(cell)
    failed = book.kernel.fails("explode(2)")
    assert failed.evalue == "too much"
    # Line 5 of the cell: the directive and `tick` come first.
    assert f"In[{hit.execution_count}]:5:9" in failed.traceback, failed


def test_a_compile_error_that_is_about_an_item_of_a_hit(new_book):
    book = new_book()
    book.miss("fn takes(n: u32) -> u32 { n }")
    book.end()
    book = new_book()
    book.hit("fn takes(n: u32) -> u32 { n }")
    failed = book.kernel.fails('takes("text")')
    assert "mismatched types" in failed.traceback and "In[" in failed.traceback, failed
