//! How the processes of the host die, and what is left then.

use std::path::Path;

use crate::host::{Death, Unprotected};
use crate::play::{GIVEN_UP, Session};

#[test]
fn variables_survive_whatever_a_cell_does() {
    let session = Session::start();
    session.run(r#"put("x", String::from("kept"));"#);
    let died = |source: &str, death: Death| {
        let ran = session.run(source);
        assert_eq!(ran.answers, [GIVEN_UP], "{source}");
        assert_eq!(ran.report.death, Some(death), "{source}");
        assert!(
            ran.stdout().starts_with("before\n"),
            "{source}: {:?}",
            ran.outputs
        );
        let kept = session.run(r#"let x: String = take("x"); println!("{x}"); put("x", x);"#);
        assert_eq!(kept.stdout(), "kept\n", "after {source}");
        ran
    };
    let lose = r#"println!("before"); put("x", String::from("changed")); "#;
    let died_of = |source: &str| format!("{lose}{source}");
    died(
        &died_of("unsafe { kill(getpid(), 9) };"),
        Death::Signal(libc::SIGKILL),
    );
    died(
        &died_of("unsafe { std::ptr::null_mut::<u8>().wrapping_add(8).write_volatile(1) };"),
        Death::Signal(libc::SIGSEGV),
    );
    died(&died_of("std::process::abort();"), Death::Signal(libc::SIGABRT));
    died(&died_of("std::process::exit(3);"), Death::Exit(3));
    let ran = died(
        &died_of("fn f(n: u64) -> u64 { let a = [n; 100]; std::hint::black_box(&a); f(n + 1) + a[5] } f(0);"),
        Death::Signal(libc::SIGABRT),
    );
    assert!(ran.stderr().contains("overflowed its stack"), "{}", ran.stderr());
    let ran = died(
        &died_of(r#"extern "C" fn f() { panic!("the cause") } f();"#),
        Death::Signal(libc::SIGABRT),
    );
    assert_eq!(ran.report.panic.unwrap().message, "the cause");
}

#[test]
fn a_panic_is_reported_and_others_are_printed() {
    let session = Session::start();
    let ran = session.run(
        r#"
        let _ = std::panic::catch_unwind(|| panic!("caught"));
        let _ = std::thread::Builder::new().name("helper".into()).spawn(|| panic!("elsewhere")).unwrap().join();
        let _ = std::thread::spawn(|| panic!("nameless")).join();
        println!("on");
        panic!("fatal");
        "#,
    );
    assert_eq!(ran.answers, [GIVEN_UP]);
    let panic = ran.report.panic.clone().unwrap();
    assert_eq!((panic.message.as_str(), panic.thread.as_str()), ("fatal", ""));
    assert!(panic.line > 1 && panic.file.ends_with(".rs"));
    assert!(
        ran.stderr().contains("thread 'helper' panicked at "),
        "{}",
        ran.stderr()
    );
    assert!(
        ran.stderr().contains("thread '<unnamed>' panicked at "),
        "{}",
        ran.stderr()
    );
    assert!(
        ran.stderr().contains("\ncaught\n") && !ran.stderr().contains("fatal"),
        "{}",
        ran.stderr()
    );
    assert_eq!(ran.stdout(), "on\n");
    // `resume_unwind` calls no hook.
    let ran = session.run(r#"std::panic::resume_unwind(Box::new(1));"#);
    assert!(ran.report.panic.is_some());
}

#[test]
fn an_interrupt_ends_an_endless_loop_and_what_it_started() {
    let session = Session::start();
    session.run(r#"put("x", 1i64);"#);
    let ran = session.run_and(
        r#"
        put("x", 2i64);
        std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        println!("looping");
        loop {}
        "#,
        |session| {
            session.wait_for("looping");
            assert!(session.host.interrupt());
        },
    );
    assert!(ran.report.interrupted);
    assert_eq!(ran.report.death, Some(Death::Signal(libc::SIGKILL)));
    assert_eq!(
        session.run(r#"println!("{}", take::<i64>("x"));"#).stdout(),
        "1\n"
    );
    assert!(!session.host.interrupt());
}

#[test]
fn an_interrupt_that_comes_at_once_loses_nothing() {
    let session = Session::start();
    session.run(r#"put("x", 7i64);"#);
    let cell = session.compile("loop {}");
    for _ in 0..10 {
        let ran = session.run_compiled_and(&cell, |session| while !session.host.interrupt() {});
        assert!(ran.report.interrupted);
    }
    assert_eq!(
        session.run(r#"println!("{}", take::<i64>("x"));"#).stdout(),
        "7\n"
    );
}

#[test]
fn a_worker_killed_while_idle_takes_the_variables_with_it_and_evcxr_notices() {
    let mut session = Session::start();
    let pid = session
        .run(r#"put("x", 1i64); println!("{}", std::process::id());"#)
        .stdout();
    // SAFETY: a process that this test started.
    unsafe { libc::kill(pid.trim().parse().unwrap(), libc::SIGKILL) };
    session.expect_end();
    session.restart();
    let ran = session.run(r#"println!("{}", check::<i64>("x"));"#);
    assert_eq!(ran.stdout(), "0\n");
    assert_eq!(ran.report.changed_type, ["x"]);
}

#[test]
fn a_crash_beside_other_threads_says_why_variables_are_lost() {
    let mut session = Session::start();
    session.run(r#"std::thread::spawn(|| std::thread::sleep(std::time::Duration::from_secs(1000)));"#);
    let ran = session.try_run("std::process::abort();");
    assert_eq!(ran.answers, [""; 0]);
    assert_eq!(ran.report.unprotected, Some(Unprotected::Threads(1)));
    assert_eq!(ran.report.death, Some(Death::Signal(libc::SIGABRT)));
    session.expect_end();
    session.restart();
    assert_eq!(session.run(r#"println!("again");"#).stdout(), "again\n");
}

#[test]
fn a_forked_child_that_returns_from_the_cell_is_no_second_worker() {
    let session = Session::start();
    session.run(r#"unsafe { fork() };"#);
    assert_eq!(session.run(r#"println!("once");"#).stdout(), "once\n");
}

#[test]
fn the_end_of_the_kernel_ends_everything() {
    let mut session = Session::start();
    let ran = session.run(
        r#"
        let child = std::process::Command::new("setsid").args(["sleep", "1000"]).spawn().unwrap();
        println!("{} {}", std::process::id(), child.id());
        "#,
    );
    session.host.shutdown();
    session.expect_end();
    for pid in ran.stdout().split_whitespace() {
        assert!(!Path::new("/proc").join(pid).exists(), "{pid} lives");
    }
}

#[test]
fn evcxr_ends_the_process_by_closing_its_input() {
    let mut session = Session::start();
    session.run(r#"put("x", 1i64);"#);
    session.close_input();
    session.expect_end();
    session.restart();
    assert_eq!(session.run(r#"println!("again");"#).stdout(), "again\n");
}

#[test]
fn a_killed_supervisor_is_noticed() {
    let mut session = Session::start();
    let ran = session.run_with_end("loop {}", |session| {
        session.wait_until_running();
        session.kill();
    });
    assert_eq!(ran.report.death, Some(Death::Signal(libc::SIGKILL)));
    session.expect_end();
    session.restart();
    assert_eq!(session.run(r#"println!("again");"#).stdout(), "again\n");
}
