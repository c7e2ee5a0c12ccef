//! Calls of functions that are no cells, and what their failures leave.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::cells;
use crate::host::call::{Call, CallReport, Manner};
use crate::play::Session;

fn call(library: &Path, argument: &[u8], manner: Manner) -> Call {
    Call {
        library: library.to_owned(),
        function: cells::CALLED.to_owned(),
        argument: argument.to_vec(),
        manner,
    }
}

fn answer(report: &CallReport) -> String {
    assert_eq!(report.failed, None);
    String::from_utf8(report.answer.clone()).unwrap()
}

/// Reads, changes and puts the variable `x`, as its argument says.
fn library(session: &Session) -> PathBuf {
    session.compile_called(
        r#"
        match argument {
            b"peek" => answer(format!("{:?} {}", peek::<String>("x"), std::process::id()).as_bytes()),
            b"put" => { put("x", String::from("new")); answer(b"done") }
            b"parts" => { answer(b"one "); answer(b"two") }
            b"silent" => {}
            b"panic" => { put("x", String::from("lost")); panic!("no good") }
            b"print" => { println!("printed"); eprintln!("told"); answer(b"ok") }
            b"crash" => unsafe { std::ptr::null_mut::<u8>().wrapping_add(8).write_volatile(1) },
            b"abort" => std::process::abort(),
            b"exit" => std::process::exit(3),
            b"loop" => loop { std::thread::sleep(std::time::Duration::from_millis(10)) },
            b"big" => { let part = vec![7u8; 1 << 20]; for _ in 0..30 { answer(&part) } }
            other => { std::thread::sleep(std::time::Duration::from_millis(300)); answer(other) }
        }
        "#,
    )
}

const MANNERS: [Manner; 3] = [Manner::Plain, Manner::Protected, Manner::Aside];

