//! What reading costs. `cargo test --release -p cellar-kernel analysis::tests::speed -- --ignored --nocapture`

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use sha2::{Digest, Sha256};

use super::super::{Item, Session, frozen, read_cell, words_of_type};

/// A notebook of 200 items that lean on each other.
fn items() -> Vec<Item> {
    let mut text = String::new();
    for n in 0..50 {
        let before = n / 2;
        writeln!(
            text,
            "#[derive(Debug, Clone)] pub struct Row{n} {{ pub name: String, pub values: Vec<f64>, pub inner: Option<Box<Row{before}>> }}
            impl Row{n} {{ pub fn total(&self, scale: f64) -> f64 {{ self.values.iter().map(|x| x * scale + FACTOR_{n}).sum::<f64>() }} }}
            const FACTOR_{n}: f64 = {n}.5;
            fn load_{n}(path: &str) -> Result<Row{n}, String> {{
                let text = std::fs::read_to_string(path).map_err(|error| format!(\"{{path}}: {{error}}\"))?;
                let values = text.lines().filter_map(|line| line.parse().ok()).collect::<Vec<f64>>();
                if values.len() > {n} {{ Ok(Row{n} {{ name: path.to_owned(), values, inner: None }}) }} else {{ Err(helper_{before}(path)) }}
            }}"
        )
        .unwrap();
    }
    read_cell(&text).items
}

fn cell() -> String {
    (0..50).fold(String::new(), |mut text, n| {
        writeln!(
            text,
            "let row_{n} = load_{n}(&format!(\"{{folder}}/{n}.csv\"))?;
            let total_{n} = row_{n}.total(scale) + if let Some(inner) = &row_{n}.inner {{ inner.total(scale) }} else {{ 0.0 }};
            for (index, value) in row_{n}.values.iter().enumerate().filter(|(index, _)| index % 7 == 0) {{ sums[index] += value * weights[index]; }}
            println!(\"{{total_{n}:>width$.3}} {{}}\", row_{n}.name);"
        )
        .unwrap();
        text
    })
}

fn median(what: &str, mut run: impl FnMut()) {
    let mut times: Vec<f64> = (0..101)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    eprintln!("{what:<48} {:8.3} ms", times[times.len() / 2]);
}

#[test]
#[ignore = "measures"]
fn a_long_cell_in_a_long_session() {
    let items = items();
    let cell = cell();
    assert_eq!((items.len(), cell.lines().count()), (200, 200));
    let reading = read_cell(&cell);
    let session = Session::new(&items);
    let reach = |session: &Session| {
        let words = reading.words.iter().map(String::as_str);
        session.reach(words.chain(words_of_type("Vec<HashMap<String, Row49>>")), false)
    };
    assert_eq!(reach(&session).items.len(), 200);
    let hash = |session: &Session| {
        let mut hash = Sha256::new();
        hash.update(&reading.canonical);
        reach(session)
            .items
            .iter()
            .for_each(|index| hash.update(&items[*index].canonical));
        hash.finalize()
    };
    eprintln!("{} bytes", cell.len());
    median("read a cell of 200 lines", || drop(black_box(read_cell(&cell))));
    median("index a session of 200 items", || {
        drop(black_box(Session::new(&items)))
    });
    median("reach all of them", || drop(black_box(reach(&session))));
    median("judge a type", || {
        drop(black_box(frozen("Vec<HashMap<String, Row49>>", &items)))
    });
    median("read, index, reach, hash", || {
        black_box(read_cell(&cell));
        black_box(hash(&Session::new(&items)));
    });
}
