//! What follows `%params`.

use serde_json::{Map, Value};

use super::error::nearest;

/// A `%params` command.
#[derive(Debug, Clone, PartialEq)]
pub enum ParamsAction {
    /// All parameters and where they come from.
    List,
    Set {
        key: String,
        values: Vec<String>,
    },
    /// One, or all.
    Clear {
        key: Option<String>,
    },
    /// Values that hold for this run and are not saved.
    Override(Map<String, Value>),
}

/// The words that may follow `%params`.
pub const WORDS: &[&str] = &["set", "clear", "override"];

impl ParamsAction {
    /// Reads what follows the magic's name. Names and values with blanks stand in quotes.
    ///
    /// # Errors
    /// An unknown word, with the nearest right one, or what is missing.
    pub fn parse(rest: &str) -> Result<ParamsAction, String> {
        if let Some(json) = rest.strip_prefix("override") {
            return parse_override(json.trim());
        }
        let words = words(rest)?;
        let mut words = words.into_iter();
        match words.next().as_deref() {
            None => Ok(ParamsAction::List),
            Some("set") => {
                let values: Vec<String> = words.collect();
                match values.split_first() {
                    Some((key, values)) if !values.is_empty() => Ok(ParamsAction::Set {
                        key: key.clone(),
                        values: values.to_vec(),
                    }),
                    _ => Err(
                        "`%params set` needs a name and at least one value: `%params set city Oslo`"
                            .to_owned(),
                    ),
                }
            }
            Some("clear") => {
                let (key, more) = (words.next(), words.next());
                match more {
                    Some(more) => Err(format!(
                        "`%params clear` takes one name at most, not `{more}` too; a name with blanks stands in quotes"
                    )),
                    None => Ok(ParamsAction::Clear { key }),
                }
            }
            Some(word) => {
                let near = nearest(word, WORDS.iter().copied())
                    .map_or_else(String::new, |near| format!("; `{near}` is the nearest"));
                Err(format!(
                    "there is no `%params {word}`{near}. It takes {}; alone, it lists all",
                    WORDS.join(", ")
                ))
            }
        }
    }
}

/// Words as a shell reads them.
pub(super) fn words(rest: &str) -> Result<Vec<String>, String> {
    shlex::split(rest).ok_or_else(|| "a quote is not closed".to_owned())
}

fn parse_override(json: &str) -> Result<ParamsAction, String> {
    match serde_json::from_str(json) {
        Ok(Value::Object(params)) => Ok(ParamsAction::Override(params)),
        Ok(_) => {
            Err("`%params override` needs a JSON object: `%params override {\"city\": \"Oslo\"}`".to_owned())
        }
        Err(error) => Err(format!(
            "what follows `%params override` is no JSON object ({error}): `%params override {{\"city\": \"Oslo\"}}`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_read() {
        let set = |key: &str, values: &[&str]| ParamsAction::Set {
            key: key.to_owned(),
            values: values.iter().map(|&value| value.to_owned()).collect(),
        };
        for (text, action) in [
            ("", ParamsAction::List),
            ("set city Oslo", set("city", &["Oslo"])),
            ("set tag a b", set("tag", &["a", "b"])),
            ("set 'my key' \"New York\" ''", set("my key", &["New York", ""])),
            ("clear", ParamsAction::Clear { key: None }),
            (
                "clear city",
                ParamsAction::Clear {
                    key: Some("city".to_owned()),
                },
            ),
        ] {
            assert_eq!(ParamsAction::parse(text), Ok(action), "{text}");
        }
        let Ok(ParamsAction::Override(params)) = ParamsAction::parse("override {\"a\": [\"b\", 1]}") else {
            panic!("an override");
        };
        assert_eq!(params["a"], serde_json::json!(["b", 1]));
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (text, told) in [
            ("st a b", "`set` is the nearest"),
            ("set a", "at least one value"),
            ("clear a b", "one name at most"),
            ("set 'a b", "not closed"),
            ("override [1]", "JSON object"),
            ("override {", "JSON object"),
        ] {
            let error = ParamsAction::parse(text).expect_err(text);
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
