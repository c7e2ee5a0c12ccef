//! Jupyter's messages as they travel: the connection file, frames and signatures, and the
//! sockets.
//!
//! Knows the protocol's envelope and nothing of what the messages mean; that is the
//! [`server`](crate::server)'s business. Contents stay JSON values: clients send more and less than
//! the specification says, and what is not understood must survive to be echoed.

mod connection;
mod message;
mod publisher;
pub mod router;
mod signature;
mod zmtp;

pub use connection::{Channel, ConnectionFile};
pub use message::{Envelope, Message, Session};
pub use publisher::{Budget, Publisher};
pub use signature::Signer;
