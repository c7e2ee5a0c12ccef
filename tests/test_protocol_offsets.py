"""Cursor positions are Unicode code points: neither bytes, nor UTF-16 units, nor graphemes."""

import pytest

from support.language import LANGUAGE

COMMENT = "//" if LANGUAGE.name == "rust" else "#"

TEXTS = {
    "ASCII": "abc",
    "umlauts": "äöü",
    "astral": "🦀🦀🦀",
    "combining": "e\u0301 a\u0308",
    "family of four": "👨‍👩‍👧‍👦",
    "right to left": "שלום",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_completion_replaces_the_right_span(kernel, text):
    before = f"{COMMENT} {text}\n"
    code = before + LANGUAGE.completable
    name = LANGUAGE.completable.split()[-1]
    answer = kernel.complete(code + f"\n{COMMENT} {text}", cursor=len(code)).content
    assert LANGUAGE.completion in [match.rstrip("(!") for match in answer["matches"]]
    assert (answer["cursor_start"], answer["cursor_end"]) == (len(code) - len(name), len(code))


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_inspection_finds_the_name_behind(kernel, text):
    before = f"{COMMENT} {text}\n"
    name = "String" if LANGUAGE.name == "rust" else "print"
    found = kernel.inspect(f"{before}{name} {COMMENT} {text}", cursor=len(before) + 3)
    assert found["status"] == "ok" and found["found"]
    assert name in found["data"]["text/plain"]


@pytest.mark.parametrize("cursor", [-1, 0, 3, 10_000])
def test_a_cursor_outside_the_text_harms_nobody(kernel, cursor):
    assert kernel.complete("🦀 x", cursor=cursor).content["status"] in ("ok", "error")
    assert kernel.inspect("🦀 x", cursor=cursor)["status"] in ("ok", "error")
    assert kernel.request("kernel_info_request").content["status"] == "ok"
