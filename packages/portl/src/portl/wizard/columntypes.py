"""What a column's type asks of the texts of a file.

Stage: a type's name and sampled texts → the entry of `columns` of a `csv.read`, and the expression of a mapping. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .. import convert
from ..convert import ConversionError

Kind = Literal["integer", "decimal", "float", "boolean", "date", "datetime", "text", "other"]
KINDS_OF_VALUES: tuple[Kind, ...] = ("decimal", "date", "datetime")
"""Kinds whose texts are hardly ever names."""

_BY_NAME: tuple[tuple[str, Kind], ...] = (
    (r".*\[\]|interval|point|.*range", "other"),
    (r"bool(ean)?|tinyint\(1\).*", "boolean"),
    (r"(tiny|small|medium|big)?int(eger)?( .*)?|int[248]|(small|big)?serial|year", "integer"),
    (r"numeric|decimal|dec|number|money", "decimal"),
    (r"real|float[48]?|double( precision)?( .*)?", "float"),
    (r"date", "date"),
    (r"(datetime|timestamp(tz)?)( .*)?", "datetime"),
    (r".*(char|clob|text).*|character.*|citext|name|enum.*|set", "text"),
)
_DAYS = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y")
_HOURS = (" %H:%M:%S", " %H:%M")
_COMMA = re.compile(r"\s*[-+]?([0-9]{1,3}(\.[0-9]{3})+|[0-9]+)(,[0-9]+)?\s*")
_POINT = re.compile(r"\s*[-+]?[0-9]*\.[0-9]+\s*")


def kind_of(type_: str) -> Kind:
    """The kind of the type that a database calls `type_`."""
    name = type_.strip().lower()
    for text in (name, re.sub(r"\s*\([^)]*\)", "", name)):
        for pattern, kind in _BY_NAME:
            if re.fullmatch(pattern, text):
                return kind
    return "other"


def scale_of(type_: str) -> int | None:
    """Digits after the point of `numeric(10,2)`; None where the type does not say."""
    found = re.search(r"\(\s*\d+\s*,\s*(\d+)\s*\)", type_)
    return int(found[1]) if found and int(found[1]) <= 30 else None


def fits(kind: Kind, text: str) -> bool:
    """Whether `csv.read` would turn the text into a value of that kind."""
    if kind in ("text", "other"):
        return True
    try:
        convert.convert(text, kind)
    except ConversionError:
        return False
    return True


@dataclass(frozen=True)
class Reading:
    """How a column of a file is read for a column of a table."""

    type: str = "string"
    format: str = ""
    scale: int | None = None
    expression: str = ""
    """Filters behind the column in the mapping: ` | trim`; "" for none."""
    formats: tuple[str, ...] = ()
    """Formats of dates that fit all samples the same, where it cannot be told which is meant."""
    misfit: str = ""
    """A sample that is not of the type; "" where all are."""

    def spec(self, *, required: bool) -> dict[str, Any]:
        """Its entry of `columns`; empty where nothing has to be said."""
        entry: dict[str, Any] = {"type": self.type}
        if self.format:
            entry["format"] = self.format
        if self.scale is not None:
            entry["scale"] = self.scale
        if required:
            entry["required"] = True
        return {} if entry == {"type": "string"} else entry


def reading(type_: str, samples: Sequence[str]) -> Reading:
    """How texts as `samples` are read for a column of the type `type_`."""
    kind = kind_of(type_)
    if kind == "text":
        padded = any(text != text.strip() for text in samples)
        return Reading(expression=" | trim" if padded else "")
    if kind == "other":
        return Reading()
    if kind in ("date", "datetime"):
        return _moment(kind, samples)
    if kind in ("decimal", "float") and _has_comma(samples):
        return Reading(expression=" | replace('.', '') | replace(',', '.') | to_decimal")
    misfit = _first(samples, lambda text: not fits(kind, text))
    scale = scale_of(type_) if kind == "decimal" else None
    if scale is not None and any(_digits(text) > scale for text in samples):
        scale = None  # the database rounds
    return Reading(kind, scale=scale, misfit=misfit)


def given(text: str) -> Reading:
    """The reading that a person writes as `decimal`, `decimal:2`, `date` or `date:%d/%m/%Y`. Raises ValueError."""
    kind, _, rest = text.partition(":")
    if kind == "string" and not rest:
        return Reading()
    if kind not in convert.CONVERTERS:
        raise ValueError(f"there is no type '{kind}'; there are: {', '.join(convert.CONVERTERS)}")
    if not rest:
        return Reading(kind)
    if kind in ("date", "datetime"):
        return Reading(kind, format=rest)
    if kind == "decimal" and rest.isdecimal() and int(rest) <= 30:
        return Reading(kind, scale=int(rest))
    raise ValueError(f"'{text}' says too much; write decimal:2 or date:%d/%m/%Y")


def _moment(kind: Literal["date", "datetime"], samples: Sequence[str]) -> Reading:
    wrong = _first(samples, lambda text: not fits(kind, text))
    if not wrong:
        return Reading(kind)
    forms = _DAYS if kind == "date" else tuple(day + hour for day in _DAYS for hour in _HOURS)
    to_value = convert.to_date if kind == "date" else convert.to_datetime
    fitting = tuple(form for form in forms if all(_is_of(to_value, text, form) for text in samples))
    if not fitting:
        return Reading(kind, misfit=wrong)
    return Reading(kind, format=fitting[0], formats=fitting if len(fitting) > 1 else ())


def _is_of(to_value: Callable[[str, str], Any], text: str, form: str) -> bool:
    try:
        to_value(text, form)
    except ConversionError:
        return False
    return True


def _has_comma(samples: Sequence[str]) -> bool:
    """Whether the decimal sign is a comma: all samples can be read so, and some only so."""
    return (
        any("," in text for text in samples)
        and all(_COMMA.fullmatch(text) for text in samples)
        and any(not fits("decimal", text) for text in samples)
    )


def _digits(text: str) -> int:
    return len(text.strip().partition(".")[2].rstrip("0")) if _POINT.fullmatch(text) else 0


def _first(samples: Sequence[str], test: Callable[[str], bool]) -> str:
    return next((text for text in samples if test(text)), "")
