//! The host's functions for what is kept on disk (`kernel/src/host/abi.md`). Unsafe as `host.rs` is, and for the
//! same reason.

use std::ffi::c_void;
use std::sync::OnceLock;

use crate::__private::memo;
use crate::host::symbol;

/// Text or bytes over the C interface.
#[derive(Clone, Copy)]
#[repr(C)]
struct Slice {
    start: *const u8,
    length: usize,
}

impl Slice {
    fn of(bytes: &[u8]) -> Slice {
        Slice {
            start: bytes.as_ptr(),
            length: bytes.len(),
        }
    }
}

/// Length of a digest in bytes.
pub const DIGEST: usize = 32;

type DigestFn = unsafe extern "C" fn(Slice, *mut u8);
type FilesFn = unsafe extern "C" fn(*const Slice, usize, *mut u8);
type IndexFn =
    unsafe extern "C" fn(Slice, Slice, unsafe extern "C" fn(*mut c_void, Slice, u64, u64), *mut c_void);
type LoadFn = unsafe extern "C" fn(Slice, Slice, Slice, unsafe extern "C" fn(*mut c_void, Slice), *mut c_void);
type SaveFn = unsafe extern "C" fn(Slice, Slice, Slice, Slice, u64, u64);
type ForgetFn = unsafe extern "C" fn(Slice, Slice, Slice, u32);
type IdentityFn = unsafe extern "C" fn(Slice, *mut u8) -> u32;
type PutFn = unsafe extern "C" fn(
    *const u8,
    usize,
    *const u8,
    *const u8,
    usize,
    *mut c_void,
    unsafe extern "C" fn(*mut c_void),
);

/// Each `None` where no host is.
struct Functions {
    digest: Option<DigestFn>,
    files: Option<FilesFn>,
    index: Option<IndexFn>,
    load: Option<LoadFn>,
    save: Option<SaveFn>,
    forget: Option<ForgetFn>,
    identity: Option<IdentityFn>,
    put: Option<PutFn>,
}

fn functions() -> &'static Functions {
    static FUNCTIONS: OnceLock<Functions> = OnceLock::new();
    FUNCTIONS.get_or_init(|| {
        // SAFETY: the host exports these names with these signatures (abi.md), and a null pointer becomes `None`.
        unsafe {
            use std::mem::transmute;
            Functions {
                digest: transmute::<*mut c_void, Option<DigestFn>>(symbol(c"cellar_host_digest")),
                files: transmute::<*mut c_void, Option<FilesFn>>(symbol(c"cellar_host_files")),
                index: transmute::<*mut c_void, Option<IndexFn>>(symbol(c"cellar_host_memo_index")),
                load: transmute::<*mut c_void, Option<LoadFn>>(symbol(c"cellar_host_memo_load")),
                save: transmute::<*mut c_void, Option<SaveFn>>(symbol(c"cellar_host_memo_save")),
                forget: transmute::<*mut c_void, Option<ForgetFn>>(symbol(c"cellar_host_memo_forget")),
                identity: transmute::<*mut c_void, Option<IdentityFn>>(symbol(c"cellar_host_identity")),
                put: transmute::<*mut c_void, Option<PutFn>>(symbol(c"cellar_host_put")),
            }
        }
    })
}

/// A digest that no two inputs share.
pub fn digest(bytes: &[u8]) -> Option<[u8; DIGEST]> {
    let function = functions().digest?;
    let mut digest = [0; DIGEST];
    // SAFETY: the host reads the slice and writes as many bytes as a digest has.
    unsafe { function(Slice::of(bytes), digest.as_mut_ptr()) };
    Some(digest)
}

/// A digest of names and contents of the files that match these globs.
pub fn files(globs: &[&str]) -> Option<[u8; DIGEST]> {
    let function = functions().files?;
    let globs: Vec<Slice> = globs.iter().map(|glob| Slice::of(glob.as_bytes())).collect();
    let mut digest = [0; DIGEST];
    // SAFETY: as in `digest`; the slices live until the call returns.
    unsafe { function(globs.as_ptr(), globs.len(), digest.as_mut_ptr()) };
    Some(digest)
}

