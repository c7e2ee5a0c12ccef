//! Another toolchain for a session that runs (`:toolchain NAME`).
//!
//! The process that runs cells has the standard library of the old one loaded, and values have its layout. So that process
//! ends and with it all variables; another begins with the new libraries. Items stay, since they are text.
//! rust-analyzer keeps the sources of the standard library with which it has started.

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::PoisonError;

use evcxr::CommandContext;

use super::adopting::STATEMENT;
use super::{EvcxrThread, panic_text};
use crate::engine::build_server::{BuildServer, Order};
use crate::engine::evaluation::EngineError;
use crate::engine::lock;
use crate::engine::runtime_library::{self, RuntimeLibrary};
use crate::engine::serde_for_cells;
use crate::engine::toolchain::{Toolchain, ToolchainError};
use crate::host::{Host, Libraries};

/// The session has another toolchain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switched {
    /// Variables that there were.
    pub dropped: Vec<String>,
}

/// Why it has not. Nothing is lost.
#[derive(Debug, Clone)]
pub enum NotSwitched {
    /// There is no such toolchain, but those.
    NotInstalled { installed: Vec<String> },
    /// In words.
    Unusable(String),
    /// The engine is to blame.
    Engine(EngineError),
}

impl EvcxrThread {
    /// Compiles and runs cells with the toolchain `name` from now on. `before` is called when the process of the cells is
    /// about to end. The outer error means that evcxr panicked.
    pub fn switch_toolchain(
        &self,
        evcxr: &mut CommandContext,
        name: &str,
        before: impl FnOnce(),
    ) -> Result<Result<Switched, NotSwitched>, String> {
        self.adopt(evcxr)?;
        let (name, toolchain, library) = match self.usable(name) {
            Ok(found) => found,
            Err(reason) => return Ok(Err(reason)),
        };
        let known = lock(&self.knowledge).known().variables;
        let variables: Vec<String> = known.into_iter().map(|variable| variable.name).collect();
        if let Err(reason) = obey(evcxr, &format!(":toolchain {name}"))? {
            return Ok(Err(NotSwitched::Unusable(reason)));
        }
        before();
        self.use_tools(&toolchain, library);
        if let Err(reason) = obey(evcxr, ":restart")? {
            return Err(format!(
                "the process that runs cells could not be started again: {reason}"
            ));
        }
        // evcxr has ended the process, but keeps what it knew of the variables.
        if let Err(reason) = self.told(evcxr, STATEMENT, &variables)? {
            tracing::error!("evcxr does not forget variables: {reason}");
        }
        self.builds.order(Order::default());
        lock(&self.knowledge).set_variables(evcxr.variables_and_types(), &[]);
        Ok(Ok(Switched { dropped: variables }))
    }

    /// What is needed of a toolchain, if it can be used.
    fn usable(&self, name: &str) -> Result<(String, Toolchain, RuntimeLibrary), NotSwitched> {
        let version = self.builds.serde().rustc_version().unwrap_or_default();
        let target = version.lines().find_map(|line| line.strip_prefix("host: "));
        let found = Toolchain::named(&self.real_path, name, target.unwrap_or_default());
        let (name, toolchain) = found.map_err(|error| match error {
            ToolchainError::NotInstalled { installed, .. } => NotSwitched::NotInstalled { installed },
            other => NotSwitched::Unusable(other.to_string()),
        })?;
        let library = runtime_library::build(&toolchain.rustc, &self.cache);
        let library = library.map_err(|error| NotSwitched::Unusable(error.to_string()))?;
        Ok((name, toolchain, library))
    }

    fn use_tools(&self, toolchain: &Toolchain, library: RuntimeLibrary) {
        // Nothing may be compiled with one toolchain and kept as another's.
        let compiler = self.builds.compiler().write();
        let _alone = compiler.unwrap_or_else(PoisonError::into_inner);
        self.builds.set_tools(toolchain);
        let path = self.real_path.clone();
        use_libraries(&self.builds, &self.host, toolchain, library, (&self.cache, path));
    }
}

/// Tells all who compile or load cells of a toolchain's libraries. `cache` is where things are kept, `path` the user's
/// own `PATH`.
pub(in crate::engine) fn use_libraries(
    builds: &BuildServer,
    host: &Host,
    toolchain: &Toolchain,
    library: RuntimeLibrary,
    (cache, path): (&Path, OsString),
) {
    builds.serde().start(serde_for_cells::Builder {
        cargo: toolchain.cargo.clone(),
        rustc: toolchain.rustc.clone(),
        rustc_version: library.rustc_version,
        cache: cache.to_owned(),
        path,
    });
    builds.set_runtime(library.library.clone());
    host.set_libraries(Libraries {
        std: library.std,
        runtime: library.library,
    });
}

/// Lets evcxr do one of its `:commands`. The outer error means that it panicked.
fn obey(evcxr: &mut CommandContext, command: &str) -> Result<Result<(), String>, String> {
    let obeyed = catch_unwind(AssertUnwindSafe(|| evcxr.execute(command)));
    let obeyed = obeyed.map_err(|panic| panic_text(&*panic))?;
    Ok(obeyed.map(drop).map_err(|error| error.to_string()))
}
