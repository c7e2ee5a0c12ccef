//! A hasher for keys in memory: fast, and good enough for a table that compares whole keys.

use std::hash::{BuildHasherDefault, Hasher};

/// A table's hasher.
pub type Build = BuildHasherDefault<Folded>;

/// Multiplies 128 bits wide and folds the halves, 8 bytes at a time.
#[derive(Debug, Default, Clone, Copy)]
pub struct Folded(u64);

const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

impl Folded {
    #[inline]
    fn mix(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * u128::from(ODD | 1);
        self.0 = (product as u64) ^ ((product >> 64) as u64).rotate_left(23);
    }
}

impl Hasher for Folded {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.mix(u64::from_le_bytes(last) ^ (rest.len() as u64) << 56);
    }

    #[inline]
    fn write_usize(&mut self, length: usize) {
        self.mix(length as u64);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}
