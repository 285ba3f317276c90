"""Names made from names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lokki.naming import MAX_RUN_ID, NodeNames, flow_name, is_run_id


@pytest.mark.parametrize(
    ("function", "flow"),
    [
        ("birds_flow", "birds-flow"),
        ("birds", "birds"),
        ("_private_flow", "private-flow"),
        ("trailing_", "trailing"),
        ("two__words", "two-words"),
        ("__dunder__", "dunder"),
        ("v2_flow_10", "v2-flow-10"),
        ("BirdsFlow", "birdsflow"),
        ("Birds_FLOW", "birds-flow"),
        ("höyhen_vuo", "höyhen-vuo"),
        ("_", "_"),
    ],
)
def test_a_flow_is_named_like_its_function_in_kebab_case(function: str, flow: str) -> None:
    assert flow_name(function) == flow


def test_uses_of_a_step_are_counted() -> None:
    names = NodeNames(["clean", "clean", "clean"])
    assert [names.give("clean") for _ in range(3)] == ["clean", "clean_2", "clean_3"]


def test_a_step_keeps_its_own_name_even_where_it_looks_like_a_second_use() -> None:
    uses = ["clean", "clean", "clean_2", "clean_2"]
    names = NodeNames(uses)
    assert [names.give(use) for use in uses] == ["clean", "clean_3", "clean_2", "clean_2_2"]


@given(st.lists(st.sampled_from(["a", "a_2", "a_2_2", "a_3", "b"]), max_size=12))
def test_names_of_nodes_are_unique_and_first_uses_keep_the_plain_name(uses: list[str]) -> None:
    names = NodeNames(uses)
    given_names = [names.give(use) for use in uses]
    assert len(set(given_names)) == len(uses)
    for use in set(uses):
        assert given_names[uses.index(use)] == use


@pytest.mark.parametrize("text", ["a", "2024-01-15.run_7", "R" * MAX_RUN_ID])
def test_run_ids(text: str) -> None:
    assert is_run_id(text)


@pytest.mark.parametrize("text", ["", "-a", ".a", "_a", "a/b", "a b", "ä", "a\n", "R" * (MAX_RUN_ID + 1)])
def test_what_cannot_name_a_run(text: str) -> None:
    assert not is_run_id(text)
