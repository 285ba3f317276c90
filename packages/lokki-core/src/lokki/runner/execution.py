"""What every worker of a run needs to know.

Input: a store, a graph, its steps and what they are called with. The same object serves the main thread, worker
threads and worker processes; nothing of it goes from one process to another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..clock import SYSTEM_CLOCK, Clock
from ..errors import LokkiError
from ..graph import Chain, MapLink
from ..invoke import Invoker, Session
from ..kept import KeptRun, journal_nodes
from ..signatures import Parameters
from .events import Event, Kind, Listener, ignore

if TYPE_CHECKING:
    from datetime import datetime

    from ..chain import StepDef
    from ..graph import FlowGraph
    from ..resolve import Call
    from ..store.journal import JournalStore, JournalWriter

Path = tuple[int, ...]

MEMBER_ITEMS = 64
"""Items of a map's source that share a gzip member."""

MEMBER_BYTES = 256 * 1024
"""Pickled bytes after which a member of a map's source is full."""


class Execution(KeptRun):
    """One run, as seen by one process."""

    def __init__(
        self,
        *,
        store: JournalStore,
        graph: FlowGraph,
        steps: Mapping[str, StepDef],
        calls: Mapping[str, Call],
        run_id: str,
        started_at: datetime,
        resuming: bool = False,
        part: str = "0",
        clock: Clock = SYSTEM_CLOCK,
        listener: Listener = ignore,
    ) -> None:
        super().__init__(store, graph.name, run_id, resuming=resuming)
        self.graph = graph
        self.started_at = started_at
        self.part = part
        """The name of this process's own journals."""
        self.clock = clock
        self.listener = listener
        self.maps = {link.name: link for link in _maps(graph.chain)}
        self._steps = steps
        self._calls = calls
        self._invokers: dict[str, Invoker] = {}
        self._parameters: dict[str, Parameters] = {}
        self._journals: dict[tuple[str, Path], JournalWriter] = {}

    def tell(self, kind: Kind, **details: Any) -> None:
        """Tell the listener."""
        self.listener(Event(kind, self.clock.now(), self.flow, self.run_id, **details))

    def invoker(self, node: str) -> Invoker:
        """The one that calls the step of `node`."""
        made = self._invokers.get(node)
        if made is None:
            made = self._invokers[node] = Invoker(
                self._steps[node],
                node,
                self._calls[node],
                flow=self.flow,
                run_id=self.run_id,
                started_at=self.started_at,
                clock=self.clock,
                on_retry=self._tell_retry,
            )
        return made

    def parameters(self, node: str) -> Parameters:
        """What the step of `node` takes."""
        if node not in self._parameters:
            self._parameters[node] = Parameters(self._steps[node].fn)
        return self._parameters[node]

    def is_bound(self, node: str, name: str) -> bool:
        """Whether the flow body bound the argument `name` of `node`."""
        return name in self._calls[node].kwargs

    def session(self, node: str) -> Session:
        """A caller of the step of `node` for this thread."""
        return self.invoker(node).session()

    def journal(self, node: str, path: Path) -> JournalWriter:
        """This process's log of the results of `node` inside the map at `path`."""
        key = (node, path)
        with self._lock:
            journal = self._journals.get(key)
            if journal is None:
                journal = self.store.open_journal(self.flow, self.run_id, node, path=path, part=self.part)
                self._journals[key] = journal
        return journal

    def close_journals(self, link: MapLink | None = None, path: Path = ()) -> None:
        """Let go of the journals of one map, which nobody may be writing to any more; without one, of all."""
        with self._lock:
            keys = list(self._journals)
            if link is not None:
                keys = [key for key in keys if key[1] == path and key[0] in journal_nodes(link)]
            for key in keys:
                self._journals.pop(key).close()

    def write_error(self, node: str, path: Path, error: BaseException) -> None:
        """Keep why `node` failed, for whoever looks at the run later; a full disk must not hide the failure."""
        record = {
            "step": node,
            "message": str(error),
            "index": getattr(error, "index", None),
            "attempts": getattr(error, "attempts", None),
            "error_type": type(error.__cause__ or error).__qualname__,
            "traceback": getattr(error, "traceback", ""),
        }
        with suppress(LokkiError):
            self.store.write_error(self.flow, self.run_id, node, record, path=path)

    def _tell_retry(self, node: str, index: int | None, attempt: int, error: BaseException, wait_s: float) -> None:
        message = f"{type(error).__qualname__}: {error}"
        self.tell("step_retry", step=node, index=index, attempt=attempt, message=message, duration_s=wait_s)


def _maps(chain: Chain) -> Iterator[MapLink]:
    for link in chain:
        if isinstance(link, MapLink):
            yield link
            yield from _maps(link.body)
