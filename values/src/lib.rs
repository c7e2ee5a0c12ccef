//! Values of user cells as bytes and hashes.
//!
//! Everything that serde knows can be hashed ([`digest()`]), written ([`encode_verified`]) and read ([`decode`]); [`codec_of!`] finds
//! out, for any type at all, what of that is possible, [`doubt_of!`] what else tells its values apart; [`key_of_args!`] makes keys for memoised functions.
//!
//! The kernel compiles this crate for cells, once for every toolchain and serde: it has no other dependency, and little of
//! it is generic, because what is generic is compiled again for every type of every user. It knows nothing of stores,
//! cells, or the process that it runs in, except where the hash function comes from ([`hashing`]).

#[cfg(not(target_endian = "little"))]
compile_error!("the formats are little-endian, as values are in memory");

mod args;
mod canonical;
mod codec;
mod compact;
mod depth;
mod difference;
mod digest;
mod doubt;
mod encoding;
pub mod hashing;
mod input;
mod named;
mod output;
mod plain;
mod prebuilt;
mod reader;
mod refusal;
mod tokens;
mod unordered;
mod writer;

pub use args::ArgsKey;
pub use codec::{CloneFn, Codec, DecodeFn, DigestFn, DropFn, EncodeFn, ReadFn};
pub use digest::{Digest, digest};
pub use doubt::{Doubt, ShowFn, doubted};
pub use encoding::{Encoded, Format, decode, encode, encode_verified};
pub use prebuilt::{Prebuilt, prebuilt};
pub use refusal::{Refusal, RefusalKind};

/// What the macros name.
#[doc(hidden)]
pub mod __private {
    pub use crate::args::{Argument, ByKeyPart, ByNoKey, BySerdeKey, KeyBuilder};
    pub use crate::codec::{ByClone, ByNoClone, ByNothing, ByPlain, BySerde, ByWriting, Probe};
    pub use crate::doubt::{ByDebug, ByNoDebug};
}
