//! How the crates of cells are compiled: with which rustc and options, and which crates they see.

use std::path::Path;
use std::sync::Arc;

use super::at_hand::AtHand;
use super::{BuildServer, Order, lock};
use crate::engine::artifacts::Means;
use crate::engine::build_server::shim::{BuildAnswer, BuildRequest};
use crate::engine::cell_code::CellCode;
use crate::engine::cell_crate::rewrite;
use crate::engine::codec;
use crate::engine::dependencies::package::Package;
use crate::engine::dependencies::progress::DependencyProgress;
use crate::engine::dependencies::resolved::Crates;
use crate::engine::early::{self, Workshop};
use crate::engine::rustc::Plan;
use crate::engine::serde_for_cells::Missing;

/// Cells that name this crate are compiled with it.
pub(in crate::engine) const VALUES: &str = "::cellar_values::";

impl BuildServer {
    /// How the next cell will be compiled if nothing changes, whatever its own optimisation; `None` where that is not known, or where
    /// crates would have to be built first.
    pub fn workshop(&self) -> std::io::Result<Option<Workshop>> {
        let request = lock(&self.shared.request);
        let Some(request) = request.as_ref() else {
            return Ok(None);
        };
        let package = package_of(request)?;
        let crates = match package.has_dependencies() {
            true => self.crates(&plan_key(rustc_of(request), &package)),
            false => Some(Crates::default()),
        };
        Ok(crates.map(|crates| Workshop {
            plan: self.plan_with(&package, crates, Some(request)),
            environment: self.environment(request),
            folder: early::folder(&request.directory.join("cellar")),
        }))
    }

    /// As [`BuildServer::workshop`]. Before evcxr has asked for a build, cells are compiled as it does where nobody has
    /// configured anything; before it is told of dependencies that are at hand, with those.
    pub fn workshop_at_once(&self) -> Option<Workshop> {
        let untold = lock(&self.shared.untold).clone();
        let was_asked = lock(&self.shared.request).is_some();
        let is_current = self.is_package_current();
        match (untold, was_asked) {
            (Some(AtHand { package, crates, .. }), _) => self.workshop_with(&package, crates),
            (None, true) if is_current => self.workshop().ok()?,
            (None, true) => None,
            (None, false) if is_evcxr_configured() => None,
            (None, false) => self.workshop_with(&Package::plain(), Crates::default()),
        }
    }

    /// A workshop for a package that evcxr has not written yet.
    fn workshop_with(&self, package: &Package, crates: Crates) -> Option<Workshop> {
        let request = lock(&self.shared.request);
        let request = request.as_ref();
        Some(Workshop {
            plan: self.plan_with(package, crates, request),
            environment: request.map_or_else(
                || self.environment_before_evcxr(),
                |request| self.environment(request),
            ),
            folder: self.shared.folder.join("alone"),
        })
    }

    /// How a cell would be compiled now; `None` if that is not known.
    pub fn means(&self, code: &CellCode) -> Option<Means> {
        let workshop = self.workshop_at_once()?;
        self.note_plan(&workshop.plan);
        Some(Means {
            workshop: Workshop {
                plan: workshop.plan.for_cell(code.bounded),
                ..workshop
            },
            rustc_version: self.shared.serde.rustc_version()?,
            runtime: self.runtime()?,
            serde: self.shared.serde.now().map(|serde| serde.arguments().to_vec()),
        })
    }

    /// rustc's environment before evcxr has asked for anything. Sorted.
    pub(in crate::engine) fn environment_before_evcxr(&self) -> Vec<(String, String)> {
        let request = BuildRequest {
            directory: self.shared.folder.clone(),
            environment: std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .filter(|(name, _)| !name.starts_with("EVCXR_"))
                .collect(),
            ..BuildRequest::default()
        };
        self.environment(&request)
    }

