"""Runs kept in a directory, `.lokki` beside the flow unless told otherwise."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from ..errors import LokkiError
from . import keys
from .files import FileBlobs, os_errors, remove_tree
from .journal import JournalStore

if TYPE_CHECKING:
    from typing import Any

_DOOMED = ".deleted-"


class LocalStore(JournalStore):
    """A store in the directory `root`; threads and processes may share it.

    Raises `StoreError` with the operating system's complaint and what to do about it.
    """

    def __init__(self, root: str | os.PathLike[str], *, flow_name: str | None = None) -> None:
        files = FileBlobs(os.path.abspath(os.fspath(root)).rstrip("/"))
        super().__init__(files, flow_name=flow_name)
        self.root = files.root
        """The directory's absolute path."""
        self._files = files

    def run_dir(self, flow: str, run_id: str) -> str:
        """The absolute path of the run's directory, whether it exists or not."""
        return self._files.path(self._own(keys.run_prefix(flow, run_id)))

    def runs(self, flow: str) -> list[str]:
        """The ids of the runs of `flow` that are kept, oldest first: by `started_at` in `run.json`, else by age."""
        runs_prefix = self._own(f"{keys.check_part(flow)}/runs")
        ids = [name for name in self._files.names(runs_prefix) if not name.startswith(".")]
        directory = self._files.path(runs_prefix)
        ages = {run_id: self._started_at(flow, run_id) for run_id in ids if os.path.isdir(f"{directory}/{run_id}")}
        return sorted(ages, key=lambda run_id: (ages[run_id], run_id))

    def delete_run(self, flow: str, run_id: str) -> None:
        """Remove all data of a run; nothing happens when there are none.

        The run disappears at once, by a rename, so that a kill in between leaves no half of it.
        """
        directory = self.run_dir(flow, run_id)
        runs, name = os.path.split(directory)
        doomed = f"{runs}/{_DOOMED}{name}.{os.urandom(4).hex()}"
        with os_errors(self._files.url(f"{flow}/runs/{run_id}"), "delete"), suppress(FileNotFoundError):
            os.rename(directory, doomed)
        for leftover in self._files.names(f"{flow}/runs"):
            if leftover.startswith(_DOOMED):
                remove_tree(f"{runs}/{leftover}")

    def _started_at(self, flow: str, run_id: str) -> float:
        """Seconds since the epoch."""
        with suppress(LokkiError, ValueError, TypeError, KeyError):
            return _timestamp(self.read_json(flow, run_id, "run.json")["started_at"])
        with suppress(OSError):
            return os.stat(self.run_dir(flow, run_id)).st_mtime
        return 0.0


def _timestamp(moment: Any) -> float:
    """Seconds since the epoch of an ISO 8601 text, or of a number that says just that."""
    if isinstance(moment, int | float):
        return float(moment)
    from datetime import datetime  # noqa: PLC0415  # only where several runs are kept

    return datetime.fromisoformat(moment).timestamp()
