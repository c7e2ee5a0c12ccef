//! The functions of `abi.md`, which the runtime library and compiled cells call, and input, which
//! plain `read` shares with them.

use std::collections::VecDeque;
use std::ffi::c_void;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::store::{self, Known, TypeId, Variable};
use super::{call, linux, output};
use crate::host::control::{Answer, AnswerParts, LONGEST};
use crate::host::record::{Entry, Record};
use crate::host::{PanicRecord, ReturnedError, sys};

/// `cellar_runtime_flush`, as an address; 0 before the runtime library is there.
static FLUSH: AtomicUsize = AtomicUsize::new(0);

/// Tells which function flushes the standard output of the cells' std.
pub fn set_flush(flush: unsafe extern "C" fn()) {
    FLUSH.store(flush as usize, Ordering::SeqCst);
}

/// Flushes the standard output of the cells' std.
pub fn flush() {
    let address = FLUSH.load(Ordering::SeqCst);
    if address != 0 {
        // SAFETY: `set_flush` stored a function of this type, and libraries are never unloaded.
        unsafe {
            let flush: unsafe extern "C" fn() = std::mem::transmute(address);
            flush();
        }
    }
}

/// The cell told that it failed: by a panic, or by a `?`.
static FAILED: AtomicBool = AtomicBool::new(false);

/// Whether the cell that ran last told that it failed. Forgets it.
pub fn take_failed() -> bool {
    FAILED.swap(false, Ordering::SeqCst)
}

/// The bytes at a pointer and length that came over the ABI.
///
/// # Safety
/// As `std::slice::from_raw_parts`, but nothing is asked of the pointer of an empty slice.
unsafe fn bytes<'a>(start: *const u8, length: usize) -> &'a [u8] {
    if length == 0 || start.is_null() {
        return &[];
    }
    // SAFETY: promised by the caller.
    unsafe { std::slice::from_raw_parts(start, length) }
}

/// The text at a pointer and length that came over the ABI.
///
/// # Safety
/// As [`bytes()`].
unsafe fn text(start: *const u8, length: usize) -> String {
    // SAFETY: promised by the caller.
    String::from_utf8_lossy(unsafe { bytes(start, length) }).into_owned()
}

/// # Safety
/// See `abi.md`.
#[unsafe(no_mangle)]
unsafe extern "C" fn cellar_host_check(name: *const u8, length: usize, type_id: *const u8) -> u32 {
    // SAFETY: promised by the caller.
    let (name, type_id) = unsafe { (text(name, length), type_id.cast::<TypeId>().read_unaligned()) };
    let known = store::check(&name, type_id);
    if known != Known::SameType {
        output::send(&Record::ChangedType(name));
    }
    match known {
        Known::Missing => 0,
        Known::SameType => 1,
        Known::OtherType => 2,
    }
}

/// # Safety
/// See `abi.md`.
#[unsafe(no_mangle)]
unsafe extern "C" fn cellar_host_take(name: *const u8, length: usize) -> *mut c_void {
    // SAFETY: promised by the caller.
    store::take(&unsafe { text(name, length) })
}

/// # Safety
/// See `abi.md`.
#[unsafe(no_mangle)]
unsafe extern "C" fn cellar_host_put(
    name: *const u8,
    length: usize,
    type_id: *const u8,
    type_name: *const u8,
    type_name_length: usize,
    value: *mut c_void,
    drop: unsafe extern "C" fn(*mut c_void),
) {
    // SAFETY: promised by the caller.
    let (name, type_id, type_name) = unsafe {
        (
            text(name, length),
            type_id.cast::<TypeId>().read_unaligned(),
            text(type_name, type_name_length),
        )
    };
    store::put(
        &name,
        Variable {
            type_id,
            type_name,
            value,
            drop,
        },
    );
}

