"""What the steps of a job share: identity, condition, batch, retries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, PositiveInt

from ..base import Condition, Name, Part, Source

if TYPE_CHECKING:
    from .control import Step


RetryToken = Literal[
    "connect",
    "timeout",
    "http_408",
    "http_425",
    "http_429",
    "http_5xx",
    "throttled",
    "function_error",
    "serialization",
    "deadlock",
]


class Retry(Part):
    """How often a failed call is tried, and how long portl waits in between."""

    max_attempts: int = Field(default=4, ge=1, le=100)
    """Attempts at most, the first included."""
    backoff_ms: int = Field(default=250, ge=0)
    """Milliseconds before the second attempt; doubled for each further one."""
    max_backoff_ms: int = Field(default=10_000, ge=0)
    """No wait is longer, whatever the other side asks for."""
    jitter: bool = True
    """Whether waits are chosen at random up to their length, so that many clients do not come back at once."""
    retry_on: list[RetryToken] | None = None
    """What is tried again; all that is safe to repeat where it is not given."""


class Batch(Part):
    """Makes a step work on each item of a list."""

    source: Source = Field(alias="from")
    """An expression that gives rows or a list."""
    alias: Name = Field(default="row", alias="as")
    """What expressions call the item."""
    size: PositiveInt | None = Field(default=None, le=100_000)
    """Items that are worked on at once; changes memory and speed, never results."""


class StepBase(Part):
    """What every step has."""

    DATABASE: ClassVar[bool] = False
    """Whether it works on a database."""

    id: Name
    """Its name, unique in the job."""
    when: Condition | None = None
    """The step is skipped, for an item or as a whole, unless this is true."""
    save_as: Name | None = None
    """Name of its result: `steps.<id>.<save_as>`, in a batch also `item.<save_as>`."""
    batch: Batch | None = None
    """The items to work on; without it the step runs once."""

    def children(self) -> Iterator[Step]:
        """The steps inside this one, in order."""
        return iter(())
