"""The cells that are measured. `{n}` is another number at every repetition, so that no kernel can
answer with what it already has."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    code: str
    asked: float | None = 0.7  # less than this times evcxr_jupyter's median
    floor: str | None = "rustc"  # which of `limits` bounds it from below
    status: str = "ok"
    weight: float = 1.0  # share of the repetitions: what takes seconds is run less often


CASES = [
    Case("let, integer", "let a = {n}i64 + 1;"),
    Case("let, string", 'let s = format!("value {{}}", {n});'),
    Case("let, vector", "let v = vec![{n}u64, 2, 3];"),
    Case("let, hash map", 'let m = std::collections::HashMap::from([({n}, "one"), (2, "two")]);'),
    Case("let, iterator chain", "let it = (0..{n}u64).filter(|x| x % 3 == 0).map(|x| x * x).collect::<Vec<_>>();"),
    Case("let mut and change", "let mut sum = 0u64; for i in 0..{n} {{ sum += i; }}"),
    Case("show an integer", "{n} * 3"),
    Case("show a vector of an iterator", "(0..{n}u64).map(|x| x * 2).take(5).collect::<Vec<_>>()"),
    Case("show a string", 'format!("text {{}}", {n})'),
    Case("println", 'println!("n = {{}}", {n});'),
    Case(
        "BTreeMap and format",
        'let mut b = std::collections::BTreeMap::new();\n'
        'for w in "a b a c {n}".split(\' \') {{ *b.entry(w).or_insert(0) += 1; }}\n'
        'println!("{{:>4}} {{b:?}}", b.len());',
        asked=None,
    ),
    Case("a function", "fn scaled(x: u64) -> u64 {{ x * {n} }}", asked=None),
    Case("a question mark", 'let p: i32 = "{n}".parse()?;', asked=None),
    Case("a type error", 'let t: i32 = "{n}";', asked=None, status="error", floor=None),
    Case(
        "100 MB of println",
        'let line = "{n:0>92}"; for i in 0..1_000_000u32 {{ println!("{{line}}{{i:07}}"); }}',
        floor="writes",
        weight=0.15,
    ),
]
