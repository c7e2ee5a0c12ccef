//! What is computed and what is not, told as stories.

use cellar_cache::{Options, Store};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::language::{Cell, Expr, Init, Item, Statement, text};
use super::machine::Session;

fn let_number(name: &str, value: Expr) -> Statement {
    Statement::Let {
        name: name.to_owned(),
        mutable: false,
        value: Init::Number(value),
    }
}

fn cell(cached: bool, statements: Vec<Statement>) -> Cell {
    Cell {
        cached,
        items: Vec::new(),
        statements,
    }
}

/// Runs a cell in a new layout; whether it was a hit.
fn hits(session: &mut Session, cell: &Cell, clock: i64) -> bool {
    let mut layout = StdRng::seed_from_u64(clock as u64);
    session
        .run(cell, &text(cell, &mut layout), clock)
        .expect("it runs")
        .1
}

fn var(name: &str) -> Expr {
    Expr::Var(name.to_owned())
}

#[test]
fn equal_content_from_another_run_is_a_hit_and_the_next_session_hits_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), Options::default());
    let upstream = |number| cell(false, vec![let_number("a", Expr::Int(number))]);
    let downstream = cell(
        true,
        vec![let_number(
            "b",
            Expr::Add(Box::new(var("a")), Box::new(Expr::Int(1))),
        )],
    );
    for session in 0..2 {
        let mut here = Session::start(&store);
        hits(&mut here, &upstream(1), 1);
        assert_eq!(hits(&mut here, &downstream, 2), session == 1);
        hits(&mut here, &upstream(1), 3);
        assert!(hits(&mut here, &downstream, 4), "the same content again");
        hits(&mut here, &upstream(2), 5);
        assert_eq!(hits(&mut here, &downstream, 6), session == 1);
        hits(&mut here, &upstream(1), 7);
        assert!(hits(&mut here, &downstream, 8), "back to what was");
        here.caching.shutdown();
    }
}

#[test]
fn a_helper_two_steps_away_counts_and_an_unrelated_one_does_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), Options::default());
    let mut session = Session::start(&store);
    let item = |item| Cell {
        cached: false,
        items: vec![item],
        statements: Vec::new(),
    };
    let call = |name: &str, argument| Expr::Call(name.to_owned(), Box::new(argument));
    let inner = |number| {
        item(Item::Fn(
            "g".to_owned(),
            Expr::Add(Box::new(var("x")), Box::new(Expr::Int(number))),
        ))
    };
    hits(&mut session, &inner(1), 1);
    hits(
        &mut session,
        &item(Item::Fn("f".to_owned(), call("g", var("x")))),
        2,
    );
    let cached = cell(true, vec![let_number("a", call("f", Expr::Int(1)))]);
    assert!(!hits(&mut session, &cached, 3));
    assert!(hits(&mut session, &cached, 4));
    hits(&mut session, &item(Item::Fn("h".to_owned(), Expr::Int(7))), 5);
    assert!(hits(&mut session, &cached, 6));
    hits(&mut session, &inner(2), 7);
    assert!(!hits(&mut session, &cached, 8));
    hits(&mut session, &inner(1), 9);
    assert!(hits(&mut session, &cached, 10));
}

#[test]
fn a_value_that_was_given_back_can_be_changed_without_changing_the_entry() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), Options::default());
    let mut session = Session::start(&store);
    let made = cell(
        true,
        vec![Statement::Let {
            name: "l".to_owned(),
            mutable: true,
            value: Init::List(vec![Expr::Int(1)]),
        }],
    );
    let pushed = cell(false, vec![Statement::Push("l".to_owned(), Expr::Int(2))]);
    let counted = cell(true, vec![Statement::Print(Expr::Len("l".to_owned()))]);
    let printed = |session: &mut Session, clock| {
        let mut layout = StdRng::seed_from_u64(clock);
        session
            .run(&counted, &text(&counted, &mut layout), 0)
            .expect("it runs")
            .0
    };
    for round in 0..3 {
        assert_eq!(hits(&mut session, &made, round), round > 0);
        assert_eq!(printed(&mut session, 1), "1\n");
        hits(&mut session, &pushed, 10 + round);
        assert_eq!(printed(&mut session, 2), "2\n");
    }
}

#[test]
fn a_change_made_by_a_cell_with_a_directive_is_made_again_by_its_hit() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), Options::default());
    let begin = cell(
        false,
        vec![Statement::Let {
            name: "a".to_owned(),
            mutable: true,
            value: Init::Number(Expr::Int(1)),
        }],
    );
    let add = cell(true, vec![Statement::Add("a".to_owned(), Expr::Int(5))]);
    let show = cell(true, vec![Statement::Print(var("a"))]);
    for session in 0..2 {
        let mut here = Session::start(&store);
        hits(&mut here, &begin, 1);
        assert_eq!(hits(&mut here, &add, 2), session == 1);
        let mut layout = StdRng::seed_from_u64(3);
        let (printed, _) = here.run(&show, &text(&show, &mut layout), 3).expect("it runs");
        assert_eq!(printed, "6\n");
        assert!(!hits(&mut here, &add, 4) || session == 1, "from 6 it is 11");
        here.caching.shutdown();
    }
}

#[test]
fn what_cannot_be_hashed_counts_by_its_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), Options::default());
    let mut session = Session::start(&store);
    let handle = cell(
        false,
        vec![Statement::Let {
            name: "r".to_owned(),
            mutable: false,
            value: Init::Shared(Expr::Int(1)),
        }],
    );
    let cached = cell(true, vec![let_number("a", Expr::Deref("r".to_owned()))]);
    hits(&mut session, &handle, 1);
    assert!(!hits(&mut session, &cached, 2));
    assert!(hits(&mut session, &cached, 3));
    hits(&mut session, &handle, 4);
    assert!(!hits(&mut session, &cached, 5), "another run made it");
}
