"""A type is defined anew: values of the old one are dropped, never read as the new one, and values of other
types stay. Rust's own `TypeId` notices none of these changes."""

import pytest

# What it is called, the first definitions, the second, a variable, what reads it.
CASES = [
    ("a field's type", "struct {T} {{ x: u32 }}", "struct {T} {{ x: u64 }}", "{T} {{ x: 3 }}", "{v}.x"),
    ("an enum's payload", "enum {T} {{ A(u32) }}", "enum {T} {{ A(u64) }}", "{T}::A(3)",
     "match &{v} {{ {T}::A(x) => x.to_string() }}"),
    ("a trait's method behind dyn",
     "trait {T} {{ fn f(&self) -> u64; }} impl {T} for u8 {{ fn f(&self) -> u64 {{ 3 }} }}",
     "trait {T} {{ fn g(&self) -> u64 {{ 9 }} fn f(&self) -> u64; }} impl {T} for u8 {{ fn f(&self) -> u64 {{ 3 }} }}",
     "Box::new(1u8) as Box<dyn {T}>", "{v}.f()"),
    ("a generic argument", "struct {T} {{ x: u32 }}", "struct {T} {{ x: u64 }}", "vec![Some({T} {{ x: 3 }})]",
     "{v}[0].as_ref().map(|it| it.x)"),
    ("a nested type", "struct {T}In {{ x: u32 }} struct {T} {{ inner: {T}In }}", "struct {T}In {{ x: u64 }}",
     "{T} {{ inner: {T}In {{ x: 3 }} }}", "{v}.inner.x"),
    ("an alias in a field", "type {T}A = u32; struct {T} {{ x: {T}A }}", "type {T}A = u64;", "{T} {{ x: 3 }}",
     "{v}.x"),
    ("a constant in a type", "const {T}N: usize = 2; struct {T} {{ x: [u8; {T}N] }}", "const {T}N: usize = 900;",
     "{T} {{ x: [3; {T}N] }}", "{v}.x[1]"),
    ("a const argument", "struct {T}<const N: usize> {{ x: [u32; N] }}", "struct {T}<const N: usize> {{ x: [u64; N] }}",
     "{T}::<2> {{ x: [3; 2] }}", "{v}.x[1]"),
]


@pytest.mark.parametrize("written", [False, True], ids=["inferred", "through an alias"])
@pytest.mark.parametrize("case", range(len(CASES)), ids=[case[0] for case in CASES])
def test_an_old_value_is_dropped(kernel, case, written):
    _, first, second, value, read = CASES[case]
    names = {"T": f"Redefined{case}{'W' if written else ''}", "v": f"old_{case}_{int(written)}"}
    first, second, value, read = (text.format(**names) for text in (first, second, value, read))
    kernel.ok(first)
    make = f"let {names['v']} = {value};"
    if written:
        # The type's name in the program is another than that of the definition.
        arguments = {"a generic argument": "Vec<Option<{T}>>", "a const argument": "{T}<2>",
                     "a trait's method behind dyn": "Box<dyn {T}>"}
        target = arguments.get(CASES[case][0], "{T}").format(**names)
        kernel.ok(f"type Alias{names['T']} = {target};")
        make = f"let {names['v']}: Alias{names['T']} = {value};"
    kernel.ok(make + f" let beside_{names['v']} = 7;")
    before = kernel.show(read)
    assert "3" in before
    kernel.ok(second)
    result = kernel.run(read)
    assert result.status == "error", f"a value of the old type was read: {result.value}"
    assert names["v"] in result.stderr and "defined anew" in result.stderr, result
    assert kernel.show(f"beside_{names['v']}") == "7"
    kernel.ok(make)
    assert kernel.show(read) == before


def test_the_same_definition_again_keeps_values(kernel):
    kernel.ok("#[derive(Debug)] struct Again { x: u32 }\nlet again = Again { x: 3 };")
    kernel.ok("/// With words.\n#[derive(Debug, Clone)] struct Again { x: u32 }")
    assert kernel.show("again.x") == "3"
