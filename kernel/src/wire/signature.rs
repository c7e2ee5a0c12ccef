//! Signatures of messages: HMAC-SHA256 over the four JSON frames, in hexadecimal.

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Signs messages and verifies them. Without a key it signs with nothing and accepts everything, as
/// the protocol has it.
#[derive(Clone)]
pub struct Signer {
    keyed: Option<Hmac<Sha256>>,
}

impl Signer {
    pub fn new(key: &[u8]) -> Self {
        let keyed =
            (!key.is_empty()).then(|| Hmac::new_from_slice(key).expect("HMAC takes keys of every length"));
        Self { keyed }
    }

    /// Whether messages travel unsigned.
    #[cfg(test)]
    pub fn is_off(&self) -> bool {
        self.keyed.is_none()
    }

    /// The signature of four frames.
    pub fn sign(&self, frames: [&[u8]; 4]) -> Bytes {
        let Some(keyed) = &self.keyed else {
            return Bytes::new();
        };
        Bytes::from(hex::encode(over(keyed, frames).finalize().into_bytes()))
    }

    /// Whether `signature` is that of `frames`; takes the same time whichever byte differs.
    pub fn verify(&self, signature: &[u8], frames: [&[u8]; 4]) -> bool {
        let Some(keyed) = &self.keyed else { return true };
        let Ok(digest) = hex::decode(signature) else {
            return false;
        };
        over(keyed, frames).verify_slice(&digest).is_ok()
    }
}

fn over(keyed: &Hmac<Sha256>, frames: [&[u8]; 4]) -> Hmac<Sha256> {
    let mut mac = keyed.clone();
    for frame in frames {
        mac.update(frame);
    }
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAMES: [&[u8]; 4] = [b"{}", b"{}", b"{}", b"{\"a\":1}"];

    #[test]
    fn what_was_signed_verifies_and_what_was_changed_does_not() {
        let signer = Signer::new(b"secret");
        let signature = signer.sign(FRAMES);
        assert_eq!(signature.len(), 64);
        assert!(signer.verify(&signature, FRAMES));
        assert!(!signer.verify(&signature, [b"{}", b"{}", b"{}", b"{\"a\":2}"]));
        assert!(!signer.verify(&signature[..62], FRAMES));
        assert!(!signer.verify(b"", FRAMES));
        assert!(!signer.verify(b"not hexadecimal", FRAMES));
        assert!(!Signer::new(b"other").verify(&signature, FRAMES));
    }

    #[test]
    fn without_a_key_nothing_is_signed_and_everything_accepted() {
        let signer = Signer::new(b"");
        assert!(signer.sign(FRAMES).is_empty());
        assert!(signer.verify(b"anything", FRAMES));
    }
}
