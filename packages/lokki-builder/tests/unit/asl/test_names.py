"""Names: readable, unique, short enough, and every clash said with both names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lokki_builder.asl.machine import build_machine
from lokki_builder.asl.names import job_name_part, label_of, pascal, shortened
from lokki_builder.errors import AslError, LimitError

from .flows import FLOWS, batch, each, graph, task


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("get_birds", "GetBirds"),
        ("clean_2", "Clean2"),
        ("getBirds", "GetBirds"),
        ("_x__y_", "XY"),
        ("HTTP_get", "HTTPGet"),
    ],
)
def test_a_state_is_named_after_its_node(name: str, state: str) -> None:
    assert pascal(name) == state


def test_labels_and_job_names_are_cut_with_a_hash() -> None:
    assert label_of("flap_bird") == "flap_bird"
    assert label_of("x" * 40) == "x" * 40
    assert len(label_of("x" * 41)) == 40
    assert label_of("x" * 41) != label_of("x" * 42)
    assert label_of("x" * 41).startswith("x" * 31 + "-")
    assert len(job_name_part("x" * 64)) == 47


@given(st.text("ab", min_size=50, max_size=60), st.text("ab", min_size=50, max_size=60))
def test_different_names_stay_different_when_cut(one: str, other: str) -> None:
    assert (shortened(one, 40) == shortened(other, 40)) == (one == other)


def test_names_that_become_one_are_said_with_both() -> None:
    with pytest.raises(AslError) as caught:
        build_machine(graph(task("get_data"), task("get__data"), task("getData")))
    first, second = caught.value.findings
    assert first == "step 'get__data' and step 'get_data' both become the state 'GetData': rename one of the steps."
    assert second == "step 'getData' and step 'get_data' both become the state 'GetData': rename one of the steps."


def test_a_step_cannot_take_a_state_of_a_map_or_of_lokki() -> None:
    flow = graph(
        task("init_flow"),
        each(task("load"), tolerated_failure_percentage=1),
        name="clash",
    )
    with pytest.raises(AslError) as caught:
        build_machine(flow)
    assert caught.value.findings == (
        "step 'init_flow' and a state of lokki's own both become the state 'InitFlow': rename one of the steps.",
    )
    with pytest.raises(AslError, match="the map over 'load' and step 'map_load' both become the state 'MapLoad'"):
        build_machine(graph(task("map_load"), each(task("load"))))
    with pytest.raises(AslError, match="the event of step 'crunch' and step 'crunch_event' both become"):
        build_machine(graph(task("crunch_event"), batch("crunch")))


def test_a_second_use_can_clash_with_a_step() -> None:
    with pytest.raises(AslError, match=r"step 'clean2' and node 'clean_2' \(another use of step 'clean'\)"):
        build_machine(graph(task("clean"), task("clean_2", "clean"), task("clean2")))


def test_names_that_are_not_ascii_and_limits_are_told_together() -> None:
    with pytest.raises(AslError) as caught:
        build_machine(graph(task("größe"), task("__"), task("x" * 81)))
    assert [finding.split(":")[0] for finding in caught.value.findings] == [
        "step 'größe'",
        "step '__'",
        f"step '{'x' * 81}', state 'X{'x' * 80}'",
    ]
    assert "81 characters, but the name of a state may take at most 80 characters" in str(caught.value)


def test_every_name_that_is_too_long_is_found_at_once() -> None:
    with pytest.raises(LimitError) as caught:
        build_machine(graph(task("a" * 81), task("b" * 90), each(task("c" * 78))))
    assert [(finding.limit.value, finding.found) for finding in caught.value.findings] == [(80, 81), (80, 90), (80, 81)]


def test_nodes_of_one_step_share_a_function_and_the_same_name_elsewhere_does_not() -> None:
    functions = build_machine(FLOWS["twice"]).functions
    assert {node: ref["logical"] for node, ref in functions.items()} == {
        "clean": "CleanFunction",
        "clean_2": "CleanFunction",
        "sum": "SumFunction",
        "sum_2": "Sum2Function",
    }
    assert functions["clean_2"]["node"] == "clean"
