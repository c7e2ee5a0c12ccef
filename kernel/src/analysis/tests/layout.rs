//! Layout and comments are no inputs, and everything else is.

use proptest::prelude::*;
use ra_ap_syntax::{Edition, SourceFile, SyntaxKind, SyntaxToken};

use super::super::{CellReading, read_cell};
use super::generate::Generator;

/// What of a reading goes into keys.
fn of_keys(cell: &CellReading) -> impl PartialEq + std::fmt::Debug {
    (
        cell.canonical.clone(),
        cell.running.clone(),
        cell.items.clone(),
        cell.reads.clone(),
        cell.defines.clone(),
        cell.flags,
    )
}

const ITEMS: [&str; 8] = [
    "/// Docs stay.\nstruct Q<'a, T: Clone> { x: &'a [T], y: Vec<Vec<u8>> }",
    "impl<'a, T: Clone> Q<'a, T> { fn f(&self) -> Option<T> { self.x.first().cloned() } }",
    "macro_rules! deep { ($a:expr => $b:expr) => { $a..=$b }; ($($x:ident :: $y:ty),* $(,)?) => { stringify!($($x),*) } }",
    "use std::{collections::{HashMap as Map, self}, fmt::*};",
    "#[derive(Debug, Clone)] enum C { Red = 1 << 2, Blue(f64), Green { x: i64 } }",
    "const LIMIT: i64 = -7; static NAME: &str = \"{a} /* no comment */ // neither\";",
    "mod m { pub fn g(x: u8) -> bool { x >= 3 && x != 7 || x == 9 } }",
    "fn h() -> f64 { let t = ((1, 2.5), 'x'); t.0.1 * 1e-3 }",
];

/// Writes the tokens of `cell` with other gaps: every gap, and every place where a gap may be, gets one of these.
fn reformatted(cell: &str, choices: &[u8]) -> String {
    const GAPS: [&str; 6] = [
        " ",
        "\n",
        "  \t",
        " /* why */ ",
        "\n    // a line { x }\n",
        "/* /* nested */ */ ",
    ];
    let file = SourceFile::parse(&format!("fn f(){{{cell}\n}}"), Edition::Edition2024);
    let tokens: Vec<SyntaxToken> = file
        .syntax_node()
        .descendants_with_tokens()
        .filter_map(|element| element.into_token())
        .collect();
    let mut choices = choices.iter().cycle();
    let mut out = String::new();
    for token in &tokens["fn f(){".len() - 1..tokens.len() - 1] {
        let gap = GAPS[usize::from(*choices.next().unwrap_or(&0)) % GAPS.len()];
        match token.kind() {
            SyntaxKind::WHITESPACE => out.push_str(gap),
            // A doc comment ends with its line.
            SyntaxKind::COMMENT => {
                out.push_str(token.text());
                out.push('\n');
            }
            kind => {
                out.push_str(token.text());
                // Other punctuation may be one half of what only looks like two tokens.
                if !kind.is_punct() || "{}()[],;".contains(token.text()) {
                    out.push_str(gap);
                }
            }
        }
    }
    out
}

fn cell(seed: u64) -> String {
    let mut generator = Generator::new(seed);
    let mut text = String::new();
    for item in ITEMS {
        if generator.below(3) == 0 {
            text += item;
            text += "\n";
        }
    }
    text + &generator.cell()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn layout_and_comments_change_no_key(seed: u64, choices in prop::collection::vec(0u8..6, 1..200)) {
        let cell = cell(seed);
        let other = reformatted(&cell, &choices);
        let (one, two) = (read_cell(&cell), read_cell(&other));
        prop_assert!(!one.flags.parse_error, "{cell}");
        prop_assert_eq!(of_keys(&one), of_keys(&two), "{}\n-----\n{}", cell, other);
    }

    #[test]
    fn any_other_token_changes_the_key(seed: u64, at: prop::sample::Index) {
        let cell = cell(seed);
        let letters: Vec<usize> = cell
            .match_indices(|c: char| c.is_ascii_lowercase())
            .map(|(at, _)| at)
            .collect();
        let at = letters[at.index(letters.len())];
        let mut other = cell.clone();
        other.insert(at, 'q');
        // Inside a comment nothing would change, but these cells have none.
        prop_assert_ne!(read_cell(&cell).canonical, read_cell(&other).canonical);
    }

    #[test]
    fn no_text_is_too_strange(text in "\\PC{0,60}") {
        let _ = read_cell(&text);
    }

    #[test]
    fn no_rust_is_too_strange(parts in prop::collection::vec(prop::sample::select(&[
        "let", "x", "=", "{", "}", "(", ")", "\"{x\"", "'a", "|", "move", "match", "=>", "_", "if", "else", "macro_rules!",
        "m!", "[", "]", "<", ">", "::", "use", "impl", "fn", "struct", ";", ",", "#", "!", "r#\"", "//", "\n", "1.", "..", "&", "for",
    ][..]), 0..40)) {
        let _ = read_cell(&parts.join(" "));
    }
}

#[test]
fn tokens_are_framed() {
    let canonical = |cell: &str| read_cell(cell).canonical;
    assert_ne!(canonical("a b"), canonical("ab"));
    assert_ne!(canonical("f(\"a\", \"b\")"), canonical("f(\"a, b\")"));
    assert_ne!(canonical("m!(a::b)"), canonical("m!(a: :b)"));
    assert_ne!(canonical("m!(a >> b)"), canonical("m!(a > > b)"));
    assert_eq!(canonical("m!(a , -b)"), canonical("m!(a,-b)"));
    assert_ne!(canonical("/// one\nfn f() {}"), canonical("/// two\nfn f() {}"));
    assert_eq!(canonical("// one\nfn f() {}"), canonical("// two\nfn f() {}"));
    assert_eq!(
        canonical("//// one\nfn f() {} /**/ /*** x */"),
        canonical("fn f() {}")
    );
}
