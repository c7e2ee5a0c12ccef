"""The comm `cellar.params`, as front ends use it."""

import json

import pytest

from support.cells import told
from support.front_end import FrontEnd


@pytest.fixture
def kernel(new_kernel):
    return new_kernel()


def test_the_notebooks_parameters_arrive_before_the_first_cell(kernel):
    front_end = FrontEnd(kernel, {"city": "Oslo", "tag": ["a", "b"]})
    assert front_end.state["params"] == {"city": "Oslo", "tag": ["a", "b"]}
    assert kernel.show('cellar::params::get("city")') == 'Some("Oslo")'
    assert "a test" in kernel.ok("%params").value


def test_a_change_from_a_cell_is_told_within_the_cell(kernel):
    front_end = FrontEnd(kernel, {"city": "Oslo", "other": "1"})
    result = kernel.ok('cellar::params::set("city", "Lima"); cellar::params::set_all("tag", ["x", "y"]);')
    assert front_end.state["params"] == {"city": "Lima", "other": "1", "tag": ["x", "y"]}
    [message] = [m for m in front_end.messages("state") if m["parent_header"]["msg_id"] == result.request.msg_id]
    types = [m["msg_type"] for _, m in result.request.iopub]
    assert types.index("comm_msg") < len(types) - 1, "nbclient listens until idle"
    assert message["content"]["data"]["effective"]["tag"] == ["x", "y"]
    kernel.ok("%params clear tag")
    assert "tag" not in front_end.state["params"]


def test_an_edit_in_the_front_end_reaches_the_next_cell(kernel):
    front_end = FrontEnd(kernel, {"city": "Oslo"})
    front_end.send(op="replace", params={"city": "Lima"})
    assert kernel.show('cellar::params::get("city")') == 'Some("Lima")'
    front_end.send(op="set", key="n", values=["1", "2"])
    assert kernel.show('cellar::params::get_all("n")') == '["1", "2"]'
    front_end.send(op="set", key="n", values=None)
    assert kernel.show('cellar::params::get("n")') == "None"
    front_end.send(op="replace", params=None)
    assert front_end.state["params"] is None
    assert kernel.show("cellar::params::keys()") == "[]"


def test_two_windows_agree_and_the_second_does_not_overwrite(kernel):
    first = FrontEnd(kernel, {"city": "Oslo"})
    kernel.ok('cellar::params::set("city", "Lima");')
    second = FrontEnd(kernel, {"city": "from the disk"})
    assert second.state["params"] == {"city": "Lima"}
    second.send(op="set", key="city", values=["Rome"])
    assert first.state["params"] == {"city": "Rome"}


def test_overrides_hold_and_are_not_saved(kernel):
    front_end = FrontEnd(kernel, {"city": "Oslo"}, override={"city": "Paris", "n": 3, "list": [1, True], "no": None})
    assert front_end.state["params"] == {"city": "Oslo"}
    assert front_end.state["override"] == {"city": ["Paris"], "n": ["3"], "list": ["1", "true"]}
    assert kernel.show('cellar::params::get("city")') == 'Some("Paris")'
    kernel.ok('cellar::params::set("city", "Lima");')
    assert front_end.state["params"] == {"city": "Lima"}
    assert "city" not in front_end.state["override"]


@pytest.mark.parametrize("params", [[], "text", 5, {"deep": {"a": 1}}, {"list": [[1]]}, {"nothing": None}])
def test_metadata_of_another_shape_is_told_and_stays(kernel, params):
    front_end = FrontEnd(kernel, params)
    assert front_end.state["params"] == params
    assert front_end.state["problems"]
    told = kernel.ok('cellar::params::get("deep")')
    assert "params:" in told.stderr
    assert "params:" not in kernel.ok('cellar::params::get("deep")').stderr, "it is told once"
    assert "Not read" in kernel.ok("%params").value
    if isinstance(params, dict):
        kernel.ok('cellar::params::set("city", "Oslo");')
        assert front_end.state["params"] == {**params, "city": "Oslo"}
    else:
        error = kernel.fails('cellar::params::set("city", "Oslo");')
        assert "%params clear" in error.evalue
        assert front_end.state["params"] == params
        kernel.ok("%params clear")
        kernel.ok('cellar::params::set("city", "Oslo");')
        assert front_end.state["params"] == {"city": "Oslo"}


def test_huge_metadata_are_not_used_and_not_lost(kernel):
    params = {"big": "x" * (600 << 10), "city": "Oslo"}
    front_end = FrontEnd(kernel, params)
    assert front_end.state["params"] == params
    assert "bytes" in front_end.state["problems"][0]
    assert kernel.show('cellar::params::get("city")') == "None"


def test_bad_messages_get_an_answer_and_change_nothing(kernel):
    front_end = FrontEnd(kernel, {"city": "Oslo"})
    for message in (
        {"op": "set", "key": "", "values": ["1"]},
        {"op": "set", "key": "a", "values": "text"},
        {"op": "set", "key": "a", "values": [1]},
        {"op": "set", "values": ["1"]},
        {"op": "sett"},
        {"op": "forget", "key": "nonsense"},
        {},
    ):
        before = len(front_end.errors)
        front_end.send(**message)
        assert len(front_end.wait_for("error", before + 1)) == before + 1, message
    assert kernel.show("cellar::params::to_map()") == '{"city": ["Oslo"]}'


def test_a_failed_cell_tells_nothing(kernel):
    front_end = FrontEnd(kernel, {"city": "Oslo"})
    before = len(front_end.messages("state"))
    kernel.fails('cellar::params::set("city", "Lima"); panic!("no")')
    assert len(front_end.messages("state")) == before


def test_an_entry_is_forgotten_by_its_key(kernel):
    front_end = FrontEnd(kernel)
    cell = '//% cache_data\nlet forgotten = { println!("computed"); 1 };'
    said = told(kernel.ok(cell))
    assert (said["cache"], said["name"], said["kind"]) == ("miss", "forgotten", "data")
    said = told(kernel.ok(cell))
    assert said["cache"] == "hit" and said["age_s"] > 0
    front_end.send(op="forget", key=said["key"])
    [answer] = front_end.wait_for("forgotten")
    assert answer["content"]["data"]["entries"] == 1, json.dumps(answer["content"])
    assert told(kernel.ok(cell))["cache"] == "miss"
    front_end.send(op="forget", key="0" * 64)
    front_end.wait_for("error")
    assert "not in the cache" in front_end.errors[-1]
