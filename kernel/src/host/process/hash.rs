//! blake3 for values: compiled once, here, with all that the processor offers.
//!
//! Long inputs are hashed by a few threads that live for one call. A pool that stays would be in the way of every
//! snapshot, which needs a process with one thread; and after a fork its threads would not be there.

use std::ffi::c_void;

/// From here on (bytes) several threads are worth their start.
const PARALLEL: usize = 8 << 20;
/// More threads do not help: memory is not faster.
const MOST_THREADS: usize = 4;

fn update(hasher: &mut blake3::Hasher, bytes: &[u8]) {
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get().min(MOST_THREADS));
    if bytes.len() < PARALLEL || threads < 2 {
        hasher.update(bytes);
        return;
    }
    let hashed = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        // All threads have ended when this returns.
        .build_scoped(
            |thread| thread.run(),
            |pool| {
                pool.install(|| hasher.update_rayon(bytes));
            },
        );
    if hashed.is_err() {
        // No thread could be started, so nothing was hashed yet.
        hasher.update(bytes);
    }
}

/// # Safety
/// As `std::slice::from_raw_parts`, but nothing is asked of the pointer of an empty slice.
unsafe fn slice<'a>(bytes: *const u8, length: usize) -> &'a [u8] {
    if length == 0 {
        return &[];
    }
    // SAFETY: promised by the caller.
    unsafe { std::slice::from_raw_parts(bytes, length) }
}

/// # Safety
/// See `abi.md`.
#[unsafe(no_mangle)]
unsafe extern "C" fn cellar_host_hash(bytes: *const u8, length: usize, digest: *mut u8) {
    let mut hasher = blake3::Hasher::new();
    // SAFETY: promised by the caller.
    let bytes = unsafe { slice(bytes, length) };
    update(&mut hasher, bytes);
    // SAFETY: the caller's buffer has room for a digest.
    unsafe { digest.cast::<[u8; 32]>().write(*hasher.finalize().as_bytes()) };
}

#[unsafe(no_mangle)]
extern "C" fn cellar_host_hash_new() -> *mut c_void {
    Box::into_raw(Box::new(blake3::Hasher::new())).cast()
}

/// # Safety
/// See `abi.md`.
#[unsafe(no_mangle)]
unsafe extern "C" fn cellar_host_hash_update(state: *mut c_void, bytes: *const u8, length: usize) {
    // SAFETY: promised by the caller; the state is from `cellar_host_hash_new`.
    let (hasher, bytes) = unsafe { (&mut *state.cast::<blake3::Hasher>(), slice(bytes, length)) };
    update(hasher, bytes);
}

/// # Safety
/// See `abi.md`.
#[unsafe(no_mangle)]
unsafe extern "C" fn cellar_host_hash_finish(state: *mut c_void, digest: *mut u8) {
    // SAFETY: promised by the caller, who gives the state up.
    let hasher = unsafe { Box::from_raw(state.cast::<blake3::Hasher>()) };
    // SAFETY: the caller's buffer has room for a digest.
    unsafe { digest.cast::<[u8; 32]>().write(*hasher.finalize().as_bytes()) };
}

/// # Safety
/// See `abi.md`.
#[unsafe(no_mangle)]
unsafe extern "C" fn cellar_host_hash_free(state: *mut c_void) {
    // SAFETY: promised by the caller, who gives the state up.
    drop(unsafe { Box::from_raw(state.cast::<blake3::Hasher>()) });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_the_input_is_cut_the_digest_is_blake3s() {
        let bytes: Vec<u8> = (0..PARALLEL + 12_345).map(|n| (n % 251) as u8).collect();
        let expected = *blake3::hash(&bytes).as_bytes();
        let mut digest = [0; 32];
        // SAFETY: the pointers are those of live values.
        unsafe { cellar_host_hash(bytes.as_ptr(), bytes.len(), digest.as_mut_ptr()) };
        assert_eq!(digest, expected);
        let state = cellar_host_hash_new();
        let (first, rest) = bytes.split_at(1000);
        // SAFETY: as above; the state is used once more and then given up.
        unsafe {
            cellar_host_hash_update(state, first.as_ptr(), first.len());
            cellar_host_hash_update(state, rest.as_ptr(), rest.len());
            cellar_host_hash_finish(state, digest.as_mut_ptr());
            cellar_host_hash_free(cellar_host_hash_new());
        }
        assert_eq!(digest, expected);
    }
}
