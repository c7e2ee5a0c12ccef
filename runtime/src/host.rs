//! The C interface to the process that runs the cells (`kernel/src/host/abi.md`). Nothing else in
//! this crate is unsafe.
//!
//! The functions are looked up when first needed instead of being linked: so the crate also builds
//! and runs where no host is, in tests and in ordinary programs.

use std::ffi::{CStr, c_char, c_void};
use std::sync::OnceLock;

/// Text that the frontend gets as a JSON string.
pub const FORM_TEXT: u32 = 0;
/// Bytes that the kernel encodes as base64.
pub const FORM_BINARY: u32 = 1;
/// JSON text.
pub const FORM_JSON: u32 = 2;
/// JSON text that belongs to the bundle's metadata.
pub const FORM_METADATA: u32 = 3;

/// What a display message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    Display = 0,
    Update = 1,
    Result = 2,
}

/// Whose hook tells people of a panic that does not end the cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Teller {
    Cellar = 0,
    User = 1,
}

/// One part of a MIME bundle as the host reads it.
#[derive(Clone, Copy)]
#[repr(C)]
struct Entry {
    mime: *const u8,
    mime_len: usize,
    content: *const u8,
    content_len: usize,
    form: u32,
}

type DisplayFn = unsafe extern "C" fn(u32, *const u8, usize, *const Entry, usize);
type ClearFn = unsafe extern "C" fn(u32);
type InputFn = unsafe extern "C" fn(*const u8, usize, u32, *mut u8, usize) -> isize;
type PanicFn = unsafe extern "C" fn(*const u8, usize, *const u8, usize, u32, u32, *const u8, usize, u32);
type PanickedFn = unsafe extern "C" fn(*const u8, usize);
type ReturnedErrorFn = unsafe extern "C" fn(*const u8, usize, *const u8, usize, *const u8, usize, u32, u32);

/// The host's functions, each `None` where no host is.
struct Host {
    display: Option<DisplayFn>,
    clear: Option<ClearFn>,
    input: Option<InputFn>,
    panic: Option<PanicFn>,
    panicked: Option<PanickedFn>,
    returned_error: Option<ReturnedErrorFn>,
}

fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| {
        // SAFETY: the host exports these names with these signatures (abi.md), and a null pointer
        // becomes `None`.
        unsafe {
            Host {
                display: std::mem::transmute::<*mut c_void, Option<DisplayFn>>(symbol(
                    c"cellar_host_display",
                )),
                clear: std::mem::transmute::<*mut c_void, Option<ClearFn>>(symbol(c"cellar_host_clear")),
                input: std::mem::transmute::<*mut c_void, Option<InputFn>>(symbol(c"cellar_host_input")),
                panic: std::mem::transmute::<*mut c_void, Option<PanicFn>>(symbol(c"cellar_host_panic")),
                panicked: std::mem::transmute::<*mut c_void, Option<PanickedFn>>(symbol(
                    c"cellar_host_panicked_with",
                )),
                returned_error: std::mem::transmute::<*mut c_void, Option<ReturnedErrorFn>>(symbol(
                    c"cellar_host_returned_error",
                )),
            }
        }
    })
}

/// The address of an exported symbol of the process, or null.
#[cfg(unix)]
pub fn symbol(name: &CStr) -> *mut c_void {
    unsafe extern "C" {
        fn dlsym(handle: *mut c_void, symbol: *const c_char) -> *mut c_void;
    }
    // RTLD_DEFAULT, "the global scope", differs between systems.
    let global = if cfg!(any(target_vendor = "apple")) {
        -2_isize as *mut c_void
    } else {
        std::ptr::null_mut()
    };
    // SAFETY: `name` ends with a zero byte and dlsym only reads it.
    unsafe { dlsym(global, name.as_ptr()) }
}

/// Without `dlsym` there is no host.
#[cfg(not(unix))]
pub fn symbol(_name: &CStr) -> *mut c_void {
    let _: Option<c_char> = None;
    std::ptr::null_mut()
}

/// Whether this is the thread that the process began with. std has no answer: the host's std, which has named it, is another one.
#[cfg(target_os = "linux")]
pub fn is_main_thread() -> bool {
    unsafe extern "C" {
        safe fn getpid() -> i32;
        safe fn gettid() -> i32;
    }
    getpid() == gettid()
}

#[cfg(not(target_os = "linux"))]
pub fn is_main_thread() -> bool {
    std::thread::current().name() == Some("main")
}

/// One part of a MIME bundle: its type, what it holds, and one of the `FORM_…`s.
pub struct Part<'a> {
    pub mime: &'a str,
    pub content: &'a [u8],
    pub form: u32,
}

/// Shows or updates something. `display_id` is empty for none. Returns whether a host was there.
pub fn display(kind: Kind, display_id: &str, parts: &[Part<'_>]) -> bool {
    let Some(function) = host().display else {
        return false;
    };
    let entries: Vec<Entry> = parts
        .iter()
        .map(|part| Entry {
            mime: part.mime.as_ptr(),
            mime_len: part.mime.len(),
            content: part.content.as_ptr(),
            content_len: part.content.len(),
            form: part.form,
        })
        .collect();
    // SAFETY: all pointers are to live slices of the lengths given; the host copies what it reads.
    unsafe {
        function(
            kind as u32,
            display_id.as_ptr(),
            display_id.len(),
            entries.as_ptr(),
            entries.len(),
        )
    };
    true
}

/// Clears the cell's outputs.
pub fn clear(wait: bool) {
    if let Some(function) = host().clear {
        // SAFETY: no pointers.
        unsafe { function(u32::from(wait)) };
    }
}

/// Asks for a line of input into `buffer`; the number of bytes, or a negative code (abi.md).
/// `None` without a host.
pub fn input(prompt: &str, password: bool, buffer: &mut [u8]) -> Option<isize> {
    let function = host().input?;
    // SAFETY: pointers and lengths belong to live slices; the host writes at most `capacity` bytes.
    Some(unsafe {
        function(
            prompt.as_ptr(),
            prompt.len(),
            u32::from(password),
            buffer.as_mut_ptr(),
            buffer.len(),
        )
    })
}

/// Tells of a panic. Returns whether a host was there.
pub fn panicked(message: &str, file: &str, line: u32, column: u32, thread: &str, teller: Teller) -> bool {
    let Some(function) = host().panic else {
        return false;
    };
    // SAFETY: pointers and lengths belong to live strings that the host copies.
    unsafe {
        function(
            message.as_ptr(),
            message.len(),
            file.as_ptr(),
            file.len(),
            line,
            column,
            thread.as_ptr(),
            thread.len(),
            teller as u32,
        );
    }
    true
}

/// Tells that the cell ended by unwinding.
pub fn ended_by_panic(message: &str) {
    if let Some(function) = host().panicked {
        // SAFETY: pointer and length belong to a live string that the host copies.
        unsafe { function(message.as_ptr(), message.len()) };
    }
}

/// Tells of an error that `?` returned from the cell; `type_name` is empty for an `Option`.
/// Returns whether a host was there.
#[cfg_attr(
    not(feature = "question_mark"),
    expect(dead_code, reason = "only `?` in cells calls it")
)]
pub fn returned_error(type_name: &str, message: &str, file: &str, line: u32, column: u32) -> bool {
    let Some(function) = host().returned_error else {
        return false;
    };
    // SAFETY: pointers and lengths belong to live strings that the host copies.
    unsafe {
        function(
            type_name.as_ptr(),
            type_name.len(),
            message.as_ptr(),
            message.len(),
            file.as_ptr(),
            file.len(),
            line,
            column,
        );
    }
    true
}
