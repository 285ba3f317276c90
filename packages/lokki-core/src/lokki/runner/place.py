"""Where a local run keeps its data while it goes on: a locked folder of its own, or memory."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

from ..record import Record
from ..store import keys
from ..store.local import LocalStore
from .record import DOCUMENT, RunLock, prune

if TYPE_CHECKING:
    from ..store.journal import JournalStore


class Keeping(Record):
    """How runs are kept."""

    root: str | None
    """The folder of all runs; None keeps nothing beyond the run."""
    keep_runs: int
    """How many runs of a flow are kept, this one included."""
    shared: bool
    """Whether worker processes must reach the data too."""


class Place:
    """The store a run works in; a context that cleans up what is not to be kept.

    Entering raises ResumeError while another process works on the run.
    """

    def __init__(self, keeping: Keeping, flow: str, run_id: str) -> None:
        self._keeping = keeping
        self._flow = flow
        self._run_id = run_id
        self._exit = ExitStack()
        self.store: JournalStore

    def __enter__(self) -> Place:
        root = self._keeping.root
        if root is None:
            self.store = self._passing_store()
            return self
        self.store = kept = LocalStore(root, flow_name=self._flow)
        lock = RunLock(kept.run_dir(self._flow, self._run_id))
        lock.acquire()
        self._exit.callback(lock.release)
        prune(kept, self._flow, self._keeping.keep_runs, self._run_id)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._exit.close()

    @property
    def is_used(self) -> bool:
        """Whether the run was begun before."""
        store = self.store
        if not isinstance(store, LocalStore):
            return False
        folder = store.run_dir(self._flow, self._run_id)
        return any(os.path.exists(os.path.join(folder, name)) for name in (keys.BINDINGS, DOCUMENT))

    def _passing_store(self) -> JournalStore:
        """A store that is gone after the run."""
        if not self._keeping.shared:
            from ..store.memory import MemoryStore  # noqa: PLC0415  # not needed by most runs

            return MemoryStore()
        import tempfile  # noqa: PLC0415  # 10 ms that only worker processes without a kept store need

        return LocalStore(self._exit.enter_context(tempfile.TemporaryDirectory(prefix="lokki-")))
