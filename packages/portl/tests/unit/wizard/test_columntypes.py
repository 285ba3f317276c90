"""What types of tables ask of texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portl.wizard.columntypes import Reading, kind_of, reading, scale_of
from portl.wizard.columntypes import given as given_type


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("integer", "integer"),
        ("BIGINT", "integer"),
        ("int(11) unsigned", "integer"),
        ("bigserial", "integer"),
        ("numeric(10,2)", "decimal"),
        ("DECIMAL(8, 3)", "decimal"),
        ("double precision", "float"),
        ("REAL", "float"),
        ("boolean", "boolean"),
        ("tinyint(1)", "boolean"),
        ("date", "date"),
        ("timestamp with time zone", "datetime"),
        ("timestamp(3) without time zone", "datetime"),
        ("datetime(6)", "datetime"),
        ("character varying(20)", "text"),
        ("VARCHAR(20)", "text"),
        ("text", "text"),
        ("enum('date','int')", "text"),
        ("text[]", "other"),
        ("integer[]", "other"),
        ("interval", "other"),
        ("daterange", "other"),
        ("jsonb", "other"),
        ("uuid", "other"),
        ("", "other"),
    ],
)
def test_kinds_of_types(type_: str, kind: str) -> None:
    assert kind_of(type_) == kind


@pytest.mark.parametrize(
    ("type_", "scale"), [("numeric(10,2)", 2), ("decimal(8, 3)", 3), ("numeric", None), ("x(5)", None)]
)
def test_digits_after_the_point(type_: str, scale: int | None) -> None:
    assert scale_of(type_) == scale


@pytest.mark.parametrize(
    ("type_", "samples", "expected"),
    [
        ("text", ["a", "b"], Reading()),
        ("text", [" a", "b"], Reading(expression=" | trim")),
        ("jsonb", [" {}"], Reading()),
        ("integer", ["1", " 2"], Reading("integer")),
        ("integer", ["1", "x"], Reading("integer", misfit="x")),
        ("numeric(10,2)", ["1.50", "2"], Reading("decimal", scale=2)),
        ("numeric(10,2)", ["1.505"], Reading("decimal")),
        ("numeric(10,2)", ["1.500"], Reading("decimal", scale=2)),
        ("numeric", [], Reading("decimal")),
        ("numeric", ["1.234,50", "2"], Reading(expression=" | replace('.', '') | replace(',', '.') | to_decimal")),
        ("numeric", ["1,234.50"], Reading("decimal", misfit="1,234.50")),
        ("date", ["2026-01-31"], Reading("date")),
        ("date", ["31/01/2026", "01/02/2026"], Reading("date", "%d/%m/%Y")),
        ("date", ["31.01.2026"], Reading("date", "%d.%m.%Y")),
        ("date", ["01/02/2026"], Reading("date", "%d/%m/%Y", formats=("%d/%m/%Y", "%m/%d/%Y"))),
        ("date", ["soon"], Reading("date", misfit="soon")),
        ("timestamp with time zone", ["2026-01-31T12:00:00Z"], Reading("datetime")),
        ("timestamp", ["31/01/2026 12:30"], Reading("datetime", "%d/%m/%Y %H:%M")),
        ("boolean", ["yes", "0"], Reading("boolean")),
    ],
)
def test_how_texts_are_read(type_: str, samples: list[str], expected: Reading) -> None:
    assert reading(type_, samples) == expected


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("string", {}),
        ("integer", {"type": "integer"}),
        ("decimal:2", {"type": "decimal", "scale": 2}),
        ("date:%d/%m/%Y", {"type": "date", "format": "%d/%m/%Y"}),
        ("datetime:%H:%M", {"type": "datetime", "format": "%H:%M"}),
    ],
)
def test_types_that_people_write(text: str, spec: dict[str, object]) -> None:
    assert given_type(text).spec(required=False) == spec
    assert given_type(text).spec(required=True) == {"type": "string", **spec, "required": True}


@pytest.mark.parametrize("text", ["", "nope", "integer:2", "decimal:x", "decimal:99", "string:x"])
def test_types_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"there is no type|says too much"):
        given_type(text)


@given(
    st.sampled_from(["integer", "numeric(6,2)", "real", "boolean", "date", "timestamp", "text", "uuid"]),
    st.lists(st.text()),
)
def test_any_samples_have_a_reading(type_: str, samples: list[str]) -> None:
    found = reading(type_, samples)
    assert not found.misfit or found.misfit in samples
