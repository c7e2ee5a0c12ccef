//! What makes a function's results depend on more than its key tells, or its calls do more than give a result: what the
//! types of its arguments lead to, and the statics that it reaches. The session's items decide, so a later cell can change
//! it.

use super::read::{self, Function, Problem};
use super::{CachedFunction, Part, Role};
use crate::analysis::{self, Item, Reached, Static, StaticKind};

/// Words of what an initialiser reads that no key of its callers has: it runs once, for whoever comes first.
const READ_AT_FIRST: [&str; 4] = ["cellar", "env", "fs", "File"];

/// Why a function cannot be cached.
#[derive(Debug)]
pub struct Fault {
    at: Place,
    pub why: String,
    pub help: &'static str,
}

#[derive(Debug)]
enum Place {
    Name,
    /// By its position.
    Argument(usize),
    Result,
}

impl Fault {
    /// The same, where it stands in the function.
    pub fn problem(self, function: &Function) -> Problem {
        let range = match self.at {
            Place::Name => None,
            Place::Argument(index) => function.params.get(index).map(|param| &param.type_range),
            Place::Result => function.returned.as_ref().map(|returned| &returned.range),
        };
        Problem {
            why: self.why,
            help: self.help,
            range: range.unwrap_or(&function.name_range).clone(),
        }
    }
}

/// What is wrong with a function's arguments or its result.
pub fn of_types(function: &CachedFunction, items: &[&Item]) -> Option<Fault> {
    let of_part = |(index, part): (usize, &Part)| {
        let role = &part.role;
        if *role == Role::Result {
            return None;
        }
        let found = analysis::hazards(&part.type_text, items.iter().copied());
        if let Some(fault) = found.mutably_borrowed {
            return Some(Fault {
                at: Place::Argument(index),
                why: format!("{role} has a `&mut` in it ({fault}): {}", read::CHANGES_ARGUMENT),
                help: read::RETURN_CHANGED,
            });
        }
        // Whoever leaves an argument out of the key answers for it: a connection, a counter.
        if matches!(role, Role::Ignored(_)) {
            return None;
        }
        if let Some(fault) = found.unnamed {
            return Some(Fault {
                at: Place::Argument(index),
                why: format!("{role} may be something that changes inside ({fault})"),
                help: "Name the type itself.",
            });
        }
        let fault = found.changes_inside?;
        Some(Fault {
            at: Place::Argument(index),
            why: format!("{role} can change inside ({fault}): {}", read::CHANGES_ARGUMENT),
            help: "Take the value in it and return the changed one, or begin the argument's name with `_`: then it is not \
                   compared, and only a call that computes changes it.",
        })
    };
    let mut parts = function.parts.iter().enumerate();
    parts.find_map(of_part).or_else(|| {
        let may_borrow = |name: &String| {
            let mut types = items.iter().flat_map(|item| &item.types);
            types.any(|of| of.name == *name && of.has_lifetimes)
        };
        function.without_lifetime.iter().any(may_borrow).then(|| Fault {
            at: Place::Result,
            why: read::RETURNS_BORROW.to_owned(),
            help: read::RETURN_OWNED,
        })
    })
}

/// The first static among what is reached that may have another value at the next call.
pub fn of_statics(reached: &Reached, items: &[&Item], session: &analysis::Session<'_>) -> Option<Fault> {
    let reached = reached.items.iter().map(|index| items[*index]);
    let fault = |(item, found): (&Item, &Static)| {
        let why = match &found.kind {
            StaticKind::Mutable => "which is `static mut`".to_owned(),
            StaticKind::Foreign => "which is defined outside of the notebook".to_owned(),
            StaticKind::InMacro => "which a macro such as `thread_local!` makes".to_owned(),
            StaticKind::Of(of) => match analysis::constant(of, items.iter().copied()) {
                Err(fault) => fault.to_string(),
                Ok(()) if reads_at_first(item, items, session) => {
                    "whose first use reads files, the environment or parameters".to_owned()
                }
                Ok(()) => return None,
            },
        };
        let name = match found.name.as_str() {
            "" => "a static".to_owned(),
            name => format!("the static `{name}`"),
        };
        Some(Fault {
            at: Place::Name,
            why: format!(
                "it, or what it calls, uses {name} ({why}), and what that holds is not a part of its key"
            ),
            help: "Pass what it needs as an argument; a `const`, or a `static` of plain data, can stay.",
        })
    };
    reached
        .flat_map(|item| item.statics.iter().map(move |found| (item, found)))
        .find_map(fault)
}

/// Whether the value of a static may be made of what its users' keys do not tell.
fn reads_at_first(item: &Item, items: &[&Item], session: &analysis::Session<'_>) -> bool {
    let reached = session.reach(item.words.iter().map(String::as_str), false);
    let names = |word: &str| {
        let mut reached = reached.items.iter().map(|index| items[*index]).chain([item]);
        reached.any(|item| item.words.contains(word))
    };
    names("LazyLock") && READ_AT_FIRST.into_iter().any(names)
}
