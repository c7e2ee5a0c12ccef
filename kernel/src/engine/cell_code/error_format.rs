//! How an error is shown that leaves a cell by `?` (`:efmt`).

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ErrorFormat {
    /// `{}`
    #[default]
    Display,
    /// `{:?}`
    Debug,
    /// `{:#?}`
    PrettyDebug,
}

impl ErrorFormat {
    /// The format that `:efmt` gets; `None` for one that evcxr does not take.
    pub fn new(format: &str) -> Option<ErrorFormat> {
        match format {
            "{}" => Some(ErrorFormat::Display),
            "{:?}" => Some(ErrorFormat::Debug),
            "{:#?}" => Some(ErrorFormat::PrettyDebug),
            _ => None,
        }
    }

    /// What a cell returns from which `?` may return: a type of the runtime crate.
    pub fn outcome(self) -> &'static str {
        match self {
            ErrorFormat::Display => "::cellar::__private::CellOutcome",
            ErrorFormat::Debug => "::cellar::__private::DebugCellOutcome",
            ErrorFormat::PrettyDebug => "::cellar::__private::PrettyCellOutcome",
        }
    }
}
