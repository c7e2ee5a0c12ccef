"""Jupyter's own conformance tests, with every optional sample filled in: nothing is skipped."""

import jupyter_kernel_test
import pytest

from support import paths

pytestmark = pytest.mark.usefixtures("jupyter_home")


class TestKernel(jupyter_kernel_test.KernelTests):
    kernel_name = paths.KERNEL
    language_name = "rust"
    file_extension = ".rs"
    code_hello_world = 'println!("hello, world")'
    code_stderr = 'eprintln!("oops")'
    completion_samples = [
        {"text": "%who", "matches": {"%who", "%whos"}},
        {"text": "std::collections::BTreeMa", "matches": {"BTreeMap"}},
    ]
    complete_code_samples = ["1 + 1", "fn f() {}", "let x = 1;", "%who"]
    incomplete_code_samples = ["fn f() {", 'let s = "abc', "/* comment", "vec![1,"]
    invalid_code_samples = ["}", "fn f() { ]"]
    code_page_something = "%help"
    code_generate_error = 'panic!("on purpose")'
    code_execute_result = [
        {"code": "1+2+3", "result": "6"},
        {"code": "vec![1, 2]", "result": "[1, 2]"},
        {"code": '"text"', "result": '"text"'},
    ]
    code_display_data = [
        {"code": 'cellar::html("<b>hi</b>");', "mime": "text/html"},
        {"code": 'cellar::svg("<svg/>");', "mime": "image/svg+xml"},
        {"code": "cellar::png([1u8, 2, 3]);", "mime": "image/png"},
        {"code": r'println!("EVCXR_BEGIN_CONTENT text/html\n<i>x</i>\nEVCXR_END_CONTENT");', "mime": "text/html"},
    ]
    code_history_pattern = "1?2*"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "String"
    code_clear_output = "cellar::clear_output(false);"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The suite gives each reply 15 s; the engine warms up before the first cell.
        cls.kc.execute_interactive("1", timeout=120)


class TestWelcome(jupyter_kernel_test.IopubWelcomeTests):
    kernel_name = paths.KERNEL
    support_iopub_welcome = True
