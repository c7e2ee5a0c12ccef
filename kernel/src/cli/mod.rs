//! The command line: one file a subcommand, what was typed ([`args`]) apart from what it means.
//!
//! It knows of the kernel only [`Interpreter`] and the server's entry.

mod args;
mod atomic;
mod cache;
mod doctor;
mod environment;
mod install;
mod jupyter_paths;
mod kernel;
mod kernelspec;
mod labextension;
mod run;
mod uninstall;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;

use crate::interpreter::Interpreter;
use crate::params::SharedParams;
use args::{Command, Typed};
use environment::Environment;

/// Parses the command line and does what it says. The status is 0, 1 for a failure, 2 for a command
/// line that means nothing (clap's), or 128 + the signal that ended a run.
pub fn main() -> ExitCode {
    let typed = Typed::parse();
    log_to_stderr();
    let environment = Environment::of_process();
    let mut out = std::io::stdout();
    let done = match &typed.command {
        Command::Install(typed) => install::run(typed, &environment, &mut out).map(|()| ExitCode::SUCCESS),
        Command::Uninstall(typed) => {
            uninstall::run(typed, &environment, &mut out).map(|()| ExitCode::SUCCESS)
        }
        Command::Kernel(typed) => kernel::run(typed).map(|()| ExitCode::SUCCESS),
        Command::Run(typed) => run::run(typed, interpreter),
        Command::Cache(typed) => {
            let folder = crate::session::cache_folder();
            cache::run(typed, &folder, &mut out).map(|()| ExitCode::SUCCESS)
        }
        Command::Doctor(typed) => std::env::current_exe()
            .map_err(anyhow::Error::from)
            .and_then(|executable| doctor::run(typed, &environment.where_installed(&executable))),
    };
    done.unwrap_or_else(|error| {
        eprintln!("cellar: {error:#}");
        ExitCode::FAILURE
    })
}

/// Whoever runs the cells of a notebook; what takes time to start does so behind it.
fn interpreter(notebook: Option<&Path>, params: &SharedParams) -> anyhow::Result<Arc<dyn Interpreter>> {
    Ok(Arc::new(crate::session::Session::start(
        notebook,
        Arc::clone(params),
    )?))
}

/// stdout belongs to the user's cells; what the kernel has to say goes to stderr.
fn log_to_stderr() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::builder().with_env_var("CELLAR_LOG").try_from_env();
    let (filter, wrong) = match filter {
        // rust-analyzer and its database log every query: a bare level is meant for Cellar.
        Ok(filter) if std::env::var("CELLAR_LOG").is_ok_and(|typed| !typed.contains('=')) => {
            let level = filter
                .max_level_hint()
                .map_or("warn".to_owned(), |level| level.to_string());
            (EnvFilter::new(format!("warn,cellar={level}")), None)
        }
        Ok(filter) => (filter, None),
        Err(error) => (
            EnvFilter::new("warn"),
            std::env::var_os("CELLAR_LOG").map(|_| error),
        ),
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // Only a second call in one process could fail, and then logs have a place already.
    let _ = subscriber.try_init();
    if let Some(error) = wrong {
        tracing::warn!("CELLAR_LOG is no filter ({error}); logging warnings");
    }
}
