//! What follows `%session`.

use super::error::nearest;
use super::params::words;

/// A `%session` command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionAction {
    List,
    /// One value, or all.
    Clear {
        key: Option<String>,
    },
}

/// The words that may follow `%session`.
pub const WORDS: &[&str] = &["clear"];

impl SessionAction {
    /// Reads what follows the magic's name.
    ///
    /// # Errors
    /// An unknown word, with the nearest right one, or a word too many.
    pub fn parse(rest: &str) -> Result<SessionAction, String> {
        let words = words(rest)?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words[..] {
            [] => Ok(SessionAction::List),
            ["clear"] => Ok(SessionAction::Clear { key: None }),
            ["clear", key] => Ok(SessionAction::Clear {
                key: Some(key.to_owned()),
            }),
            ["clear", _, more, ..] => Err(format!(
                "`%session clear` takes one name at most, not `{more}` too; a name with blanks stands in quotes"
            )),
            [word, ..] => {
                let near = nearest(word, WORDS.iter().copied())
                    .map_or_else(String::new, |near| format!("; `{near}` is the nearest"));
                Err(format!(
                    "there is no `%session {word}`{near}. It takes {}; alone, it lists all",
                    WORDS.join(", ")
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_read() {
        assert_eq!(SessionAction::parse(""), Ok(SessionAction::List));
        assert_eq!(
            SessionAction::parse("clear 'a b'"),
            Ok(SessionAction::Clear {
                key: Some("a b".to_owned())
            })
        );
        assert!(SessionAction::parse("claer").is_err_and(|error| error.contains("`clear` is the nearest")));
        assert!(SessionAction::parse("clear a b").is_err());
    }
}
