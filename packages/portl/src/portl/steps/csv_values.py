"""Typed values out of the fields of a CSV file: one converter a column, all of them fused into one function a chunk.

Stage: `ColumnSpec`s → functions of texts. Pure. They raise ConversionError.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from .. import convert
from ..convert import ConversionError
from ..model.steps import ColumnSpec


@dataclass(frozen=True)
class Converter:
    """What makes a value of a field of one column."""

    source: str
    """Python source that makes a value of the text `{0}`; `n{1}` are its null texts, `c{1}` its function."""
    function: Callable[[str], Any] | None
    nulls: frozenset[str]
    convert: Callable[[str], Any]
    """What the source does, for one text."""


def converter_of(spec: ColumnSpec | None, default_nulls: tuple[str, ...]) -> Converter:
    """The converter of a column; `default_nulls` are texts that mean null where the column does not say."""
    spec = spec or ColumnSpec()
    nulls = frozenset(default_nulls if spec.null_values is None else spec.null_values)
    function: Callable[[str], Any] | None = None
    if spec.type == "decimal" and spec.scale is not None:
        function = convert.scaled(spec.scale)
    elif spec.type in ("date", "datetime"):
        function = partial(convert.to_date if spec.type == "date" else convert.to_datetime, form=spec.format)
    elif spec.type != "string":
        function = convert.CONVERTERS[spec.type]
    if spec.required:
        checked = partial(_required, function, nulls)
        return Converter("c{1}({0})", checked, nulls, checked)
    if function is None:
        source = "{0} or None" if nulls == {""} else "None if {0} in n{1} else {0}" if nulls else "{0}"
        return Converter(source, None, nulls, lambda text: None if text in nulls else text)
    source = "c{1}({0}) if {0} else None" if nulls == {""} else "None if {0} in n{1} else c{1}({0})"
    return Converter(source, function, nulls, partial(_optional, function, nulls))


def _optional(function: Callable[[str], Any], nulls: frozenset[str], text: str) -> Any:
    return None if text in nulls else function(text)


def _required(function: Callable[[str], Any] | None, nulls: frozenset[str], text: str) -> Any:
    if not text or text in nulls:
        raise ConversionError("it is required, but the field is empty")
    return text if function is None else function(text)


def fused(sources: list[str], converters: list[Converter]) -> Callable[[list[list[str]]], list[tuple[Any, ...]]]:
    """One function that types all rows of a chunk; ValueError where a row has another number of fields."""
    names = [f"v{number}" for number in range(len(sources))]
    values = ", ".join(
        source.format(name, number) for number, (source, name) in enumerate(zip(sources, names, strict=True))
    )
    space: dict[str, Any] = {"__builtins__": {}}
    for number, converter in enumerate(converters):
        space[f"n{number}"], space[f"c{number}"] = converter.nulls, converter.function
    code = f"lambda rows: [({values},) for {', '.join(names)}, in rows]" if names else "lambda rows: []"
    function: Callable[[list[list[str]]], list[tuple[Any, ...]]] = eval(code, space)  # noqa: S307  # made of numbered names
    return function
