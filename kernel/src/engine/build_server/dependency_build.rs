//! Builds the dependencies of cells: cargo runs once for each set of them.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use super::{BuildServer, Order, lock};
use crate::engine::build_server::answers::failed;
use crate::engine::build_server::shim::{self, BuildAnswer, BuildRequest, RECORD};
use crate::engine::cache_folder::kept;
use crate::engine::dependencies::cargo_output::CargoOutput;
use crate::engine::dependencies::graph::{self, Dependencies, Graph};
use crate::engine::dependencies::locked::Locked;
use crate::engine::dependencies::package::Package;
use crate::engine::dependencies::progress::DependencyProgress;
use crate::engine::dependencies::resolved::Crates;
use crate::engine::rustc;

impl BuildServer {
    /// Lets cargo build everything but the cell, and learns from it which crates the cell sees.
    pub(in crate::engine) fn build_dependencies(
        &self,
        request: &BuildRequest,
        order: &Order,
        evcxrs: &Package,
    ) -> std::io::Result<Result<Crates, BuildAnswer>> {
        let record = request.directory.join("cellar/rustc.json");
        match std::fs::remove_file(&record) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Cargo would take an unchanged crate for built; its source must exist but is not compiled.
        let mut command = Command::new(lock(&self.shared.cargo).as_path());
        let arguments = request
            .arguments
            .iter()
            .map(|word| if word == "check" { "build" } else { word.as_str() });
        let ask = |directory: &Path, manifest: &str| {
            let mut cargo = Command::new(lock(&self.shared.cargo).as_path());
            cargo
                .current_dir(directory)
                .env_clear()
                .envs(&request.environment)
                .env("PATH", &self.shared.real_path)
                .env_remove(shim::BUILD_SOCKET);
            graph::ask(&mut cargo, manifest)
        };
        let Dependencies { graph, mut locked } = ask(&request.directory, &evcxrs.manifest())?;
        let package = match &graph {
            Graph::With { manifest } => {
                let package = request.directory.join("cellar/with-serde");
                graph::write_package(&request.directory, &package, manifest)?;
                // What is built has more features than what evcxr asked for.
                locked = ask(&package, manifest)?.locked;
                package
            }
            Graph::WithoutSerde | Graph::Apart => request.directory.clone(),
        };
        let lasting = locked.as_ref().is_some_and(Locked::is_lasting);
        let shared = lock(&self.shared.dependencies).clone().filter(|_| lasting);
        // Looked at before they are built: what changes meanwhile is found to have changed.
        let locked = locked.unwrap_or_default();
        let built = locked.dependencies(&self.shared.folders);
        let identities = Arc::new(locked.identities(&self.shared.folders));
        if let Some(shared) = &shared {
            kept::use_folder(shared);
        }
        let target = shared.unwrap_or_else(|| request.directory.join("target"));
        distrust(&target, &locked);
        command
            .args(arguments)
            .current_dir(&package)
            .env_clear()
            .envs(&request.environment)
            .env("CARGO_TARGET_DIR", &target)
            .env("CARGO_BUILD_BUILD_DIR", &target)
            .env("PATH", &self.shared.real_path)
            .env("RUSTC_WRAPPER", &self.shared.executable)
            .env(RECORD, &record)
            .env_remove(shim::BUILD_SOCKET)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = self.shared.running.spawn(&mut command)?;
        let stdout = child.stdout.take();
        let output = std::thread::spawn(move || stdout.map(CargoOutput::read).unwrap_or_default());
        let mut said = String::new();
        let mut progress = DependencyProgress::new(order.frontend.as_deref());
        if let Some(stderr) = child.stderr.take() {
            for line in BufReader::new(stderr).lines() {
                let line = line?;
                if !progress.line(&line) && !is_about_cells(&line) {
                    said.push_str(&line);
                    said.push('\n');
                }
            }
        }
        let (_, stopped) = self.shared.running.wait(&mut child)?;
        let output = output.join().unwrap_or_default();
        let recorded = std::fs::read(&record);
        progress.end(recorded.is_ok());
        if let Ok(text) = recorded {
            let arguments: Vec<String> = serde_json::from_slice(&text)?;
            let crates = Crates {
                arguments: rustc::crate_arguments(&arguments),
                have_serde: graph != Graph::WithoutSerde,
                locked: Arc::new(locked),
                built,
                identities,
                lock_file: std::fs::read_to_string(package.join("Cargo.lock")).ok(),
            };
            if crates.locked.is_chosen_once() {
                self.keep_resolved(evcxrs, &crates, &output);
            }
            return Ok(Ok(crates));
        }
        let mut report = lock(&self.shared.report);
        report.stopped |= stopped;
        let message = format!("{}{said}", output.errors);
        report.dependencies = Some(message.trim_end().to_owned());
        Ok(Err(failed("the dependencies could not be built")))
    }
}

/// Has cargo build the packages again that lie in folders of the user's. It goes by the times of files, and would not
/// notice one that was replaced by an older one.
fn distrust(target: &Path, locked: &Locked) {
    let fingerprints = target.join("debug/.fingerprint");
    for entry in std::fs::read_dir(fingerprints).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let package = name.rsplit_once('-').map_or(&*name, |(package, _)| package);
        if locked.in_folders().any(|changed| changed == package) {
            // What stays is only built once more.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn is_about_cells(line: &str) -> bool {
    line.contains("ctx v1.0.0") || line.contains("`ctx`")
}