    /// What a compiler of cells sees of a variable of the environment.
    pub fn compile_environment(&self, name: &str) -> Option<String> {
        if let Some(request) = &*lock(&self.shared.request) {
            let environment = self.environment(request);
            let found = environment.into_iter().rev().find(|(known, _)| known == name);
            return found.map(|(_, value)| value);
        }
        if name == "PATH" {
            return Some(self.shared.real_path.to_string_lossy().into_owned());
        }
        // Not locked while others are: `environment` locks them in another order.
        let set = lock(&self.shared.environment).clone();
        let set = set.into_iter().find(|(known, _)| known == name);
        let own = || lock(&self.shared.build_env).get(name).cloned();
        set.map(|(_, value)| value)
            .or_else(own)
            .or_else(|| std::env::var(name).ok())
    }

    /// Notes how a cell is compiled, whatever its own optimisation.
    pub(in crate::engine) fn note_plan(&self, plan: &Plan) {
        *lock(&self.shared.last_plan) = Some(plan.clone());
    }

    /// How cells are compiled at the moment; `None` before the first.
    pub fn cell_plan(&self) -> Option<Plan> {
        lock(&self.shared.last_plan).clone()
    }

    /// How cells are compiled that have no dependencies.
    pub fn plain_plan(&self) -> Plan {
        let runtime = lock(&self.shared.runtime).clone();
        let runtime = runtime.map(|library| format!("cellar={}", library.display()));
        Plan {
            rustc: lock(&self.shared.rustc).clone(),
            opt_level: "2".to_owned(),
            crates: runtime.map_or_else(Vec::new, |runtime| vec!["--extern".to_owned(), runtime]),
            ..Plan::default()
        }
    }

    /// rustc's environment. Sorted.
    pub(in crate::engine) fn environment(&self, request: &BuildRequest) -> Vec<(String, String)> {
        let build_env = lock(&self.shared.build_env);
        let mut environment: Vec<(String, String)> = request
            .environment
            .iter()
            .filter(|(name, _)| name.as_str() != "PATH" && !name.starts_with("CELLAR_"))
            .filter(|(name, _)| !build_env.contains_key(*name))
            .chain(build_env.iter())
            .map(|(name, value)| (name.clone(), value.clone()))
            .chain([(
                "PATH".to_owned(),
                self.shared.real_path.to_string_lossy().into_owned(),
            )])
            .chain(lock(&self.shared.environment).clone())
            .collect();
        environment.sort_unstable();
        environment
    }

    /// How the cell is compiled; builds its dependencies where that has not been done.
    pub(in crate::engine) fn plan(
        &self,
        request: &BuildRequest,
        order: &Order,
    ) -> std::io::Result<Result<Plan, BuildAnswer>> {
        let package = package_of(request)?;
        let key = plan_key(rustc_of(request), &package);
        let crates = match self.crates(&key) {
            Some(crates) => crates,
            None => {
                let crates = if package.has_dependencies() {
                    match self.build_dependencies(request, order, &package)? {
                        Ok(crates) => crates,
                        Err(answer) => return Ok(Err(answer)),
                    }
                } else {
                    Crates::default()
                };
                lock(&self.shared.plans).insert(key, crates.clone());
                crates
            }
        };
        lock(&self.shared.graphs).0 = Some(Arc::clone(&crates.locked));
        Ok(Ok(self.plan_with(&package, crates, Some(request))))
    }

    /// How cells of a package are compiled, with these crates. `request` is evcxr's last one.
    fn plan_with(&self, package: &Package, crates: Crates, request: Option<&BuildRequest>) -> Plan {
        let Crates {
            arguments: mut crates,
            have_serde,
            identities,
            ..
        } = crates;
        if let Some(serde) = self.shared.serde.now().filter(|_| !have_serde) {
            crates.extend(serde.arguments());
        }
        if let Some(runtime) = lock(&self.shared.runtime).as_ref() {
            crates.push("--extern".to_owned());
            crates.push(format!("cellar={}", runtime.display()));
        }
        let flags = request.and_then(|request| request.environment.get("RUSTFLAGS"));
        let flags = flags.map_or("", String::as_str);
        let flags = flags
            .split_whitespace()
            .filter(|flag| *flag != "-Cprefer-dynamic")
            .map(str::to_owned)
            .collect();
        Plan {
            rustc: request.map_or_else(|| self.rustc(), |request| rustc_of(request).into()),
            opt_level: package.opt_level(),
            crates,
            flags,
            own_serde: have_serde,
            identities,
        }
    }

