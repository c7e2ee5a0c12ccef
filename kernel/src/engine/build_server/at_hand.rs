//! Dependencies that are there already, so that a session can have them before cargo and evcxr are asked.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::planning::{is_evcxr_configured, package_of, plan_key, rustc_of};
use super::{BuildServer, lock};
use crate::engine::dependencies::cargo_output::CargoOutput;
use crate::engine::dependencies::package::{Added, Package};
use crate::engine::dependencies::resolved::{self, Circumstances, Crates};
use crate::engine::shim::BuildRequest;

/// A package of which nothing has to be built.
#[derive(Debug, Clone)]
pub struct AtHand {
    pub package: Package,
    pub crates: Crates,
    /// The session does not have all of them yet.
    pub is_new: bool,
    /// The text of its `Cargo.lock`; `None` where cargo has its own.
    lock_file: Option<String>,
}

impl BuildServer {
    /// The session's package with `added`, if it is at hand.
    pub fn at_hand(&self, added: &[Added]) -> Option<AtHand> {
        let session = self.session_package()?;
        let package = session.clone().with(added);
        let is_new = package != session;
        if let Some(crates) = self.crates(&plan_key(&self.rustc_of_cells(), &package)) {
            return Some(AtHand {
                package,
                crates,
                is_new,
                lock_file: None,
            });
        }
        let folder = lock(&self.shared.dependencies).clone()?;
        let environment = match &*lock(&self.shared.request) {
            Some(request) => self.environment(request),
            None => self.environment_before_evcxr(),
        };
        let circumstances = Circumstances {
            rustc_version: &self.shared.serde.rustc_version()?,
            directory: &self.shared.folder,
            environment: &environment,
        };
        let (crates, lock_file) = resolved::find(&folder, &package, &circumstances)?;
        // What the session has stays in the version that it has.
        let now = self.identities();
        let mut now = now.iter();
        let stays = now.all(|(name, identity)| crates.identities.get(name) == Some(identity));
        stays.then_some(AtHand {
            package,
            crates,
            is_new,
            lock_file: Some(lock_file),
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

    /// evcxr is going to be told of the dependencies: it is to choose the versions that the session has.
    pub fn prepare_telling(&self) {
        let untold = lock(&self.shared.untold);
        let Some(at_hand) = &*untold else {
            return;
        };
        let key = plan_key(&self.rustc_of_cells(), &at_hand.package);
        lock(&self.shared.plans).insert(key, at_hand.crates.clone());
        if let Some(text) = &at_hand.lock_file
            && let Err(error) = std::fs::write(self.shared.folder.join("Cargo.lock"), text)
        {
            tracing::warn!("versions may be chosen anew: Cargo.lock: {error}");
        }
    }

    /// evcxr has been told.
    pub fn has_told(&self) {
        let mut untold = lock(&self.shared.untold);
        let request = lock(&self.shared.request);
        let written = request.as_ref().and_then(|request| package_of(request).ok());
        let is_known = |at_hand: &AtHand| {
            let written = written.as_ref();
            written.is_some_and(|written| written.has_all_of(&at_hand.package))
        };
        match &*untold {
            Some(at_hand) if is_known(at_hand) => *untold = None,
            Some(_) => tracing::warn!("evcxr does not take the session's dependencies"),
            None => {}
        }
    }

    /// Keeps what a build of dependencies has come to for other sessions.
    pub(super) fn keep_resolved(&self, built: &Resolution<'_>) {
        let Some(rustc_version) = self.shared.serde.rustc_version() else {
            return;
        };
        let circumstances = Circumstances {
            rustc_version: &rustc_version,
            directory: &self.shared.folder,
            environment: &self.environment(built.request),
        };
        let kept = resolved::keep(
            built.target,
            built.package,
            &circumstances,
            built.crates,
            built.directory,
            built.output,
        );
        if let Err(error) = kept {
            tracing::warn!("the next session asks cargo for these dependencies again: {error}");
        }
    }
}

/// What a build of dependencies has come to.
pub(super) struct Resolution<'a> {
    pub request: &'a BuildRequest,
    pub package: &'a Package,
    pub crates: &'a Crates,
    pub output: &'a CargoOutput,
    /// Where it was built.
    pub target: &'a Path,
    /// The package that cargo was shown.
    pub directory: &'a Path,
}
