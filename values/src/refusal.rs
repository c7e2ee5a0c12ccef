//! Why a value cannot be hashed, stored or read, and where in it the reason lies.
//!
//! One thin pointer, so that the `Result`s that every generated function of serde passes along stay small. The path is
//! not tracked while all goes well: it is put together while an error travels outwards.

use std::fmt::{self, Display, Write};
use std::io;

/// What kind of obstacle it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalKind {
    /// The type does not implement what would be needed.
    NotSerialisable,
    /// The value itself says no: its `Serialize` returned an error, or it is nested too deeply.
    Value,
    /// What was read back is not what was written.
    NotFaithful,
    /// Nobody can tell whether serde is told all of it.
    Doubtful,
    /// A format cannot express the value; another might.
    Format,
    /// The bytes are damaged, cut short, or of another type.
    Damaged,
    /// Reading or writing failed.
    Io(io::ErrorKind),
    /// The value's own code panicked.
    Panicked,
    /// There is nobody who hashes: the code does not run in Cellar's host.
    NoHost,
}

/// Says that something cannot be done with a value, which part of it is to blame, and what to do.
#[derive(Clone, PartialEq, Eq)]
pub struct Refusal(Box<Inner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    kind: RefusalKind,
    message: String,
    /// The type of the whole value.
    type_name: Option<&'static str>,
    /// The type of the part to blame, where it is known.
    part: Option<&'static str>,
    /// From the inside outwards.
    path: Vec<Step>,
}

/// One step from a value to a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Field(&'static str),
    FoundField(String),
    Position(u64),
    Element(u64),
    Entry(u64),
    Variant(&'static str),
}

impl Refusal {
    #[cold]
    pub(crate) fn new(kind: RefusalKind, message: impl Into<String>) -> Self {
        Refusal(Box::new(Inner {
            kind,
            message: message.into(),
            type_name: None,
            part: None,
            path: Vec::new(),
        }))
    }

    pub(crate) fn damaged(message: impl Into<String>) -> Self {
        Refusal::new(RefusalKind::Damaged, message)
    }

    #[cold]
    pub(crate) fn io(error: &io::Error) -> Self {
        Refusal::new(RefusalKind::Io(error.kind()), error.to_string())
    }

    /// Adds a step outwards.
    #[cold]
    pub(crate) fn at(mut self, step: Step) -> Self {
        self.0.path.push(step);
        self
    }

    /// Notes the type of the part that was being handled. Only the innermost is kept.
    #[cold]
    pub(crate) fn part(mut self, type_name: &'static str) -> Self {
        self.0.part.get_or_insert(type_name);
        self
    }

    /// Notes the type of the whole value.
    #[cold]
    pub(crate) fn of(mut self, type_name: &'static str) -> Self {
        self.0.type_name.get_or_insert(type_name);
        self
    }

    #[doc(hidden)]
    #[cold]
    pub fn in_argument(self, name: &'static str) -> Self {
        self.at(Step::Field(name))
    }

    /// What was damaged when read back at once was never right.
    #[cold]
    pub(crate) fn not_faithful(mut self) -> Self {
        if self.0.kind == RefusalKind::Damaged {
            self.0.kind = RefusalKind::NotFaithful;
            self.0.message.insert_str(0, "it does not survive being stored: ");
        }
        self
    }

    /// What kind of obstacle it was.
    pub fn kind(&self) -> RefusalKind {
        self.0.kind
    }

    /// The type of the whole value, as `std::any::type_name` has it; `None` where no value was involved.
    pub fn type_name(&self) -> Option<&'static str> {
        self.0.type_name
    }

    /// The part to blame, such as `rows[3].handle`; empty for the value itself.
    pub fn path(&self) -> String {
        let mut path = String::new();
        for step in self.0.path.iter().rev() {
            let dot = if path.is_empty() { "" } else { "." };
            let _ = match step {
                Step::Field(name) => write!(path, "{dot}{name}"),
                Step::FoundField(name) => write!(path, "{dot}{name}"),
                Step::Position(index) => write!(path, "{dot}{index}"),
                Step::Element(index) => write!(path, "[{index}]"),
                Step::Entry(index) => write!(path, "[entry {index}]"),
                Step::Variant(name) => write!(path, "{dot}{name}"),
            };
        }
        path
    }

    /// What went wrong, without type and path.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether the type and all its parameters are the standard library's: nobody can derive anything for it.
    fn is_of_std(&self) -> bool {
        let name = self.0.part.or(self.0.type_name).unwrap_or_default();
        let mut paths = name.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
        paths.all(|path| match path.split_once("::") {
            Some((first, _)) => matches!(first, "std" | "core" | "alloc"),
            None => true,
        })
    }

    /// What the user can do about it; empty where there is nothing to do.
    pub fn advice(&self) -> &'static str {
        match self.0.kind {
            // What serde's own types say where the bytes would have to live on.
            RefusalKind::NotFaithful if self.0.message.contains("expected a borrowed ") => {
                "have it own that (a String in the place of a &str, with `.to_string()`), or use cache_resource"
            }
            RefusalKind::NotSerialisable if self.is_of_std() => {
                "keep what it is made from, or use cache_resource"
            }
            RefusalKind::NotSerialisable => {
                "derive serde's Serialize and Deserialize for it, or use cache_resource"
            }
            RefusalKind::Value | RefusalKind::NotFaithful | RefusalKind::Format | RefusalKind::Panicked => {
                "mend its Serialize and Deserialize, or use cache_resource"
            }
            RefusalKind::Doubtful => "derive Debug for it if it is yours, or use cache_resource",
            RefusalKind::Damaged | RefusalKind::Io(_) | RefusalKind::NoHost => "",
        }
    }
}

impl Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        if let Some(type_name) = inner.type_name {
            write!(f, "`{type_name}`: ")?;
        }
        let path = self.path();
        match inner.part.filter(|_| !path.is_empty()) {
            Some(part) => write!(f, "`{path}` (`{}`): ", part.trim_start_matches('&'))?,
            None if path.is_empty() => {}
            None => write!(f, "`{path}`: ")?,
        }
        f.write_str(&inner.message)?;
        match self.advice() {
            "" => Ok(()),
            advice => write!(f, "; {advice}"),
        }
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Refusal({:?}, {self})", self.0.kind)
    }
}

impl std::error::Error for Refusal {}

impl serde::ser::Error for Refusal {
    fn custom<T: Display>(message: T) -> Self {
        Refusal::new(RefusalKind::Value, message.to_string())
    }
}

impl serde::de::Error for Refusal {
    fn custom<T: Display>(message: T) -> Self {
        Refusal::damaged(message.to_string())
    }
}
