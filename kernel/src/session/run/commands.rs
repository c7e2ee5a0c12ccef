//! evcxr's `:commands` in a cell: which of them evcxr gets, and what the others do.

use std::sync::Arc;

use serde_json::json;

use super::{Running, at_lines};
use crate::engine::evcxr_thread::switching::{NotSwitched, Switched};
use crate::interpreter::CellError;
use crate::magic;
use crate::session::{errors, functions, settings};

impl Running<'_> {
    /// Runs the `:commands` that have gathered, and forgets them.
    pub(super) fn commands(&mut self, commands: &mut Vec<(usize, String)>) -> Result<(), CellError> {
        if commands.is_empty() {
            return Ok(());
        }
        self.rust(&at_lines(&std::mem::take(commands), "", 0))
    }

    /// Notes what a `:command` sets, until it is known whether evcxr has kept it.
    pub(super) fn set(&mut self, command: &str, args: &str) {
        let before = self.session.settings().clone();
        self.session.change_settings(before.after(command, args));
        if command == ":load_config" {
            // That stays, whatever becomes of the Rust below it.
            self.unset = None;
        } else {
            self.unset.get_or_insert(before);
        }
    }

    /// What is passed on to evcxr of a `:command`.
    pub(super) fn command(&mut self, name: &str, args: &str) -> Result<Option<String>, CellError> {
        let passed_on = match name {
            ":toolchain" => {
                self.say(format!("Toolchain: {}\n", self.session.engine.toolchain()));
                None
            }
            ":explain" => {
                let explanation = self.session.last_errors().explanation()?;
                self.show(explanation);
                None
            }
            ":last_error_json" => {
                let json = self.session.last_errors().json();
                self.say(json);
                None
            }
            // evcxr would take anything, and rustc refuse each cell from then on.
            ":opt" if !["", "0", "1", "2", "3", "s", "z"].contains(&args) => {
                let evalue = format!("`{args}` is no optimization level");
                let help = "Give 0, 1, 2, 3, s or z; `:opt` alone switches between 0 and 2.";
                return Err(errors::plain("BadOption", &evalue, &[help]));
            }
            // evcxr would end the process without an answer. The frontend is asked to do it in order.
            ":quit" => {
                self.payload
                    .push(json!({"source": "ask_exit", "keepkernel": false}));
                let text = "The frontend is asked to stop the kernel. If it does not, use its own \
                            menu (in JupyterLab: Kernel, Shut Down Kernel).\n";
                self.say(text.to_owned());
                None
            }
            // evcxr lists them in a new order each time.
            ":vars" => {
                self.show(magic::whos(&self.variables(), &[]));
                None
            }
            // Its announcement would go to the kernel's own stdout.
            ":load_config" => Some(":load_config --quiet".to_owned()),
            // evcxr's own code for them is not what shows values here.
            ":fmt" => {
                let words = settings::set_format(self.session, args)?;
                self.say(words);
                None
            }
            ":types" => {
                let words = settings::toggle_types(self.session)?;
                self.say(words);
                None
            }
            _ => Some(format!("{name} {args}").trim_end().to_owned()),
        };
        Ok(passed_on)
    }

    /// `:toolchain NAME`.
    pub(super) fn switch_toolchain(&mut self, name: &str) -> Result<(), CellError> {
        let caching = Arc::clone(&self.session.caching);
        let switched = self
            .session
            .engine
            .switch_toolchain(name, move || caching.forget_values());
        let dropped = match switched {
            Ok(Switched { dropped }) => {
                functions::process_is_new(self.session);
                dropped
            }
            Err(NotSwitched::Engine(error)) => return Err(errors::of_engine_alone(self.session, &error)),
            Err(NotSwitched::Unusable(why)) => {
                let evalue = format!("the toolchain `{name}` cannot be used");
                let help = "Nothing was changed.";
                return Err(errors::plain("ToolchainError", &evalue, &[&why, help]));
            }
            Err(NotSwitched::NotInstalled { installed }) => {
                let evalue = format!("there is no toolchain `{name}`");
                let installed: Vec<String> = magic::nearest_first(name, installed)
                    .iter()
                    .map(|name| format!("`{name}`"))
                    .collect();
                let help = format!(
                    "Installed are {}; `rustup toolchain install {name}` may install it. Nothing was changed.",
                    installed.join(", ")
                );
                return Err(errors::plain("ToolchainError", &evalue, &[&help]));
            }
        };
        let mut words = format!("Toolchain: {}\n", self.session.engine.toolchain());
        if !dropped.is_empty() {
            let names: Vec<String> = dropped.iter().map(|name| format!("`{name}`")).collect();
            words.push_str(&format!(
                "Variables were dropped, since they were made with the other toolchain: {}. Items and dependencies stay. \
                 Run the cells that make the variables again.\n",
                names.join(", ")
            ));
        }
        self.say(words);
        Ok(())
    }
}
