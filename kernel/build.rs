//! Tells the linker which functions of the executable a compiled cell may call (see
//! `src/host/abi.md`) and which of libc's it must find here first (see `src/host/process/interpose.rs`).
//!
//! And embeds the sources of the crates that the kernel compiles for cells.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    embed_sources();
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("linux") {
        return;
    }
    for symbol in [
        "cellar_host_check",
        "cellar_host_take",
        "cellar_host_put",
        "cellar_host_peek",
        "cellar_host_forget",
        "cellar_host_answer",
        "cellar_host_digest",
        "cellar_host_files",
        "cellar_host_identity",
        "cellar_host_hash",
        "cellar_host_hash_new",
        "cellar_host_hash_update",
        "cellar_host_hash_finish",
        "cellar_host_hash_free",
        "cellar_host_tell",
        "cellar_host_panicked",
        "cellar_host_panicked_with",
        "cellar_host_panic",
        "cellar_host_returned_error",
        "cellar_host_display",
        "cellar_host_clear",
        "cellar_host_input",
        "write",
        "writev",
        "read",
        "dup2",
        "dup3",
    ] {
        println!("cargo:rustc-link-arg-bins=-Wl,--export-dynamic-symbol={symbol}");
    }
}

/// Writes `embedded_sources.rs`: for each crate a list of path below `src` and text.
fn embed_sources() {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")).join("..");
    let mut code = String::new();
    for (name, folder) in [("RUNTIME", "runtime"), ("VALUES", "values"), ("CODEC", "codec")] {
        let sources = root.join(folder).join("src");
        println!("cargo:rerun-if-changed={}", sources.display());
        let mut files = Vec::new();
        collect(&sources, &mut files);
        files.sort();
        let _ = writeln!(
            code,
            "/// `{folder}/src`.\npub const {name}: &[(&str, &str)] = &["
        );
        for file in files {
            let below = file.strip_prefix(&sources).expect("it was found there");
            let _ = writeln!(
                code,
                "    ({:?}, include_str!({file:?})),",
                below.to_string_lossy()
            );
        }
        code.push_str("];\n");
    }
    let file = PathBuf::from(variable("OUT_DIR")).join("embedded_sources.rs");
    std::fs::write(&file, code).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}
