"""Whole chunks: fused, untouched where nothing is to be done, and exact about what failed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portl.errors import TemplateError
from portl.template.rows import Chunk, RowFailure, conditions_function, rows_function, values_function
from portl.template.scope import Scope, Variable
from portl.template.syntax import parse, parse_condition

SCOPE = Scope({("row",): Variable(("a", "b")), ("idx",): Variable(), ("item", "x"): Variable(None, nullable=True)})


def _chunk(rows: list[Any], **items: list[Any]) -> Chunk:
    return Chunk(range(len(rows)), {("row",): rows, **{("item", name): values for name, values in items.items()}})


@given(st.lists(st.tuples(st.integers(), st.text())))
def test_a_fused_function_gives_what_single_ones_give(rows: list[tuple[int, str]]) -> None:
    templates = [parse(text) for text in ("{{ row.b }}", "{{ row.a + idx }}", "x{{ row.b }}", "{{ row }}", "fixed")]
    chunk = _chunk(rows)
    fused = rows_function(templates, SCOPE)(chunk)
    assert fused == list(zip(*(values_function(template, SCOPE)(chunk) for template in templates), strict=True))


def test_all_columns_in_order_are_the_rows_themselves() -> None:
    rows = [(1, "x"), (2, "y")]
    assert rows_function([parse("{{ row.a }}"), parse("{{ row['b'] }}")], SCOPE)(_chunk(rows)) is rows
    assert rows_function([parse("{{ row.b }}"), parse("{{ row.a }}")], SCOPE)(_chunk(rows)) == [("x", 1), ("y", 2)]
    assert rows_function([parse("{{ row.a }}")], SCOPE)(_chunk(rows)) == [(1,), (2,)]


def test_a_function_says_what_it_needs() -> None:
    assert rows_function([parse("{{ item.x }}{{ idx }}")], SCOPE).keys == (("item", "x"), ("idx",))
    assert rows_function([parse("fixed")], SCOPE)(_chunk([(1, 2)] * 3)) == [("fixed",)] * 3


def test_a_failure_names_item_and_expression() -> None:
    function = rows_function([parse("{{ row.b }}"), parse("<{{ row.b }} {{ 10 // row.a }}>")], SCOPE)
    with pytest.raises(RowFailure, match="This divides by zero") as caught:
        function(_chunk([(1, "x"), (2, "y"), (0, "z"), (0, "z")]))
    assert (caught.value.place, caught.value.number, caught.value.expression) == (2, 1, "10 // row.a")


@pytest.mark.parametrize(
    ("condition", "flags"),
    [
        ("row.a > 1", [False, True]),
        ("{{ row.a }}", [True, True]),
        (" {{ row.a == 2 or false }} ", [False, True]),
        (True, [True, True]),
        (False, [False, False]),
        ("item.x is none", [True, False]),
        ("item.x", [False, True]),
        ("none", [False, False]),
    ],
)
def test_a_condition_decides_for_each_item(condition: Any, flags: list[bool]) -> None:
    function = conditions_function(parse_condition(condition), SCOPE)
    assert function(_chunk([(1, "x"), (2, "y")], x=[None, {"a": 1}])) == flags


@pytest.mark.parametrize("condition", ["row.b", "'false'", "{{ row.b if true else false }}", "row.b and true"])
def test_a_text_is_no_condition(condition: str) -> None:
    with pytest.raises(RowFailure, match="A condition cannot be a text"):
        conditions_function(parse_condition(condition), SCOPE)(_chunk([(1, "false")]))


def test_a_text_in_a_comparison_is_fine() -> None:
    assert conditions_function(parse_condition("not row.a"), SCOPE)(_chunk([(0, "x")])) == [True]
    assert conditions_function(parse_condition("1 if row.a == 0 else 0"), SCOPE)(_chunk([(0, "x")])) == [True]


def test_names_cannot_meet_in_the_source() -> None:
    scope = Scope({("item_x",): Variable(), ("item", "x"): Variable()})
    chunk = Chunk((0,), {("item_x",): [1], ("item", "x"): [2]})
    assert values_function(parse("{{ item_x }}{{ item.x }}"), scope)(chunk) == ["12"]


def test_a_column_that_is_not_there_is_told_before_any_row() -> None:
    with pytest.raises(TemplateError, match=r"'row' has no column 'c'\. It has: a, b"):
        rows_function([parse("{{ row.c }}")], SCOPE)
    assert values_function(parse("{{ coalesce(row.c, 5) }}"), SCOPE)(_chunk([(1, 2)])) == [5]
