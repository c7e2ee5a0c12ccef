"""Random cells of a few kinds of statements and items, and the state that they leave."""

NUMBERS = "abcd"
LISTS = "lmn"


def expression(rng, depth=0):
    choice = rng.randrange(3 if depth > 1 else 8)
    if choice == 0:
        return f"{rng.randrange(5)}i64"
    if choice == 1:
        return rng.choice(NUMBERS)
    if choice == 2:
        return rng.choice(["K", "J"])
    if choice in (3, 4):
        return f"{rng.choice('fgh')}({expression(rng, depth + 1)})"
    if choice == 5:
        return f"({expression(rng, depth + 1)} * 3 + {expression(rng, depth + 1)})"
    if choice == 6:
        return f"({rng.choice(LISTS)}.len() as i64)"
    return f"{rng.choice(LISTS)}.iter().sum::<i64>()"


def in_item(rng, depth=0):
    choice = rng.randrange(3 if depth > 1 else 5)
    if choice == 0:
        return f"{rng.randrange(5)}i64"
    if choice == 1:
        return "x"
    if choice == 2:
        return rng.choice(["K", "J"])
    return f"({in_item(rng, depth + 1)} * 3 + {in_item(rng, depth + 1)})"


def statement(rng):
    choice = rng.randrange(9)
    if choice < 3:
        return f"let mut {rng.choice(NUMBERS)} = {expression(rng)};"
    if choice == 3:
        parts = ", ".join(expression(rng) for _ in range(rng.randrange(3)))
        return f"let mut {rng.choice(LISTS)}: Vec<i64> = vec![{parts}];"
    if choice == 4:
        return f"{rng.choice(LISTS)}.push({expression(rng)});"
    if choice == 5:
        return f"{rng.choice(NUMBERS)} += {expression(rng)};"
    if choice == 6:
        one, other = rng.sample(LISTS, 2)
        return f"let mut {one} = {other};"
    if choice == 7:
        return f'println!("{{{rng.choice(LISTS)}:?}}");'
    return f'println!("{{}}", {expression(rng)});'


def cell(rng):
    lines = []
    if rng.random() < 0.35:
        lines.append(
            f"const {rng.choice('KJ')}: i64 = {rng.randrange(5)};"
            if rng.random() < 0.3
            else f"fn {rng.choice('fgh')}(x: i64) -> i64 {{ {in_item(rng)} }}"
        )
    lines += [statement(rng) for _ in range(rng.randint(1, 3))]
    return rng.random() < 0.7, "\n".join(lines)


PRELUDE = """
const K: i64 = 1; const J: i64 = 2;
fn f(x: i64) -> i64 { x + K }
fn g(x: i64) -> i64 { x * J }
fn h(x: i64) -> i64 { x }
let mut a = 1i64; let mut b = 2i64; let mut c = 3i64; let mut d = 4i64;
let mut l = vec![1i64]; let mut m = vec![2i64, 3]; let mut n: Vec<i64> = vec![];
"""


def variables(kernel):
    """Every variable with its value."""
    names = kernel.show("%who").split()
    if names == ["There", "are", "no", "variables."]:
        return {}
    shown = kernel.ok("".join(f'println!("{name} {{:?}}", {name});' for name in names))
    return shown.stdout
