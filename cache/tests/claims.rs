//! Single flight: what several processes want at once is computed once, and a dead one holds up nobody.

#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use cellar_cache::{Claim, Options, Store, Waited};
use support::*;

const FOLDER: &str = "CELLAR_TEST_STORE";
const LOG: &str = "CELLAR_TEST_LOG";
const HANG: &str = "CELLAR_TEST_HANG";

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn log(line: &str) {
    let path = std::env::var_os(LOG).expect("set by the parent");
    let mut file = std::fs::File::options()
        .append(true)
        .create(true)
        .open(path)
        .unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

fn lines(log: &Path, wanted: &str) -> usize {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().filter(|line| *line == wanted).count()
}

fn wait_for(log: &Path, wanted: &str, count: usize) {
    let end = Instant::now() + PATIENCE;
    while lines(log, wanted) < count {
        assert!(Instant::now() < end, "{:?}", std::fs::read_to_string(log));
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What a kernel does with a cached cell.
#[test]
#[ignore = "run by the other tests in processes of its own"]
fn one_kernel() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let store = Store::open(folder, Options::default());
    loop {
        if hit(&store, "slow").is_some() {
            log("hit");
            return;
        }
        match store.claim(key("slow"), "slow cell") {
            Claim::Mine(_guard) => {
                // Somebody may have put it between the look and the claim.
                if hit(&store, "slow").is_some() {
                    log("hit");
                    return;
                }
                log("compute");
                if std::env::var_os(HANG).is_some() {
                    std::thread::sleep(PATIENCE);
                }
                std::thread::sleep(Duration::from_millis(200));
                put(&store, "slow", "slow", &content(1, LARGE));
                log("put");
                return;
            }
            Claim::Busy(waiter) => {
                log("wait");
                while waiter.wait(Duration::from_millis(20)) == Waited::Busy {}
            }
        }
    }
}

fn kernel(place: &Place, log: &Path) -> Command {
    let mut command = child("one_kernel");
    command
        .env(FOLDER, place.folder.path())
        .env(LOG, log)
        .stdout(Stdio::null());
    command
}

fn finish(children: Vec<Child>) {
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn of_six_processes_one_computes() {
    let place = place();
    let log = place.folder.path().join("log");
    let kernels = (0..6).map(|_| kernel(&place, &log).spawn().unwrap()).collect();
    finish(kernels);
    assert_eq!(
        (lines(&log, "compute"), lines(&log, "put"), lines(&log, "hit")),
        (1, 1, 5)
    );
    assert!(files(&place.root().join("locks")).is_empty());
}

#[test]
fn when_the_one_that_computes_is_killed_another_does() {
    let place = place();
    let log = place.folder.path().join("log");
    let mut leader = kernel(&place, &log).env(HANG, "1").spawn().unwrap();
    wait_for(&log, "compute", 1);
    let kernels: Vec<_> = (0..4).map(|_| kernel(&place, &log).spawn().unwrap()).collect();
    wait_for(&log, "wait", 4);
    assert_eq!(lines(&log, "compute"), 1);

    let Claim::Busy(waiter) = place.store.claim(key("slow"), "mine") else {
        panic!("it is taken")
    };
    assert_eq!(waiter.holder().pid, Some(leader.id()));
    assert_eq!(waiter.holder().name, "slow cell");
    assert!(waiter.holder().since <= SystemTime::now());
    assert_eq!(waiter.wait(Duration::from_millis(30)), Waited::Busy);

    leader.kill().unwrap();
    leader.wait().unwrap();
    finish(kernels);
    assert_eq!(
        (lines(&log, "compute"), lines(&log, "put"), lines(&log, "hit")),
        (2, 1, 3)
    );
}

#[test]
fn a_claim_ends_with_its_guard() {
    let place = place();
    let other = place.reopened();
    let Claim::Mine(guard) = place.store.claim(key("a"), "first") else {
        panic!("nobody else is here")
    };
    assert!(matches!(other.claim(key("b"), "another key"), Claim::Mine(_)));
    let Claim::Busy(waiter) = other.claim(key("a"), "second") else {
        panic!("it is taken")
    };
    assert_eq!(waiter.holder().pid, Some(std::process::id()));
    drop(guard);
    assert_eq!(waiter.wait(PATIENCE), Waited::Free);
    assert!(matches!(other.claim(key("a"), "second"), Claim::Mine(_)));
}

#[test]
fn a_name_with_line_breaks_is_told_as_it_is() {
    let place = place();
    let _guard = place.store.claim(key("a"), "two\nlines");
    let Claim::Busy(waiter) = place.store.claim(key("a"), "second") else {
        panic!("it is taken")
    };
    assert_eq!(waiter.holder().name, "two\nlines");
}

#[test]
fn lock_files_of_the_killed_are_swept_and_those_of_the_living_are_not() {
    let place = place();
    let locks = place.root().join("locks");
    std::fs::write(locks.join(key("dead").to_string()), "1\n2\nx").unwrap();
    let guard = place.store.claim(key("living"), "living");
    place.store.gc();
    assert_eq!(files(&locks), [locks.join(key("living").to_string())]);
    assert!(matches!(
        place.reopened().claim(key("living"), "x"),
        Claim::Busy(_)
    ));
    drop(guard);
}

/// Threads claim and give up the same key as fast as they can: never two at once.
#[test]
fn never_two_at_once() {
    use std::sync::atomic::{AtomicU32, Ordering};
    let place = place();
    let inside = AtomicU32::new(0);
    let turns = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let store = place.reopened();
            scope.spawn(|| {
                let store = store;
                while turns.load(Ordering::SeqCst) < 400 {
                    match store.claim(key("a"), "a") {
                        Claim::Mine(guard) => {
                            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                            turns.fetch_add(1, Ordering::SeqCst);
                            std::thread::yield_now();
                            inside.fetch_sub(1, Ordering::SeqCst);
                            drop(guard);
                        }
                        Claim::Busy(waiter) => {
                            waiter.wait(Duration::from_millis(1));
                        }
                    }
                }
            });
        }
    });
}
