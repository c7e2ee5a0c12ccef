"""Items as inputs: whatever a cached cell reaches, however far away, and nothing else."""

import pytest

# What the notebook has, the cell, and what is edited: (what, before, after, cell, value before, value after)
EDITS = {
    "a function two levels down": (
        "fn deep() -> i32 { 1 }",
        "fn deep() -> i32 { 2 }",
        "fn middle() -> i32 { deep() }",
        "let it = middle();\nit",
        ("1", "2"),
    ),
    "a const": ("const LIMIT: i32 = 1;", "const LIMIT: i32 = 2;", "", "let it = LIMIT;\nit", ("1", "2")),
    "a const behind a function": (
        "const FACTOR: i32 = 1;",
        "const FACTOR: i32 = 2;",
        "fn scaled() -> i32 { 10 * FACTOR }",
        "let it = scaled();\nit",
        ("10", "20"),
    ),
    "a static": (
        'static GREETING: &str = "a";',
        'static GREETING: &str = "bb";',
        "",
        "let it = GREETING.len();\nit",
        ("1", "2"),
    ),
    "a macro": (
        "macro_rules! answer { () => { 1 } }",
        "macro_rules! answer { () => { 2 } }",
        "",
        "let it = answer!();\nit",
        ("1", "2"),
    ),
    "a macro behind a function": (
        "macro_rules! hidden { () => { 1 } }",
        "macro_rules! hidden { () => { 2 } }",
        "fn behind() -> i32 { hidden!() }",
        "let it = behind();\nit",
        ("1", "2"),
    ),
    "Display": (
        'impl std::fmt::Display for Shown { fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { f.write_str("1") } }',
        'impl std::fmt::Display for Shown { fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { f.write_str("2") } }',
        "struct Shown;",
        "let it: i32 = Shown.to_string().parse().unwrap();\nit",
        ("1", "2"),
    ),
    "Drop": (
        'impl Drop for Dropped { fn drop(&mut self) { println!("1"); } }',
        'impl Drop for Dropped { fn drop(&mut self) { println!("2"); } }',
        "struct Dropped;",
        "{ let _dropped = Dropped; }\nlet it = 0;",
        ("1\n", "2\n"),
    ),
    "an operator": (
        "impl std::ops::Add for Metres { type Output = i32; fn add(self, other: Metres) -> i32 { self.0 + other.0 } }",
        "impl std::ops::Add for Metres { type Output = i32; fn add(self, other: Metres) -> i32 { self.0 - other.0 } }",
        "struct Metres(i32);",
        "let it = Metres(3) + Metres(1);\nit",
        ("4", "2"),
    ),
    "a blanket impl": (
        "impl<T: std::fmt::Debug> Measured for T { fn measured(&self) -> i32 { 1 } }",
        "impl<T: std::fmt::Debug> Measured for T { fn measured(&self) -> i32 { 2 } }",
        "trait Measured { fn measured(&self) -> i32; }",
        "let it = 7u8.measured();\nit",
        ("1", "2"),
    ),
    "a default method": (
        "trait Defaulted { fn defaulted(&self) -> i32 { 1 } }",
        "trait Defaulted { fn defaulted(&self) -> i32 { 2 } }",
        "",
        "impl Defaulted for () {}\nlet it = ().defaulted();\nit",
        ("1", "2"),
    ),
    "an inherent method": (
        "impl Methodical { fn method(&self) -> i32 { 1 } }",
        "impl Methodical { fn method(&self) -> i32 { 2 } }",
        "struct Methodical;",
        "let it: i32 = Methodical.method();\nit",
        ("1", "2"),
    ),
    "a type": (
        "struct Sized1 { a: u8 }",
        "struct Sized1 { a: u8, b: u8 }",
        "",
        "let it = std::mem::size_of::<Sized1>();\nit",
        ("1", "2"),
    ),
    "a type alias": (
        "type Number = u8;",
        "type Number = u16;",
        "",
        "let it = std::mem::size_of::<Number>();\nit",
        ("1", "2"),
    ),
    "an enum's discriminants": (
        "enum Code { A = 1 }",
        "enum Code { A = 2 }",
        "",
        "let it = Code::A as i32;\nit",
        ("1", "2"),
    ),
    "a module": (
        "mod tools { pub fn tool() -> i32 { 1 } }",
        "mod tools { pub fn tool() -> i32 { 2 } }",
        "",
        "let it = tools::tool();\nit",
        ("1", "2"),
    ),
    "a derive": (
        "#[derive(PartialEq, PartialOrd)] struct Ordered { a: i32, b: i32 }",
        "#[derive(PartialEq, PartialOrd)] struct Ordered { b: i32, a: i32 }",
        "",
        "let it = (Ordered { a: 1, b: 2 } < Ordered { a: 2, b: 1 }) as u8;\nit",
        ("1", "0"),
    ),
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edit_is_a_miss_and_taking_it_back_a_hit(book, what):
    before, after, rest, cell, expected = EDITS[what]

    def seen(result):
        return result.stdout or result.value

    book.ok(f"{before}\n{rest}")
    assert seen(book.miss(cell)) == expected[0]
    assert seen(book.hit(cell)) == expected[0]
    book.ok(after)
    assert seen(book.miss(cell)) == expected[1]
    book.ok(before)
    assert seen(book.hit(cell)) == expected[0]


def test_a_macro_of_an_earlier_cell_behind_a_function_of_another(book):
    book.ok("macro_rules! far_off { () => { 1 } }")
    book.ok("fn uses_far_off() -> i32 { far_off!() }")
    cell = "let of_far_off = uses_far_off();\nof_far_off"
    assert book.miss(cell).value == "1"
    book.ok("macro_rules! far_off { () => { 2 } }")
    assert book.miss(cell).value == "2"
    book.ok("macro_rules! far_off { () => { 1 } }")
    assert book.hit(cell).value == "1"


def test_a_use_that_changes_what_a_name_means(book):
    book.ok("mod left { pub fn side() -> i32 { 1 } } mod right { pub fn side() -> i32 { 2 } }")
    book.ok("use left::side;")
    assert book.miss("let chosen = side();\nchosen").value == "1"
    book.ok("use right::side;")
    assert book.miss("let chosen = side();\nchosen").value == "2"


def test_a_trait_that_comes_into_scope(book):
    book.ok("mod far { pub trait Far { fn far(&self) -> i32 { 1 } } impl Far for u8 {} }")
    book.ok("use far::Far;")
    assert book.miss("let of_far = 7u8.far();\nof_far").value == "1"
    book.ok("mod far { pub trait Far { fn far(&self) -> i32 { 2 } } impl Far for u8 {} }")
    assert book.miss("let of_far = 7u8.far();\nof_far").value == "2"


def test_an_item_that_is_new_and_takes_part(book):
    """An inherent method wins over a trait's, so a new impl can change what an old call means."""
    book.ok("struct Contest; trait Calls { fn call(&self) -> i32 { 1 } } impl Calls for Contest {}")
    assert book.miss("let called: i32 = Contest.call();\ncalled").value == "1"
    book.ok("impl Contest { fn call(&self) -> i32 { 2 } }")
    assert book.miss("let called: i32 = Contest.call();\ncalled").value == "2"


def test_an_unrelated_item_does_not_matter(book):
    book.ok("fn related() -> i32 { 1 } fn unrelated() -> i32 { 1 } struct Unrelated;")
    book.miss("let of_related = related();")
    book.ok("fn unrelated() -> i32 { 2 } struct Unrelated(u8);")
    book.ok("const ALSO_UNRELATED: u8 = 1;")
    book.hit("let of_related = related();")


def test_a_comment_in_a_helper_does_not_matter(book):
    book.ok("fn commented() -> i32 { 1 }")
    book.miss("let of_commented = commented();")
    book.ok("// What it is for.\nfn commented() -> i32 {\n    /* a reason */ 1\n}")
    book.hit("let of_commented = commented();")


def test_an_impl_of_a_variables_type_matters_although_the_cell_does_not_name_it(book):
    book.ok("#[derive(serde::Serialize, serde::Deserialize)] struct Quiet(i32); impl Quiet { fn get(&self) -> i32 { self.0 } }")
    book.ok("let quiet = Quiet(1);")
    assert book.miss("let of_quiet: i32 = quiet.get();\nof_quiet").value == "1"
    book.ok("impl Quiet { fn get(&self) -> i32 { self.0 + 1 } }")
    assert book.miss("let of_quiet: i32 = quiet.get();\nof_quiet").value == "2"
