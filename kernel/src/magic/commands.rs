//! evcxr's `:commands`, which all keep working, by name and in short.

/// One command.
#[derive(Debug)]
pub struct Command {
    /// With `:`.
    pub name: &'static str,
    /// What follows the name.
    pub usage: &'static str,
    pub summary: &'static str,
}

/// In evcxr's order; the texts are for people who have not met evcxr.
pub const COMMANDS: &[Command] = &[
    command(
        ":dep",
        "NAME = VERSION",
        "Add a dependency: `:dep regex = \"1.0\"`",
    ),
    command(":show_deps", "", "Show the dependencies"),
    command(":vars", "", "List variables and their types"),
    command(":type", "NAME", "Show the type of a variable"),
    command(":t", "NAME", "Short for `:type`"),
    command(
        ":doc",
        "NAME",
        "Show the documentation of a variable, keyword, type or module",
    ),
    command(
        ":clear",
        "",
        "Forget all variables and items, keep compiled dependencies",
    ),
    command(":restart", "", "Restart the process that runs cells"),
    command(
        ":preserve_vars_on_panic",
        "0|1",
        "Try to keep variables on a panic",
    ),
    command(":opt", "[0|1|2|3|s|z]", "Set the optimization level"),
    command(":fmt", "[FORMAT]", "Set the format of results (default: {:?})"),
    command(":types", "", "Toggle whether results show their type"),
    command(":efmt", "[FORMAT]", "Set the format of errors that `?` returns"),
    command(
        ":toolchain",
        "[NAME]",
        "Show or change the toolchain that compiles cells; variables are dropped when it changes",
    ),
    command(":offline", "0|1", "Let cargo work without the network"),
    command(
        ":allow_static_linking",
        "0|1",
        "Whether dependencies may be linked statically",
    ),
    command(":quit", "", "Stop the kernel"),
    command(":timing", "", "Toggle whether cells show how long they took"),
    command(
        ":time_passes",
        "",
        "Toggle whether rustc's passes are timed (nightly)",
    ),
    command(":sccache", "0|1", "Whether to use sccache"),
    command(
        ":cache",
        "[MIB]",
        "Set the size of evcxr's cache of dependencies, 0 to disable it",
    ),
    command(":clear_cache", "", "Clear the cache of the `:cache` command"),
    command(":linker", "[NAME]", "Set the linker: system, lld, mold"),
    command(":codegen_backend", "[NAME]", "Set the code generator (nightly)"),
    command(":explain", "", "Explain the last compile error"),
    command(
        ":build_env",
        "KEY=VALUE",
        "Set an environment variable for builds",
    ),
    command(
        ":env",
        "KEY=VALUE",
        "Set an environment variable for the process that runs cells, from its next start",
    ),
    command(
        ":load_config",
        "[--quiet]",
        "Read the start-up configuration files again",
    ),
    command(":last_compile_dir", "", "Show the folder of the last compile"),
    command(":last_error_json", "", "Show the last compile error as JSON"),
    command(":internal_debug", "", "Toggle debugging of evcxr itself"),
    command(":version", "", "Show evcxr's version"),
    command(":help", "", "List the commands"),
];

const fn command(name: &'static str, usage: &'static str, summary: &'static str) -> Command {
    Command { name, usage, summary }
}

impl Command {
    /// The command of that name, with `:`.
    pub fn find(name: &str) -> Option<&'static Command> {
        COMMANDS.iter().find(|command| command.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_begin_with_a_colon() {
        let mut names: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
        assert!(names.iter().all(|name| name.starts_with(':')));
        assert_eq!(names.len(), 33);
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 33);
    }
}
