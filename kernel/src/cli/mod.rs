//! (in work)
pub fn main() -> std::process::ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("CELLAR_LOG").unwrap_or_else(|_| "warn".into()),
        )
        .init();
    let file = std::env::args().nth(3).unwrap();
    let s = crate::session::Session::start().unwrap();
    crate::server::run(std::path::Path::new(&file), std::sync::Arc::new(s), vec![]).unwrap();
    std::process::exit(0)
}
