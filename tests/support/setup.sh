# Set-up that the tests and the benchmark share; sourced by tests/run and tests/bench/run.
# Needs rustup and Python 3. Everything it makes is below target/, but for Debian packages.

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
target=$repo/target
venv=$target/venv
mkdir -p "$target"

say() { printf '\n== %s\n' "$*" >&2; }
die() { printf '\n%s\n' "$*" >&2; exit 1; }

# Runs a command as root, if we can be root.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else return 1; fi
}

apt_updated=
apt_install() {
    command -v apt-get >/dev/null || return 1
    if [ -z "$apt_updated" ]; then
        as_root apt-get update -qq || return 1
        apt_updated=1
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

ensure_rust() {
    command -v cargo >/dev/null ||
        die "cargo is not on PATH. Install Rust from https://rustup.rs and try again."
    # Not left to rust-toolchain.toml: installing on the fly may be switched off.
    if ! [ -d "$(cd "$repo" && rustc --print sysroot)/lib/rustlib/src/rust/library" ]; then
        say "adding the standard library's sources"
        (cd "$repo" && rustup component add rust-src) ||
            die "rust-src is missing and could not be added: rustup component add rust-src"
    fi
    for component in rustfmt clippy; do
        (cd "$repo" && "cargo-${component/rustfmt/fmt}" --version >/dev/null 2>&1) ||
            (cd "$repo" && rustup component add "$component")
    done
    command -v cc >/dev/null || apt_install gcc libc6-dev || die "a C compiler (cc) is missing: it links Rust programs"
}

# A virtual environment with what tests/requirements.txt pins, made anew when that changes.
ensure_venv() {
    command -v python3 >/dev/null || die "python3 is not on PATH; the tests need it (the kernel does not)."
    if ! cmp -s "$repo/tests/requirements.txt" "$venv/requirements.installed"; then
        say "installing Jupyter and the test tools into target/venv"
        python3 -m venv --clear "$venv" || {
            apt_install python3-venv && python3 -m venv --clear "$venv"
        } || die "python3 cannot make a virtual environment (Debian: apt-get install python3-venv)"
        "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$repo/tests/requirements.txt" ||
            die "pip could not install tests/requirements.txt"
        cp "$repo/tests/requirements.txt" "$venv/requirements.installed"
    fi
}

# Chromium for the browser tests. Returns 1 where there is none and no way to get one.
ensure_chromium() {
    command -v chromium >/dev/null && return
    say "installing Chromium for the browser tests"
    apt_install chromium && command -v chromium >/dev/null
}

# The kernel, built and registered in the virtual environment only.
ensure_cellar() {
    say "building the kernel"
    (cd "$repo" && cargo build --release) || die "cargo build --release failed"
    "$target/release/cellar" install --prefix "$venv" >&2 || die "cellar install failed"
}

# evcxr_jupyter, the kernel that the benchmark compares with; built once.
evcxr_version=0.22.0
ensure_evcxr() {
    local root=$target/evcxr spec=$venv/share/jupyter/kernels/rust
    if ! grep -qs "\"evcxr_jupyter $evcxr_version " "$root/.crates.toml"; then
        say "building evcxr_jupyter $evcxr_version to compare with (some minutes, once)"
        (cd "$repo" && CARGO_TARGET_DIR=$root/build cargo install evcxr_jupyter --version "$evcxr_version" \
            --locked --quiet --root "$root") || die "evcxr_jupyter could not be built"
    fi
    mkdir -p "$spec"
    cat >"$spec/kernel.json" <<JSON
{"argv": ["$root/bin/evcxr_jupyter", "--control_file", "{connection_file}"],
 "display_name": "Rust (evcxr)", "language": "rust", "interrupt_mode": "message"}
JSON
}
