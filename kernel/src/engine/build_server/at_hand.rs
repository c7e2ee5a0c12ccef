//! Dependencies that are there already, so that a session can have them before cargo and evcxr are asked.

use std::path::PathBuf;
use std::sync::Arc;

use super::planning::{is_evcxr_configured, package_of, plan_key, rustc_of};
use super::{BuildServer, lock};
use crate::engine::dependencies::cargo_output::CargoOutput;
use crate::engine::dependencies::package::{Added, Package};
use crate::engine::dependencies::resolved::{self, Circumstances, Crates};

/// A package of which nothing has to be built.
#[derive(Debug, Clone)]
pub struct AtHand {
    pub package: Package,
    pub crates: Crates,
    /// The session does not have all of them yet.
    pub is_new: bool,
}

impl BuildServer {
    /// The session's package with `added`, if it is at hand.
    pub fn at_hand(&self, added: &[Added]) -> Option<AtHand> {
        let session = self.session_package()?;
        let package = session.clone().with(added);
        let crates = self
            .crates(&plan_key(&self.rustc_of_cells(), &package))
            .or_else(|| self.find_resolved(&package))?;
        // What the session has stays in the version that it has, unless it is asked for another.
        let is_asked_for = |name: &str| {
            let asked_for = added.iter().find(|one| one.name.replace('-', "_") == name);
            asked_for.is_some_and(|one| !session.has(one))
        };
        let now = self.identities();
        let mut now = now.iter();
        if !now.all(|(name, identity)| crates.identities.get(name) == Some(identity) || is_asked_for(name)) {
            return None;
        }
        Some(AtHand {
            is_new: package != session,
            package,
            crates,
        })
    }

    fn find_resolved(&self, package: &Package) -> Option<Crates> {
        let folder = lock(&self.shared.dependencies).clone()?;
        resolved::find(&folder, package, &self.circumstances()?)
    }

    /// Keeps what a build of dependencies has come to for other sessions.
    pub(in crate::engine) fn keep_resolved(&self, package: &Package, crates: &Crates, output: &CargoOutput) {
        let folder = lock(&self.shared.dependencies).clone();
        let (Some(folder), Some(circumstances)) = (folder, self.circumstances()) else {
            return;
        };
        if let Err(error) = resolved::keep(&folder, package, &circumstances, crates, output) {
            tracing::warn!("the next session asks cargo for these dependencies again: {error}");
        }
    }

    /// `None` where cells, and with them their dependencies, are compiled in a way that this session alone knows.
    fn circumstances(&self) -> Option<Circumstances> {
        if !lock(&self.shared.build_env).is_empty() {
            return None;
        }
        let environment = match &*lock(&self.shared.request) {
            Some(request) => {
                let flags = request.environment.get("RUSTFLAGS").map_or("", String::as_str);
                // Those that evcxr gives of itself: which linker is called does not matter to what it makes.
                let is_usual =
                    |flag: &str| flag == "-Cprefer-dynamic" || flag.starts_with("-Clink-arg=-fuse-ld=");
                if !flags.split_whitespace().all(is_usual) {
                    return None;
                }
                self.environment(request)
            }
            None => self.environment_before_evcxr(),
        };
        Some(Circumstances {
            rustc_version: self.shared.serde.rustc_version()?,
            directory: self.shared.folder.clone(),
            environment,
        })
    }

    fn rustc_of_cells(&self) -> PathBuf {
        match &*lock(&self.shared.request) {
            Some(request) => rustc_of(request).to_owned(),
            None => self.rustc(),
        }
    }

    /// The package as it is once evcxr knows of all; `None` if that is not known.
    pub fn session_package(&self) -> Option<Package> {
        if let Some(untold) = &*lock(&self.shared.untold) {
            return Some(untold.package.clone());
        }
        match &*lock(&self.shared.request) {
            Some(request) if self.is_package_current() => package_of(request).ok(),
            None if !is_evcxr_configured() => Some(Package::plain()),
            _ => None,
        }
    }

    /// The session has these dependencies from now on; evcxr is to be told.
    pub fn take_up(&self, at_hand: AtHand) {
        lock(&self.shared.graphs).1 = Arc::clone(&at_hand.crates.locked);
        *lock(&self.shared.untold) = Some(at_hand);
    }

    /// Whether evcxr does not know of all dependencies.
    pub fn has_untold(&self) -> bool {
        lock(&self.shared.untold).is_some()
    }

    /// evcxr is going to be told of the dependencies: it is to find the versions that the session has. Gives the package that it
    /// will have then.
    pub fn prepare_telling(&self) -> Option<Package> {
        let at_hand = lock(&self.shared.untold).clone()?;
        let key = plan_key(&self.rustc_of_cells(), &at_hand.package);
        lock(&self.shared.plans).insert(key, at_hand.crates.clone());
        if let Some(text) = &at_hand.crates.lock_file
            && let Err(error) = std::fs::write(self.shared.folder.join("Cargo.lock"), text)
        {
            tracing::warn!("versions may be chosen anew: Cargo.lock: {error}");
        }
        Some(at_hand.package)
    }

    /// evcxr has been told of `package`; `false` if it does not have it. Then the session does not have it either.
    pub fn conclude_telling(&self, package: &Package) -> bool {
        let written = match &*lock(&self.shared.request) {
            Some(request) => package_of(request).ok(),
            None => None,
        };
        if !written.is_some_and(|written| written.has_all_of(package)) {
            self.forget_dependencies();
            self.set_package_current(false);
            return false;
        }
        let mut untold = lock(&self.shared.untold);
        // There may be more to tell by now.
        if untold.as_ref().is_some_and(|at_hand| at_hand.package == *package) {
            *untold = None;
        }
        true
    }
}
