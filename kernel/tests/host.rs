//! The host process for real: these tests play evcxr's part, compile tiny cells with rustc and run
//! them in the built executable.

// Not every part of the two modules is used from here.
#![allow(dead_code)]
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../src/host/mod.rs"]
mod host;
#[path = "../src/interpreter.rs"]
mod interpreter;

#[path = "host/cells.rs"]
mod cells;
#[path = "host/play.rs"]
mod play;

use std::path::Path;
use std::time::{Duration, Instant};

use host::{Death, Unprotected};
use interpreter::{InputError, Output, Stream};
use play::Session;
use serde_json::json;

#[test]
fn a_cell_prints_and_its_variables_live_on() {
    let session = Session::start();
    let ran = session.run(r#"put("x", 41i64); print!("no line end");"#);
    assert_eq!(ran.answers, ["EVCXR_EXECUTION_COMPLETE"]);
    assert_eq!(ran.stdout(), "no line end");
    assert!(ran.report.ran && ran.report.unprotected.is_none() && ran.report.death.is_none());
    let ran =
        session.run(r#"let x: i64 = take("x"); println!("{}", x + 1); eprintln!("err"); println!("end");"#);
    assert_eq!(
        ran.outputs,
        [
            Output::Text {
                stream: Stream::Stdout,
                text: "42\n".into()
            },
            Output::Text {
                stream: Stream::Stderr,
                text: "err\n".into()
            },
            Output::Text {
                stream: Stream::Stdout,
                text: "end\n".into()
            },
        ]
    );
}

#[test]
fn variables_survive_whatever_a_cell_does() {
    let session = Session::start();
    session.run(r#"put("x", String::from("kept"));"#);
    let mut died = |source: &str, death: Death| {
        let ran = session.run(source);
        assert_eq!(
            ran.answers,
            ["EVCXR_PANIC_NOTIFICATION", "EVCXR_EXECUTION_COMPLETE"],
            "{source}"
        );
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
    assert_eq!(
        ran.answers,
        ["EVCXR_PANIC_NOTIFICATION", "EVCXR_EXECUTION_COMPLETE"]
    );
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
fn threads_go_on_printing_after_their_cell() {
    let session = Session::start();
    let ran = session.run(
        r#"std::thread::spawn(|| { std::thread::sleep(std::time::Duration::from_millis(50)); println!("late"); });"#,
    );
    assert_eq!(ran.stdout(), "");
    session.wait_for("late\n");
}

#[test]
fn c_code_and_child_processes_keep_their_place() {
    let session = Session::start();
    let ran = session.run(
        r#"
        for n in 0..50 {
            println!("rust {n}");
            unsafe { puts(format!("c {n}\0").as_ptr()) };
            println!("more {n}");
            std::process::Command::new("echo").arg(format!("child {n}")).status().unwrap();
        }
        "#,
    );
    let expected: String = (0..50)
        .map(|n| format!("rust {n}\nc {n}\nmore {n}\nchild {n}\n"))
        .collect();
    assert_eq!(ran.stdout(), expected);
    // A forked child writes with the parent's std.
    let ran = session.run(
        r#"
        println!("one");
        if unsafe { fork() } == 0 { println!("two"); std::process::exit(0) }
        unsafe { wait(std::ptr::null_mut()) };
        println!("three");
        "#,
    );
    assert_eq!(ran.stdout(), "one\ntwo\nthree\n");
}

#[test]
fn a_forked_child_that_returns_from_the_cell_is_no_second_worker() {
    let session = Session::start();
    session.run(r#"unsafe { fork() };"#);
    assert_eq!(session.run(r#"println!("once");"#).stdout(), "once\n");
}

#[test]
fn output_that_user_code_redirects_goes_where_it_wants() {
    let session = Session::start();
    let ran = session.run(
        r#"
        use std::os::fd::AsRawFd;
        let file = std::fs::File::create(std::env::temp_dir().join(format!("cellar-{}", std::process::id()))).unwrap();
        unsafe {
            let saved = dup(1);
            dup2(file.as_raw_fd(), 1);
            println!("elsewhere");
            dup2(saved, 1);
        }
        println!("here");
        let name = std::env::temp_dir().join(format!("cellar-{}", std::process::id()));
        eprint!("{}", std::fs::read_to_string(&name).unwrap());
        std::fs::remove_file(name).unwrap();
        "#,
    );
    assert_eq!(
        (ran.stdout().as_str(), ran.stderr().as_str()),
        ("here\n", "elsewhere\n")
    );
}

#[test]
fn bytes_that_are_no_text_disturb_nobody() {
    let session = Session::start();
    let ran = session.run(
        r#"
        use std::io::Write;
        for byte in "ü\n".bytes() { std::io::stdout().write_all(&[byte]).unwrap(); std::io::stdout().flush().unwrap(); }
        std::io::stdout().write_all(b"\xff\n").unwrap();
        print!("EVCXR_EXECUTION_COMPLETE\nabcEVCXR_PANIC_NOTIFICATION");
        "#,
    );
    assert_eq!(ran.answers, ["EVCXR_EXECUTION_COMPLETE"]);
    assert_eq!(
        ran.stdout(),
        "ü\n\u{fffd}\nEVCXR_EXECUTION_COMPLETE\nabcEVCXR_PANIC_NOTIFICATION"
    );
}

#[test]
fn progress_arrives_while_the_cell_runs() {
    let session = Session::start();
    let ran = session.run_and(
        r#"
        use std::io::Write;
        print!("\r10%");
        std::io::stdout().flush().unwrap();
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).unwrap();
        "#,
        |session| session.wait_for("\r10%"),
    );
    assert!(ran.report.ran);
}

#[test]
fn a_hundred_megabytes_arrive_whole() {
    let session = Session::start();
    let cell = session.compile(
        r#"
        let line = "0123456789".repeat(10);
        let line = &line[..99];
        for _ in 0..1_000_000 { println!("{line}"); }
        "#,
    );
    let since = Instant::now();
    let ran = session.run_compiled_and(&cell, |_| {});
    let seconds = since.elapsed().as_secs_f64();
    let stdout = ran.stdout();
    assert_eq!(stdout.len(), 100_000_000);
    assert!(
        stdout
            .lines()
            .all(|line| line.len() == 99 && line.starts_with("0123"))
    );
    eprintln!(
        "{} pieces, {:?} in the cell, {seconds:.2} s in all",
        ran.outputs.len(),
        ran.report.duration
    );
}

#[test]
fn both_kinds_of_rich_output_arrive_in_order() {
    let session = Session::start();
    let ran = session.run(
        r#"
        print!("a");
        println!("EVCXR_BEGIN_CONTENT text/html\n<b>1</b>\nEVCXR_END_CONTENT");
        println!("EVCXR_BEGIN_CONTENT text/plain\n1\nEVCXR_END_CONTENT");
        display(0, "", &[("text/plain", b"2", 0), ("image/png", &[0xff, 0], 1)]);
        print!("b");
        display(1, "id", &[("application/json", b"[3]", 2), ("", b"{\"k\": 1}", 3)]);
        display(2, "", &[("text/plain", b"4", 0)]);
        unsafe { cellar_host_clear(1) };
        "#,
    );
    let object = |value: serde_json::Value| value.as_object().unwrap().clone();
    let shown = |data| Output::Display {
        data: object(data),
        metadata: object(json!({})),
        display_id: None,
    };
    let text = |text: &str| Output::Text {
        stream: Stream::Stdout,
        text: text.into(),
    };
    assert_eq!(
        ran.outputs,
        [
            text("a"),
            shown(json!({"text/html": "<b>1</b>", "text/plain": "1"})),
            shown(json!({"text/plain": "2", "image/png": "/wA="})),
            text("b"),
            Output::Update {
                data: object(json!({"application/json": [3]})),
                metadata: object(json!({"k": 1})),
                display_id: "id".into(),
            },
            Output::Result {
                data: object(json!({"text/plain": "4"})),
                metadata: object(json!({}))
            },
            Output::Clear { wait: true },
        ]
    );
}

#[test]
fn input_is_asked_for_with_the_right_prompt() {
    let session = Session::start();
    let long = "x".repeat(100_000);
    session.answer([
        Ok("Ann".into()),
        Ok("secret".into()),
        Ok(long.clone()),
        Ok("direct".into()),
    ]);
    session.answer([
        Err(InputError::Closed),
        Err(InputError::NotAllowed),
        Ok("again".into()),
    ]);
    let ran = session.run(
        r#"
        let line = || { let mut line = String::new(); std::io::stdin().read_line(&mut line).map(|_| line) };
        print!("Name: ");
        println!("<{:?}>", line().unwrap());
        println!("EVCXR_INPUT_REQUEST_PASSWORD:Password");
        println!("<{:?}>", line().unwrap());
        println!("<{}>", line().unwrap().len());
        println!("<{:?}>", input("Own", true));
        println!("<{:?}>", line().unwrap());
        println!("<{}>", line().unwrap_err());
        println!("<{:?}>", line().unwrap());
        "#,
    );
    assert_eq!(
        ran.stdout(),
        "Name: <\"Ann\\n\">\n<\"secret\\n\">\n<100001>\n<Ok(\"direct\")>\n<\"\">\n\
         <Operation not supported (os error 95)>\n<\"again\\n\">\n"
    );
    let asked = session.asked();
    let asked: Vec<_> = asked
        .iter()
        .map(|(prompt, password)| (prompt.as_str(), *password))
        .collect();
    assert_eq!(
        asked,
        [
            ("Name: ", false),
            ("Password", true),
            ("", false),
            ("Own", true),
            ("", false),
            ("", false),
            ("", false)
        ]
    );
}

#[test]
fn an_error_that_leaves_a_cell_is_reported() {
    let session = Session::start();
    let ran = session.run(r#"returned_error("core::num::ParseIntError", "invalid digit");"#);
    assert_eq!(ran.answers, ["EVCXR_ERROR_OCCURRED", "EVCXR_EXECUTION_COMPLETE"]);
    let error = ran.report.returned_error.unwrap();
    assert_eq!(error.type_name.as_deref(), Some("core::num::ParseIntError"));
    assert_eq!(
        (error.message.as_str(), error.line, error.column),
        ("invalid digit", 3, 4)
    );
}

#[test]
fn a_variable_of_another_type_is_told_to_evcxr() {
    let session = Session::start();
    session.run(r#"put("x", 1i64);"#);
    let ran = session.run(r#"println!("{} {}", check::<u8>("x"), check::<i64>("x"));"#);
    assert_eq!(
        ran.answers,
        ["EVCXR_VARIABLE_CHANGED_TYPE:x", "EVCXR_EXECUTION_COMPLETE"]
    );
    assert_eq!(ran.stdout(), "2 1\n");
}

#[test]
fn cells_that_cannot_be_loaded_fail_alone() {
    let session = Session::start();
    let ran = session.run_compiled_and(Path::new("/nowhere/code_1.so"), |_| {});
    assert_eq!(
        ran.answers,
        ["EVCXR_PANIC_NOTIFICATION", "EVCXR_EXECUTION_COMPLETE"]
    );
    assert!(!ran.report.ran);
    assert!(ran.report.load_error.unwrap().contains("/nowhere/code_1.so"));
    assert_eq!(session.run(r#"println!("fine");"#).stdout(), "fine\n");
}

#[test]
fn a_run_can_be_skipped_and_another_run_without_evcxr() {
    let session = Session::start();
    let cell = session.compile(r#"println!("ran");"#);
    session.host.skip_next_run();
    let ran = session.run_compiled_and(&cell, |_| {});
    assert_eq!(
        (ran.answers.len(), ran.report.ran, ran.outputs.len()),
        (1, false, 0)
    );
    let ran = session.run_without_evcxr(&cell);
    assert_eq!((ran.stdout().as_str(), ran.report.ran), ("ran\n", true));
    assert_eq!(session.run_compiled_and(&cell, |_| {}).stdout(), "ran\n");
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

#[test]
fn cells_run_one_after_the_other_quickly() {
    let session = Session::start();
    let cell = session.compile(r#"println!("x");"#);
    let since = Instant::now();
    for _ in 0..200 {
        assert_eq!(session.run_compiled_and(&cell, |_| {}).stdout(), "x\n");
    }
    let each: Duration = since.elapsed() / 200;
    eprintln!("{each:?} a run");
}
