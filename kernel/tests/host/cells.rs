//! Compiles cells, and a stand-in for the runtime library, with plain rustc.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::host::Libraries;

/// What a cell's body can use.
const PRELUDE: &str = r#"
#![allow(dead_code, unused, unconditional_recursion)]
use std::ffi::{c_int, c_void};
use std::any::{TypeId, type_name};
#[repr(C)]
pub struct Entry { mime: *const u8, mime_len: usize, content: *const u8, content_len: usize, form: u32 }
unsafe extern "C" {
    fn cellar_host_check(name: *const u8, len: usize, type_id: *const u8) -> u32;
    fn cellar_host_take(name: *const u8, len: usize) -> *mut c_void;
    fn cellar_host_put(name: *const u8, len: usize, type_id: *const u8, type_name: *const u8,
        type_name_len: usize, value: *mut c_void, drop: unsafe extern "C" fn(*mut c_void));
    fn cellar_host_peek(name: *const u8, len: usize, type_id: *mut u8) -> *const c_void;
    fn cellar_host_answer(answer: *const u8, len: usize);
    fn cellar_host_panicked();
    fn cellar_host_returned_error(type_name: *const u8, type_name_len: usize, message: *const u8, len: usize,
        file: *const u8, file_len: usize, line: u32, column: u32);
    fn cellar_host_display(kind: u32, id: *const u8, id_len: usize, entries: *const Entry, n: usize);
    fn cellar_host_clear(wait: u32);
    fn cellar_host_input(prompt: *const u8, len: usize, password: u32, buffer: *mut u8, capacity: usize) -> isize;
    fn puts(text: *const u8) -> c_int;
    fn fork() -> c_int;
    fn wait(status: *mut c_int) -> c_int;
    fn dup(fd: c_int) -> c_int;
    fn dup2(from: c_int, to: c_int) -> c_int;
    fn getpid() -> c_int;
    fn kill(pid: c_int, signal: c_int) -> c_int;
}
fn id<T: 'static>() -> [u8; 16] { unsafe { std::mem::transmute(TypeId::of::<T>()) } }
fn put<T: 'static>(name: &str, value: T) {
    unsafe extern "C" fn drop_it<T>(value: *mut c_void) { drop(unsafe { Box::from_raw(value.cast::<T>()) }) }
    let (id, ty) = (id::<T>(), type_name::<T>());
    unsafe { cellar_host_put(name.as_ptr(), name.len(), id.as_ptr(), ty.as_ptr(), ty.len(),
        Box::into_raw(Box::new(value)).cast(), drop_it::<T>) }
}
fn take<T: 'static>(name: &str) -> T {
    *unsafe { Box::from_raw(cellar_host_take(name.as_ptr(), name.len()).cast::<T>()) }
}
fn peek<T>(name: &str) -> Option<&'static T> {
    let mut id = [0u8; 16];
    unsafe { cellar_host_peek(name.as_ptr(), name.len(), id.as_mut_ptr()).cast::<T>().as_ref() }
}
fn answer(bytes: &[u8]) { unsafe { cellar_host_answer(bytes.as_ptr(), bytes.len()) } }
fn check<T: 'static>(name: &str) -> u32 {
    unsafe { cellar_host_check(name.as_ptr(), name.len(), id::<T>().as_ptr()) }
}
fn display(kind: u32, id: &str, entries: &[(&str, &[u8], u32)]) {
    let entries: Vec<Entry> = entries.iter().map(|(mime, content, form)| Entry { mime: mime.as_ptr(),
        mime_len: mime.len(), content: content.as_ptr(), content_len: content.len(), form: *form }).collect();
    unsafe { cellar_host_display(kind, id.as_ptr(), id.len(), entries.as_ptr(), entries.len()) }
}
fn returned_error(ty: &str, message: &str) {
    unsafe { cellar_host_returned_error(ty.as_ptr(), ty.len(), message.as_ptr(), message.len(), b"f".as_ptr(), 1, 3, 4) }
}
fn input(prompt: &str, password: bool) -> Result<String, isize> {
    let mut buffer = vec![0; 100];
    let got = unsafe { cellar_host_input(prompt.as_ptr(), prompt.len(), password.into(), buffer.as_mut_ptr(), 100) };
    if got < 0 { return Err(got) }
    buffer.truncate(got as usize);
    Ok(String::from_utf8(buffer).unwrap())
}
"#;

