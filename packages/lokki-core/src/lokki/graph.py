"""A flow as frozen data: what the runner executes, the builder prints and the command line shows.

Input: what `resolve` made of a flow body. Output: `FlowGraph`. Touches nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Literal

from .record import Record
from .retry import NO_RETRY, RetryConfig

JobType = Literal["lambda", "batch"]


class StepOptions(Record):
    """What an author asked for a step; None leaves it to the configuration."""

    job_type: JobType = "lambda"
    vcpu: float | None = None
    memory_mb: int | None = None
    timeout_seconds: int | None = None
    ephemeral_storage_mb: int | None = None
    env: tuple[tuple[str, str], ...] = ()
    """Environment variables of the step, sorted by name."""
    retry: RetryConfig = NO_RETRY

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON, without what was left to the configuration."""
        plain = {k: v for k, v in vars(self).items() if v is not None and k not in ("env", "retry")}
        if self.env:
            plain["env"] = dict(self.env)
        if self.retry != NO_RETRY:
            plain["retry"] = self.retry.to_dict()
        return plain

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> StepOptions:
        """The inverse of `to_dict`; exception classes stay names."""
        fields = dict(data)
        fields["env"] = tuple(sorted(fields.get("env", {}).items()))
        fields["retry"] = RetryConfig.of(fields.get("retry"))
        return cls(**fields)


class MapOptions(Record):
    """How a map fans out. None of it changes results but the tolerance."""

    concurrency_limit: int | None = None
    """The most items that run at once; None leaves it to the engine."""
    batch_size: int | Literal["auto"] = 1
    """Items one Lambda invocation or Batch job works through."""
    tolerated_failure_percentage: float = 0
    """Percent of the items that may fail for good; 0 lets the first failure fail the run."""
    express: bool = False
    """Whether deployed children are EXPRESS executions."""

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON, without defaults."""
        return {k: v for k, v in vars(self).items() if v != getattr(MapOptions, k)}


class TaskEntry(Record):
    """One use of a step."""

    node: str
    """The name in this graph, unique: `clean`, `clean_2`."""
    step: str
    """The step function's name."""
    module: str
    """The module the step is defined in."""
    options: StepOptions = StepOptions()

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        plain: dict[str, Any] = {"task": self.node, "step": self.step, "module": self.module}
        options = self.options.to_dict()
        return plain | ({"options": options} if options else {})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TaskEntry:
        """The inverse of `to_dict`."""
        options = StepOptions.from_dict(data.get("options", {}))
        return cls(data["task"], data["step"], data["module"], options)


class MapOpenEntry(Record):
    """A map begins: what follows, up to its MapCloseEntry, runs once per item of `source`'s result."""

    name: str
    """The name of the map: its body's first node."""
    source: str
    """The node whose result is fanned out."""
    options: MapOptions = MapOptions()

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        options = self.options.to_dict()
        return {"map": self.name, "source": self.source} | ({"options": options} if options else {})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> MapOpenEntry:
        """The inverse of `to_dict`."""
        return cls(data["map"], data["source"], MapOptions(**data.get("options", {})))


class MapCloseEntry(Record):
    """A map ends; its results go, in item order, to `agg`."""

    name: str
    """The name of the map that ends."""
    agg: TaskEntry | None = None
    """The aggregation; None where the map ends open and its result is the list itself."""

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        return {"close": self.name} | ({"agg": self.agg.to_dict()} if self.agg else {})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> MapCloseEntry:
        """The inverse of `to_dict`."""
        return cls(data["close"], TaskEntry.from_dict(data["agg"]) if "agg" in data else None)


Entry = TaskEntry | MapOpenEntry | MapCloseEntry


class MapLink(Record):
    """A whole map as one link of a chain."""

    name: str
    source: str
    options: MapOptions
    body: tuple[TaskEntry | MapLink, ...]
    """The chain each item goes through; it begins with a task."""
    agg: TaskEntry | None

    @cached_property
    def nested(self) -> bool:
        """Whether the body holds another map."""
        return any(isinstance(link, MapLink) for link in self.body)


