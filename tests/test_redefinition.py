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
    ("an import", "mod m{T} {{ pub struct {T} {{ pub x: u32 }} }} use m{T}::{T};",
     "mod m{T} {{ pub struct {T} {{ pub x: u64 }} }}", "{T} {{ x: 3 }}", "{v}.x"),
    ("an import under another name", "mod m{T} {{ pub struct P {{ pub x: u32 }} }} use m{T}::P as {T};",
     "mod m{T} {{ pub struct P {{ pub x: u64 }} }}", "vec![{T} {{ x: 3 }}]", "{v}[0].x"),
    ("an import of everything", "mod m{T} {{ pub struct {T} {{ pub x: u32 }} }} use m{T}::*;",
     "mod m{T} {{ pub struct {T} {{ pub x: u64 }} }}", "{T} {{ x: 3 }}", "{v}.x"),
    ("an import in a field", "mod m{T} {{ pub struct P {{ pub x: u32 }} }} use m{T}::P as P{T}; struct {T} {{ p: P{T} }}",
     "mod m{T} {{ pub struct P {{ pub x: u64 }} }}", "{T} {{ p: P{T} {{ x: 3 }} }}", "{v}.p.x"),
    ("an imported constant", "mod m{T} {{ pub const N: usize = 2; }} use m{T}::N as N{T}; struct {T} {{ x: [u32; N{T}] }}",
     "mod m{T} {{ pub const N: usize = 900; }}", "{T} {{ x: [3; N{T}] }}", "{v}.x[1]"),
    ("an associated constant", "struct {T}L; impl {T}L {{ const N: usize = 2; }} struct {T} {{ x: [u32; {T}L::N] }}",
     "struct {T}L; impl {T}L {{ const N: usize = 900; }}", "{T} {{ x: [3; {T}L::N] }}", "{v}.x[1]"),
    ("a macro", "macro_rules! m{T} {{ () => {{ u32 }} }} struct {T} {{ x: m{T}!() }}",
     "macro_rules! m{T} {{ () => {{ u64 }} }}", "{T} {{ x: 3 }}", "{v}.x"),
    ("a type behind dyn Any", "struct {T} {{ x: u32 }}", "struct {T} {{ x: u64 }}",
     "Box::new({T} {{ x: 3 }}) as Box<dyn std::any::Any>", "{v}.downcast_ref::<{T}>().map(|it| it.x)"),
    ("a type behind dyn Error",
     "#[derive(Debug)] struct {T} {{ x: u32 }} impl std::fmt::Display for {T} {{ fn fmt(&self, f: &mut std::fmt::Formatter) -> "
     "std::fmt::Result {{ write!(f, \"{{}}\", self.x) }} }} impl std::error::Error for {T} {{}}",
     "#[derive(Debug)] struct {T} {{ x: u64 }} impl std::fmt::Display for {T} {{ fn fmt(&self, f: &mut std::fmt::Formatter) -> "
     "std::fmt::Result {{ write!(f, \"{{}}\", self.x) }} }} impl std::error::Error for {T} {{}}",
     "Box::new({T} {{ x: 3 }}) as Box<dyn std::error::Error>", "{v}.downcast_ref::<{T}>().map(|it| it.x)"),
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
                     "a trait's method behind dyn": "Box<dyn {T}>", "an import under another name": "Vec<{T}>",
                     "a type behind dyn Any": "Box<dyn std::any::Any>",
                     "a type behind dyn Error": "Box<dyn std::error::Error>"}
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


# A cell that binds the name of a lost variable, and what the variable is then.
BINDINGS = [
    ("let {v} = {T} {{ x: 5 }};", "5"),
    ("let mut {v} = {T} {{ x: 4 }};\n{v}.x += 2;", "6"),
    ("let ({v}, _other_{v}) = ({T} {{ x: 7 }}, 1);", "7"),
    ("let {T} {{ x }} = {T} {{ x: 8 }};\nlet {v} = {T} {{ x }};", "8"),
    ("let {v} = {T} {{ x: {{ let {v} = 9; {v} }} }};", "9"),
    ("let {v} = {T} {{ x: 1 }};\nlet {v} = {T} {{ x: {v}.x + 9 }};", "10"),
    ("struct {T} {{ y: u8, x: u64 }}\nlet {v} = {T} {{ y: 1, x: 11 }};", "11"),
    ("let {v}: {T} = \"12\".parse().map(|x| {T} {{ x }})?;", "12"),
]


@pytest.mark.parametrize("case", range(len(BINDINGS)))
def test_a_lost_variable_can_be_made_again(kernel, case):
    cell, shown = BINDINGS[case]
    names = {"T": f"Again{case}", "v": f"again_{case}"}
    kernel.ok("struct {T} {{ x: u32 }}\nlet {v} = {T} {{ x: 3 }};".format(**names))
    kernel.ok("struct {T} {{ x: u64 }}".format(**names))
    result = kernel.ok(cell.format(**names))
    assert result.stderr == "", "the lost value is of no interest"
    assert kernel.show("{v}.x".format(**names)) == shown
    assert kernel.show("std::mem::size_of_val(&{v}.x)".format(**names)) == "8"


