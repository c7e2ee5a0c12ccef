//! What was typed. Nothing here looks at the machine: what the words mean (which folder, which
//! executable, which file) is worked out by the subcommand's own file.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand};

/// A Rust kernel for Jupyter.
#[derive(Debug, Parser)]
#[command(
    name = "cellar",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
#[command(
    after_help = "Environment: CELLAR_CACHE_DIR (folder of the cache), CELLAR_CACHE_MAX (how large it may \
                        grow, such as `500MB` or `2GiB`; default 10GiB), CELLAR_LOG (what to log to \
                        stderr, such as `debug` or `cellar::session=trace`; default `warn`)."
)]
pub struct Typed {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Install(Install),
    Uninstall(Uninstall),
    Kernel(Kernel),
    Run(Run),
    Cache(Cache),
    Doctor(Doctor),
}

/// Make Jupyter know this kernel.
///
/// Writes a kernelspec: JupyterLab, Notebook, VS Code and nbconvert then offer "Rust (Cellar)".
/// Running it again is harmless and brings an older one up to date.
#[derive(Debug, Args)]
pub struct Install {
    #[command(flatten)]
    pub place: Place,
}

/// Remove what `install` wrote, and nothing else.
#[derive(Debug, Args)]
pub struct Uninstall {
    #[command(flatten)]
    pub place: Place,
}

/// Where a kernelspec lives.
#[derive(Debug, Default, Clone, Args)]
pub struct Place {
    /// For this user (the default): JUPYTER_DATA_DIR, or the platform's folder.
    #[arg(long, group = "place")]
    pub user: bool,

    /// Inside the active conda or virtual environment.
    #[arg(long, group = "place")]
    pub sys_prefix: bool,

    /// In DIR/share/jupyter.
    #[arg(long, group = "place", value_name = "DIR")]
    pub prefix: Option<PathBuf>,

    /// The kernel's name in Jupyter's folders and in `jupyter … --kernel NAME`.
    #[arg(long, default_value = super::kernelspec::DEFAULT_NAME, value_parser = super::kernelspec::parse_name)]
    pub name: String,
}

/// Serve a Jupyter client. Jupyter starts this; you rarely do.
#[derive(Debug, Args)]
pub struct Kernel {
    /// The file in which Jupyter tells ports and key.
    #[arg(long, short = 'f', value_name = "FILE")]
    pub connection_file: PathBuf,
}

/// Execute a notebook, without Jupyter or Python.
///
/// Runs every code cell from top to bottom, in the notebook's own folder, and writes a notebook
/// with the outputs. A cell that fails ends the run: its error is shown, what ran so far is written,
/// and the exit status is 1. Cells tagged `raises-exception` may fail; cells tagged
/// `skip-execution` are left alone.
///
/// Ctrl-C (or SIGTERM) stops the running cell, writes what ran, and ends with status 130 (143).
/// Pressed a second time it does not wait for the cell.
#[derive(Debug, Args)]
pub struct Run {
    /// The notebook to execute.
    #[arg(value_name = "NB.ipynb")]
    pub notebook: PathBuf,

    /// Give a parameter of the notebook a value for this run; again for further ones. The same KEY twice gives both values.
    #[arg(short, long = "param", value_name = "KEY=VALUE", value_parser = parse_param)]
    pub params: Vec<(String, String)>,

    /// Where to write the executed notebook. Without this or `--inplace`: beside the original, as
    /// NB.executed.ipynb.
    #[arg(long, short, value_name = "OUT.ipynb", conflicts_with = "inplace")]
    pub output: Option<PathBuf>,

    /// Write the outputs into the notebook itself.
    #[arg(long)]
    pub inplace: bool,

    /// Stop the whole run after S seconds (also: 90s, 5m, 1h).
    #[arg(long, value_name = "S", value_parser = parse_duration)]
    pub timeout: Option<Duration>,

    /// Stop a cell that runs for longer than S seconds (also: 90s, 5m, 1h).
    #[arg(long, value_name = "S", value_parser = parse_duration)]
    pub cell_timeout: Option<Duration>,

    /// Go on after a cell that fails. The exit status is then 0; the errors are in the outputs.
    #[arg(long)]
    pub allow_errors: bool,
}

/// Look after what is cached on disk.
///
/// Kernels may run meanwhile; they notice what was cleared at their next cell.
#[derive(Debug, Args)]
pub struct Cache {
    #[command(subcommand)]
    pub what: Option<CacheCommand>,

