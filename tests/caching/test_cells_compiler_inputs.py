"""Inputs that only the compiler sees: included files, its environment, positions."""


def test_an_included_file(book, tmp_path):
    text = tmp_path / "included.txt"
    text.write_text("one")
    cell = f'let included = include_str!("{text}").to_string();\nincluded.len()'
    assert book.miss(cell).value == "3"
    assert book.hit(cell).value == "3"
    text.write_text("three")
    assert book.miss(cell).value == "5"
    text.write_text("one")
    assert book.hit(cell).value == "3"


def test_a_file_that_a_helper_includes(book, tmp_path):
    text = tmp_path / "by_helper.txt"
    text.write_text("one")
    book.ok(f'fn helped() -> usize {{ include_bytes!("{text}").len() }}')
    assert book.miss("let of_helped = helped();\nof_helped").value == "3"
    text.write_text("three")
    assert book.miss("let of_helped = helped();\nof_helped").value == "5"


def test_after_a_restart(new_book, tmp_path):
    text = tmp_path / "later.txt"
    text.write_text("one")
    cell = f'let later_on = include_str!("{text}").to_string();'
    book = new_book()
    book.miss(cell)
    book.end()
    book = new_book()
    book.hit(cell)
    text.write_text("changed")
    book.miss(cell)
    assert book.show("later_on") == '"changed"'


def test_the_compilers_environment(new_book):
    cell = 'let compiled_in = option_env!("CELLS_COMPILED").unwrap_or("unset").to_string();\ncompiled_in'
    for value, computed in (("a", True), ("b", True), ("a", False)):
        book = new_book(extra_env={"CELLS_COMPILED": value})
        result, ran = book.run(cell)
        assert (ran, result.value) == (computed, f'"{value}"')
        book.end()


def test_line_numbers_make_layout_matter(book):
    cell = "let line_of = line!();"
    book.miss(cell)
    book.miss("\n\n" + cell)
    book.hit(cell)


def test_a_position_in_a_notebooks_macro(book):
    book.ok("macro_rules! here { () => { line!() } }")
    book.miss("let where_of = here!();")
    book.miss("\nlet where_of = here!();")
