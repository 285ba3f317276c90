"""What every model of a job shares: frozen, unknown keys refused, expressions where they are allowed."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """A part of a job file."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, populate_by_name=True)


Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=100)]
"""A name that expressions can use: letters, digits and underscores, not beginning with a digit."""

Template = str
"""Text in which `{{ expression }}` may stand."""

Value = Any
"""A value of YAML in whose strings `{{ expression }}` may stand."""

Expression = str | bool | int | float | list[Any] | None
"""An expression, bare or as one `{{ expression }}`, or a literal value."""
