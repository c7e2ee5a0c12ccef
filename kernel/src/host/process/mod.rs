//! The host process itself.

/// Whether this process was started to be the host.
pub fn is_host() -> bool {
    std::env::var_os("CELLAR_HOST_SOCKET").is_some() && std::env::var_os("EVCXR_IS_RUNTIME").is_some()
}

/// Runs the host until the kernel goes away.
pub fn run() -> ! {
    todo!()
}
