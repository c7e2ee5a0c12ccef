"""serde is there without `:dep`, and is the one that the session's own dependencies use. Needs the crate registry."""

DERIVED = '#[derive(serde::Serialize, serde::Deserialize, Debug)] struct P { x: i32, s: String }\nlet p = P { x: 1, s: "a".into() };'


def test_serde_needs_no_dep_and_its_types_are_inferred(kernel):
    kernel.ok(DERIVED, timeout=180)
    kernel.ok("use serde::Serialize;\n#[derive(Serialize, Debug)] struct Q(Vec<P>);\nlet q = Q(vec![p]);")
    assert kernel.show("q") == 'Q([P { x: 1, s: "a" }])'


def test_derived_before_the_dep_that_uses_it(new_kernel):
    kernel = new_kernel()
    kernel.ok(DERIVED, timeout=180)
    kernel.ok(':dep serde_json = "1"', timeout=180)
    assert kernel.show("serde_json::to_string(&p).unwrap()") == r'"{\"x\":1,\"s\":\"a\"}"'


def test_derived_after_deps_in_which_serde_is_wanted_without_derive(new_kernel):
    kernel = new_kernel()
    kernel.ok(':dep serde = "1"\n:dep serde_json = "1"', timeout=180)
    kernel.ok(DERIVED)
    kernel.ok('let back: P = serde_json::from_str(&serde_json::to_string(&p).unwrap()).unwrap();')
    assert kernel.show("back") == 'P { x: 1, s: "a" }'


def test_a_dep_without_serde_leaves_it_there(new_kernel):
    kernel = new_kernel()
    kernel.ok(DERIVED, timeout=180)
    kernel.ok(':dep itoa = "1"', timeout=180)
    kernel.ok('let text = itoa::Buffer::new().format(p.x).to_owned();')
    assert kernel.show("(text, p)") == '("1", P { x: 1, s: "a" })'


def test_where_it_cannot_be_had_other_cells_work(new_kernel, tmp_path):
    kernel = new_kernel(extra_env={"CELLAR_CACHE_DIR": str(tmp_path / "cache"), "CARGO_HOME": str(tmp_path), "CARGO_NET_OFFLINE": "true"})
    kernel.ok("let a = 1;", timeout=180)
    failed = kernel.fails("#[derive(serde::Serialize)] struct P;", timeout=180)
    assert "serde is not there" in failed.traceback and "offline" in failed.traceback
    kernel.ok("mod serde { pub fn own() -> i32 { 5 } }")
    assert kernel.show("a + serde::own()") == "6"
