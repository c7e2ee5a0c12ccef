//! serde for cells that ask for no dependencies: built once for each compiler, behind the session's back.
//!
//! A session whose own dependencies have serde uses theirs ([`dependencies`](super::dependencies)): two serde crates
//! must never meet. Cells that do not name serde never wait for it, and where it cannot be built (there is no network)
//! they alone go on.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::cache_folder::kept::{self, Kept};
use super::rustc::Running;

/// What cargo builds. A part of the key, as is the compiler.
const MANIFEST: &str = r#"[package]
name = "serde-for-cells"
version = "0.0.0"
edition = "2024"

[dependencies]
serde = { version = "1", features = ["derive"] }

[profile.release]
strip = "debuginfo"

[workspace]
"#;
/// Of the crates that come of it, those that a cell needs.
const CRATES: [&str; 3] = ["serde", "serde_core", "serde_derive"];
/// Names the built crate's file in its folder.
const EXTERN: &str = "extern.txt";

/// Where serde is to be built, and with what.
#[derive(Debug, Clone)]
pub struct Builder {
    pub cargo: PathBuf,
    pub rustc: PathBuf,
    /// What `rustc -vV` prints.
    pub rustc_version: String,
    pub cache: PathBuf,
    /// The user's own `PATH`.
    pub path: OsString,
}

/// The compiled crates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serde {
    folder: PathBuf,
    rlib: PathBuf,
}

impl Serde {
    /// What tells rustc of it.
    pub fn arguments(&self) -> [String; 4] {
        [
            "--extern".to_owned(),
            format!("serde={}", self.rlib.display()),
            "-L".to_owned(),
            format!("dependency={}", self.folder.display()),
        ]
    }
}

/// Why a cell that names serde has to do without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// [`SerdeForCells::stop_waiting`] came first.
    Interrupted,
    /// It could not be built; what cargo said.
    NotBuilt(String),
}

/// serde, as soon as it is there. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct SerdeForCells {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    running: Running,
}