/// Calls `visit` with key, size in bytes and time of writing (milliseconds since 1970) of every entry that the disk
/// has of a function with one code.
pub fn index(name: &str, code: &str, visit: &mut dyn FnMut(&[u8], u64, u64)) {
    unsafe extern "C" fn one(context: *mut c_void, key: Slice, size: u64, written: u64) {
        // SAFETY: `index` passed this pointer, and what it points to lives until it returns.
        let visit = unsafe { &mut *context.cast::<&mut dyn FnMut(&[u8], u64, u64)>() };
        // SAFETY: the host passes bytes that live until this returns.
        visit(unsafe { bytes(key) }, size, written);
    }
    let Some(function) = functions().index else { return };
    let mut visit = visit;
    // SAFETY: all pointers are to what lives until the call returns.
    unsafe {
        function(
            Slice::of(name.as_bytes()),
            Slice::of(code.as_bytes()),
            one,
            (&raw mut visit).cast(),
        );
    }
}

/// What the disk has of one call.
pub fn load(name: &str, code: &str, key: &[u8]) -> Option<Vec<u8>> {
    unsafe extern "C" fn found(context: *mut c_void, value: Slice) {
        // SAFETY: `load` passed this pointer, and what it points to lives until it returns.
        let found = unsafe { &mut *context.cast::<Option<Vec<u8>>>() };
        // SAFETY: the host passes bytes that live until this returns.
        *found = Some(unsafe { bytes(value) }.to_vec());
    }
    let function = functions().load?;
    let mut value: Option<Vec<u8>> = None;
    // SAFETY: all pointers are to what lives until the call returns.
    unsafe {
        function(
            Slice::of(name.as_bytes()),
            Slice::of(code.as_bytes()),
            Slice::of(key),
            found,
            (&raw mut value).cast(),
        );
    }
    value
}

/// Hands over what is to be written. Returns whether a host was there. `ttl_ms` counts from `written`.
pub fn save(name: &str, code: &str, key: &[u8], value: &[u8], written: u64, ttl_ms: Option<u64>) -> bool {
    let Some(function) = functions().save else {
        return false;
    };
    // SAFETY: the host copies the slices.
    unsafe {
        function(
            Slice::of(name.as_bytes()),
            Slice::of(code.as_bytes()),
            Slice::of(key),
            Slice::of(value),
            written,
            ttl_ms.unwrap_or(0),
        );
    }
    true
}

