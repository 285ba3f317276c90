"""What Step Functions hands to a step and what comes back: the wire between builder and runtime.

Both are released on their own, so the format has a version of its own. Pure; raises WireError.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import WireError
from .record import Record

WIRE_VERSION = 1
"""The version this lokki writes and reads."""


class FlowContext(Record):
    """The run an event belongs to; the same in every state of an execution."""

    run_id: str
    params: Mapping[str, Any]
    """What the run was started with, as JSON: defaults not filled in, not yet validated."""

    def to_dict(self) -> dict[str, Any]:
        """As it stands in the state."""
        return {"run_id": self.run_id, "params": dict(self.params)}


class LambdaEvent(Record):
    """What one invocation (or Batch job) of a step receives."""

    flow: FlowContext
    node: str
    """The step's name in the graph."""
    path: tuple[int, ...]
    """The first index of each enclosing batch, outermost first; empty outside maps."""
    input: str | Mapping[str, Any] | None
    """The URL of the upstream result, a row of the map's manifest, or None for the first step."""
    attempt: int = 0
    """How often Step Functions has tried this state before: 0 for the first time."""

    def to_dict(self) -> dict[str, Any]:
        """As it goes over the wire: `path` as text, because a state machine can only format text."""
        return {
            "v": WIRE_VERSION,
            "flow": self.flow.to_dict(),
            "node": self.node,
            "path": format_path(self.path),
            "input": self.input if self.input is None or isinstance(self.input, str) else dict(self.input),
            "attempt": self.attempt,
        }

    @classmethod
    def from_dict(cls, data: Any) -> LambdaEvent:
        """Read an event. Raises WireError for another version or for what is no event."""
        _check_version(data, "the event")
        try:
            return cls(
                FlowContext(_text(data["flow"]["run_id"]), _mapping(data["flow"].get("params") or {})),
                _text(data["node"]),
                parse_path(data.get("path") or ""),
                _input(data.get("input")),
                _count(data.get("attempt") or 0),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise WireError(f"the event is malformed: {error!r}.", expected=WIRE_VERSION, found=data) from error


class ManifestRef(Record):
    """Where the manifest of a map's source lies, as an ItemReader needs it."""

    bucket: str
    """The bucket's name; empty where the store is none."""
    key: str
    """Its key in the bucket."""
    count: int
    """How many items the map has."""


class LambdaReply(Record):
    """What one invocation of a step answers; the state machine needs none of it."""

    node: str
    """As in the event."""
    path: tuple[int, ...] = ()
    """As in the event."""
    url: str | None = None
    """Where the result lies; None for a task that only judges."""
    manifest: ManifestRef | None = None
    """What the next map runs over; None for a step that feeds no map."""
    skipped: bool = False
    """Whether the result was there already, so that the step was not run."""

    def to_dict(self) -> dict[str, Any]:
        """As it goes over the wire."""
        manifest = None if self.manifest is None else dict(vars(self.manifest))
        return {
            "v": WIRE_VERSION,
            "node": self.node,
            "path": format_path(self.path),
            "url": self.url,
            "manifest": manifest,
            "skipped": self.skipped,
        }

    @classmethod
    def from_dict(cls, data: Any) -> LambdaReply:
        """Read a reply. Raises WireError for another version or for what is no reply."""
        _check_version(data, "the reply")
        try:
            manifest = data["manifest"]
            return cls(
                _text(data["node"]),
                parse_path(data["path"]),
                data["url"],
                None if manifest is None else ManifestRef(**manifest),
                bool(data["skipped"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise WireError(f"the reply is malformed: {error!r}.", expected=WIRE_VERSION, found=data) from error


def check_wire_version(found: object, where: str) -> None:
    """Raise WireError in one sentence unless `found`, written by `where`, is the version this lokki reads."""
    if found != WIRE_VERSION or isinstance(found, bool):
        raise WireError(
            f"this runtime reads wire version {WIRE_VERSION}, but {where} has {found!r}; build and deploy again"
            f" with lokki packages of one release.",
            expected=WIRE_VERSION,
            found=found,
        )


def format_path(path: tuple[int, ...]) -> str:
    """`(0, 64)` as `0/64`; the empty path as the empty text."""
    return "/".join(str(index) for index in path)


def parse_path(text: str) -> tuple[int, ...]:
    """The inverse of `format_path`. Raises ValueError for other text."""
    parts = [part for part in text.split("/") if part]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise ValueError(f"a path is made of numbers, not {text!r}")
    return tuple(int(part) for part in parts)


def _check_version(data: Any, what: str) -> None:
    check_wire_version(data.get("v") if isinstance(data, Mapping) else type(data).__name__, what)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"text is needed, not {value!r}")
    return value


def _count(value: Any) -> int:
    number = int(value)
    if number < 0:
        raise ValueError(f"a count is at least 0, not {value!r}")
    return number


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f"an object is needed, not {value!r}")
    return value


def _input(value: Any) -> str | Mapping[str, Any] | None:
    if value is None or isinstance(value, str | Mapping):
        return value
    raise TypeError(f"input is a URL, a manifest row or null, not {value!r}")