/// # Safety
/// See `abi.md`.
#[unsafe(no_mangle)]
unsafe extern "C" fn cellar_host_peek(name: *const u8, length: usize, type_id: *mut u8) -> *const c_void {
    // SAFETY: promised by the caller.
    match store::peek(&unsafe { text(name, length) }) {
        Some((value, identity)) => {
            // SAFETY: the caller's buffer has room for a type's identity.
            unsafe { type_id.cast::<TypeId>().write_unaligned(identity) };
            value
        }
        None => std::ptr::null(),
    }
}

/// # Safety
/// See `abi.md`.
#[unsafe(no_mangle)]
unsafe extern "C" fn cellar_host_forget(name: *const u8, length: usize) {
    // SAFETY: promised by the caller.
    store::forget(&unsafe { text(name, length) });
}

/// # Safety
/// See `abi.md`.
#[unsafe(no_mangle)]
unsafe extern "C" fn cellar_host_answer(answer: *const u8, length: usize) {
    // SAFETY: promised by the caller.
    call::answer(unsafe { bytes(answer, length) });
}

/// # Safety
/// See `abi.md`.
#[unsafe(no_mangle)]
unsafe extern "C" fn cellar_host_tell(message: *const u8, length: usize) {
    // SAFETY: promised by the caller.
    output::send(&Record::Told(unsafe { bytes(message, length) }.to_vec()));
}

#[unsafe(no_mangle)]
extern "C" fn cellar_host_panicked() {
    FAILED.store(true, Ordering::SeqCst);
    output::send(&Record::Panicked(None));
}

/// # Safety
/// See `abi.md`.
#[unsafe(no_mangle)]
unsafe extern "C" fn cellar_host_panicked_with(message: *const u8, length: usize) {
    FAILED.store(true, Ordering::SeqCst);
    // SAFETY: promised by the caller.
    output::send(&Record::Panicked(Some(unsafe { text(message, length) })));
}

/// # Safety
/// See `abi.md`.
#[unsafe(no_mangle)]
unsafe extern "C" fn cellar_host_panic(
    message: *const u8,
    length: usize,
    file: *const u8,
    file_length: usize,
    line: u32,
    column: u32,
    thread: *const u8,
    thread_length: usize,
    teller: u32,
) {
    // SAFETY: promised by the caller.
    let (message, file, mut thread) = unsafe {
        (
            text(message, length),
            text(file, file_length),
            text(thread, thread_length),
        )
    };
    if call::panicked(&message) {
        return;
    }
    // The cells' std has not started the process and does not know its first thread from others
    // without a name.
    let main = linux::is_main_thread();
    if main {
        thread.clear();
    } else if thread.is_empty() {
        thread.push_str("<unnamed>");
    }
    let is_told = teller != 0;
    if !output::is_active() {
        if is_told {
            return;
        }
        // The text at least, as any program has it.
        let text = format!("thread '{thread}' panicked at {file}:{line}:{column}:\n{message}\n");
        let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
        return;
    }
    let record = PanicRecord {
        message,
        file,
        line,
        column,
        thread,
        is_told,
    };
    output::send(&Record::Panic { record, main });
}

/// # Safety
/// See `abi.md`.
#[unsafe(no_mangle)]
unsafe extern "C" fn cellar_host_returned_error(
    type_name: *const u8,
    type_name_length: usize,
    message: *const u8,
    length: usize,
    file: *const u8,
    file_length: usize,
    line: u32,
    column: u32,
) {
    // SAFETY: promised by the caller.
    let (type_name, message, file) = unsafe {
        (
            text(type_name, type_name_length),
            text(message, length),
            text(file, file_length),
        )
    };
    let type_name = Some(type_name).filter(|name| !name.is_empty());
    FAILED.store(true, Ordering::SeqCst);
    output::send(&Record::ReturnedError(ReturnedError {
        type_name,
        message,
        file,
        line,
        column,
    }));
}

/// One content of a display.
#[repr(C)]
struct RawEntry {
    mime: *const u8,
    mime_length: usize,
    content: *const u8,
    content_length: usize,
    form: u32,
}