const CELL: &str = r#"
#[unsafe(no_mangle)]
pub extern "C" fn run_cell(store: *mut c_void) -> *mut c_void {
    assert!(!store.is_null());
    if std::panic::catch_unwind(|| body()).is_err() { unsafe { cellar_host_panicked() } }
    store
}
"#;

/// A function that is no cell.
const CALLED_FUNCTION: &str = r#"
#[unsafe(no_mangle)]
pub extern "C" fn called(argument: *const u8, length: usize) {
    let argument = unsafe { std::slice::from_raw_parts(argument, length) };
    if std::panic::catch_unwind(|| body(argument)).is_err() { unsafe { cellar_host_panicked() } }
}
"#;

/// Its name.
pub const CALLED: &str = "called";

/// The name of the function in every compiled cell.
pub const FUNCTION: &str = "run_cell";

const RUNTIME: &str = r#"
unsafe extern "C" {
    fn cellar_host_panic(message: *const u8, len: usize, file: *const u8, file_len: usize, line: u32, column: u32,
        thread: *const u8, thread_len: usize, teller: u32);
}
#[unsafe(no_mangle)]
pub extern "C" fn cellar_runtime_start() {
    std::panic::set_hook(Box::new(|info| {
        let message = info.payload_as_str().unwrap_or("Box<dyn Any>");
        let (file, line, column) = info.location().map_or(("", 0, 0), |l| (l.file(), l.line(), l.column()));
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("");
        unsafe { cellar_host_panic(message.as_ptr(), message.len(), file.as_ptr(), file.len(), line, column,
            name.as_ptr(), name.len(), 0) }
    }));
}
#[unsafe(no_mangle)]
pub extern "C" fn cellar_runtime_cell_begins() {}
#[unsafe(no_mangle)]
pub extern "C" fn cellar_runtime_flush() { let _ = std::io::Write::flush(&mut std::io::stdout()); }
#[unsafe(no_mangle)]
pub extern "C" fn cellar_runtime_cell_ended() {}
"#;

/// Compiles a body to a library in `dir`.
pub fn compile(dir: &Path, body: &str) -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("cell_{}", NEXT.fetch_add(1, Ordering::SeqCst));
    rustc(
        dir,
        &name,
        &format!("{PRELUDE}{CELL}\nfn body() {{\n{body}\n}}\n"),
    )
}

/// Compiles the body of a function that is called with an `argument`.
pub fn compile_called(dir: &Path, body: &str) -> PathBuf {
    let source = format!("{PRELUDE}{CALLED_FUNCTION}\nfn body(argument: &[u8]) {{\n{body}\n}}\n");
    rustc(dir, "called", &source)
}

/// The libraries that every host loads, made once.
pub fn libraries() -> Libraries {
    static LIBRARIES: OnceLock<(tempfile::TempDir, Libraries)> = OnceLock::new();
    let (_, libraries) = LIBRARIES.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let output = Command::new("rustc")
            .args(["--print", "target-libdir"])
            .output()
            .unwrap();
        let libdir = PathBuf::from(String::from_utf8(output.stdout).unwrap().trim());
        let entries = std::fs::read_dir(libdir)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let is_std = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.starts_with("libstd-") && name.ends_with(".so")
        };
        let std = entries.into_iter().find(is_std).unwrap();
        let runtime = rustc(dir.path(), "standin", RUNTIME);
        (dir, Libraries { std, runtime })
    });
    libraries.clone()
}

fn rustc(dir: &Path, name: &str, source: &str) -> PathBuf {
    let (file, library) = (dir.join(format!("{name}.rs")), dir.join(format!("lib{name}.so")));
    std::fs::write(&file, source).unwrap();
    let output = Command::new("rustc")
        .args([
            "--edition",
            "2024",
            "--crate-type",
            "cdylib",
            "-Cprefer-dynamic",
            "-Copt-level=1",
            "-o",
        ])
        .args([&library, &file])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    library
}
