//! The host's functions (`kernel/src/host/abi.md`).

use std::ffi::c_void;

unsafe extern "C" {
    fn cellar_host_peek(name: *const u8, len: usize, type_id: *mut u8) -> *const c_void;
    fn cellar_host_put(
        name: *const u8,
        len: usize,
        type_id: *const u8,
        type_name: *const u8,
        type_name_len: usize,
        value: *mut c_void,
        drop: unsafe extern "C" fn(*mut c_void),
    );
    fn cellar_host_answer(answer: *const u8, len: usize);
    safe fn cellar_host_panicked();
}

/// A variable where it is, and its type's identity.
pub fn peek(name: &str) -> Option<(*const (), u128)> {
    let mut identity = [0_u8; 16];
    // SAFETY: the pointers are those of live values; the host writes 16 bytes.
    let value = unsafe { cellar_host_peek(name.as_ptr(), name.len(), identity.as_mut_ptr()) };
    (!value.is_null()).then(|| (value.cast(), u128::from_ne_bytes(identity)))
}

/// Gives a value to the store, which drops an older one of that name.
pub fn put(
    name: &str,
    identity: u128,
    type_name: &str,
    value: *mut (),
    drop: unsafe extern "C" fn(*mut c_void),
) {
    let identity = identity.to_ne_bytes();
    // SAFETY: the pointers are those of live values; the value is the caller's to give away, and `drop` is for it.
    unsafe {
        cellar_host_put(
            name.as_ptr(),
            name.len(),
            identity.as_ptr(),
            type_name.as_ptr(),
            type_name.len(),
            value.cast(),
            drop,
        );
    }
}

/// Answers the kernel.
pub fn answer(bytes: &[u8]) {
    // SAFETY: the pointer and length are the slice's.
    unsafe { cellar_host_answer(bytes.as_ptr(), bytes.len()) };
}

/// The call ended by a panic.
pub fn panicked() {
    cellar_host_panicked();
}
