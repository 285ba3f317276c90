"""Follows an execution until it ends.

Input: a Place, an execution. Output: the events a local run would send, as they happen. Asks Step Functions: a page of
the history and, while a map is at work, how far that is, each at most once a second and less often when nothing is new.
What AWS does not answer, because of its rates or of the network, is asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from lokki.clock import SYSTEM_CLOCK, Clock
from lokki.runner.events import Event

from ..aws.executions import Execution, MapRun
from ..errors import MissingResourceError, OperationError, ThrottledError, UnreachableError
from .machine import read_machine
from .place import Place
from .story import Story

T = TypeVar("T")

SHORTEST_S = 1.0
"""Seconds between two looks while things happen; AWS grants one DescribeMapRun a second."""

LONGEST_S = 5.0
"""The same while nothing does."""

GROWTH = 1.3
"""What each look that brings nothing new makes the wait longer by."""

PATIENCE = 60
"""Looks in a row that may fail before the user is told."""

TROUBLE_S = 10.0
"""Seconds until the next look after one that failed."""

SETTLING = 20
"""Looks for which AWS may not know yet what it was told, or has told, a moment ago: its answers agree in the end."""


def watch(place: Place, run_id: str, execution: Execution, clock: Clock = SYSTEM_CLOCK) -> Iterator[Event]:
    """What happens in `execution` from its start to its end.

    Raises OperationError for what AWS refuses, and for silence that lasts for minutes. The run goes on in any case.
    """
    follower = _Follower(place, run_id, execution, clock)
    wait_s = SHORTEST_S
    while True:
        found = False
        for event in follower.look():
            found = True
            yield event
        if follower.story.end is not None:
            return
        wait_s = SHORTEST_S if found else min(wait_s * GROWTH, LONGEST_S)
        clock.sleep(wait_s)


def ended(place: Place, execution: Execution, clock: Clock = SYSTEM_CLOCK) -> Execution:
    """The execution as AWS describes it once it has ended, which may be a moment after its history says so."""
    for _ in range(SETTLING):
        found = place.executions.describe_arn(execution.arn)
        if found is not None and not found.is_under_way:
            return found
        clock.sleep(SHORTEST_S)
    return execution


def so_far(place: Place, run_id: str, execution: Execution, clock: Clock = SYSTEM_CLOCK) -> list[Event]:
    """What has happened in `execution` until now. Raises OperationError."""
    return list(_Follower(place, run_id, execution, clock).look())


class _Follower:
    def __init__(self, place: Place, run_id: str, execution: Execution, clock: Clock) -> None:
        self._executions = place.executions
        self._execution = execution
        self._clock = clock
        self._token: str | None = None
        machine = self._patiently(lambda: read_machine(self._executions.definition(execution.arn)))
        self.story = Story(machine, run_id, execution.started_at)

    def look(self) -> Iterator[Event]:
        """What is new."""
        while True:
            page = self._patiently(lambda: self._executions.page(self._execution.arn, self._token))
            for one in page.events:
                if str(one["type"]) in ("MapStateExited", "ExecutionFailed"):
                    yield from self._map_progress()  # how the map ended
                yield from self.story.read([one])
            if not page.token:
                break
            self._token = page.token
        yield from self._map_progress()

    def _map_progress(self) -> Iterator[Event]:
        current = self.story.current
        if current is None or not current.map_run:
            return
        arn = current.map_run
        found = self._patiently(lambda: self._map_run(arn))
        if found is not None:
            yield from self.story.progress(found, self._clock.now())

    def _map_run(self, arn: str) -> MapRun | None:
        """How far the map is; None where that cannot be had, which is no reason to stop watching."""
        try:
            return self._executions.map_run(arn)
        except (ThrottledError, UnreachableError):
            raise
        except OperationError:
            return None

    def _patiently(self, ask: Callable[[], T]) -> T:
        """What `ask` gives, asked again while AWS is busy, out of reach, or does not know the execution yet."""
        trouble = unknown = 0
        while True:
            try:
                return ask()
            except (ThrottledError, UnreachableError):
                trouble += 1
                if trouble > PATIENCE:
                    raise
                self._clock.sleep(TROUBLE_S)
            except MissingResourceError:
                unknown += 1
                if unknown > SETTLING:
                    raise
                self._clock.sleep(SHORTEST_S)
