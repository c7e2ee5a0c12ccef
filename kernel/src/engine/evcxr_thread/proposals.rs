//! What rust-analyzer proposes to complete a name.

/// One name that rust-analyzer proposes.
#[derive(Debug, Clone)]
pub struct Proposal {
    pub code: String,
    pub kind: &'static str,
    pub label: String,
}

/// What rust-analyzer proposes at a place, with the byte range that a proposal replaces.
#[derive(Debug, Clone, Default)]
pub struct Proposals {
    pub start: usize,
    pub end: usize,
    pub proposals: Vec<Proposal>,
}
