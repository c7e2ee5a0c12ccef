//! What a user has set for the session: how results are shown (`:fmt`, `:types`).

use super::{Session, errors};
use crate::engine::cell_code::DebugFormat;
use crate::interpreter::CellError;

/// What `:fmt` alone goes back to.
const DEFAULT_FORMAT: &str = "{:?}";

/// The settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Made of the other two.
    pub debug_format: DebugFormat,
    /// As it was written.
    format: String,
    /// Results show their type.
    types: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            debug_format: DebugFormat::default(),
            format: DEFAULT_FORMAT.to_owned(),
            types: false,
        }
    }
}

/// Sets the format of results; returns what the user is told.
///
/// # Errors
/// When it is no format string for one value. The format stays as it was.
pub fn set_format(session: &Session, format: &str) -> Result<String, CellError> {
    let format = if format.is_empty() { DEFAULT_FORMAT } else { format };
    let types = session.settings().types;
    set(session, format, types)?;
    Ok(format!("Output format: {format}\n"))
}

/// Sets whether results show their type; returns what the user is told.
///
/// # Errors
/// As [`set_format`]; but that has taken the format already.
pub fn toggle_types(session: &Session) -> Result<String, CellError> {
    let (format, types) = {
        let settings = session.settings();
        (settings.format.clone(), !settings.types)
    };
    set(session, &format, types)?;
    Ok(format!("Types: {types}\n"))
}

fn set(session: &Session, format: &str, types: bool) -> Result<(), CellError> {
    let debug_format = DebugFormat::new(format, types).map_err(|why| {
        let evalue = format!("`{format}` cannot show a value: {why}");
        let help = "Give a format string with one value in it, as in `:fmt {:#x}` or `:fmt {:.3?}`; \
                    `:fmt` alone goes back to `{:?}`.";
        errors::plain("BadFormat", &evalue, &[help])
    })?;
    // What a cached cell showed was in the format of its time.
    let is_default = format == DEFAULT_FORMAT;
    session.caching.set(":fmt", (!is_default).then_some(format));
    session.caching.set(":types", types.then_some("true"));
    *session.settings() = Settings {
        debug_format,
        format: format.to_owned(),
        types,
    };
    Ok(())
}
