"""One claim of a worker: consecutive items on their way through a body of plain steps.

Input: a worker and a run of items. Output: their results in journals, counts in a `Done`. Runs the author's steps.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ..describe import item_failure
from ..errors import LokkiError, ResultError, StepFailedError
from ..graph import MapLink, TaskEntry

if TYPE_CHECKING:
    from ..invoke import Session
    from ..store.results import Journal
    from .execution import Execution, Path
    from .work import Done, Worker

FLUSH_S = 0.05
"""Results are kept at least this often, in seconds, while items go on."""


class Stoppable(Protocol):
    """Something that may tell a worker not to begin another item."""

    @property
    def stopped(self) -> bool:
        """Asked after each item."""


class Claim:
    """See the module."""

    def __init__(
        self,
        worker: Worker,
        link: MapLink,
        path: Path,
        first: int,
        count: int,
        attempt: int,
        done: Done,
        *,
        suspect: bool,
    ) -> None:
        execution = worker.execution
        self.execution = execution
        self.link = link
        self.path = path
        self.first = first
        self.done = done
        self.attempt = attempt
        self.reader = worker.reader(link, path)
        self.values = self.reader.take(first, count)
        self.nodes = [task.node for task in link.body if isinstance(task, TaskEntry)]
        self.sessions = [execution.session(node) for node in self.nodes]
        self.buffers = [_Buffer(execution, node, path) for node in self.nodes]
        self.known = self._known() if execution.resuming or suspect else None

    def go(self, fan: Stoppable) -> None:
        if len(self.sessions) == 1 and self.attempt == 1 and self.known is None:
            self._go_fast(fan)
        else:
            self._go_step_by_step(fan)
        self._flush()

    def _go_fast(self, fan: Stoppable) -> None:
        """The common case, without anything per item that can be left out."""
        now, buffer = self.execution.clock.monotonic, self.buffers[0]
        buffer.first = index = self.first
        add = buffer.payloads.append
        flush_at = now() + FLUSH_S
        try:
            for payload in self.sessions[0].items(self.values, index, self.reader.fresh):
                if isinstance(payload, bytes):
                    add(payload)
                else:
                    self._failed(0, index, payload)
                    buffer.first = index + 1
                index += 1
                if fan.stopped:
                    break
                if now() > flush_at:
                    buffer.flush()
                    flush_at = now() + FLUSH_S
        finally:
            self.done.done = index - self.first - self.done.failed

    def _go_step_by_step(self, fan: Stoppable) -> None:
        now = self.execution.clock.monotonic
        flush_at = now() + FLUSH_S
        for index, value in enumerate(self.values, self.first):
            if self._one(index, value):
                self.done.done += 1
            if fan.stopped:
                return
            if now() > flush_at:
                self._flush()
                flush_at = now() + FLUSH_S

    def _one(self, index: int, value: Any) -> bool:
        """Take one item through all steps it has not been through; whether it succeeded."""
        payload = b""
        for place, session in enumerate(self.sessions):
            known = self._known_payload(place, index)
            if known is not None:
                payload = known
                continue
            if self._is_known_failure(place, index):
                self.done.failed += 1
                return False
            try:
                payload = self._step(session, place, index, value, payload)
            except (StepFailedError, ResultError) as error:
                self._failed(place, index, error)
                return False
            self.buffers[place].add(index, payload)
            if len(self.values) == 1:
                self._flush()
        return True

    def _step(self, session: Session, place: int, index: int, value: Any, payload: bytes) -> bytes:
        def again(number: int) -> Sequence[Any]:
            return self.reader.fresh(number) if place == 0 else (pickle.loads(payload),)  # noqa: S301  # our own

        if self.attempt > 1:
            attempt, self.attempt = self.attempt, 1
            return session.tried_item(again, index, attempt)
        return session.item(value if place == 0 else again(index)[0], index, again)

    def _failed(self, place: int, index: int, error: LokkiError) -> None:
        """Keep what succeeded and why this did not; raise where the map does not tolerate it."""
        self._flush()
        node = self.nodes[place]
        if not self.link.options.tolerated_failure_percentage:
            self.execution.write_error(node, (*self.path, index), error)
            raise error
        self.execution.journal(node, self.path).append_failure(index, item_failure(error, index))
        self.done.failed += 1

    def _flush(self) -> None:
        for buffer in self.buffers:
            buffer.flush()

    def _known(self) -> list[Journal]:
        execution = self.execution
        return [execution.store.read_journal(execution.flow, execution.run_id, n, path=self.path) for n in self.nodes]

    def _is_known_failure(self, place: int, index: int) -> bool:
        """Whether the item failed for good in a worker process that died since; a resumed run tries it again."""
        return self.known is not None and not self.execution.resuming and index in self.known[place].failures

    def _known_payload(self, place: int, index: int) -> bytes | None:
        if self.known is None or not self.known[place].has(index):
            return None
        return self.known[place].payloads(index, 1)[0]


class _Buffer:
    """Results of one step that wait to be kept together."""

    __slots__ = ("_execution", "_node", "_path", "first", "payloads")

    def __init__(self, execution: Execution, node: str, path: Path) -> None:
        self._execution = execution
        self._node = node
        self._path = path
        self.first = 0
        """The index of the first of them."""
        self.payloads: list[bytes] = []

    def add(self, index: int, payload: bytes) -> None:
        if index != self.first + len(self.payloads):
            self.flush()
            self.first = index
        self.payloads.append(payload)

    def flush(self) -> None:
        if self.payloads:
            self._execution.journal(self._node, self._path).append(self.first, self.payloads)
            self.first += len(self.payloads)
            self.payloads.clear()
