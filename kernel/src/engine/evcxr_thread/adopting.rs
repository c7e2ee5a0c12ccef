//! Telling evcxr of cells that were not compiled and not run (see [`Adoption`](crate::engine::knowledge::Adoption)).

use std::panic::{AssertUnwindSafe, catch_unwind};

use evcxr::CommandContext;

use super::{EvcxrThread, panic_text};
use crate::engine::build_server::{Answering, Order};
use crate::engine::cell_code::Binding;
use crate::engine::knowledge::Variable;
use crate::engine::knowledge::{self, Pending, Refused};
use crate::engine::lock;

/// Without a statement evcxr would not look at variables.
pub(in crate::engine) const STATEMENT: &str = "();\n";

impl EvcxrThread {
    /// Tells evcxr of adopted cells: their dependencies, items and variables are analysed and kept, nothing is compiled or
    /// run. An error means that evcxr panicked.
    pub fn adopt(&self, evcxr: &mut CommandContext) -> Result<(), String> {
        let pending = lock(&self.knowledge).take_pending();
        if pending.is_empty() {
            return Ok(());
        }
        let started = std::time::Instant::now();
        if let Err(panic) = self.tell(evcxr, &pending) {
            lock(&self.knowledge).put_back_commands(&pending);
            return Err(panic);
        }
        let bound: Vec<Binding> = pending.variables.iter().map(Variable::binding).collect();
        lock(&self.knowledge).set_variables(evcxr.variables_and_types(), &bound);
        self.builds.order(Order::default());
        tracing::debug!(variables = pending.variables.len(), took = ?started.elapsed(), "adopted");
        Ok(())
    }

    fn tell(&self, evcxr: &mut CommandContext, pending: &Pending) -> Result<(), String> {
        let package = match pending.commands.is_empty() {
            true => None,
            false => self.builds.prepare_telling(),
        };
        let items = pending.items();
        let rust = items.clone() + &knowledge::declarations(&pending.variables) + STATEMENT;
        let with_commands = pending.commands.clone() + &rust;
        let refused = self.told(evcxr, &with_commands, &pending.forgotten)?.is_err();
        let mut reason = String::new();
        if refused {
            // One of them is to blame; the others are not to be lost with it.
            if !pending.commands.is_empty()
                && let Err(said) = self.told(evcxr, &pending.commands, &[])?
            {
                reason = said;
            }
            if let Err(reason) = self.told(evcxr, &(items + STATEMENT), &pending.forgotten)? {
                tracing::warn!("evcxr does not take the items of a replayed cell: {reason}");
            }
            for variable in &pending.variables {
                let declaration = knowledge::declarations(std::slice::from_ref(variable)) + STATEMENT;
                if let Err(reason) = self.told(evcxr, &declaration, &[])? {
                    let name = variable.name.clone();
                    tracing::warn!(name, "evcxr does not take a variable: {reason}");
                    lock(&self.knowledge).refuse(Refused::Variable { name, reason });
                }
            }
        }
        if package.is_some_and(|package| !self.builds.conclude_telling(&package)) {
            tracing::warn!("evcxr does not take dependencies that are there: {reason}");
            lock(&self.knowledge).refuse(Refused::Dependencies { reason });
        }
        Ok(())
    }

    /// Lets evcxr keep what `code` defines and drop the variables in `forgotten`, or says why it does not. The outer error
    /// means that evcxr panicked.
    pub(in crate::engine) fn told(
        &self,
        evcxr: &mut CommandContext,
        code: &str,
        forgotten: &[String],
    ) -> Result<Result<(), String>, String> {
        self.builds.order(Order {
            answer: Answering::NothingMade,
            forgotten: forgotten.to_vec(),
            ..Order::default()
        });
        self.host.skip_next_run();
        let told = catch_unwind(AssertUnwindSafe(|| evcxr.execute(code)));
        self.host.skip_no_run();
        match told {
            Ok(Ok(_)) => {
                self.builds.set_package_current(true);
                self.learn();
                Ok(Ok(()))
            }
            Ok(Err(error)) => Ok(Err(error.to_string())),
            Err(panic) => Err(panic_text(&*panic)),
        }
    }
}
