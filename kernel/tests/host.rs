//! The host process for real: these tests play evcxr's part, compile tiny cells with rustc and run
//! them in the built executable.

// Not every part of the two modules is used from here.
#![allow(dead_code)]
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../src/host/mod.rs"]
mod host;
#[path = "../src/interpreter.rs"]
mod interpreter;

#[path = "host/calls.rs"]
mod calls;
#[path = "host/cells.rs"]
mod cells;
#[path = "host/deaths.rs"]
mod deaths;
#[path = "host/play.rs"]
mod play;

use std::path::Path;
use std::time::{Duration, Instant};

use interpreter::{InputError, Output, Stream};
use play::{GIVEN_UP, Session};
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
    assert_eq!(ran.answers, [GIVEN_UP]);
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
#[test]
fn programs_that_a_cell_starts_are_no_hosts() {
    let session = Session::start();
    let ran = session.run(
        r#"println!("{:?} {:?}", std::env::var_os("CELLAR_HOST_SOCKET"), std::env::var_os("EVCXR_IS_RUNTIME"));"#,
    );
    assert_eq!(ran.stdout(), "None None\n");
}