    /// Answer in JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// Show the entries, last used first. This is what `cellar cache` alone does.
    List,
    /// Show sums: entries, bytes, hits, time saved.
    Stats,
    /// Remove entries, and say how many and how many bytes.
    Clear {
        /// `data` (cells and functions kept by value), `resource`, or the name of entries as `list` shows it.
        /// Without it: everything, compiled code included; versions of dependencies are then chosen anew.
        #[arg(value_name = "data|resource|NAME")]
        what: Option<String>,
    },
    /// Read everything and remove what is damaged.
    Verify,
    /// Remove what has expired or is of no use, what is over the limit, and compiled code that nobody has used for 30 days.
    Gc,
}

/// Check that everything Cellar needs is there, and say how to mend what is not.
///
/// The exit status is 1 if something is broken; warnings do not count.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Answer in JSON: {"version", "checks": [{"name", "status", "found", "mend"}]}.
    #[arg(long, action = ArgAction::SetTrue)]
    pub json: bool,
}

/// `KEY=VALUE`; the value may be empty and have further `=` in it.
fn parse_param(typed: &str) -> Result<(String, String), String> {
    match typed.split_once('=') {
        Some(("", _)) => Err("there is no name before `=`; write it like `city=Oslo`".to_owned()),
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(format!("there is no `=`; write it like `{typed}=value`")),
    }
}

/// A length of time: seconds, or a number with a unit (`ms`, `s`, `m`, `h`).
fn parse_duration(typed: &str) -> Result<Duration, String> {
    let typed = typed.trim();
    let digits = typed
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(typed.len());
    let (number, unit) = typed.split_at(digits);
    let scale = match unit.trim() {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        other => return Err(format!("`{other}` is no unit of time; use ms, s, m or h")),
    };
    let seconds: f64 = number
        .parse()
        .map_err(|_| format!("`{typed}` is no length of time; try 30, 90s or 5m"))?;
    if seconds == 0.0 {
        return Err("it must be longer than 0; leave the option out for no limit".to_owned());
    }
    Duration::try_from_secs_f64(seconds * scale).map_err(|_| format!("`{typed}` is too long"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(words: &[&str]) -> Result<Command, String> {
        Typed::try_parse_from(std::iter::once(&"cellar").chain(words))
            .map(|typed| typed.command)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_definition_is_sound() {
        Typed::command().debug_assert();
    }

    #[test]
    fn run_with_everything() {
        let typed = "run a.ipynb -o b.ipynb --timeout 5m --cell-timeout 1.5 --allow-errors";
        let words: Vec<_> = typed.split(' ').collect();
        let Ok(Command::Run(run)) = parse(&words) else {
            panic!("no run")
        };
        assert_eq!(run.output, Some("b.ipynb".into()));
        assert_eq!(run.timeout, Some(Duration::from_secs(300)));
        assert_eq!(run.cell_timeout, Some(Duration::from_millis(1500)));
        assert!(run.allow_errors && !run.inplace);
    }

    #[test]
    fn output_and_inplace_exclude_each_other() {
        assert!(parse(&["run", "a.ipynb", "-o", "b.ipynb", "--inplace"]).is_err());
    }

    #[test]
    fn places_exclude_each_other() {
        assert!(parse(&["install", "--user", "--sys-prefix"]).is_err());
        assert!(parse(&["install", "--user", "--prefix", "/opt"]).is_err());
        assert!(parse(&["uninstall", "--prefix", "/opt"]).is_ok());
    }

    #[test]
    fn a_mistyped_subcommand_gets_a_suggestion() {
        let error = parse(&["instal"]).expect_err("unknown");
        assert!(error.contains("install"), "{error}");
    }

    #[test]
    fn cache_commands() {
        let parsed = |words: &[&str]| match parse(words) {
            Ok(Command::Cache(cache)) => cache,
            other => panic!("{other:?}"),
        };
        assert!(parsed(&["cache"]).what.is_none());
        assert!(parsed(&["cache", "list", "--json"]).json && parsed(&["cache", "--json", "stats"]).json);
        let clear = parsed(&["cache", "clear", "prices"]).what;
        assert!(matches!(clear, Some(CacheCommand::Clear { what: Some(name) }) if name == "prices"));
        assert!(parse(&["cache", "clean"]).is_err_and(|error| error.contains("clear")));
    }

    #[test]
    fn durations() {
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("2h"), Ok(Duration::from_secs(7200)));
        for wrong in ["", "x", "-1", "5 weeks", "0", "1e400", "99999999999999999999h"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }
}
