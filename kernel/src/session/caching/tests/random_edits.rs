//! Notebooks edited at random: no value and no output may ever differ from those of a session without a cache.

use cellar_cache::{Options, Store};
use rand::RngExt as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::language::{Cell, Expr, Init, Item, Statement, World, text};
use super::machine::Session;

const EDITS: usize = 10_000;
const CELLS: usize = 8;

fn pick<'a>(random: &mut StdRng, of: &[&'a str]) -> &'a str {
    of[random.random_range(0..of.len())]
}

const NUMBERS: [&str; 4] = ["a", "b", "c", "d"];
const LISTS: [&str; 3] = ["l", "m", "n"];
const SHARED: [&str; 2] = ["r", "s"];
const FUNCTIONS: [&str; 3] = ["f", "g", "h"];
const CONSTANTS: [&str; 2] = ["A", "B"];
const PARAMS: [&str; 2] = ["p", "q"];

fn expr(random: &mut StdRng, in_item: bool, may_ask: bool, depth: usize) -> Expr {
    let name = |random: &mut StdRng, of: &[&str]| pick(random, of).to_owned();
    match random.random_range(0..if depth > 2 { 3 } else { 11 }) {
        // Also of items.
        10 => Expr::Param(name(random, &PARAMS)),
        0 => Expr::Int(random.random_range(0..4)),
        1 if in_item => Expr::Var("x".to_owned()),
        1 => Expr::Var(name(random, &NUMBERS)),
        2 => Expr::Const(name(random, &CONSTANTS)),
        3 | 4 => Expr::Call(
            name(random, &FUNCTIONS),
            Box::new(expr(random, in_item, may_ask, depth + 1)),
        ),
        5 | 6 => Expr::Add(
            Box::new(expr(random, in_item, may_ask, depth + 1)),
            Box::new(expr(random, in_item, may_ask, depth + 1)),
        ),
        _ if in_item => Expr::Var("x".to_owned()),
        7 => Expr::Len(name(random, &LISTS)),
        8 if may_ask => Expr::Clock,
        8 => Expr::Sum(name(random, &LISTS)),
        _ => Expr::Deref(name(random, &SHARED)),
    }
}

fn statement(random: &mut StdRng, may_ask: bool) -> Statement {
    let value = |random: &mut StdRng| expr(random, false, may_ask, 0);
    match random.random_range(0..12) {
        11 => Statement::SetParam(pick(random, &PARAMS).to_owned(), value(random)),
        0..=3 => Statement::Let {
            name: pick(random, &NUMBERS).to_owned(),
            mutable: random.random(),
            value: Init::Number(value(random)),
        },
        4 | 5 => Statement::Let {
            name: pick(random, &LISTS).to_owned(),
            mutable: true,
            value: Init::List((0..random.random_range(0..3)).map(|_| value(random)).collect()),
        },
        6 => Statement::Let {
            name: pick(random, &SHARED).to_owned(),
            mutable: false,
            value: Init::Shared(value(random)),
        },
        7 => Statement::Let {
            name: pick(random, &LISTS).to_owned(),
            mutable: true,
            value: Init::Moved(pick(random, &LISTS).to_owned()),
        },
        8 => Statement::Push(pick(random, &LISTS).to_owned(), value(random)),
        9 if random.random() => Statement::PrintInline(pick(random, &LISTS).to_owned()),
        9 => Statement::Print(value(random)),
        _ => Statement::Add(pick(random, &NUMBERS).to_owned(), value(random)),
    }
}

fn cell(random: &mut StdRng) -> Cell {
    let cached = random.random_bool(0.6);
    let mut items = Vec::new();
    if random.random_bool(0.4) {
        items.push(match random.random_range(0..3) {
            0 => Item::Const(pick(random, &CONSTANTS).to_owned(), random.random_range(0..4)),
            _ => Item::Fn(pick(random, &FUNCTIONS).to_owned(), expr(random, true, false, 0)),
        });
    }
    let statements = (0..random.random_range(1..4))
        .map(|_| statement(random, !cached))
        .collect();
    Cell {
        cached,
        items,
        statements,
    }
}

/// A binding without `mut` cannot be changed: rustc would refuse such a cell. Here every name but those of shared values is
/// changed somewhere, so it is always bound with it.
fn make_mutable(cell: &mut Cell) {
    for statement in &mut cell.statements {
        if let Statement::Let { name, mutable, .. } = statement {
            *mutable |= !SHARED.contains(&name.as_str());
        }
    }
}

#[test]
fn no_edit_ever_gives_a_stale_value() {
    let seed = std::env::var("CELLAR_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(rand::random::<u64>);
    eprintln!("CELLAR_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), Options::default());
    let mut cells: Vec<Cell> = (0..CELLS).map(|_| cell(&mut random)).collect();
    cells.iter_mut().for_each(make_mutable);
    let mut earlier: Vec<Vec<Cell>> = cells.iter().map(|cell| vec![cell.clone()]).collect();
    let mut session = Session::start(&store);
    let mut reference = World::default();
    let (mut hits, mut runs) = (0, 0);
    for edit in 0..EDITS {
        let at = random.random_range(0..CELLS);
        match random.random_range(0..100) {
            0..=1 => {
                session.caching.shutdown();
                session = Session::start(&store);
                reference = World::default();
            }
            2..=30 => {
                let mut new = cell(&mut random);
                make_mutable(&mut new);
                earlier[at].push(new.clone());
                cells[at] = new;
            }
            31..=55 => cells[at] = earlier[at][random.random_range(0..earlier[at].len())].clone(),
            59..=66 => {
                let (name, value) = (pick(&mut random, &PARAMS), random.random_range(0..3));
                if value == 0 {
                    session.machine.set_param(name, None);
                    reference.params.remove(name);
                } else {
                    session.machine.set_param(name, Some(vec![value.to_string()]));
                    reference.params.insert(name.to_owned(), value);
                }
            }
            56..=58 => {
                let other = random.random_range(0..CELLS);
                cells.swap(at, other);
            }
            _ => {}
        }
        let (from, to) = if random.random_bool(0.1) {
            (0, CELLS)
        } else {
            (at, at + 1)
        };
        for cell in &cells[from..to] {
            let text = text(cell, &mut random);
            reference.clock = edit as i64;
            let context = format!("seed {seed}, edit {edit}:\n{text}");
            let expected = reference.run(cell);
            let got = session.run(cell, &text, edit as i64);
            match (expected, got) {
                (Ok(expected), Ok((printed, hit))) => {
                    assert_eq!(printed, expected, "{context}");
                    hits += usize::from(hit);
                }
                (Err(_), Err(_)) => {}
                (expected, got) => panic!("{expected:?}, {got:?}: {context}"),
            }
            runs += 1;
            session.assert_same_variables(&reference, &context);
        }
    }
    eprintln!("{runs} runs, {hits} hits");
    assert!(
        hits > EDITS / 20,
        "the cache must have been used: {hits} hits in {runs} runs"
    );
}
