//! The file of one value: a header that says of which type it is, then the bytes that `cellar-values` makes of it.
//!
//! A file that was cut short or damaged is the store's business, which keeps the hash of each. The header is there so that
//! a whole file of another type is not read as one of this.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Bytes of the header; a multiple of 16, so that what follows lies aligned in a mapped file.
pub const HEADER: usize = 48;
const MAGIC: &[u8; 16] = b"cellar value 1\r\n";

/// The header for a type.
pub fn header(definitions: u128, type_name: &str) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..16].copy_from_slice(MAGIC);
    header[16..32].copy_from_slice(&definitions.to_le_bytes());
    header[32..].copy_from_slice(&name_hash(type_name).to_le_bytes());
    header
}

/// FNV-1a: types are told apart here by their definitions, names are only kept from being mixed up.
fn name_hash(name: &str) -> u128 {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    name.bytes()
        .fold(BASIS, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}

/// Creates the file of a value, the user's alone. Nothing is replaced.
pub fn create(path: &Path, header: &[u8; HEADER]) -> io::Result<File> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(header)?;
    Ok(file)
}

/// Reads the header; whether it is this one.
pub fn has_header(file: &mut File, header: &[u8; HEADER]) -> io::Result<bool> {
    let mut found = [0; HEADER];
    match file.read_exact(&mut found) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| found == *header),
    }
}
