//! The functions of `abi.md` that memoised functions and kept instances need.

use super::{input_files, store};

/// Text or bytes over the C interface.
#[derive(Clone, Copy)]
#[repr(C)]
struct Slice {
    start: *const u8,
    length: usize,
}

/// # Safety
/// As `std::slice::from_raw_parts`, but nothing is asked of the pointer of an empty slice.
unsafe fn bytes<'a>(slice: Slice) -> &'a [u8] {
    if slice.length == 0 || slice.start.is_null() {
        return &[];
    }
    // SAFETY: promised by the caller.
    unsafe { std::slice::from_raw_parts(slice.start, slice.length) }
}

/// # Safety
/// See `abi.md`.
#[unsafe(no_mangle)]
unsafe extern "C" fn cellar_host_digest(content: Slice, digest: *mut u8) {
    // SAFETY: promised by the caller.
    let of = blake3::hash(unsafe { bytes(content) });
    // SAFETY: the caller has room for 32 bytes.
    unsafe { digest.copy_from_nonoverlapping(of.as_bytes().as_ptr(), blake3::OUT_LEN) };
}

/// # Safety
/// See `abi.md`.
#[unsafe(no_mangle)]
unsafe extern "C" fn cellar_host_files(globs: *const Slice, count: usize, digest: *mut u8) {
    let globs: &[Slice] = match count {
        0 => &[],
        // SAFETY: promised by the caller.
        _ => unsafe { std::slice::from_raw_parts(globs, count) },
    };
    let globs: Vec<String> = globs
        .iter()
        // SAFETY: promised by the caller.
        .map(|glob| String::from_utf8_lossy(unsafe { bytes(*glob) }).into_owned())
        .collect();
    let of = input_files::digest(&globs);
    // SAFETY: the caller has room for 32 bytes.
    unsafe { digest.copy_from_nonoverlapping(of.as_bytes().as_ptr(), blake3::OUT_LEN) };
}

/// # Safety
/// See `abi.md`.
#[unsafe(no_mangle)]
unsafe extern "C" fn cellar_host_identity(name: Slice, identity: *mut u8) -> u32 {
    // SAFETY: promised by the caller.
    let name = String::from_utf8_lossy(unsafe { bytes(name) });
    let Some(known) = store::type_id(&name) else {
        return 0;
    };
    // SAFETY: the caller has room for 16 bytes.
    unsafe { identity.copy_from_nonoverlapping(known.as_ptr(), known.len()) };
    1
}
