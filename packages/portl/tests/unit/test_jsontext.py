"""JSON as portl writes it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portl.jsontext import dumps, loads

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_values_survive(value: Any) -> None:
    assert loads(dumps(value)) == value
    assert dumps([value, Decimal(0)]) == f"[{dumps(value)},0]"
    assert dumps([value, Decimal(0)], canonical=True) == f"[{dumps(value, canonical=True)},0]"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1.50"), "1.50"),
        (Decimal("1E+3"), "1e+3"),
        (Decimal("1E+999999"), "1e+999999"),
        ({"b": 1, "a": Decimal("-0.1")}, '{"b":1,"a":-0.1}'),
        ({"d": date(2026, 1, 31), "t": time(1, 2)}, '{"d":"2026-01-31","t":"01:02:00"}'),
        ([datetime(2026, 1, 31, tzinfo=UTC), Decimal(1)], '["2026-01-31T00:00:00+00:00",1]'),
        (UUID(int=0), '"00000000-0000-0000-0000-000000000000"'),
        (MappingProxyType({"a": (1, 2)}), '{"a":[1,2]}'),
        ([{}, [], Decimal(0), None, True, 1.5, "é\n"], '[{},[],0,null,true,1.5,"é\\n"]'),
        (MappingProxyType({}), "{}"),
    ],
)
def test_exact_text(value: Any, text: str) -> None:
    assert dumps(value) == text


def test_canonical_text_does_not_depend_on_the_order_of_keys() -> None:
    assert dumps({"b": {"y": 1, "x": 2}, "a": 1}, canonical=True) == '{"a":1,"b":{"x":2,"y":1}}'
    assert dumps({"b": Decimal(1), "a": 1}, canonical=True) == '{"a":1,"b":1}'


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        [float("inf"), Decimal(1)],
        Decimal("NaN"),
        Decimal("Infinity"),
        b"bytes",
        object(),
        {1: 2},
        {"a": [{None: 1}]},
        MappingProxyType({1: 2}),
        {"a": MappingProxyType({True: 2})},
    ],
)
def test_what_json_does_not_know(value: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        dumps(value)


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "{", "-Infinity"])
def test_what_is_not_json(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        loads(text)


def test_numbers_are_those_of_json() -> None:
    assert json.loads(dumps(Decimal("0.1"))) == 0.1
