"""Functions below `//% cache_resource`: one instance, shared, and released once."""

import pytest

from support.kernel import Kernel

DATABASE = """
struct Database { url: String }
fn close(database: &Database) { println!("close {}", database.url); }
fn is_open(database: &Database) -> bool { !database.url.starts_with("broken") }
"""


@pytest.fixture
def database(kernel):
    kernel.ok(DATABASE + "cellar::cache_resource::clear();")
    return kernel


def printed(result):
    return result.stdout.splitlines()


def test_all_calls_share_one_instance(database):
    result = database.ok("""
        //% cache_resource
        fn shared(url: &str) -> Database { println!("open {url}"); Database { url: url.to_owned() } }
        let one = shared("a");
        let two = shared("a");
        println!("{} {}", two.url, cellar::Resource::ptr_eq(&one, &two));
    """)
    assert printed(result) == ["open a", "a true"]
    later = database.ok('drop(one); println!("{}", cellar::Resource::ptr_eq(&two, &shared("a")));')
    assert printed(later) == ["true"]


def test_threads_share_the_instance_that_the_first_of_them_makes(database):
    result = database.ok("""
        use std::sync::atomic::{AtomicU32, Ordering};
        //% cache_resource(on_release = close)
        fn slowly_opened(url: &str, _opened: &AtomicU32) -> Database {
            _opened.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(100));
            Database { url: url.to_owned() }
        }
        let opened = AtomicU32::new(0);
        let handles = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..6).map(|_| scope.spawn(|| slowly_opened("slow", &opened))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        let same = handles.iter().all(|handle| cellar::Resource::ptr_eq(handle, &handles[0]));
        println!("{same} {}", opened.load(Ordering::SeqCst));
    """)
    assert printed(result) == ["true 1"]


def test_release_on_clear_eviction_and_age(database):
    database.ok("""
        //% cache_resource(on_release = close, max_entries = 1)
        fn evicted(url: &str) -> Database { Database { url: url.to_owned() } }
        //% cache_resource(on_release = close, ttl = "100ms")
        fn aged(url: &str) -> Database { Database { url: url.to_owned() } }
    """)
    assert printed(database.ok('evicted("a"); evicted("b"); evicted("b");')) == ["close a"]
    assert printed(database.ok('println!("{}", evicted::clear());')) == ["close b", "1"]
    wait = 'aged("c"); std::thread::sleep(std::time::Duration::from_millis(150)); aged("c");'
    assert printed(database.ok(wait)) == ["close c"]
    assert printed(database.ok('println!("{}", aged::clear_for("c"));')) == ["close c", "true"]
    database.ok('evicted("d"); aged("e");')
    cleared = printed(database.ok('println!("{}", cellar::cache_resource::clear());'))
    assert sorted(cleared) == ["2", "close d", "close e"]


def test_an_instance_that_is_not_valid_is_released_and_made_anew(database):
    result = database.ok("""
        //% cache_resource(on_release = close, validate = is_open)
        fn validated(url: &str) -> Database { println!("open"); Database { url: url.to_owned() } }
        validated("broken"); validated("broken"); validated("fine"); validated("fine");
    """)
    assert printed(result) == ["open", "close broken", "open", "open"]


def test_a_changed_definition_releases_the_older_ones_instance(database):
    database.ok("""
        //% cache_resource(on_release = close)
        fn changed() -> Database { Database { url: "older".into() } }
        changed();
    """)
    result = database.ok("""
        //% cache_resource(on_release = close)
        fn changed() -> Database { Database { url: "newer".into() } }
        println!("{}", changed().url);
    """)
    assert printed(result) == ["close older", "newer"]


def test_an_instance_of_a_changed_type_is_never_handed_out(database):
    cell = """
        struct Layout {{ value: {0} }}
        //% cache_resource
        fn layout() -> Layout {{ println!("made"); Layout {{ value: 7 }} }}
        println!("{{}}", layout().value);
    """
    assert printed(database.ok(cell.format("u8"))) == ["made", "7"]
    assert printed(database.ok(cell.format("u64"))) == ["made", "7"]


def test_errors_are_not_kept(database):
    result = database.ok("""
        //% cache_resource
        fn fallible(n: i32) -> Result<Database, String> {
            println!("try {n}");
            if n > 0 { Ok(Database { url: n.to_string() }) } else { Err("no".into()) }
        }
        for n in [1, 0, 1, 0] { println!("{:?}", fallible(n).map(|it| it.url.clone())); }
    """)
    assert printed(result) == ["try 1", 'Ok("1")', "try 0", 'Err("no")', 'Ok("1")', "try 0", 'Err("no")']


def test_any_type_can_be_kept(database):
    result = database.ok("""
        use std::{cell::RefCell, rc::Rc};
        //% cache_resource
        fn local() -> Rc<RefCell<Vec<u8>>> { println!("made"); Rc::default() }
        local().borrow_mut().push(1);
        local().borrow_mut().push(2);
        println!("{:?}", local().borrow());
    """)
    assert printed(result) == ["made", "[1, 2]"]


def test_the_type_of_a_variable_is_known(database):
    database.ok("""
        //% cache_resource
        fn inferred(url: &str) -> Database { Database { url: url.to_owned() } }
        let handle = inferred("typed");
        let again = handle.clone();
    """)
    assert database.show("again.url.len()") == "5"


def test_bytes_of_an_instance_cannot_be_bounded(database):
    failed = database.run("//% cache_resource(max_bytes = 1000)\nfn sized() -> u8 { 1 }")
    assert failed.ename == "CannotCache" and "max_entries" in failed.traceback


def test_shutdown_releases(jupyter_home, tmp_path):
    log = tmp_path / "released"
    with Kernel() as kernel:
        kernel.ok(f"""
            fn note(n: &u8) {{
                use std::io::Write;
                let mut log = std::fs::OpenOptions::new().create(true).append(true).open("{log}").unwrap();
                writeln!(log, "{{n}}").unwrap();
            }}
            //% cache_resource(on_release = note)
            fn noted(n: u8) -> u8 {{ n }}
            noted(1);
            noted(2);
        """)
        kernel.restart()
    assert sorted(log.read_text().split()) == ["1", "2"]
