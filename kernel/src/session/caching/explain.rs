//! Why a cell was taken from the cache or computed, in words.

use cellar_cache::{Change, Ingredient, IngredientKind, human_duration, printable};

use super::LastRun;

/// What became of a cell that has a directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Hit {
        saved: std::time::Duration,
    },
    /// Nothing earlier is known of it.
    First,
    /// It differs from the nearest earlier entry.
    Changed(Vec<Change>),
    /// There was an entry and it was not used: why.
    Unusable(String),
    /// It ran and is not kept: why.
    NotKept(String),
    Off,
}

/// The explanation of one cell's last run.
pub fn text(run: &LastRun) -> String {
    let name = printable(&run.name);
    let cell = &run.cell;
    let mut text = match &run.outcome {
        Outcome::Hit { saved } => format!(
            "{name} ({cell}): hit; all {} inputs are the same. It saved {}.\n",
            run.ingredients.len(),
            human_duration(*saved)
        ),
        Outcome::First => format!("{name} ({cell}): miss; nothing was kept of it before.\n"),
        Outcome::Changed(changes) => {
            // What the run itself has read is not among them.
            let is_input = |change: &&Change| {
                let changed = change.ingredient();
                run.ingredients
                    .iter()
                    .any(|input| (input.kind, &input.name) == (changed.kind, &changed.name))
            };
            let same = run.ingredients.len().saturating_sub(
                changes
                    .iter()
                    .filter(|change| !matches!(change, Change::Removed(_)))
                    .filter(is_input)
                    .count(),
            );
            let mut text = format!("{name} ({cell}): miss\n");
            for change in changes {
                text.push_str(&format!("  {}\n", change_text(change)));
            }
            text.push_str(&format!(
                "  {same} other {} the same\n",
                plural(same, "input is", "inputs are")
            ));
            text
        }
        Outcome::Unusable(why) => format!("{name} ({cell}): miss; the entry could not be used: {why}\n"),
        Outcome::NotKept(why) => format!("{name} ({cell}): computed and not kept: {why}\n"),
        Outcome::Off => format!("{name} ({cell}): computed; the cache is off (`%cache on`).\n"),
    };
    if let (Some(kept), false) = (&run.kept, matches!(run.outcome, Outcome::NotKept(_))) {
        text.push_str(&format!("  not kept: {kept}\n"));
    }
    text
}

/// That a run is not kept, and why.
pub fn not_kept(run: &LastRun) -> Option<String> {
    let why = match &run.outcome {
        Outcome::NotKept(why) => why,
        _ => run.kept.as_ref()?,
    };
    Some(format!(
        "{} ({}) is not kept: {why}",
        printable(&run.name),
        run.cell
    ))
}

fn plural(count: usize, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}

fn change_text(change: &Change) -> String {
    let what = described(change.ingredient());
    match change {
        Change::Added(new) => format!("{what} is new{}", in_brackets(&new.note)),
        Change::Removed(_) => format!("{what} is no input any more"),
        Change::Changed { old, new } => {
            let verb = match new.kind {
                IngredientKind::Code => "was edited",
                _ => "changed",
            };
            let note = match new.kind {
                IngredientKind::File
                | IngredientKind::Dependencies
                | IngredientKind::Option
                | IngredientKind::Param
                | IngredientKind::Session
                    if old.note != new.note =>
                {
                    format!("{}, before {}", new.note, old.note)
                }
                _ => new.note.clone(),
            };
            format!(
                "{what} {verb} ({} → {}){}",
                &old.digest.short()[..6],
                &new.digest.short()[..6],
                in_brackets(&note)
            )
        }
    }
}

fn in_brackets(note: &str) -> String {
    if note.is_empty() {
        String::new()
    } else {
        format!(", {note}")
    }
}

fn described(ingredient: &Ingredient) -> String {
    let name = &ingredient.name;
    match ingredient.kind {
        IngredientKind::Code => "the cell's own code".to_owned(),
        IngredientKind::Item => format!("the item `{name}`"),
        IngredientKind::Variable => format!("the variable `{name}`"),
        IngredientKind::File => format!("the file `{name}`"),
        IngredientKind::Env => format!("the environment variable `{name}`"),
        IngredientKind::FunctionEnv => format!("the environment variable `{name}`"),
        IngredientKind::FunctionFiles => format!("the files `{}`", name.replace('\n', "`, `")),
        IngredientKind::Param if name.is_empty() => "the list of parameters".to_owned(),
        IngredientKind::Param => format!("the parameter `{name}`"),
        IngredientKind::Session if name.is_empty() => "the list of session values".to_owned(),
        IngredientKind::Session => format!("the session value `{name}`"),
        IngredientKind::Dependencies => format!("the dependency `{name}`"),
        IngredientKind::Toolchain => format!("the target `{name}`"),
        _ => format!("the setting `{name}`"),
    }
}
