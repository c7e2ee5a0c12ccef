//! What the process of the cells tells of one: what it has read and changed besides variables. The form is in
//! `runtime/src/private/surroundings/told.rs`.

use crate::params::Changes;
use crate::session::workshop::texts;

/// Something besides variables and arguments that a cell can read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    Param(String),
    /// Which parameters there are.
    ParamNames,
    Session(String),
    /// Which values the session map has.
    SessionNames,
    /// A variable of the environment that a cached function declares as its input.
    Env(String),
    /// The files of such a function: globs, one in a line.
    Files(String),
}

impl Subject {
    /// Two texts that no other subject has.
    pub fn texts(&self) -> [&str; 2] {
        match self {
            Subject::Param(key) => ["param", key],
            Subject::ParamNames => ["params", ""],
            Subject::Session(key) => ["session", key],
            Subject::SessionNames => ["sessions", ""],
            Subject::Env(name) => ["env", name],
            Subject::Files(globs) => ["files", globs],
        }
    }

    /// Whether it may change without being told.
    pub fn is_outside(&self) -> bool {
        matches!(self, Subject::Env(_) | Subject::Files(_))
    }

    pub fn of([kind, key]: [&str; 2]) -> Option<Subject> {
        Some(match kind {
            "param" => Subject::Param(key.to_owned()),
            "params" => Subject::ParamNames,
            "session" => Subject::Session(key.to_owned()),
            "sessions" => Subject::SessionNames,
            "env" => Subject::Env(key.to_owned()),
            "files" => Subject::Files(key.to_owned()),
            _ => return None,
        })
    }
}

/// Something that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    pub subject: Subject,
    /// What it was. Equal texts are equal contents.
    pub state: Vec<String>,
    /// A value of the session map of which only its own number is known.
    pub is_opaque: bool,
}

/// A value of the session map that was set, or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionChange {
    pub key: String,
    /// Its type, as `std::any::type_name` gives it; `None` for one that was removed.
    pub type_name: Option<String>,
    /// Its type is none of those that anybody can compare.
    pub is_opaque: bool,
}

/// What was told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    pub read: Vec<Read>,
    pub params: Changes,
    pub session: Vec<SessionChange>,
}

impl Told {
    /// Reads what was told; of a torn message what came first.
    pub fn parse(bytes: &[u8]) -> Told {
        let mut told = Told::default();
        let mut texts = texts(bytes).into_iter();
        while let Some(kind) = texts.next() {
            let mut text = || texts.next().unwrap_or_default();
            match kind.as_str() {
                "read" => {
                    let subject = Subject::of([&text(), &text()]);
                    let is_opaque = text() == "1";
                    let count = text().parse().unwrap_or(0);
                    let state = texts.by_ref().take(count).collect();
                    told.read.extend(subject.map(|subject| Read {
                        subject,
                        state,
                        is_opaque,
                    }));
                }
                "param" => {
                    let (key, is_set) = (text(), text() == "1");
                    let count = text().parse().unwrap_or(0);
                    let values: Vec<String> = texts.by_ref().take(count).collect();
                    told.params.push((key, is_set.then_some(values)));
                }
                "session" => {
                    let (key, is_set, type_name) = (text(), text() == "1", text());
                    told.session.push(SessionChange {
                        key,
                        type_name: is_set.then_some(type_name),
                        is_opaque: text() == "1",
                    });
                }
                _ => break,
            }
        }
        told
    }

    /// A later message of the same cell.
    pub fn add(&mut self, later: Told) {
        self.read.extend(later.read);
        self.params.extend(later.params);
        self.session.extend(later.session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(texts: &[&str]) -> Vec<u8> {
        let mut message = Vec::new();
        for text in texts {
            message.extend((text.len() as u64).to_le_bytes());
            message.extend_from_slice(text.as_bytes());
        }
        message
    }

    #[test]
    fn each_kind_is_read() {
        let told = Told::parse(&message(&[
            "read", "param", "city", "0", "2", "there", "Oslo", "param", "n", "1", "1", "5", "param", "m",
            "0", "0", "session", "k", "1", "ctx::T", "1", "session", "gone", "0", "", "0",
        ]));
        assert_eq!(told.read[0].subject, Subject::Param("city".to_owned()));
        assert_eq!(told.read[0].state, ["there", "Oslo"]);
        assert_eq!(
            told.params,
            [
                ("n".to_owned(), Some(vec!["5".to_owned()])),
                ("m".to_owned(), None)
            ]
        );
        assert_eq!(told.session[0].type_name.as_deref(), Some("ctx::T"));
        assert!(told.session[0].is_opaque);
        assert_eq!(told.session[1].type_name, None);
    }

    #[test]
    fn a_torn_message_gives_what_came_first() {
        let whole = message(&[
            "param", "n", "1", "1", "5", "read", "param", "city", "0", "1", "missing",
        ]);
        let told = Told::parse(&whole[..whole.len() - 3]);
        assert_eq!(told.params.len(), 1);
    }
}