    /// The crates of a set of dependencies, if they are built and nothing has changed in the user's folders since.
    pub(in crate::engine) fn crates(&self, key: &str) -> Option<Crates> {
        let crates = lock(&self.shared.plans).get(key).cloned()?;
        let is_fresh =
            crates.locked.is_lasting() || crates.locked.dependencies(&self.shared.folders) == crates.built;
        is_fresh.then_some(crates)
    }

    /// What tells rustc of the crate with which memoised functions write values.
    pub(in crate::engine) fn values(&self, plan: &Plan) -> Result<Vec<String>, String> {
        let version = self.shared.serde.rustc_version().unwrap_or_default();
        let cache = lock(&self.shared.cache).clone();
        let support = codec::support::build(plan, &version, &cache, &self.shared.running)?;
        Ok(support.arguments())
    }

    /// A cell that names serde waits until there is one.
    pub(in crate::engine) fn wait_for_serde(
        &self,
        plan: &mut Plan,
        text: &str,
        order: &Order,
    ) -> Result<(), Missing> {
        if plan.own_serde
            || self.shared.serde.now().is_some()
            || !rewrite::words(text).any(|word| word == "serde")
        {
            return Ok(());
        }
        let mut progress = DependencyProgress::new(order.frontend.as_deref());
        let serde = self.shared.serde.wait(true, || {
            progress.line("Building serde, once for this compiler");
        });
        progress.end(serde.is_ok());
        plan.crates.extend(serde?.arguments());
        Ok(())
    }

    /// The plan for a crate with this text, if all that it needs is there.
    pub fn plan_at_once(&self, plan: &Plan, text: &str) -> Option<Plan> {
        let mut plan = plan.clone();
        let names_serde = rewrite::words(text).any(|word| word == "serde");
        if names_serde && !plan.own_serde && self.shared.serde.now().is_none() {
            return None;
        }
        self.choose_serde(&mut plan, text);
        if text.contains(VALUES) {
            plan.crates.extend(self.values(&plan).ok()?);
        }
        Some(plan)
    }

    /// A cell that names serde is compiled with it and another one without, whether it was there when the plan was made or not.
    pub(in crate::engine) fn choose_serde(&self, plan: &mut Plan, text: &str) {
        let Some(serde) = self.shared.serde.now().filter(|_| !plan.own_serde) else {
            return;
        };
        let arguments = serde.arguments();
        // In pairs: an option, its value.
        let others = plan.crates.chunks(2);
        let others = others.filter(|pair| !arguments.chunks(2).any(|of_serde| of_serde == *pair));
        let mut crates: Vec<String> = others.flatten().cloned().collect();
        if rewrite::words(text).any(|word| word == "serde") {
            crates.extend(arguments);
        }
        plan.crates = crates;
    }
}

/// Whether there is a file with settings for evcxr.
pub(in crate::engine) fn is_evcxr_configured() -> bool {
    const NAME: &str = "evcxr.toml";
    let here = std::env::current_dir().map(|folder| folder.join(NAME));
    let of_user = evcxr::config_dir().map(|folder| folder.join(NAME));
    here.is_ok_and(|file| file.exists()) || of_user.is_some_and(|file| file.exists())
}

pub(in crate::engine) fn rustc_of(request: &BuildRequest) -> &Path {
    let rustc = request.environment.get("RUSTC");
    Path::new(rustc.map_or("rustc", String::as_str))
}

/// What evcxr has written.
pub(in crate::engine) fn package_of(request: &BuildRequest) -> std::io::Result<Package> {
    let manifest = std::fs::read_to_string(request.directory.join("Cargo.toml"))?;
    Ok(Package::read(&manifest))
}

/// What decides which crates a cell sees.
pub(in crate::engine) fn plan_key(rustc: &Path, package: &Package) -> String {
    format!("{}\n{}", rustc.display(), package.manifest())
}