/// Removes one entry, or all of a function with one code.
pub fn forget(name: &str, code: &str, key: Option<&[u8]>) {
    if let Some(function) = functions().forget {
        // SAFETY: the host copies the slices.
        unsafe {
            function(
                Slice::of(name.as_bytes()),
                Slice::of(code.as_bytes()),
                Slice::of(key.unwrap_or_default()),
                u32::from(key.is_none()),
            );
        }
    }
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

/// The identity of a variable's type in the host's store.
pub fn identity(name: &str) -> Option<[u8; 16]> {
    let function = functions().identity?;
    let mut identity = [0; 16];
    // SAFETY: the host reads the slice and writes 16 bytes at most.
    let is_known = unsafe { function(Slice::of(name.as_bytes()), identity.as_mut_ptr()) };
    (is_known != 0).then_some(identity)
}

/// Puts a variable into the host's store.
pub fn put(name: &str, variable: memo::Restored) {
    if let Some(function) = functions().put {
        // SAFETY: the host copies names and identity; it drops the handle with its function, once.
        unsafe {
            function(
                name.as_ptr(),
                name.len(),
                variable.identity.as_ptr(),
                variable.type_name.as_ptr(),
                variable.type_name.len(),
                variable.handle,
                variable.drop,
            );
        }
    }
}

/// Text that came over the C interface.
///
/// # Safety
/// As [`bytes`].
unsafe fn text<'a>(slice: Slice) -> std::borrow::Cow<'a, str> {
    // SAFETY: promised by the caller.
    String::from_utf8_lossy(unsafe { bytes(slice) })
}

/// The cell that ran has succeeded or failed: what it computed is handed to the host, which writes it.
#[unsafe(no_mangle)]
extern "C" fn cellar_runtime_cell_ended() {
    memo::forget_cell();
    memo::save_all();
}

/// The cell that just ran has this key (and a `ttl` in milliseconds, 0 for none): the instances that it made are kept
/// under it. Returns how many there are.
///
/// # Safety
/// The slice is to be readable.
#[unsafe(no_mangle)]
unsafe extern "C" fn cellar_runtime_resource_keep(key: Slice, ttl_ms: u64) -> usize {
    // SAFETY: promised by the caller.
    memo::keep_cell(&unsafe { text(key) }, ttl_ms)
}

/// Puts what the cell with this key made of a variable back under the variable's name. 1 if it was there and valid.
///
/// # Safety
/// The slices are to be readable.
#[unsafe(no_mangle)]
unsafe extern "C" fn cellar_runtime_resource_restore(key: Slice, name: Slice) -> u32 {
    // SAFETY: promised by the caller.
    let (key, name) = unsafe { (text(key), text(name)) };
    u32::from(memo::restore_cell(&key, &name))
}

/// Releases the instances of a function's code or of a cell's key. Returns how many there were.
///
/// # Safety
/// The slice is to be readable.
#[unsafe(no_mangle)]
unsafe extern "C" fn cellar_runtime_resource_release(version: Slice) -> usize {
    // SAFETY: promised by the caller.
    let version = unsafe { text(version) };
    memo::release_where(|_, other| other == version)
}

/// Releases the instances of a function or variable. Returns how many there were.
///
/// # Safety
/// The slice is to be readable.
#[unsafe(no_mangle)]
unsafe extern "C" fn cellar_runtime_resource_release_name(name: Slice) -> usize {
    // SAFETY: promised by the caller.
    let name = unsafe { text(name) };
    memo::release_where(|other, _| other == name)
}

/// Releases all instances, as before the process ends. Returns how many there were.
#[unsafe(no_mangle)]
extern "C" fn cellar_runtime_resource_release_all() -> usize {
    memo::release_all()
}

/// Calls `visit` with name, version (a function's code or a cell's key), type and age in milliseconds of every
/// instance.
///
/// # Safety
/// `visit` is called with `context` only.
#[unsafe(no_mangle)]
unsafe extern "C" fn cellar_runtime_resource_list(
    visit: unsafe extern "C" fn(*mut c_void, Slice, Slice, Slice, u64),
    context: *mut c_void,
) {
    memo::list(&mut |name, version, type_name, age| {
        let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        let (name, version, type_name) = (name.as_bytes(), version.as_bytes(), type_name.as_bytes());
        // SAFETY: the slices live until the call returns; the rest is promised by the caller.
        unsafe { visit(context, Slice::of(name), Slice::of(version), Slice::of(type_name), age) };
    });
}

/// Forgets all results of functions, in memory and on disk. Returns how many there were.
#[unsafe(no_mangle)]
extern "C" fn cellar_runtime_memo_clear() -> usize {
    memo::clear_all()
}

/// Forgets all results of one function, in memory and on disk. Returns how many there were.
///
/// # Safety
/// The slice is to be readable.
#[unsafe(no_mangle)]
unsafe extern "C" fn cellar_runtime_memo_clear_name(name: Slice) -> usize {
    // SAFETY: promised by the caller.
    memo::clear_name(&unsafe { text(name) })
}

/// Calls `visit` with name, code, number of entries and their bytes of every function.
///
/// # Safety
/// `visit` is called with `context` only.
#[unsafe(no_mangle)]
unsafe extern "C" fn cellar_runtime_memo_list(
    visit: unsafe extern "C" fn(*mut c_void, Slice, Slice, u64, u64),
    context: *mut c_void,
) {
    memo::list_functions(&mut |name, code, entries, bytes| {
        let (name, code) = (Slice::of(name.as_bytes()), Slice::of(code.as_bytes()));
        // SAFETY: the slices live until the call returns; the rest is promised by the caller.
        unsafe { visit(context, name, code, entries, bytes) };
    });
}
