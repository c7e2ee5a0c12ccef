//! What a user has set for the session with `:commands`, as far as it changes what cells compute or show.
//!
//! Apart from the form of results (`:fmt`, `:types`) evcxr keeps the settings; here they are known by what they are, so that a
//! result that was kept under one is not shown under another.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Session, errors};
use crate::engine::cell_code::DebugFormat;
use crate::engine::cell_code::error_format::ErrorFormat;
use crate::interpreter::CellError;

/// What `:fmt` alone goes back to.
const DEFAULT_FORMAT: &str = "{:?}";
/// evcxr's own level.
const OPT_LEVEL: &str = "2";
const OTHER_OPT_LEVEL: &str = "0";

/// See the module.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Made of the next two.
    pub debug_format: DebugFormat,
    /// Of errors, which are never kept.
    pub error_format: ErrorFormat,
    /// As it was written.
    format: String,
    /// Results show their type.
    types: bool,
    opt_level: String,
    /// Others, by name; only those that were set.
    others: BTreeMap<String, String>,
}

impl Default for Settings {
    fn default() -> Settings {
        let flags = std::env::var("RUSTFLAGS").ok().filter(|flags| !flags.is_empty());
        Settings {
            debug_format: DebugFormat::default(),
            error_format: ErrorFormat::default(),
            format: DEFAULT_FORMAT.to_owned(),
            types: false,
            opt_level: OPT_LEVEL.to_owned(),
            others: flags
                .map(|flags| ("RUSTFLAGS".to_owned(), flags))
                .into_iter()
                .collect(),
        }
    }
}

impl Settings {
    /// The settings after a command that evcxr keeps, with its `:`.
    #[must_use]
    pub fn after(&self, command: &str, args: &str) -> Settings {
        let mut settings = self.clone();
        let args = args.trim();
        match command {
            ":opt" if args.is_empty() && self.opt_level == OPT_LEVEL => {
                settings.opt_level = OTHER_OPT_LEVEL.to_owned();
            }
            ":opt" if args.is_empty() => settings.opt_level = OPT_LEVEL.to_owned(),
            ":opt" => settings.opt_level = args.to_owned(),
            ":efmt" => settings.error_format = ErrorFormat::new(args).unwrap_or(settings.error_format),
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

    fn with_format(&self, format: &str, types: bool) -> Result<Settings, CellError> {
        let debug_format = DebugFormat::new(format, types).map_err(|why| {
            let evalue = format!("`{format}` cannot show a value: {why}");
            let help = "Give a format string with one value in it, as in `:fmt {:#x}` or `:fmt {:.3?}`; \
                        `:fmt` alone goes back to `{:?}`.";
            errors::plain("BadFormat", &evalue, &[help])
        })?;
        Ok(Settings {
            debug_format,
            format: format.to_owned(),
            types,
            ..self.clone()
        })
    }

    /// What is not as it is in a new session, by name.
    pub fn changed(&self) -> BTreeMap<String, String> {
        let mut changed = self.others.clone();
        if self.format != DEFAULT_FORMAT {
            changed.insert(":fmt".to_owned(), self.format.clone());
        }
        if self.opt_level != OPT_LEVEL {
            changed.insert(":opt".to_owned(), self.opt_level.clone());
        }
        if self.types {
            changed.insert(":types".to_owned(), "on".to_owned());
        }
        changed
    }
}

/// Sets the format of results; returns what the user is told.
///
/// # Errors
/// When it is no format string for one value. The format stays as it was.
pub fn set_format(session: &Session, format: &str) -> Result<String, CellError> {
    let format = if format.is_empty() { DEFAULT_FORMAT } else { format };
    let types = session.settings().types;
    let settings = session.settings().with_format(format, types)?;
    session.change_settings(settings);
    Ok(format!("Output format: {format}\n"))
}

/// Sets whether results show their type; returns what the user is told.
///
/// # Errors
/// As [`set_format`]; but that has taken the format already.
pub fn toggle_types(session: &Session) -> Result<String, CellError> {
    let settings = session.settings().clone();
    let types = !settings.types;
    session.change_settings(settings.with_format(&settings.format, types)?);
    Ok(format!("Types: {types}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_back_is_as_if_it_never_was() {
        let fresh = Settings::default();
        for (there, back) in [("0", "2"), ("", "")] {
            let set = fresh.after(":opt", there);
            assert_ne!(set.changed(), fresh.changed(), "{there}");
            assert_eq!(set.after(":opt", back).changed(), fresh.changed(), "{back}");
        }
        let formatted = fresh.with_format("{:#?}", true).expect("a format");
        assert_ne!(formatted.changed(), fresh.changed());
        let back = formatted.with_format("{:?}", false).expect("a format");
        assert_eq!(back.changed(), fresh.changed());
        let set = fresh.after(":build_env", "A=1");
        assert_ne!(set.changed(), fresh.after(":build_env", "A=2").changed());
        assert_eq!(fresh.after(":timing", "").changed(), fresh.changed());
        assert_eq!(fresh.after(":efmt", "{:?}").changed(), fresh.changed());
    }

    #[test]
    fn the_format_of_errors_is_one_that_evcxr_takes() {
        let fresh = Settings::default();
        let debug = fresh.after(":efmt", "{:?}");
        assert_eq!(debug.error_format, ErrorFormat::Debug);
        assert_eq!(debug.after(":efmt", "").error_format, ErrorFormat::Debug);
        assert_eq!(debug.after(":efmt", "{:x}").error_format, ErrorFormat::Debug);
        assert_eq!(debug.after(":efmt", "{}").error_format, ErrorFormat::Display);
    }

    #[test]
    fn a_configuration_that_was_loaded_is_like_no_other() {
        let loaded = || Settings::default().after(":load_config", "").changed();
        let first = loaded();
        std::thread::sleep(std::time::Duration::from_millis(1));
        assert_ne!(first, loaded());
    }
}
