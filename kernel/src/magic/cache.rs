//! What follows `%cache`.

use super::error::nearest;

/// A `%cache` command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheAction {
    /// The entries of this notebook.
    List,
    /// Totals.
    Stats,
    Clear(Cleared),
    /// Why cells hit or missed when they last ran; of one cell or of all.
    Explain {
        name: Option<String>,
    },
    /// Directives count, or not, for the rest of the session.
    Switch {
        on: bool,
    },
}

/// What `%cache clear` clears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cleared {
    All,
    Data,
    Resources,
    Named(String),
}

/// The words that may follow `%cache`.
pub const WORDS: &[&str] = &["list", "stats", "clear", "explain", "off", "on"];

impl CacheAction {
    /// Reads what follows the magic's name.
    ///
    /// # Errors
    /// An unknown word, with the nearest right one, or a word too many.
    pub fn parse(rest: &str) -> Result<CacheAction, String> {
        // The name of an entry may have blanks in it: `%cache clear "x y"`.
        let words = shlex::split(rest).ok_or_else(|| "a quote is not closed".to_owned())?;
        let mut words = words.iter().map(String::as_str);
        let (word, operand, more) = (words.next(), words.next(), words.next());
        let action = match (word, operand) {
            (None, _) | (Some("list"), None) => CacheAction::List,
            (Some("stats"), None) => CacheAction::Stats,
            (Some("on"), None) => CacheAction::Switch { on: true },
            (Some("off"), None) => CacheAction::Switch { on: false },
            (Some("explain"), name) => CacheAction::Explain {
                name: name.map(str::to_owned),
            },
            (Some("clear"), what) => CacheAction::Clear(match what {
                None => Cleared::All,
                Some("data") => Cleared::Data,
                Some("resource") => Cleared::Resources,
                Some(name) => Cleared::Named(name.to_owned()),
            }),
            (Some(word @ ("list" | "stats" | "on" | "off")), Some(other)) => {
                return Err(format!("`%cache {word}` takes nothing more, not `{other}`"));
            }
            (Some(word), _) => {
                let near = nearest(word, WORDS.iter().copied())
                    .map_or_else(String::new, |near| format!("; `{near}` is the nearest"));
                return Err(format!(
                    "there is no `%cache {word}`{near}. It takes {}",
                    WORDS.join(", ")
                ));
            }
        };
        match more {
            Some(more) => Err(format!("`%cache {}` takes no `{more}`", word.unwrap_or_default())),
            None => Ok(action),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_read() {
        for (text, action) in [
            ("", CacheAction::List),
            ("list", CacheAction::List),
            ("stats", CacheAction::Stats),
            ("off", CacheAction::Switch { on: false }),
            ("clear", CacheAction::Clear(Cleared::All)),
            ("clear data", CacheAction::Clear(Cleared::Data)),
            ("clear resource", CacheAction::Clear(Cleared::Resources)),
            (
                "clear  prices",
                CacheAction::Clear(Cleared::Named("prices".to_owned())),
            ),
            (
                "clear 'all prices'",
                CacheAction::Clear(Cleared::Named("all prices".to_owned())),
            ),
            ("explain", CacheAction::Explain { name: None }),
            (
                "explain prices",
                CacheAction::Explain {
                    name: Some("prices".to_owned()),
                },
            ),
        ] {
            assert_eq!(CacheAction::parse(text), Ok(action), "{text}");
        }
    }

    #[test]
    fn a_wrong_word_is_told_the_nearest() {
        let error = CacheAction::parse("claer").expect_err("no such word");
        assert!(error.contains("`clear` is the nearest"), "{error}");
        assert!(CacheAction::parse("off now").is_err());
        assert!(CacheAction::parse("clear a b").is_err());
        assert!(CacheAction::parse("clear 'a b").is_err());
    }
}
