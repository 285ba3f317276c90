"""What is kept of a local run beside its data: its document, its lock, its bindings, and how many runs are kept."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import LokkiError, ResumeError
from ..naming import is_run_id
from ..params import to_json
from ..store.files import os_errors
from ..store.local import LocalStore

if TYPE_CHECKING:
    from datetime import datetime

    from ..graph import FlowGraph
    from ..store.protocol import TransientStore

RECORD_VERSION = 1
DOCUMENT = "run.json"
_LOCK = ".lock"


def new_run_id(now: datetime) -> str:
    """A name for a run that sorts by time."""
    return f"{now:%Y%m%d-%H%M%S}-{os.urandom(3).hex()}"


def check_run_id(run_id: str) -> str:
    """`run_id`, or ResumeError where it cannot name a run."""
    if not is_run_id(run_id):
        raise ResumeError(
            f"'{run_id}' cannot name a run.", hint="Use up to 80 letters, digits, '.', '_' and '-', a letter first."
        )
    return run_id


class RunLock:
    """Keeps two runners from working on one run. Held until `release` or the end of the process."""

    _mine: ClassVar[set[str]] = set()
    """The locks this process holds: the operating system does not keep a process from its own files."""
    _guard: ClassVar[Lock] = Lock()

    def __init__(self, run_dir: str) -> None:
        self._path = os.path.join(run_dir, _LOCK)
        self._fd: int | None = None

    def acquire(self) -> None:
        """Raises ResumeError while somebody else holds the lock, and StoreError where there is no place for it."""
        import fcntl  # noqa: PLC0415  # 1 ms that a run in memory does not need

        with self._guard, os_errors(f"file://{self._path}", "lock"):
            if self._path in self._mine:
                raise self._refusal()
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                os.close(fd)
                raise self._refusal() from error
            self._mine.add(self._path)
            self._fd = fd

    def release(self) -> None:
        """Let others in."""
        with self._guard:
            if self._fd is not None:
                os.close(self._fd)
                self._mine.discard(self._path)
                self._fd = None

    def _refusal(self) -> ResumeError:
        run_id = os.path.basename(os.path.dirname(self._path))
        return ResumeError(
            f"run '{run_id}' is being worked on by another process.", hint="Wait for it, or end it first."
        )


class RunRecord:
    """The document `run.json` of one run."""

    def __init__(self, store: TransientStore, flow: str, run_id: str) -> None:
        self._store = store
        self._flow = flow
        self._run_id = run_id
        self.data: dict[str, Any] = {}

    def begin(
        self,
        graph: FlowGraph,
        params: Mapping[str, Any],
        started_at: datetime,
        *,
        file: str,
        module: str,
        function: str,
    ) -> None:
        """Say that the run goes on."""
        self.data = {
            "v": RECORD_VERSION,
            "flow": self._flow,
            "run_id": self._run_id,
            "status": "running",
            "started_at": started_at.isoformat(),
            "finished_at": None,
            "pid": os.getpid(),
            "file": file,
            "module": module,
            "function": function,
            "params": _shown(params),
            "graph": graph.to_dict(),
        }
        self._write()

    def end(self, status: str, finished_at: datetime, error: str | None = None) -> None:
        """Say how it ended: `succeeded`, `failed` or `interrupted`."""
        self.data |= {"status": status, "finished_at": finished_at.isoformat()}
        if error is not None:
            self.data["error"] = error
        self._write()

    def _write(self) -> None:
        self._store.write_json(self._flow, self._run_id, DOCUMENT, self.data)


def prune(store: LocalStore, flow: str, keep: int, current: str) -> None:
    """Delete the oldest runs of `flow` beyond `keep`, but none that is being worked on. Failures do not matter."""
    with suppress(LokkiError, OSError):
        runs = os.path.dirname(store.run_dir(flow, current))
        with os.scandir(runs) as entries:
            names = [entry.name for entry in entries if is_run_id(entry.name)]
        if len(names) > keep:
            old = sorted((_last_written(os.path.join(runs, name)), name) for name in names if name != current)
            for _, run_id in old[: len(names) - keep]:
                _delete(store, flow, run_id)


def _last_written(run_dir: str) -> float:
    """When a run's document was written last, in seconds since the epoch; 0 for a run without one."""
    try:
        return os.stat(os.path.join(run_dir, DOCUMENT)).st_mtime
    except OSError:
        return 0.0


def _delete(store: LocalStore, flow: str, run_id: str) -> None:
    """Delete a run unless somebody works on it."""
    lock = RunLock(store.run_dir(flow, run_id))
    with suppress(ResumeError):
        lock.acquire()
        try:
            store.delete_run(flow, run_id)
        finally:
            lock.release()


def _shown(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters for a reader: JSON where possible, else as Python shows them."""
    shown: dict[str, Any] = {}
    for name, value in params.items():
        try:
            shown |= to_json({name: value})
        except LokkiError:
            shown[name] = repr(value)
    return shown