READINGS = [
    "let {v} = {v}.x;",
    "println!(\"{{}}\", {v}.x);\nlet {v} = 1;",
    "let f_{v} = {v}.x + 1;\nlet {v} = 2;",
    "let {v} = std::iter::once(&{v}).map(|it| it.x).sum::<u64>();",
]


@pytest.mark.parametrize("case", range(len(READINGS)))
def test_a_cell_that_reads_a_lost_variable_before_it_binds_it_is_told(kernel, case):
    names = {"T": f"Read{case}", "v": f"read_{case}"}
    cell = READINGS[case]
    kernel.ok("struct {T} {{ x: u32 }}\nlet {v} = {T} {{ x: 3 }};".format(**names))
    kernel.ok("struct {T} {{ x: u64 }}".format(**names))
    result = kernel.fails(cell.format(**names))
    assert names["v"] in result.stderr and "defined anew" in result.stderr, result


def test_a_variable_made_from_its_older_value(kernel):
    kernel.ok("let shadow = vec![1];\nlet kept = vec![2];")
    kernel.ok("let shadow = { let mut longer = shadow; longer.push(3); longer };")
    assert kernel.show("shadow") == "[1, 3]"
    kernel.ok("let shadow = shadow.len();\nlet kept = format!(\"{kept:?}\");")
    assert kernel.show("(shadow, &kept)") == '(2, "[2]")'


def test_an_older_value_is_dropped_when_its_name_is_bound_anew(kernel):
    kernel.ok(
        "struct Noisy(u8);\nimpl Drop for Noisy { fn drop(&mut self) { println!(\"dropped {}\", self.0); } }\n"
        "let noisy = Noisy(1);\nlet other = Noisy(2);"
    )
    assert kernel.ok("let noisy = Noisy(3);\nprintln!(\"made\");").stdout == "made\ndropped 1\n"
    # The new one is gone at the end of the cell, and the older one with it.
    assert sorted(kernel.ok("let other = Noisy(4);\ndrop(other);").stdout.split("\n")) == ["", "dropped 2", "dropped 4"]
    assert kernel.fails("other.0").ename == "E0425"
    assert kernel.show("noisy.0") == "3"


def test_a_failed_cell_leaves_the_older_value(kernel):
    kernel.ok("let older = vec![1];")
    kernel.fails("let older = 2;\npanic!(\"after it\");")
    assert kernel.show("older") == "[1]"
    kernel.fails("let older = 2;\nlet n: u8 = \"x\".parse()?;")
    assert kernel.show("older") == "[1]"


# With a `:command` above it, a cell goes another way through the engine.
@pytest.mark.parametrize("above", ["", ":timing\n:timing\n"], ids=["alone", "below a command"])
def test_patterns_of_all_kinds_bind_anew(kernel, above):
    kernel.ok("let first = 1; let second = 2; let third = 3; let whole = 4; let part = 5;")
    kernel.ok(above + "let [mut first, second] = [5, 6];\nlet &third = &7;\nlet whole @ (part, _) = (8, 9);\nfirst += 1;")
    assert kernel.show("(first, second, third, whole, part)") == "(6, 6, 7, (8, 9), 8)"
    kernel.ok("first += 1;")
    kernel.ok(above + "let [first, second] = [\"a\", \"b\"];\nlet &third = &'c';\nlet Some(part) = Some(1) else { panic!() };")
    assert kernel.show("(first, second, third, part)") == '("a", "b", \'c\', 1)'
    kernel.ok(above + "let (Ok(first) | Err(first)): Result<u8, u8> = Err(3);\nlet [second, ..] = vec![4][..] else { panic!() };")
    assert kernel.show("(first, second)") == "(3, 4)"


def test_what_has_nothing_to_do_with_a_type_keeps_its_values(kernel):
    kernel.ok("struct Fellow { max: u8 }\nlet fellow = Fellow { max: 3 };\n"
              "let boxed: Box<dyn std::any::Any> = Box::new(5u8);\nlet table = std::collections::HashMap::from([(1, 2)]);")
    kernel.ok("use std::cmp::max;\nuse std::collections::HashMap;\nmod apart { pub struct Own(pub u8); }\nuse apart::*;\n"
              "macro_rules! fellow { () => { 1 } }\nfn other() -> u8 { max(1, 2) }\nstruct New;")
    assert kernel.show("boxed.downcast_ref::<u8>().copied()") == "Some(5)"
    kernel.ok("mod apart { pub struct Own(pub u64); }\nmacro_rules! fellow { () => { 2 } }")
    assert kernel.show("(fellow.max, table[&1])") == "(3, 2)"
