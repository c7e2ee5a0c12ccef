//! What a user has set for the session with `:commands`, as far as it changes what cells compute or show.
//!
//! evcxr keeps the settings; here they are known by what they are, so that a result that was kept under one is not shown under
//! another.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::engine::cell_code::DebugFormat;

/// evcxr's own level.
const OPT_LEVEL: &str = "2";
const OTHER_OPT_LEVEL: &str = "0";

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub debug_format: DebugFormat,
    opt_level: String,
    shows_types: bool,
    /// Others, by name; only those that were set.
    others: BTreeMap<String, String>,
}

impl Default for Settings {
    fn default() -> Settings {
        let flags = std::env::var("RUSTFLAGS").ok().filter(|flags| !flags.is_empty());
        Settings {
            debug_format: DebugFormat::default(),
            opt_level: OPT_LEVEL.to_owned(),
            shows_types: false,
            others: flags
                .map(|flags| ("RUSTFLAGS".to_owned(), flags))
                .into_iter()
                .collect(),
        }
    }
}

impl Settings {
    /// The settings after a command, with its `:`.
    #[must_use]
    pub fn after(&self, command: &str, args: &str) -> Settings {
        let mut settings = self.clone();
        let args = args.trim();
        match command {
            ":fmt" if args.contains("#?") => settings.debug_format = DebugFormat::Pretty,
            ":fmt" => settings.debug_format = DebugFormat::Compact,
            ":opt" if args.is_empty() && self.opt_level == OPT_LEVEL => {
                settings.opt_level = OTHER_OPT_LEVEL.to_owned();
            }
            ":opt" if args.is_empty() => settings.opt_level = OPT_LEVEL.to_owned(),
            ":opt" => settings.opt_level = args.to_owned(),
            ":types" => settings.shows_types = !self.shows_types,
            ":codegen_backend" => settings.set(command, args.to_owned()),
            ":build_env" => {
                let (name, value) = args.split_once('=').unwrap_or((args, ""));
                settings.set(&format!(":build_env {name}"), value.to_owned());
            }
            // It may set anything, and define items of which nobody here hears: nothing that is kept is like it.
            ":load_config" => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                settings.set(command, format!("loaded at {}", now.as_nanos()));
            }
            _ => {}
        }
        settings
    }

    fn set(&mut self, name: &str, value: String) {
        self.others.insert(name.to_owned(), value);
    }

    /// What is not as it is in a new session, by name.
    pub fn changed(&self) -> BTreeMap<String, String> {
        let mut changed = self.others.clone();
        if self.debug_format == DebugFormat::Pretty {
            changed.insert(":fmt".to_owned(), "{:#?}".to_owned());
        }
        if self.opt_level != OPT_LEVEL {
            changed.insert(":opt".to_owned(), self.opt_level.clone());
        }
        if self.shows_types {
            changed.insert(":types".to_owned(), "on".to_owned());
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_back_is_as_if_it_never_was() {
        let fresh = Settings::default();
        for (command, there, back) in [
            (":fmt", "{:#?}", "{:?}"),
            (":opt", "0", "2"),
            (":opt", "", ""),
            (":types", "", ""),
        ] {
            let set = fresh.after(command, there);
            assert_ne!(set.changed(), fresh.changed(), "{command} {there}");
            assert_eq!(set.after(command, back), fresh, "{command} {back}");
        }
        let set = fresh.after(":build_env", "A=1");
        assert_ne!(set.changed(), fresh.after(":build_env", "A=2").changed());
        assert_eq!(fresh.after(":timing", ""), fresh);
    }

    #[test]
    fn a_configuration_that_was_loaded_is_like_no_other() {
        let loaded = || Settings::default().after(":load_config", "").changed();
        let first = loaded();
        std::thread::sleep(std::time::Duration::from_millis(1));
        assert_ne!(first, loaded());
    }
}
