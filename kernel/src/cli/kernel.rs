//! `cellar kernel`: what Jupyter starts.

use std::sync::Arc;

use anyhow::{Result, bail};

use super::args;
use crate::params::SharedParams;
use crate::params::comm::{ParamsTarget, TARGET};
use crate::server::comms::CommTarget;

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
    let params = SharedParams::default();
    let interpreter = super::interpreter(None, &params)?;
    let target = ParamsTarget::new(params, Arc::clone(&interpreter));
    let targets = vec![(TARGET.to_owned(), Arc::new(target) as Arc<dyn CommTarget>)];
    crate::server::run(file, interpreter, targets)?;
    // A cell that cannot be stopped may hold threads; the server has told everybody that all is over.
    std::process::exit(0)
}
