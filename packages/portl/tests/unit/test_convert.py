"""Text to values, strictly."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portl import convert
from portl.convert import ConversionError


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("string", " a ", " a "),
        ("integer", "007", 7),
        ("integer", " -5 ", -5),
        ("decimal", "1.10", Decimal("1.10")),
        ("decimal", "1e3", Decimal("1e3")),
        ("float", "0.5", 0.5),
        ("boolean", "Yes", True),
        ("boolean", "0", False),
        ("date", "2026-02-28", date(2026, 2, 28)),
        ("datetime", "2026-02-28 10:00", datetime(2026, 2, 28, 10)),  # noqa: DTZ001  # the text has no zone
        ("json", '{"a": 1.10}', {"a": Decimal("1.10")}),
    ],
)
def test_a_text_of_the_type(kind: str, text: str, value: Any) -> None:
    found = convert.convert(text, kind)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("integer", ""),
        ("integer", "1,5"),
        ("integer", "1.0"),
        ("integer", "9" * 5000),
        ("integer", "٣"),
        ("decimal", "1,5"),
        ("decimal", "NaN"),
        ("decimal", "1e99999"),
        ("float", "inf"),
        ("float", ""),
        ("boolean", "maybe"),
        ("date", "28.02.2026"),
        ("date", "2026-02-30"),
        ("datetime", "soon"),
        ("json", "{"),
        ("json", "[" * 100_000),
    ],
)
def test_anything_else_is_refused_and_shown(kind: str, text: str) -> None:
    with pytest.raises(ConversionError, match=r"^'.{0,60}' is not "):
        convert.convert(text, kind)


def test_formats_are_those_of_strptime() -> None:
    assert convert.to_date("28/02/2026", "%d/%m/%Y") == date(2026, 2, 28)
    assert convert.to_datetime("28/02/2026 7", "%d/%m/%Y %H").hour == 7
    with pytest.raises(ConversionError, match="date like %d"):
        convert.to_date("2026-02-28", "%d/%m/%Y")


def test_a_scale_is_kept_and_never_rounds() -> None:
    assert str(convert.scaled(2)("1.5")) == "1.50"
    for text in ("1.234", "1e60"):
        with pytest.raises(ConversionError):
            convert.scaled(2)(text)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4))
def test_decimals_survive(number: Decimal) -> None:
    assert convert.to_decimal(format(number, "f")) == number


@given(st.integers())
def test_integers_survive(number: int) -> None:
    assert convert.to_integer(str(number)) == number
