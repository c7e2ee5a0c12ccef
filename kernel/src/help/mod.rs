//! (in work)
pub fn has_question_mark(_: &str) -> bool { false }
