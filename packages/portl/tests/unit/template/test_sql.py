"""Whatever stands in braces or behind a colon in SQL is bound, never text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portl.errors import TemplateError
from portl.template.sql import parse_sql
from portl.template.syntax import Expr, Literal


@pytest.mark.parametrize(
    ("sql", "params", "parts"),
    [
        ("SELECT 1", {}, ("SELECT 1",)),
        ("SELECT {{ a }};", {}, ("SELECT ", 0)),
        ("SELECT {{ a }}, {{ a }}", {}, ("SELECT ", 0, ", ", 1)),
        ("SELECT :x + :x + :y", {"x": 1, "y": 2}, ("SELECT ", 0, " + ", 0, " + ", 1)),
        ("SELECT '{', ':x', \":x\", `:x`, a::text -- :x\n", {}, ("SELECT '{', ':x', \":x\", `:x`, a::text -- :x",)),
        ("SELECT $$ :x $$, $a$ :x $a$ /* :x */", {}, ("SELECT $$ :x $$, $a$ :x $a$ /* :x */",)),
        ("SELECT a[1:n], a[x:y], 'it''s :x'", {}, ("SELECT a[1:n], a[x:y], 'it''s :x'",)),
        ("SELECT :x::int", {"x": 1}, ("SELECT ", 0, "::int")),
        ("SELECT {{ {'a': '}}'}.a }}", {}, ("SELECT ", 0)),
    ],
)
def test_places(sql: str, params: dict[str, object], parts: tuple[object, ...]) -> None:
    assert parse_sql(sql, params).sql.parts == parts


def test_each_place_has_its_template_and_its_name() -> None:
    found = parse_sql("SELECT {{ row.a }}, :x", {"x": 5})
    expression, literal = found.parameters
    assert isinstance(expression, Expr)
    assert literal == Literal(5)
    assert found.sql.names == ("row.a", "x")


@pytest.mark.parametrize(
    ("sql", "params", "what"),
    [
        ("SELECT '{{ a }}'", {}, "inside quotes or a comment cannot be bound"),
        ("SELECT 1 -- {{ a }}", {}, "inside quotes or a comment cannot be bound"),
        ("SELECT :x", {}, "The query has ':x', but params has no 'x'."),
        ("SELECT 1", {"x": 1}, "params has 'x', but the query has no ':x'."),
        ("SELECT {{ a", {}, "has no closing"),
        ("SELECT {{ a b }}", {}, "not expected here"),
    ],
)
def test_mistakes(sql: str, params: dict[str, object], what: str) -> None:
    with pytest.raises(TemplateError) as caught:
        parse_sql(sql, params)
    assert what in str(caught.value)


@given(st.text(alphabet="ab'\"-/*:{}$ \n", max_size=30))
def test_text_outside_places_stays_as_it_is(text: str) -> None:
    try:
        found = parse_sql(text, {})
    except TemplateError:
        return
    if not found.parameters:
        assert found.sql.text() == text.strip().rstrip(";").rstrip()