Chain = tuple[TaskEntry | MapLink, ...]


class FlowGraph(Record):
    """A flow: its name, its schedule and its entries in order, nesting included."""

    name: str
    entries: tuple[Entry, ...]
    schedule: str | None = None
    """`cron(...)` or `rate(...)`; None for a flow that is only started by hand."""
    timezone: str | None = None
    """The schedule's time zone as an IANA name; None is UTC."""

    @cached_property
    def chain(self) -> Chain:
        """The entries as a tree: maps hold chains."""
        links, rest = _read_chain(self.entries, 0)
        if rest != len(self.entries):
            raise ValueError(f"entry {rest} closes a map that is not open")
        return links

    def tasks(self) -> Iterator[TaskEntry]:
        """Every task in order, aggregations included."""
        for entry in self.entries:
            if isinstance(entry, TaskEntry):
                yield entry
            elif isinstance(entry, MapCloseEntry) and entry.agg is not None:
                yield entry.agg

    def shape(self) -> list[Any]:
        """The structure that fixes where data lies: nodes, nesting and batch sizes, as plain JSON."""
        return _shape(self.chain)

    def shape_hash(self) -> str:
        """16 hex digits that are equal for graphs of equal `shape`."""
        return _digest(self.shape())

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON; `from_dict` restores an equal graph but for exception classes, which stay names."""
        plain: dict[str, Any] = {"name": self.name, "entries": [e.to_dict() for e in self.entries]}
        for key in ("schedule", "timezone"):
            if getattr(self, key) is not None:
                plain[key] = getattr(self, key)
        return plain

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> FlowGraph:
        """The inverse of `to_dict`. Raises KeyError, TypeError or ValueError on other data."""
        entries = tuple(_entry(e) for e in data["entries"])
        graph = cls(data["name"], entries, data.get("schedule"), data.get("timezone"))
        _ = graph.chain  # reads the nesting
        return graph


def result_node(chain: Chain) -> TaskEntry | MapLink:
    """What holds a chain's result: its last task, or its last map where that ends open."""
    last = chain[-1]
    return last.agg if isinstance(last, MapLink) and last.agg is not None else last


def _entry(data: Mapping[str, Any]) -> Entry:
    kinds: dict[str, Any] = {"task": TaskEntry, "map": MapOpenEntry, "close": MapCloseEntry}
    for kind, entry_class in kinds.items():
        if kind in data:
            entry: Entry = entry_class.from_dict(data)
            return entry
    raise ValueError(f"an entry has one of {', '.join(kinds)}, but this has {', '.join(data) or 'nothing'}")


def _read_chain(entries: tuple[Entry, ...], at: int) -> tuple[Chain, int]:
    """The chain that begins at `at`, and where it ends: at a MapCloseEntry or after the last entry."""
    links: list[TaskEntry | MapLink] = []
    while at < len(entries) and not isinstance(entries[at], MapCloseEntry):
        entry = entries[at]
        if isinstance(entry, MapOpenEntry):
            body, at = _read_chain(entries, at + 1)
            close = entries[at] if at < len(entries) else None
            if not isinstance(close, MapCloseEntry):
                raise ValueError(f"map '{entry.name}' is not closed")
            links.append(MapLink(entry.name, entry.source, entry.options, body, close.agg))
        elif isinstance(entry, TaskEntry):
            links.append(entry)
        at += 1
    return tuple(links), at


def _shape(chain: Chain) -> list[Any]:
    return [_link_shape(link) for link in chain]


def _link_shape(link: TaskEntry | MapLink) -> Any:
    if isinstance(link, TaskEntry):
        return link.node if link.node == link.step else f"{link.node}={link.step}"
    shape: dict[str, Any] = {"map": _shape(link.body), "batch_size": link.options.batch_size}
    return shape | ({"agg": _link_shape(link.agg)} if link.agg else {})


def _digest(value: Any) -> str:
    import hashlib  # noqa: PLC0415  # 3 ms that a local run does not need

    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=True).encode()).hexdigest()[:16]
