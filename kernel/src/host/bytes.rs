//! Numbers and byte strings in messages between the kernel and its host process, both of which are
//! the same executable: no versions, no byte order.

/// Makes a message.
#[derive(Default)]
pub struct Builder(Vec<u8>);

impl Builder {
    /// Adds a number.
    pub fn number(mut self, value: u64) -> Builder {
        self.0.extend_from_slice(&value.to_ne_bytes());
        self
    }

    /// Adds bytes, preceded by their length.
    pub fn bytes(mut self, value: &[u8]) -> Builder {
        self = self.number(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    /// The message.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Takes a message apart. Every method gives `None` when the message is too short.
pub struct Parser<'a>(pub &'a [u8]);

impl<'a> Parser<'a> {
    /// The next number.
    pub fn number(&mut self) -> Option<u64> {
        let (value, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_ne_bytes(*value))
    }

    /// The next bytes.
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (value, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(value)
    }

    /// The next bytes as text; what is not UTF-8 becomes U+FFFD.
    pub fn text(&mut self) -> Option<String> {
        self.bytes()
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }
}
