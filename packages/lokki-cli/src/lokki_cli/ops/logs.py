"""The lines of all steps in order of time, of one run or of all, until now or as they come.

Input: clients, sources, a time. Output: `LogEntry`. Asks CloudWatch Logs only.

Lines that the author's code prints do not say which run they are of. Lambda works on one event at a time in each
stream, and the runtime's own line of that event names the run; so everything between the beginning of an
invocation and its end is of that run. What nobody can tell is shown: a function that was killed says nothing more.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lokki.clock import SYSTEM_CLOCK, Clock

from ..aws.clients import Clients
from ..aws.logs import read_lines
from .loglines import LogEntry
from .logsources import Source

OVERLAP = timedelta(minutes=2)
"""How far back each look of `follow` goes: CloudWatch may show a line that much later than it was written."""

PAUSE_S = 2.0
"""Seconds between two looks of `follow`."""

SOURCES_PER_PAUSE = 8
"""Log groups that are asked in that time; with more of them the pause is longer, because AWS counts requests."""

LAST_LOOKS = 3
"""Looks after the run has ended."""


def lines(
    clients: Clients, sources: Iterable[Source], start: datetime, end: datetime | None, run_id: str | None = None
) -> Iterator[LogEntry]:
    """Everything from `start` to `end` in order of time; with `run_id` without what is known to be another run's."""
    streams = [_of_source(clients, source, start, end, run_id) for source in sources]
    return heapq.merge(*streams, key=_order)


def follow(
    clients: Clients,
    sources: list[Source],
    start: datetime,
    run_id: str | None = None,
    *,
    is_over: Callable[[], bool] = lambda: False,
    clock: Clock = SYSTEM_CLOCK,
) -> Iterator[LogEntry]:
    """What was written since `start`, and then what comes, each line once; until `is_over` and what it left is shown.

    Lines that arrive late are shown when they come.
    """
    tail = _Tail(clients, sources, start, run_id)
    pause_s = PAUSE_S * max(1.0, len(sources) / SOURCES_PER_PAUSE)
    looks_left = LAST_LOOKS
    while looks_left:
        yield from tail.look(clock.now())
        looks_left -= is_over()
        clock.sleep(pause_s)


def _of_source(
    clients: Clients, source: Source, start: datetime, end: datetime | None, run_id: str | None
) -> Iterator[LogEntry]:
    read = read_lines(clients, source.group, start, end, source.stream_prefix)
    found = (LogEntry.of(line, source.step) for line in read)
    if run_id is None:
        return found
    return iter(sorted(of_run(found, run_id), key=_order))


def _order(entry: LogEntry) -> tuple[int, str, str]:
    return entry.line.at_ms, entry.line.group, entry.line.stream


def of_run(entries: Iterable[LogEntry], run_id: str) -> Iterator[LogEntry]:
    """The entries of one source, in order of time, that are of this run or of none that is known.

    They come stream by stream as the run becomes known, so no longer in order of time.
    """
    streams: dict[str, _Stream] = {}
    for entry in entries:
        yield from streams.setdefault(entry.line.stream, _Stream(run_id)).take(entry)
    for stream in streams.values():
        yield from stream.rest()


@dataclass
class _Stream:
    """One stream: the invocation it is in, and lines that wait until its run is known."""

    wanted: str
    run_id: str | None = None
    """The run of the invocation; None while nobody knows."""
    has_marks: bool = False
    """Whether invocations say when they begin."""
    waiting: list[LogEntry] = field(default_factory=list)

    def take(self, entry: LogEntry) -> Iterator[LogEntry]:
        """Add a line; what can be told now."""
        if entry.begins():
            yield from self.rest()
            self.run_id, self.has_marks = None, True
        self.waiting.append(entry)
        if entry.run_id is not None:
            self.run_id = entry.run_id
            yield from self.rest()
        elif self.has_marks and (self.run_id is not None or entry.ends()):
            yield from self.rest()

    def rest(self) -> list[LogEntry]:
        """What waits, if it is of the run or of none that is known."""
        found, self.waiting = self.waiting, []
        return found if self.run_id in (None, self.wanted) else []


class _Tail:
    """Looks again and again at the last minutes, and remembers what it has seen."""

    def __init__(self, clients: Clients, sources: list[Source], start: datetime, run_id: str | None) -> None:
        self._clients = clients
        self._sources = sources
        self._since = start
        self._start = start
        self._run_id = run_id
        self._seen: dict[tuple[str, str], int] = {}
        self._streams: dict[tuple[str, str], _Stream] = {}

    def look(self, now: datetime) -> list[LogEntry]:
        """What is new, in order of time."""
        found = sorted((entry for source in self._sources for entry in self._new(source)), key=_order)
        shown = found if self._run_id is None else sorted(self._of_run(found, self._run_id), key=_order)
        self._since = max(self._start, now - OVERLAP)
        oldest = int(self._since.timestamp() * 1000)
        self._seen = {key: at for key, at in self._seen.items() if at >= oldest}
        return shown

    def _new(self, source: Source) -> Iterator[LogEntry]:
        for line in read_lines(self._clients, source.group, self._since, None, source.stream_prefix):
            key = (line.group, line.id)
            if key not in self._seen:
                self._seen[key] = line.at_ms
                yield LogEntry.of(line, source.step)

    def _of_run(self, entries: Iterable[LogEntry], run_id: str) -> Iterator[LogEntry]:
        """As `of_run`, but what is to come of an invocation nobody waits for."""
        for entry in entries:
            place = (entry.line.group, entry.line.stream)
            yield from self._streams.setdefault(place, _Stream(run_id)).take(entry)
        for stream in self._streams.values():
            yield from stream.rest()