#[test]
fn a_call_sees_the_variables_and_answers() {
    let session = Session::start();
    session.run(r#"put("x", String::from("old"));"#);
    let library = library(&session);
    for manner in MANNERS {
        let seen = answer(&session.host.call(call(&library, b"peek", manner)));
        assert!(seen.starts_with("Some(\"old\") "), "{seen}");
        assert_eq!(
            answer(&session.host.call(call(&library, b"parts", manner))),
            "one two"
        );
        let silent = session.host.call(call(&library, b"silent", manner));
        assert_eq!(silent.failed.as_deref(), Some("it gave no answer"));
        let big = session.host.call(call(&library, b"big", manner));
        assert_eq!((big.failed, big.answer), (None, vec![7; 30 << 20]));
    }
    // What a copy does stays in it.
    session.host.call(call(&library, b"put", Manner::Aside));
    assert!(answer(&session.host.call(call(&library, b"peek", Manner::Aside))).contains("old"));
    session.host.call(call(&library, b"put", Manner::Protected));
    assert_eq!(
        session.run(r#"println!("{}", take::<String>("x"));"#).stdout(),
        "new\n"
    );
}

#[test]
fn whatever_a_call_does_nothing_else_is_harmed() {
    let session = Session::start();
    session.run(r#"put("x", String::from("kept"));"#);
    let library = library(&session);
    for manner in [Manner::Protected, Manner::Aside] {
        for (argument, expected) in [
            (&b"panic"[..], "it panicked: no good"),
            (b"crash", "it crashed (SIGSEGV)"),
            (b"abort", "it aborted (SIGABRT)"),
            (b"exit", "it ended its process with status 3"),
        ] {
            let report = session.host.call(call(&library, argument, manner));
            let failed = report.failed.unwrap();
            assert!(failed.starts_with(expected), "{manner:?}: {failed}");
            assert!(!report.interrupted);
        }
    }
    let ran = session.run(r#"println!("{}", take::<String>("x"));"#);
    assert_eq!((ran.stdout().as_str(), ran.stderr().as_str()), ("kept\n", ""));
    let missing = session
        .host
        .call(call(Path::new("/nowhere.so"), b"", Manner::Aside));
    assert!(missing.failed.unwrap().contains("/nowhere.so"));
    let missing = session
        .host
        .call(call(Path::new("/nowhere.so"), b"", Manner::Plain));
    assert!(missing.failed.unwrap().contains("/nowhere.so"));
    let long = session.host.call(call(&library, &[0; 100_000], Manner::Aside));
    assert_eq!(long.failed.as_deref(), Some("its argument is too long"));
}

#[test]
fn calls_aside_go_on_beside_cells_and_survive_their_failures() {
    let session = Session::start();
    session.run(r#"put("x", 1i64);"#);
    let library = library(&session);
    let pending: Vec<_> = (0..8)
        .map(|n| {
            session
                .host
                .start_call(call(&library, format!("{n}").as_bytes(), Manner::Aside))
        })
        .collect();
    let looping = session.host.start_call(call(&library, b"loop", Manner::Aside));
    session.run("std::process::abort();");
    for (n, pending) in pending.iter().enumerate() {
        assert_eq!(answer(&pending.wait()), format!("{n}"));
    }
    // An interrupt is for the cell.
    let ran = session.run_and(r#"println!("looping"); loop {}"#, |session| {
        session.wait_for("looping");
        assert!(session.host.interrupt());
    });
    assert!(ran.report.interrupted);
    assert_eq!(looping.poll(), None);
    looping.stop();
    let stopped = looping.wait_for(Duration::from_secs(60)).unwrap();
    assert!(stopped.interrupted, "{stopped:?}");
    assert_eq!(
        session.run(r#"println!("{}", take::<i64>("x"));"#).stdout(),
        "1\n"
    );
}

#[test]
fn a_call_in_the_process_of_the_cells_can_be_interrupted() {
    let session = Session::start();
    session.run(r#"put("x", 1i64);"#);
    let library = library(&session);
    let looping = session
        .host
        .start_call(call(&library, b"loop", Manner::Protected));
    while !session.host.interrupt() {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(looping.wait().interrupted);
    assert_eq!(
        session.run(r#"println!("{}", take::<i64>("x"));"#).stdout(),
        "1\n"
    );
}

#[test]
fn a_call_waits_for_the_cell_and_leaves_no_process() {
    let session = Session::start();
    let library = library(&session);
    let seen = std::sync::Mutex::new(String::new());
    let ran = session.run_and(
        r#"println!("begun"); std::thread::sleep(std::time::Duration::from_millis(300)); put("x", String::from("late"));"#,
        |session| {
            session.wait_for("begun");
            *seen.lock().unwrap() = answer(&session.host.call(call(&library, b"peek", Manner::Aside)));
        },
    );
    assert!(ran.report.unprotected.is_none());
    let seen = seen.into_inner().unwrap();
    let copy = seen.strip_prefix("Some(\"late\") ").unwrap();
    let since = Instant::now();
    // Not even as one that nobody has reaped.
    while Path::new("/proc").join(copy).exists() {
        assert!(since.elapsed() < Duration::from_secs(60), "{copy} is left");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_output_of_a_call_aside_is_nobodys() {
    let session = Session::start();
    let library = library(&session);
    let ran = session.run_and(r#"println!("mine");"#, |session| {
        answer(&session.host.call(call(&library, b"print", Manner::Aside)));
    });
    assert_eq!((ran.stdout().as_str(), ran.stderr().as_str()), ("mine\n", ""));
}

#[test]
fn variables_are_forgotten_and_their_destructors_run() {
    let session = Session::start();
    session.run(
        r#"
        struct Told(&'static str);
        impl Drop for Told { fn drop(&mut self) { println!("dropped {}", self.0); if self.0 == "bad" { panic!("in drop") } } }
        put("a", 1i64); put("b", Told("good")); put("c", Told("bad"));
        "#,
    );
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(session.host.forget(&names(&["a", "b", "missing"])).failed, None);
    let failed = session.host.forget(&names(&["c"]));
    assert_eq!(failed.failed.as_deref(), Some("it panicked: in drop"));
    let ran = session.run(r#"for name in ["a", "b", "c"] { print!("{} ", peek::<()>(name).is_some()) }"#);
    assert_eq!(ran.stdout(), "false false true ");
}

#[test]
fn without_a_process_calls_fail_at_once() {
    let mut session = Session::start();
    let library = library(&session);
    assert!(
        session
            .host
            .call(call(&library, b"parts", Manner::Plain))
            .failed
            .is_none()
    );
    session.close_input();
    session.expect_end();
    let failed = loop {
        // The kernel's thread may not have noticed yet; then the call fails when it does.
        let report = session.host.call(call(&library, b"parts", Manner::Plain));
        if let Some(failed) = report.failed {
            break failed;
        }
    };
    assert!(failed.contains("has ended"), "{failed}");
    session.restart();
    session.run("");
    assert_eq!(
        answer(&session.host.call(call(&library, b"parts", Manner::Aside))),
        "one two"
    );
}
