"""What every step type is made of: a worker that takes chunks of items and gives their results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ..template.rows import Chunk
from ..template.scope import Key
from ..template.syntax import DictOf, Literal, Template

if TYPE_CHECKING:
    from .mapped import Mapped


class Worker(Protocol):
    """One step at work. Made when the step begins, given each chunk in order, finished once."""

    keys: tuple[Key, ...]
    """What its expressions look up for each item."""
    size: int
    """Items it likes to have at once."""
    columns: tuple[str, ...] | None
    """Names of the results' values, where they are tuples; known after the first chunk."""
    nullable: bool
    """Whether a result may be None."""

    def work(self, chunk: Chunk) -> Sequence[Any]:
        """Do the step's work on some items; one result for each, in order."""
        ...

    def finish(self) -> dict[str, Any]:
        """Say that there are no more items; what is worth logging."""
        ...


def mapped_of(worker: Worker) -> Mapped | None:
    """The rows that a worker makes of its items; None for one that makes none."""
    return getattr(worker, "mapped", None)


def pairs(template: Template) -> list[tuple[str, Template]]:
    """The entries of a mapping field."""
    if isinstance(template, DictOf):
        return list(template.items)
    if isinstance(template, Literal) and isinstance(template.value, dict):
        return [(key, Literal(value)) for key, value in template.value.items()]
    return []
