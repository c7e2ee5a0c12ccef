//! The host's functions for caching, and what the kernel calls here (`kernel/src/host/abi.md`). Unsafe as `host.rs` is, and for the
//! same reason.

use std::ffi::c_void;
use std::sync::OnceLock;

use crate::__private::{memo, session_map, surroundings};
use crate::host::symbol;
use crate::session;

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
type AnswerFn = unsafe extern "C" fn(*const u8, usize);
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
    answer: Option<AnswerFn>,
    identity: Option<IdentityFn>,
    put: Option<PutFn>,
    tell: Option<AnswerFn>,
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
                answer: transmute::<*mut c_void, Option<AnswerFn>>(symbol(c"cellar_host_answer")),
                identity: transmute::<*mut c_void, Option<IdentityFn>>(symbol(c"cellar_host_identity")),
                put: transmute::<*mut c_void, Option<PutFn>>(symbol(c"cellar_host_put")),
                tell: transmute::<*mut c_void, Option<AnswerFn>>(symbol(c"cellar_host_tell")),
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

/// Tells the kernel what a cell has read and changed besides variables.
pub fn tell(message: &[u8]) {
    if let Some(function) = functions().tell {
        // SAFETY: the host copies the slice.
        unsafe { function(message.as_ptr(), message.len()) };
    }
}

/// The cell that ran has succeeded or failed: what it computed is written, what it read is told.
#[unsafe(no_mangle)]
extern "C" fn cellar_runtime_cell_ended() {
    memo::save_all();
    surroundings::cell_ended();
}

/// What the kernel calls: it passes texts, each behind its length (u64, little endian), and gets an answer likewise.
///
/// # Safety
/// `argument` and `length` are those of readable bytes.
unsafe fn call(argument: *const u8, length: usize, answer: impl FnOnce(&[&str]) -> Vec<u8>) {
    // SAFETY: promised by the caller.
    let argument = unsafe {
        bytes(Slice {
            start: argument,
            length,
        })
    };
    let answer = answer(&surroundings::texts(argument));
    if let Some(function) = functions().answer {
        // SAFETY: the host copies the slice.
        unsafe { function(answer.as_ptr(), answer.len()) };
    }
}

fn number(number: usize) -> Vec<u8> {
    (number as u64).to_le_bytes().to_vec()
}

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident($texts:ident) $answer:expr;)*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        /// See [`call`].
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(argument: *const u8, length: usize) {
            // SAFETY: promised by the caller.
            unsafe { call(argument, length, |$texts| $answer) };
        }
    )*};
}

calls! {
    /// `key`: the cell that just ran has this key, and what it made is kept under it. Answers how many instances there are.
    cellar_runtime_resource_keep(texts) number(texts.first().map_or(0, |key| memo::keep_cell(key)));
    /// The cell that just ran failed: what it made is released. Answers how many instances there were.
    cellar_runtime_resource_discard(_texts) number(memo::discard_cell());
    /// `key`, names of variables: puts what the cell with this key made back under the variables' names, all or none.
    /// Answers 1 if all were there and valid.
    cellar_runtime_resource_restore(texts) match texts {
        [key, names @ ..] => number(usize::from(memo::restore_cell(key, names))),
        [] => number(0),
    };
    /// Versions (functions' codes, cells' keys) whose instances are released. Answers how many there were.
    cellar_runtime_resource_release(texts) number(memo::release_where(|_, version| texts.contains(&version)));
    /// Names of functions or variables whose instances are released. Answers how many there were.
    cellar_runtime_resource_release_names(texts) number(memo::release_where(|name, _| texts.contains(&name)));
    /// Releases all instances, as before the process ends. Answers how many there were.
    cellar_runtime_resource_release_all(_texts) number(memo::release_all());
    /// Answers name, version, type and age (milliseconds) of every instance, as texts.
    cellar_runtime_resource_list(_texts) {
        let mut answer = Vec::new();
        memo::list(&mut |name, version, type_name, age| {
            surroundings::add(&[name, version, type_name, &age.as_millis().to_string()], &mut answer);
        });
        answer
    };
    /// The name of a variable of the environment: answers its value behind a byte 1, or a byte 0 if it is not set.
    cellar_runtime_environment(texts) match texts.first().and_then(std::env::var_os) {
        Some(value) => [&[1], value.as_encoded_bytes()].concat(),
        None => vec![0],
    };
    /// Answers the working directory behind a byte 1, or a byte 0 if there is none.
    cellar_runtime_working_directory(_texts) match std::env::current_dir() {
        Ok(folder) => [&[1], folder.as_os_str().as_encoded_bytes()].concat(),
        Err(_) => vec![0],
    };
    /// Answers key, type and (for plain values) a few words of every value of the session map, as texts.
    cellar_runtime_session_list(_texts) {
        let mut answer = Vec::new();
        session_map::list(&mut |key, type_name, shown| {
            surroundings::add(&[key, type_name, shown], &mut answer);
        });
        answer
    };
    /// Removes values of the session map: the named ones, or all if none is named. Answers how many there were.
    cellar_runtime_session_remove(texts) number(match texts {
        [] => session::clear(),
        keys => keys.iter().filter(|key| session_map::remove(key)).count(),
    });
    /// Kinds and keys of things that cells can read, two texts each: answers the number of texts and the texts that each of them is now.
    cellar_runtime_surroundings(texts) {
        let mut answer = Vec::new();
        for pair in texts.as_chunks().0 {
            let state = surroundings::Subject::of(*pair).map_or_else(Vec::new, |subject| subject.state().texts);
            surroundings::add_list(&state, &mut answer);
        }
        answer
    };
    /// Forgets results of functions, in memory and on disk: of the named ones, or of all if none is named. Answers how
    /// many there were.
    cellar_runtime_memo_clear(texts) {
        let cleared = match texts {
            [] => memo::clear_all(),
            names => names.iter().map(|name| memo::clear_name(name)).sum(),
        };
        memo::save_all();
        number(cleared)
    };
    /// Answers name, code, number of entries and their bytes of every function whose results are in memory only, as texts.
    cellar_runtime_memo_list(_texts) {
        let mut answer = Vec::new();
        memo::list_functions(&mut |name, code, entries, bytes| {
            surroundings::add(&[name, code, &entries.to_string(), &bytes.to_string()], &mut answer);
        });
        answer
    };
}
