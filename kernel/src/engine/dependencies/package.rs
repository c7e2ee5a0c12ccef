//! evcxr's package as it stands in a `Cargo.toml`: how it is compiled, and the dependencies that `:dep` lines have added.
//!
//! evcxr writes dependencies in another order in each process; here they are sorted, so that a set of them is known again.

use std::collections::BTreeMap;

/// In evcxr's manifest, all below it are dependencies, one a line.
const DEPENDENCIES: &str = "[dependencies]";
const USUAL_OPT_LEVEL: &str = "2";
/// evcxr's manifest where nobody has configured anything. Should evcxr write another one, dependencies are looked for in
/// vain until it has, and no more.
const PLAIN: &str = r#"
[package]
name = "ctx"
version = "1.0.0"
edition = "2024"

[lib]
crate-type = ["cdylib"]
path = "src/lib.rs"

[profile.dev]
opt-level = 2
debug = false
strip = "debuginfo"
rpath = true
lto = false
debug-assertions = true
codegen-units = 16
panic = 'unwind'
incremental = true
overflow-checks = true

[dependencies]
"#;

/// A `:dep`: a name, and what is behind the `=`, in TOML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    pub name: String,
    pub config: String,
}

/// A set of dependencies and what they are compiled with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// All above the dependencies.
    head: String,
    dependencies: BTreeMap<String, String>,
}

impl Added {
    /// The line that adds it.
    pub fn command(&self) -> String {
        format!(":dep {} = {}\n", self.name, self.config)
    }
}

/// What evcxr adds where a cell awaits something: in it, cells run from then on.
pub fn runtime() -> Added {
    Added {
        name: "tokio".to_owned(),
        config: "{version=\"1.34.0\", features=[\"rt\", \"rt-multi-thread\"]}".to_owned(),
    }
}

impl Package {
    /// What evcxr begins with.
    pub fn plain() -> Package {
        Package::read(PLAIN)
    }

    /// That of evcxr's `manifest`.
    pub fn read(manifest: &str) -> Package {
        let (head, list) = manifest.rsplit_once(DEPENDENCIES).unwrap_or((manifest, ""));
        let dependencies = list.lines().filter_map(|line| line.split_once('='));
        Package {
            head: head.trim().to_owned(),
            dependencies: dependencies
                .map(|(name, config)| (name.trim().to_owned(), config.trim().to_owned()))
                .collect(),
        }
    }

    /// Of the dependencies.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.dependencies.keys().map(String::as_str)
    }

    pub fn has_dependencies(&self) -> bool {
        !self.dependencies.is_empty()
    }

    pub fn has(&self, one: &Added) -> bool {
        self.dependencies.get(&one.name) == Some(&one.config)
    }

    /// Whether it has each of `others`' dependencies, as they are there.
    pub fn has_all_of(&self, others: &Package) -> bool {
        let mut dependencies = others.dependencies.iter();
        dependencies.all(|(name, config)| self.dependencies.get(name) == Some(config))
    }

    /// The same with these; one of a name that is there takes its place.
    #[must_use]
    pub fn with(mut self, added: &[Added]) -> Package {
        let added = added.iter().map(|one| (one.name.clone(), one.config.clone()));
        self.dependencies.extend(added);
        self
    }

    pub fn opt_level(&self) -> String {
        let mut lines = self.head.lines();
        let level = lines.find_map(|line| line.trim().strip_prefix("opt-level ="));
        level
            .map_or(USUAL_OPT_LEVEL, |level| level.trim().trim_matches('"'))
            .to_owned()
    }

    /// The manifest, the same for equal packages.
    pub fn manifest(&self) -> String {
        let list = self.dependencies.iter();
        let list: String = list
            .map(|(name, config)| format!("{name} = {config}\n"))
            .collect();
        format!("{}\n\n{DEPENDENCIES}\n{list}", self.head)
    }
}

/// What `:commands` add to the dependencies; `None` if they do anything else, or something that evcxr has to look at: a crate in a
/// folder, or what it would refuse.
pub fn added(commands: &str) -> Option<Vec<Added>> {
    let lines = commands.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.map(added_by).collect()
}

fn added_by(command: &str) -> Option<Added> {
    let given = command.strip_prefix(":dep")?;
    let given = given.strip_prefix(char::is_whitespace)?.trim();
    let end = given.find([' ', '=']).unwrap_or(given.len());
    let (name, config) = given.split_at(end);
    let config = match config.trim_start() {
        "" => "\"*\"",
        config => config.strip_prefix('=')?.trim(),
    };
    let is_usual = !name.is_empty() && !name.starts_with(['.', '/']) && !config.is_empty();
    is_usual.then(|| Added {
        name: name.to_owned(),
        config: config.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_and_configs(commands: &str) -> Option<Vec<(String, String)>> {
        let added = added(commands)?.into_iter();
        Some(added.map(|one| (one.name, one.config)).collect())
    }

    #[test]
    fn dependencies_are_read_as_evcxr_reads_them() {
        let pair = |name: &str, config: &str| (name.to_owned(), config.to_owned());
        assert_eq!(
            names_and_configs(
                "\n:dep a\n  :dep  b=\"1\" \n:dep c = { version = \"2\", features = [\"x\"] }\n"
            ),
            Some(vec![
                pair("a", "\"*\""),
                pair("b", "\"1\""),
                pair("c", "{ version = \"2\", features = [\"x\"] }"),
            ])
        );
        assert_eq!(names_and_configs(""), Some(Vec::new()));
        assert_eq!(added(&runtime().command()), Some(vec![runtime()]));
    }

    #[test]
    fn other_commands_and_folders_are_left_to_evcxr() {
        for commands in [
            ":opt 3",
            ":dep a\n:opt 3",
            ":dep",
            ":depend a",
            ":dep ./folder",
            ":dep /folder",
            ":dep a \"1\"",
            ":dep a =",
            ":dep = 1",
        ] {
            assert_eq!(added(commands), None, "{commands}");
        }
    }

    #[test]
    fn the_order_of_dependencies_does_not_matter() {
        let with = |list: &str| Package::read(&format!("{PLAIN}{list}"));
        let (one, other) = (
            with("b = \"1\"\na = { x = 1 }\n"),
            with("a = { x = 1 }\nb = \"1\"\n"),
        );
        assert_eq!(one, other);
        assert_eq!(one.manifest(), other.manifest());
        assert_eq!(Package::read(&one.manifest()), one);
        assert!(one.has_dependencies() && !Package::plain().has_dependencies());
        assert!(one.has_all_of(&with("a = { x = 1 }")) && !with("b = \"1\"").has_all_of(&one));
        assert_eq!(one.opt_level(), "2");
        let replaced = one.clone().with(&added(":dep b = \"2\"").unwrap());
        assert_eq!(replaced, with("a = { x = 1 }\nb = \"2\""));
    }
}
