//! `cellar kernel`: what Jupyter starts.

use anyhow::{Result, bail};

use super::args;

/// Serves the client that wrote the connection file, until it says goodbye.
///
/// # Errors
/// When there is no connection file, or it cannot be served.
pub fn run(typed: &args::Kernel) -> Result<()> {
    let file = &typed.connection_file;
    if !file.is_file() {
        bail!(
            "there is no connection file `{}`: Jupyter writes one and starts the kernel with it; to use the \
             kernel, `cellar install` and choose \"{}\" in Jupyter, or execute a notebook with `cellar run`",
            file.display(),
            super::kernelspec::DISPLAY_NAME
        );
    }
    crate::server::run(file, super::interpreter(None)?, Vec::new())?;
    // A cell that cannot be stopped may hold threads; the server has told everybody that all is over.
    std::process::exit(0)
}
