"""What every model of a job shares: frozen, unknown keys refused, and marks on fields that may hold expressions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """A part of a job file."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        defer_build=True,  # start-up: validators are built for what a job uses
    )


@dataclass(frozen=True)
class Templated:
    """Marks a field in which expressions may stand."""

    kind: Literal["value", "condition", "source", "sql"]
    """`value`: any YAML value, its strings are templates. `condition`, `source`: one expression, bare or in braces.
    `sql`: a statement whose expressions become bind parameters."""


Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=100)]
"""A name that expressions can use: letters, digits and underscores, not beginning with a digit."""

VALUE = Templated("value")

Text = Annotated[str, VALUE]
Value = Annotated[Any, VALUE]
Mapping = Annotated[dict[str, Any], VALUE, Field(min_length=1)]
Condition = Annotated[str | bool, Templated("condition")]
Source = Annotated[str | list[Any], Templated("source")]
SqlText = Annotated[str, Templated("sql"), Field(min_length=1)]