/// # Safety
/// See `abi.md`.
#[unsafe(no_mangle)]
unsafe extern "C" fn cellar_host_display(
    kind: u32,
    display_id: *const u8,
    id_length: usize,
    entries: *const RawEntry,
    count: usize,
) {
    flush();
    let raw: &[RawEntry] = match count {
        0 => &[],
        // SAFETY: promised by the caller.
        _ => unsafe { std::slice::from_raw_parts(entries, count) },
    };
    let entries = raw.iter().map(|entry| {
        // SAFETY: promised by the caller.
        let (mime, content) = unsafe {
            (
                text(entry.mime, entry.mime_length),
                bytes(entry.content, entry.content_length),
            )
        };
        Entry {
            mime,
            content: content.to_vec(),
            form: entry.form,
        }
    });
    // SAFETY: promised by the caller.
    let display_id = unsafe { text(display_id, id_length) };
    output::send(&Record::Display {
        kind,
        display_id,
        entries: entries.collect(),
    });
}

#[unsafe(no_mangle)]
extern "C" fn cellar_host_clear(wait: u32) {
    flush();
    output::send(&Record::Clear { wait: wait != 0 });
}

/// # Safety
/// See `abi.md`.
#[unsafe(no_mangle)]
unsafe extern "C" fn cellar_host_input(
    prompt: *const u8,
    length: usize,
    password: u32,
    buffer: *mut u8,
    capacity: usize,
) -> isize {
    flush();
    // SAFETY: promised by the caller.
    let prompt = unsafe { text(prompt, length) };
    match ask(Some(prompt), password != 0) {
        Answer::NotAllowed => -1,
        Answer::Closed => -2,
        Answer::Line(line) => {
            let length = line.len().min(capacity);
            // SAFETY: the caller's buffer has room for `capacity` bytes.
            unsafe { std::ptr::copy_nonoverlapping(line.as_ptr(), buffer, length) };
            length as isize
        }
    }
}

static ANSWERS: OnceLock<OwnedFd> = OnceLock::new();
static NEXT_REQUEST: AtomicU64 = AtomicU64::new(1);

/// Tells where answers to requests for input come from.
pub fn set_answers(socket: OwnedFd) {
    assert!(ANSWERS.set(socket).is_ok(), "a worker starts once");
}

/// Nobody can be asked for input.
pub struct NotAllowed;

/// Reads from standard input: what is left of the last line, or else a new one.
pub fn read_input(buffer: &mut [u8]) -> Result<usize, NotAllowed> {
    static LEFT: Mutex<VecDeque<u8>> = Mutex::new(VecDeque::new());
    let mut left = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
    if left.is_empty() {
        flush();
        match ask(None, false) {
            Answer::NotAllowed => return Err(NotAllowed),
            Answer::Closed => return Ok(0),
            Answer::Line(line) => {
                left.extend(line);
                left.push_back(b'\n');
            }
        }
    }
    let length = left.len().min(buffer.len());
    for (into, byte) in buffer.iter_mut().zip(left.drain(..length)) {
        *into = byte;
    }
    Ok(length)
}

/// Asks the kernel for a line. One thread at a time.
fn ask(prompt: Option<String>, password: bool) -> Answer {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(socket) = ANSWERS.get() else {
        return Answer::Closed;
    };
    // Numbers do not repeat after a snapshot took over, so a late answer is known as such.
    let id = NEXT_REQUEST.fetch_add(1, Ordering::SeqCst) << 32 | linux::own_pid() as u64;
    output::send(&Record::Input { id, prompt, password });
    let mut parts = AnswerParts::default();
    let mut message = vec![0; LONGEST];
    loop {
        match sys::receive(socket.as_fd(), &mut message) {
            Ok(0) | Err(_) => return Answer::Closed,
            Ok(length) => {
                if let Some(answer) = parts.add(id, &message[..length]) {
                    return answer;
                }
            }
        }
    }
}
