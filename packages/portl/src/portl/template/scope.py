"""What names mean to the expressions of one step: variables, constants of the run, functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Key = tuple[str, ...]


@dataclass(frozen=True)
class Variable:
    """What changes from item to item."""

    columns: tuple[str, ...] | None = None
    """Names, where items are rows as tuples; None where they are any values."""
    nullable: bool = False
    """Whether an item may be None instead of a row."""


@dataclass(frozen=True)
class Scope:
    """What names mean to the expressions of one step."""

    variables: Mapping[Key, Variable] = field(default_factory=dict)
    """`{("row",): …, ("item", "resource"): …, ("idx",): …}`."""
    constant: Callable[[Key], tuple[Any, int]] | None = None
    """The value of the longest known beginning of a path, and how many hops it used. Raises TemplateError."""
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    """Functions of the run, beside those of every run: `now`."""
