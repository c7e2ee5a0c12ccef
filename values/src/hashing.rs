//! The seam to the hash function, blake3, which the host executable has: cells and codecs only carry its address.
//!
//! The host exports these C functions (`kernel/src/host/abi.md`), which are looked up when first needed:
//!
//! ```c
//! void  cellar_host_hash(const uint8_t *bytes, size_t len, uint8_t digest[32]);      // all at once
//! void *cellar_host_hash_new(void);                                                   // never null
//! void  cellar_host_hash_update(void *state, const uint8_t *bytes, size_t len);
//! void  cellar_host_hash_finish(void *state, uint8_t digest[32]);                     // also frees the state
//! void  cellar_host_hash_free(void *state);                                           // gives a state up
//! ```
//!
//! The digest is blake3's, 32 bytes, not keyed; however the input is cut into updates, it is the same. None of them may
//! unwind. Where the input is long (from about 1 MB) the host may use several threads, but not in a forked copy of the
//! process: the pool's threads are not there, and waiting for them would last for ever.

use std::ffi::{CStr, c_char, c_void};
use std::sync::OnceLock;

use crate::digest::Digest;
use crate::refusal::{Refusal, RefusalKind};

/// The host's functions, see the module's text.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct HashFunctions {
    pub hash: unsafe extern "C" fn(*const u8, usize, *mut u8),
    pub new: unsafe extern "C" fn() -> *mut c_void,
    pub update: unsafe extern "C" fn(*mut c_void, *const u8, usize),
    pub finish: unsafe extern "C" fn(*mut c_void, *mut u8),
    pub free: unsafe extern "C" fn(*mut c_void),
}

static FUNCTIONS: OnceLock<Option<HashFunctions>> = OnceLock::new();

/// Gives the functions where no host exports them: in tests, in benchmarks, in other programs. Returns whether they are
/// taken; the first ones that were found or given stay.
///
/// # Safety
///
/// The functions do what the module's text says.
pub unsafe fn install(functions: HashFunctions) -> bool {
    FUNCTIONS.set(Some(functions)).is_ok()
}

fn functions() -> Result<&'static HashFunctions, Refusal> {
    match FUNCTIONS.get_or_init(look_up) {
        Some(functions) => Ok(functions),
        None => Err(Refusal::new(
            RefusalKind::NoHost,
            "values can only be hashed inside of Cellar's host process",
        )),
    }
}

fn look_up() -> Option<HashFunctions> {
    let found = [
        symbol(c"cellar_host_hash"),
        symbol(c"cellar_host_hash_new"),
        symbol(c"cellar_host_hash_update"),
        symbol(c"cellar_host_hash_finish"),
        symbol(c"cellar_host_hash_free"),
    ];
    if found.iter().any(|address| address.is_null()) {
        return None;
    }
    let [hash, new, update, finish, free] = found;
    // SAFETY: the host exports these names with these signatures, and none of them is null.
    unsafe {
        Some(HashFunctions {
            hash: std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*const u8, usize, *mut u8)>(hash),
            new: std::mem::transmute::<*mut c_void, unsafe extern "C" fn() -> *mut c_void>(new),
            update: std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut c_void, *const u8, usize)>(
                update,
            ),
            finish: std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut c_void, *mut u8)>(finish),
            free: std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut c_void)>(free),
        })
    }
}

/// The address of an exported symbol of the process, or null.
#[cfg(unix)]
fn symbol(name: &CStr) -> *mut c_void {
    unsafe extern "C" {
        fn dlsym(handle: *mut c_void, symbol: *const c_char) -> *mut c_void;
    }
    // RTLD_DEFAULT, "the global scope", differs between systems.
    let global = if cfg!(target_vendor = "apple") {
        -2_isize as *mut c_void
    } else {
        std::ptr::null_mut()
    };
    // SAFETY: `name` ends with a zero byte and dlsym only reads it.
    unsafe { dlsym(global, name.as_ptr()) }
}

/// Without `dlsym` there is no host.
#[cfg(not(unix))]
fn symbol(_name: &CStr) -> *mut c_void {
    let _: Option<c_char> = None;
    std::ptr::null_mut()
}

/// From here on bytes are handed to the host instead of being gathered: a few pages, so that they are still in the
/// processor's cache, and so that blake3 has enough to use wide registers.
const GATHERED: usize = 64 * 1024;

/// Room for what is often all: one allocation instead of several that grow.
const SMALL: usize = 256;

/// Gathers bytes and hashes them. Short inputs are hashed in one call, without a state in the host.
pub(crate) struct Hasher {
    pub(crate) buffer: Vec<u8>,
    state: Option<State>,
    functions: &'static HashFunctions,
}

impl Hasher {
    pub(crate) fn new() -> Result<Self, Refusal> {
        Ok(Hasher {
            buffer: Vec::with_capacity(SMALL),
            state: None,
            functions: functions()?,
        })
    }

    /// Must be called now and then while `buffer` grows.
    #[inline]
    pub(crate) fn relieve(&mut self) {
        if self.buffer.len() >= GATHERED {
            self.pass_on();
        }
    }

    #[cold]
    #[inline(never)]
    fn pass_on(&mut self) {
        let functions = self.functions;
        self.state
            .get_or_insert_with(|| State::new(functions))
            .update(&self.buffer);
        self.buffer.clear();
    }

    /// Appends bytes; long ones go to the host without being copied.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        if bytes.len() < GATHERED / 4 {
            self.buffer.extend_from_slice(bytes);
            self.relieve();
        } else {
            self.pass_on();
            if let Some(state) = &mut self.state {
                state.update(bytes);
            }
        }
    }

    /// The bytes so far, if none of them has been handed on yet.
    pub(crate) fn all(&self) -> Option<&[u8]> {
        self.state.is_none().then_some(&*self.buffer)
    }

    /// The digest of everything appended. The hasher is empty afterwards and keeps its buffer.
    pub(crate) fn finish(&mut self) -> Digest {
        let mut digest = Digest([0; 32]);
        match self.state.take() {
            None => {
                // SAFETY: the bytes are a live slice, the digest has 32 bytes.
                unsafe {
                    (self.functions.hash)(self.buffer.as_ptr(), self.buffer.len(), digest.0.as_mut_ptr());
                }
            }
            Some(mut state) => {
                state.update(&self.buffer);
                let state = std::mem::ManuallyDrop::new(state);
                // SAFETY: the state is a live one, which this call frees and nobody names afterwards.
                unsafe { (self.functions.finish)(state.address, digest.0.as_mut_ptr()) };
            }
        }
        self.buffer.clear();
        digest
    }
}

/// A hash under way in the host.
struct State {
    address: *mut c_void,
    functions: &'static HashFunctions,
}

impl State {
    fn new(functions: &'static HashFunctions) -> Self {
        State {
            // SAFETY: no arguments.
            address: unsafe { (functions.new)() },
            functions,
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        // SAFETY: the state is a live one, the bytes are a live slice.
        unsafe { (self.functions.update)(self.address, bytes.as_ptr(), bytes.len()) };
    }
}

impl Drop for State {
    fn drop(&mut self) {
        // SAFETY: the state is a live one and nobody names it afterwards.
        unsafe { (self.functions.free)(self.address) };
    }
}
