"""Values of which serde may not be told all, although no definition of the notebook says so: types of other crates and those that
macros make. Their `Debug` form counts too."""

import pytest

LIBRARY = """
use serde::{Deserialize, Serialize, Serializer};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Skips { pub a: i32, #[serde(skip)] pub b: i32 }

#[derive(Clone, Debug)]
pub struct ByHand(pub i32, pub i32);
impl Serialize for ByHand {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> { self.0.serialize(to) }
}
impl<'de> Deserialize<'de> for ByHand {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> { Ok(ByHand(i32::deserialize(from)?, 0)) }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Silent { pub a: i32, #[serde(skip)] pub b: i32 }

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Whole { pub a: i32, pub map: std::collections::HashMap<String, i32> }
impl Whole { pub fn new(a: i32) -> Whole { Whole { a, map: (0..20).map(|n| (n.to_string(), n)).collect() } } }
"""


@pytest.fixture
def of_crate(book, tmp_path):
    """A notebook that depends on a crate of its own."""
    folder = tmp_path / "doubtful"
    (folder / "src").mkdir(parents=True)
    (folder / "Cargo.toml").write_text(
        '[package]\nname = "doubtful"\nversion = "0.1.0"\nedition = "2021"\n[workspace]\n'
        '[dependencies]\nserde = { version = "1", features = ["derive"] }\n')
    (folder / "src/lib.rs").write_text(LIBRARY)
    book.ok(f':dep doubtful = {{ path = "{folder}" }}\n:dep serde = {{ version = "1", features = ["derive"] }}')
    return book


def test_types_of_another_crate(of_crate):
    book = of_crate
    for name, make, read in [("skips", "doubtful::Skips {{ a: 1, b: {} }}", "skips.b"),
                             ("by_hand", "doubtful::ByHand(1, {})", "by_hand.1"),
                             ("silent", "doubtful::Silent {{ a: 1, b: {} }}", "silent.b")]:
        for value in ["2", "3"]:
            # As an input.
            book.ok(f"let {name} = {make.format(value)};")
            assert book.miss(read).value == value
            # As a result: what comes back is what was made.
            for _ in range(2):
                book.run(f"let made_{name} = {make.format(value)};")
                assert book.show(f"made_{read}") == value
    result = book.miss("let again = doubtful::Silent { a: 1, b: 9 };")
    assert "`again` cannot be stored" in result.stderr + book.late()
    # What tells all is kept, whatever order its parts have.
    book.ok("let whole = doubtful::Whole::new(1);")
    book.miss("whole.a")
    book.hit("whole.a")
    book.miss("let kept = doubtful::Whole::new(2);\nkept.map.len()")
    book.hit("let kept = doubtful::Whole::new(2);\nkept.map.len()")
    assert book.show('(kept.a, kept.map["7"])') == "(2, 7)"


def test_functions_of_such_types(of_crate):
    book = of_crate
    book.ok("//% cache_data\nfn other(h: &doubtful::ByHand) -> i32 { tick(); h.1 }\n\n"
            "//% cache_data\nfn make(n: i32) -> doubtful::Skips { tick(); doubtful::Skips { a: 1, b: n } }\n\n"
            "//% cache_data\nfn whole_of(of: doubtful::Whole) -> doubtful::Whole { tick(); of }")
    assert book.show("(other(&doubtful::ByHand(1, 2)), other(&doubtful::ByHand(1, 3)))") == "(2, 3)"
    for _ in range(2):
        assert book.show("(make(4).b, make(5).b)") == "(4, 5)"
    book.ok("let whole_one = doubtful::Whole::new(7);")
    before = book.runs
    for _ in range(3):
        assert book.show("whole_of(whole_one.clone()).a") == "7"
    assert book.runs <= before + 3
    before = book.runs
    assert book.show("(0..5).map(|_| other(&doubtful::ByHand(1, 2))).sum::<i32>()") == "10"
    assert book.runs == before, "what tells all is not computed again"


def test_types_that_macros_make(book):
    book.ok("mod made { macro_rules! define { ($name:ident) => { "
            "#[derive(serde::Serialize, serde::Deserialize, Debug)] pub struct $name { pub a: i32, #[serde(skip)] pub b: i32 } } }\n"
            "define!(Made); }")
    for value in ["2", "3"]:
        book.ok(f"let made = made::Made {{ a: 1, b: {value} }};")
        assert book.miss("made.b").value == value
        for _ in range(2):
            book.run(f"let of_macro = made::Made {{ a: 1, b: {value} }};")
            assert book.show("of_macro.b") == value


def test_what_is_behind_an_associated_type(book):
    book.ok("use serde::{Serialize, Deserialize};\n"
            "#[derive(Serialize, Deserialize, Debug)] struct Inner { a: i32, #[serde(skip)] b: i32 }\n"
            "trait Holds { type Out; }\n#[derive(Serialize, Deserialize, Debug)] struct Marker;\n"
            "impl Holds for Marker { type Out = Inner; }\n"
            "#[derive(Serialize, Deserialize, Debug)] #[serde(bound(serialize = \"T::Out: Serialize\", deserialize = \"T::Out: Deserialize<'de>\"))]\n"
            "struct Holder<T: Holds> { value: T::Out }")
    for value in ["2", "3"]:
        book.ok(f"let holder: Holder<Marker> = Holder {{ value: Inner {{ a: 1, b: {value} }} }};")
        assert book.miss("holder.value.b").value == value
        for _ in range(2):
            book.run(f"let held: Holder<Marker> = Holder {{ value: Inner {{ a: 1, b: {value} }} }};")
            assert book.show("held.value.b") == value


STD = {
    "the scope of an address": (
        "let of_std: std::net::SocketAddrV6 = \"[fe80::1%{}]:80\".parse().unwrap();", "of_std.scope_id()", ["3", "5"]),
    "whether a range is exhausted": (
        "let mut range = 3..=3; if {} {{ range.next(); }} let of_std = range;", "of_std.is_empty()", ["false", "true"]),
}


@pytest.mark.parametrize("what", STD)
def test_std_types_that_serde_does_not_write_whole(book, what):
    make, read, values = STD[what]
    for value in values:
        book.ok(make.format(value))
        assert book.miss(read).value == value
        for _ in range(2):
            book.run(make.format(value).replace("of_std", "kept_of_std"))
            assert book.show("kept_" + read) == value
