//! Compiled code in the cache folder: what is [`kept`], and the removal of what is [`unused`].

pub mod kept;
pub mod unused;