#[derive(Debug, Default)]
struct State {
    builder: Option<Builder>,
    /// `None` until a first build has ended.
    outcome: Option<Result<Serde, String>>,
    building: bool,
    /// Those who wait shall not.
    stopped: bool,
    /// The session ends.
    over: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SerdeForCells {
    /// Builds it in a thread of its own, or finds it in the cache. What another compiler has built is forgotten.
    pub fn start(&self, builder: Builder) {
        let mut state = self.shared.state();
        let is_same = state
            .builder
            .as_ref()
            .is_some_and(|older| older.is_like(&builder));
        state.builder = Some(builder);
        if !is_same || matches!(state.outcome, Some(Err(_))) {
            state.outcome = None;
        }
        if state.outcome.is_none() {
            self.start_build(&mut state);
        }
    }

    fn start_build(&self, state: &mut State) {
        let Some(builder) = state.builder.clone().filter(|_| !state.building) else {
            return;
        };
        let this = self.clone();
        let build = move || {
            let built = builder.build(&this.shared.running);
            if let Err(message) = &built {
                tracing::info!("no serde for cells: {message}");
            }
            let mut state = this.shared.state();
            state.building = false;
            match &state.builder {
                Some(newer) if !newer.is_like(&builder) => this.start_build(&mut state),
                _ => state.outcome = Some(built),
            }
            this.shared.changed.notify_all();
        };
        match std::thread::Builder::new().name("serde".into()).spawn(build) {
            Ok(_) => state.building = true,
            Err(error) => state.outcome = Some(Err(error.to_string())),
        }
    }

    /// serde if it is there now; nobody waits.
    pub fn now(&self) -> Option<Serde> {
        self.shared.state().outcome.as_ref()?.as_ref().ok().cloned()
    }

    /// serde, after waiting for it; with `again`, a build that failed before is tried once more. `waiting` is called
    /// if it takes more than a moment.
    ///
    /// # Errors
    /// When it could not be built, or [`SerdeForCells::stop_waiting`] came first.
    pub fn wait(&self, again: bool, waiting: impl FnOnce()) -> Result<Serde, Missing> {
        let mut waiting = Some(waiting);
        let mut state = self.shared.state();
        state.stopped = false;
        if again && matches!(state.outcome, Some(Err(_))) && state.builder.is_some() {
            state.outcome = None;
        }
        if state.outcome.is_none() {
            self.start_build(&mut state);
        }
        loop {
            if let Some(outcome) = &state.outcome {
                return outcome.clone().map_err(Missing::NotBuilt);
            }
            if state.stopped || state.over {
                return Err(Missing::Interrupted);
            }
            let patience = Duration::from_millis(if waiting.is_some() { 300 } else { 60_000 });
            let (next, timed_out) = self
                .shared
                .changed
                .wait_timeout(state, patience)
                .unwrap_or_else(PoisonError::into_inner);
            state = next;
            if timed_out.timed_out()
                && let Some(waiting) = waiting.take()
            {
                drop(state);
                waiting();
                state = self.shared.state();
            }
        }
    }

    /// Waits for the first build to end; whether it went well. A session that ends waits no longer.
    pub fn until_built(&self) -> bool {
        let mut state = self.shared.state();
        loop {
            if let Some(outcome) = &state.outcome {
                return outcome.is_ok();
            }
            if state.over {
                return false;
            }
            state = self
                .shared
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// What `rustc -vV` prints, once that is known.
    pub fn rustc_version(&self) -> Option<String> {
        let state = self.shared.state();
        state
            .builder
            .as_ref()
            .map(|builder| builder.rustc_version.clone())
    }

    /// It cannot be built, since there is no compiler.
    pub fn give_up(&self, reason: &str) {
        let mut state = self.shared.state();
        if state.builder.is_none() {
            state.outcome = Some(Err(reason.to_owned()));
            self.shared.changed.notify_all();
        }
    }

    /// Sends those away who wait. The build goes on.
    pub fn stop_waiting(&self) {
        self.shared.state().stopped = true;
        self.shared.changed.notify_all();
    }

    /// Ends the build.
    pub fn shutdown(&self) {
        self.shared.state().over = true;
        self.stop_waiting();
        self.shared.running.stop();
    }
}

impl Builder {
    fn is_like(&self, other: &Builder) -> bool {
        self.rustc == other.rustc && self.rustc_version == other.rustc_version
    }

    fn build(&self, running: &Running) -> Result<Serde, String> {
        let folder = self.cache.join("runtime");
        let kept = Kept::open(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let name = format!("serde-{}", kept::name([MANIFEST, self.rustc_version.as_str()]));
        let place = match kept.find(&name) {
            Some(place) => place,
            None => self.compile(&kept, &name, running)?,
        };
        let rlib = std::fs::read_to_string(place.join(EXTERN)).map_err(|error| error.to_string())?;
        Ok(Serde {
            rlib: place.join(rlib),
            folder: place,
        })
    }

    fn compile(&self, kept: &Kept, name: &str, running: &Running) -> Result<PathBuf, String> {
        let broken = |error: std::io::Error| format!("{}: {error}", kept.folder().display());
        let work = kept.begin().map_err(broken)?;
        let project = work.path().join("build");
        std::fs::create_dir_all(project.join("src")).map_err(broken)?;
        std::fs::write(project.join("src/lib.rs"), "").map_err(broken)?;
        std::fs::write(project.join("Cargo.toml"), MANIFEST).map_err(broken)?;
        // Sources that are on this machine already will do where there is no network.
        let artifacts = match self.cargo(&project, &[], running) {
            Ok(artifacts) => artifacts,
            Err(message) => self
                .cargo(&project, &["--offline"], running)
                .map_err(|_| message)?,
        };
        let mut files: Vec<String> = Vec::new();
        for (crate_name, artifact) in &artifacts {
            let Some(file) = artifact.file_name().and_then(|file| file.to_str()) else {
                continue;
            };
            std::fs::copy(artifact, work.path().join(file)).map_err(broken)?;
            files.push(file.to_owned());
            if crate_name == "serde" {
                std::fs::write(work.path().join(EXTERN), file).map_err(broken)?;
            }
        }
        if !work.path().join(EXTERN).exists() {
            return Err("cargo built no library `serde`".to_owned());
        }
        std::fs::remove_dir_all(&project).map_err(broken)?;
        let mut files: Vec<&str> = files.iter().map(String::as_str).collect();
        files.push(EXTERN);
        work.finish(name, &files, &self.rustc_version).map_err(broken)
    }

    /// Runs cargo; gives the crates' names and libraries.
    fn cargo(
        &self,
        project: &Path,
        options: &[&str],
        running: &Running,
    ) -> Result<Vec<(String, PathBuf)>, String> {
        let mut command = Command::new(&self.cargo);
        command
            .args(["build", "--release", "--message-format=json", "--quiet"])
            .args(options)
            .current_dir(project)
            .env("PATH", &self.path)
            .env("RUSTC", &self.rustc)
            .env("CARGO_TARGET_DIR", project.join("target"))
            .env("CARGO_BUILD_BUILD_DIR", project.join("target"))
            .env_remove("RUSTC_WRAPPER")
            .env_remove("RUSTFLAGS")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let failed = |error: std::io::Error| format!("`{}`: {error}", self.cargo.display());
        let mut child = running.spawn(&mut command).map_err(failed)?;
        let stderr = child.stderr.take();
        let said = std::thread::spawn(move || {
            let mut said = String::new();
            if let Some(mut stderr) = stderr {
                let _ = stderr.read_to_string(&mut said);
            }
            said
        });
        let mut artifacts = Vec::new();
        for line in BufReader::new(child.stdout.take().expect("it is piped")).lines() {
            let line = line.map_err(failed)?;
            if let Ok(message) = serde_json::from_str::<Value>(&line) {
                artifacts.extend(libraries(&message));
            }
        }
        let (status, stopped) = running.wait(&mut child).map_err(failed)?;
        let said = said.join().unwrap_or_default();
        if status.success() {
            return Ok(artifacts);
        }
        Err(if stopped {
            "stopped".to_owned()
        } else {
            said.trim().to_owned()
        })
    }
}

/// What one of cargo's messages says about a crate that cells need.
fn libraries(message: &Value) -> Option<(String, PathBuf)> {
    if message["reason"] != "compiler-artifact" {
        return None;
    }
    let name = message["target"]["name"]
        .as_str()
        .filter(|name| CRATES.contains(name))?;
    let files = message["filenames"].as_array()?;
    let library = files.iter().filter_map(Value::as_str).find(|file| {
        [".rlib", std::env::consts::DLL_SUFFIX]
            .iter()
            .any(|end| file.ends_with(end))
    })?;
    Some((name.to_owned(), library.into()))
}
