"""Asking the frontend for a line."""

import time

from support.language import LANGUAGE, RUST


def test_a_prompt_is_answered(kernel):
    result = kernel.ok(LANGUAGE.ask, answers=["Ferris"])
    assert kernel.prompts[-1] == {"prompt": "who? ", "password": False}
    assert "hello Ferris\n" in result.stdout


def test_any_unicode_can_be_typed(kernel):
    assert "hello 🦀 é\n" in kernel.ok(LANGUAGE.ask, answers=["🦀 é"]).stdout


def test_a_password_is_asked_for_as_one(kernel):
    result = kernel.ok(LANGUAGE.secret, answers=["swordfish"])
    assert kernel.prompts[-1] == {"prompt": "key? ", "password": True}
    assert "got swordfish\n" in result.stdout


def test_several_prompts_in_one_cell(kernel):
    twice = "\n".join([LANGUAGE.ask] * 2)
    result = kernel.ok(twice, answers=["one", "two"])
    assert result.stdout.index("hello one") < result.stdout.index("hello two")


def test_a_frontend_that_cannot_be_asked_is_not_asked(kernel):
    asked = len(kernel.prompts)
    result = kernel.fails(LANGUAGE.ask, allow_stdin=False)
    assert len(kernel.prompts) == asked
    if LANGUAGE is RUST:
        assert "input" in result.traceback
    assert kernel.show(LANGUAGE.value) == "42"


def test_a_prompt_holds_up_nothing_else(kernel):
    asked = len(kernel.prompts)
    request = kernel.submit(LANGUAGE.ask, allow_stdin=True)
    kernel.pump_until(lambda: len(kernel.prompts) > asked, time.monotonic() + 60)
    assert kernel.request("kernel_info_request", channel="control", timeout=5).content["status"] == "ok"
    kernel.answer("at last")
    assert "hello at last" in kernel.result(request).stdout


def test_an_interrupt_cancels_a_prompt(kernel):
    asked = len(kernel.prompts)
    request = kernel.submit(LANGUAGE.ask, allow_stdin=True)
    kernel.pump_until(lambda: len(kernel.prompts) > asked, time.monotonic() + 60)
    kernel.interrupt()
    assert kernel.result(request, timeout=20).status == "error"
    assert "hello Ferris\n" in kernel.ok(LANGUAGE.ask, answers=["Ferris"]).stdout
