//! Tells the linker which functions of the executable a compiled cell may call (see
//! `src/host/abi.md`) and which of libc's it must find here first (see `src/host/process/interpose.rs`).

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
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
        "cellar_host_hash",
        "cellar_host_hash_new",
        "cellar_host_hash_update",
        "cellar_host_hash_finish",
        "cellar_host_hash_free",
        "cellar_host_panicked",
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
