"""Variables whose types rust-analyzer cannot find out, but rustc can."""

import pytest

# rust-analyzer does not know what a procedural macro makes; rustc does.
MADE_BY_MACROS = [
    ("let first = Built::builder().x(1).build();", "first.x", "1"),
    ("let mut second = vec![Built::builder().x(2).build()];\nsecond.push(Built::builder().x(3).build());", "second[1].x", "3"),
    ("let (third, plain) = (Some(Built::builder().x(4).build()), 5);", "third.as_ref().unwrap().x + plain", "9"),
    ('let fourth = std::collections::HashMap::from([("a", Built::builder().x(6).build())]);\nfourth["a"].x', "fourth.len()", "1"),
    ("let fifth = inner::Nested::builder().y(7).build();\ndrop(Built::builder().x(1).build());", "fifth.y", "7"),
    ("let sixth = Built::builder().x(8).build(); let seventh = sixth;", "seventh.x", "8"),
]


@pytest.fixture(scope="module")
def builders(pool):
    pool.get().ok(
        ":dep typed-builder\n"
        "#[derive(typed_builder::TypedBuilder, Debug)] struct Built { x: i32 }\n"
        "mod inner { #[derive(typed_builder::TypedBuilder)] pub struct Nested { pub y: u8 } }"
    )
    return pool.get()


@pytest.mark.parametrize("cell, read, shown", MADE_BY_MACROS)
def test_types_that_only_rustc_knows(builders, cell, read, shown):
    builders.ok(cell)
    assert builders.show(read) == shown


def test_a_cell_whose_types_only_rustc_knows_runs_once(builders):
    result = builders.fails('println!("ran");\nlet failed = Built::builder().x(1).build();\nif std::hint::black_box(failed.x) == 1 { panic!("once"); }')
    assert result.stdout == "ran\n" and result.evalue == "once"
    assert builders.fails("failed").ename == "E0425"


def test_types_that_have_no_name_are_told(builders):
    failed = builders.fails("let nameless = std::iter::once(Built::builder().x(1).build()).map(|it| it.x);")
    assert failed.ename in ("UnknownType", "UnkeptVariable") and "nameless" in failed.evalue
