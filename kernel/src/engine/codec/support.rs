//! The crates `cellar-values` and `cellar-codec`, compiled for a serde. Their sources are part of this executable.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::engine::cache_folder::kept::{self, Kept};
use crate::engine::embedded_sources;
use crate::engine::rustc::{Plan, Running};

/// What is given to rustc besides names. A part of the key.
const FLAGS: [&str; 7] = [
    "--crate-type=rlib",
    "--edition=2024",
    "-Copt-level=3",
    "-Cmetadata=cellar-pinned",
    "-Cdebuginfo=0",
    "-Cembed-bitcode=no",
    "--cap-lints=allow",
];
const FILES: [&str; 2] = ["libcellar_values.rlib", "libcellar_codec.rlib"];

/// The two crates for one serde.
#[derive(Debug, Clone)]
pub struct Support {
    folder: PathBuf,
    /// Names sources, compiler and serde.
    pub key: String,
}

impl Support {
    /// What tells rustc of them.
    pub fn arguments(&self) -> Vec<String> {
        let names = ["cellar_values", "cellar_codec"];
        let externs = names.iter().zip(FILES).flat_map(|(name, file)| {
            let file = self.folder.join(file);
            ["--extern".to_owned(), format!("{name}={}", file.display())]
        });
        let folder = ["-L".to_owned(), format!("dependency={}", self.folder.display())];
        externs.chain(folder).collect()
    }
}

/// The crates for the serde of `plan`, from the cache or compiled now (about 4 s).
///
/// # Errors
/// There is no serde in the plan, or rustc cannot do it: what it said.
pub fn build(plan: &Plan, rustc_version: &str, cache: &Path, running: &Running) -> Result<Support, String> {
    let serde = serde_of(plan).ok_or("there is no serde among the crates of the cells")?;
    let content = std::fs::read(&serde).map_err(|error| format!("{}: {error}", serde.display()))?;
    let content = blake3::hash(&content).to_hex();
    let folder = cache.join("runtime");
    let kept = Kept::open(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let sources = [embedded_sources::VALUES, embedded_sources::CODEC]
        .into_iter()
        .flatten()
        .flat_map(|(path, text)| [*path, *text]);
    let key = kept::name(sources.chain(FLAGS).chain([rustc_version, content.as_str()]));
    let name = format!("values-{key}");
    let folder = match kept.find(&name) {
        Some(place) => place,
        None => compile(plan, &kept, &name, rustc_version, running)?,
    };
    Ok(Support { folder, key })
}

/// The library that cells see as `serde`.
pub fn serde_of(plan: &Plan) -> Option<PathBuf> {
    let externs = plan
        .crates
        .iter()
        .map(|argument| argument.trim_start_matches("--extern="));
    let path = externs
        .filter_map(|argument| argument.strip_prefix("serde="))
        .next_back()?;
    // cargo names the metadata where it has yet to make the library.
    let path = PathBuf::from(path);
    let library = path.with_extension("rlib");
    Some(if library.is_file() { library } else { path })
}

fn compile(
    plan: &Plan,
    kept: &Kept,
    name: &str,
    rustc_version: &str,
    running: &Running,
) -> Result<PathBuf, String> {
    let broken = |error: std::io::Error| format!("{}: {error}", kept.folder().display());
    let work = kept.begin().map_err(broken)?;
    for (crate_name, sources) in [
        ("cellar_values", embedded_sources::VALUES),
        ("cellar_codec", embedded_sources::CODEC),
    ] {
        let folder = work.path().join(crate_name);
        std::fs::create_dir(&folder).map_err(broken)?;
        for (path, text) in sources {
            let file = folder.join(path);
            std::fs::create_dir_all(file.parent().unwrap_or(&folder)).map_err(broken)?;
            std::fs::write(file, text).map_err(broken)?;
        }
        let mut command = Command::new(&plan.rustc);
        command
            .current_dir(work.path())
            .args(["--crate-name", crate_name])
            .args(FLAGS)
            .arg("--remap-path-prefix")
            .arg(format!("{}=/cellar", work.path().display()))
            .args(["--out-dir", "."])
            .args(&plan.crates)
            .arg(folder.join("lib.rs"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        if crate_name == "cellar_codec" {
            command.args(["--extern", "cellar_values=libcellar_values.rlib"]);
        }
        let said = run(&mut command, running)?;
        if let Some(said) = said {
            return Err(format!("the crate `{crate_name}` could not be built:\n{said}"));
        }
    }
    work.finish(name, &FILES, rustc_version).map_err(broken)
}

/// Runs rustc. Gives what it said, if it failed.
fn run(command: &mut Command, running: &Running) -> Result<Option<String>, String> {
    let failed = |error: std::io::Error| error.to_string();
    let mut child = running.spawn(command).map_err(failed)?;
    let mut said = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        std::io::Read::read_to_string(&mut stderr, &mut said).map_err(failed)?;
    }
    let (status, stopped) = running.wait(&mut child).map_err(failed)?;
    match (status.success(), stopped) {
        (true, _) => Ok(None),
        (_, true) => Err("interrupted".to_owned()),
        _ => Ok(Some(said)),
    }
}
