"""Sessions of replays, reruns and compiles in random order: what comes out is what comes out where every cell is compiled."""

import os
import random

from support.random_cells import PRELUDE, cell, variables

CELLS = 6
STEPS = 60

# Redefined at random: a value of an older definition must be refused in both, and a new one read right.
STRUCTS = [
    "#[derive(Clone, Debug)] struct Shape { x: i64 }",
    "#[derive(Clone, Debug)] struct Shape { x: i64, y: i64 }",
    "#[derive(Clone, Debug)] struct Shape { y: i64, x: i64 }",
]
MAKES = [
    "let mut shape = Shape { x: a };",
    "let mut shape = Shape { x: a, y: 2 };",
]
READS = ['println!("{}", shape.x);', 'println!("{}", shape.x + shape.y);', "shape.x += 1;", "let other = shape.clone(); other.x"]
# What only rust-analyzer can name, and what fails.
UNNAMED = [
    "let mut boxed = Box::new(a) as Box<dyn std::fmt::Debug>;",
    'println!("{boxed:?}");',
    "let mut other_box = boxed;",
    "let mut boxed = other_box;",
]
FAILS = ['let mut a = 99i64; panic!("{a}");', 'a = 77; "x".parse::<i32>()?;', "let mut a: u8 = b;", "l.push(1); m[1000] = 1;"]


# From the first of these on, cells run in a runtime.
AWAITS = ["let mut a = async { 5i64 }.await;", 'println!("{}", async { a + 1 }.await);', "l.push(async { a }.await);"]


def structured(rng):
    return rng.choice(rng.choice([STRUCTS, MAKES, READS, UNNAMED, FAILS, AWAITS]))


def test_any_mix_of_replays_and_compiles_gives_what_compiling_gives(machine):
    seed = int(os.environ.get("CELLAR_SEED") or random.randrange(2**32))
    print(f"CELLAR_SEED={seed}")
    rng = random.Random(seed)
    book = [PRELUDE] + [cell(rng)[1] for _ in range(CELLS)]
    earlier = [[code] for code in book]
    truth = machine.kernel()
    truth.ok("%cache off")
    kept = machine.kernel()

    def both(code, context):
        expected, got = truth.run(code), kept.run(code)
        outcome = lambda result: (result.status, result.stdout, result.value, result.ename)
        assert outcome(got) == outcome(expected), f"{context}\n{code}\n{got}\n{expected}"

    both(PRELUDE, "prelude")
    for step in range(STEPS):
        context = f"seed {seed}, step {step}"
        at = rng.randrange(1, len(book))
        choice = rng.random()
        if choice < 0.15:
            book[at] = cell(rng)[1]
            earlier[at].append(book[at])
        elif choice < 0.3:
            book[at] = rng.choice(earlier[at])
        elif choice < 0.5:
            both(structured(rng), context)
            continue
        if step % 20 == 19:
            for kernel in (truth, kept):
                kernel.restart()
            truth.ok("%cache off")
            for code in book:
                both(code, context + ", after a restart")
        else:
            both(book[at], context)
        if step % 5 == 4:
            assert variables(kept) == variables(truth), context
    # All of it was compiled before.
    kept.restart()
    machine.compiles()
    compiled = []
    for code in book:
        kept.run(code)
        compiled.append(machine.compiles())
    # One that fails is compiled again: it may name what an earlier one has moved.
    assert 0 in compiled, "nothing was replayed"
