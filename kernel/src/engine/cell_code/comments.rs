//! Comments, which mean nothing to the compiler.

use ra_ap_parser::{Edition, LexedStr, SyntaxKind};

/// A text with blanks in place of its comments, and without blanks at the ends of lines: every token stays where it was. What
/// documents an item stays, too: macros see it.
pub fn blank_comments(text: &str) -> String {
    if !text.contains("//") && !text.contains("/*") {
        return text.to_owned();
    }
    let mut blanked = String::with_capacity(text.len());
    let lexed = LexedStr::new(Edition::CURRENT, text);
    for token in 0..lexed.len() {
        let (kind, text) = (lexed.kind(token), lexed.text(token));
        match kind == SyntaxKind::COMMENT && !is_documentation(text) {
            true => blanked.extend(text.chars().map(|c| if c == '\n' { '\n' } else { ' ' })),
            false => blanked.push_str(text),
        }
    }
    let lines: Vec<&str> = blanked.split('\n').map(str::trim_end).collect();
    lines.join("\n")
}

/// See <https://doc.rust-lang.org/reference/comments.html>.
fn is_documentation(comment: &str) -> bool {
    let begins = |with: &str| comment.starts_with(with);
    let outer = begins("///") && !begins("////") || begins("/**") && !begins("/***") && comment != "/**/";
    outer || begins("//!") || begins("/*!")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_blanks() {
        let text = "let a = 1; // one  \nf(/* two\n three */ a);\n/// kept\nfn f() {} /**/ //// no\n";
        let blank = "let a = 1;\nf(\n          a);\n/// kept\nfn f() {}\n";
        assert_eq!(blank_comments(text), blank);
        let other = "let a = 1; // another one\nf(/* 2\n       */ a);\n/// kept\nfn f() {}\n";
        assert_eq!(blank_comments(other), blank);
        for text in [
            "\"// no comment \"",
            "r#\"/* \"#",
            "/*! inner */ /** outer */",
            "'/' // é".trim_end_matches(" // é"),
        ] {
            assert_eq!(blank_comments(text), text);
        }
        // A token that moves is seen.
        assert_ne!(blank_comments("/* a */ f()"), blank_comments("/* ab */ f()"));
    }
}
