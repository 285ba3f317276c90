"""What goes on while an operation is at work: frozen events, which commands show.

An operation is a generator of them; what it returns is its result. Pure.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, TypeAlias, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Event:
    """Something happened."""

    KIND: ClassVar[str] = "event"

    def to_dict(self) -> dict[str, Any]:
        """The event as plain JSON: `{"event": kind, …}`, without what is empty."""
        return {"event": self.KIND} | {key: value for key, value in asdict(self).items() if value not in ("", None)}


@dataclass(frozen=True)
class Begun(Event):
    """A part of the work has begun; it lasts until the next `Begun` or `Done`."""

    KIND: ClassVar[str] = "begun"

    text: str
    """What is done, as `building the image birds:1f3e`."""


@dataclass(frozen=True)
class Done(Event):
    """A part of the work is done."""

    KIND: ClassVar[str] = "done"

    text: str
    """What was done, as `built the image birds:1f3e`."""


@dataclass(frozen=True)
class Noted(Event):
    """Something the user should know though it is no mistake."""

    KIND: ClassVar[str] = "warning"

    text: str


@dataclass(frozen=True)
class Said(Event):
    """A line that another program printed."""

    KIND: ClassVar[str] = "output"

    program: str
    line: str


@dataclass(frozen=True)
class ResourceMoved(Event):
    """CloudFormation has brought a resource into another state."""

    KIND: ClassVar[str] = "resource"

    resource: str
    """Its logical id."""
    type: str
    """`AWS::Lambda::Function`."""
    status: str
    """`CREATE_COMPLETE`."""
    reason: str
    at: str
    """When, in ISO 8601, UTC."""


Progress: TypeAlias = Generator[Event, None, T]
"""An operation under way; its return value is the result."""
