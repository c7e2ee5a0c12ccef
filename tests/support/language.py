"""The same small cells in Rust and in Python.

What the protocol demands does not depend on the language, so those tests run on any kernel: when one
fails on ipykernel, the test is wrong.
"""

import dataclasses

from support import paths


@dataclasses.dataclass(frozen=True)
class Language:
    """Cells that do one thing each."""

    name: str
    value: str  # an expression that shows 42
    error: str  # fails when it runs
    unknown_name: str  # an expression that cannot be evaluated
    forever: str
    ask: str  # prompts "who? ", prints "hello NAME"
    secret: str  # prompts "key? " without echo, prints "got KEY"
    many_lines: str  # prints "line 0" to "line 4999"
    sixteen_megabytes: str
    completable: str  # its last name can be completed ...
    completion: str  # ... to this

    def print(self, text):
        return f'println!("{text}");' if self.name == "rust" else f'print("{text}")'

    def assign(self, name, number):
        return f"let {name} = {number}i64;" if self.name == "rust" else f"{name} = {number}"

    def sleep(self, seconds):
        if self.name == "rust":
            return f"std::thread::sleep(std::time::Duration::from_millis({int(seconds * 1000)}));"
        return f"import time; time.sleep({seconds})"


RUST = Language(
    name="rust",
    value="40 + 2",
    error='panic!("on purpose");',
    unknown_name="no_such_name",
    forever="loop { std::thread::sleep(std::time::Duration::from_millis(10)); }",
    ask='let who = cellar::input("who? ").unwrap(); println!("hello {who}");',
    secret='let key = cellar::password("key? ").unwrap(); println!("got {key}");',
    many_lines='for i in 0..5000 { println!("line {i}"); }',
    sixteen_megabytes='{ let line = "x".repeat(1023); for _ in 0..16 * 1024 { println!("{line}"); } }',
    completable="let text = Strin",
    completion="String",
)

PYTHON = Language(
    name="python",
    value="40 + 2",
    error='raise ValueError("on purpose")',
    unknown_name="no_such_name",
    forever="import time\nwhile True: time.sleep(0.01)",
    ask='who = input("who? "); print(f"hello {who}")',
    secret='import getpass; key = getpass.getpass("key? "); print(f"got {key}")',
    many_lines='for i in range(5000): print(f"line {i}")',
    sixteen_megabytes='for _ in range(16 * 1024): print("x" * 1023)',
    completable="text = prin",
    completion="print",
)

LANGUAGE = PYTHON if paths.KERNEL.startswith("python") else RUST
