"""Programs that run in the background for as long as tests want them: a pid file, a log, and a URL that says it is up.

Starting one that runs does nothing; neither does ending one that does not.
"""

from __future__ import annotations

import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lokki import environment
from lokki.clock import SYSTEM_CLOCK

PATIENCE_S = 120
"""How long a program may take until it answers."""

GRACE_S = 30
"""How long it may take to end before it is killed."""

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""No proxy stands between this machine and itself."""


_started: dict[int, subprocess.Popen[bytes]] = {}
"""Children of this process, which have to be waited for when they end."""


class ServiceError(Exception):
    """A program did not come up; the text has the end of its log."""


@dataclass(frozen=True)
class Service:
    """One program."""

    name: str
    command: Sequence[str]
    health: str
    """A URL that answers as soon as it can be used."""
    folder: Path
    """Where its pid file and its log are."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Above those of this process."""
    without: Sequence[str] = ()
    """Variables of this process that it must not see."""

    @property
    def log(self) -> Path:
        """What it writes; a new file for each start."""
        return self.folder / f"{self.name}.log"

    def answers(self) -> bool:
        """Whether it is up."""
        try:
            with _OPENER.open(self.health, timeout=5):
                return True
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def up(self) -> bool:
        """Start it, unless it answers already; whether it was started here. Raises ServiceError."""
        if self.answers():
            return False
        self.down()
        self.folder.mkdir(parents=True, exist_ok=True)
        process = self._start()
        _started[process.pid] = process
        self._pid_file.write_text(str(process.pid), encoding="ascii")
        deadline = SYSTEM_CLOCK.monotonic() + PATIENCE_S
        while not self.answers():
            if process.poll() is not None or SYSTEM_CLOCK.monotonic() > deadline:
                self.down()
                raise ServiceError(f"{self.name} does not answer at {self.health}:\n{self.tail()}")
            SYSTEM_CLOCK.sleep(0.1)
        return True

    def down(self) -> None:
        """End it, if it is the one that was started here or in another process."""
        pid = self._pid()
        if pid is not None:
            self._end(pid)
        self._pid_file.unlink(missing_ok=True)

    def tail(self, lines: int = 40) -> str:
        """The end of its log."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    @property
    def _pid_file(self) -> Path:
        return self.folder / f"{self.name}.pid"

    def _pid(self) -> int | None:
        try:
            return int(self._pid_file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None

    def _is_ours(self, pid: int) -> bool:
        """Whether this process lives and runs our command: pids are given out again."""
        try:
            written = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode()
        except OSError:
            return False
        return written.split("\0")[-len(self.command) + 1 :] == list(self.command[1:])

    def _end(self, pid: int) -> None:
        if self._is_ours(pid):
            os.kill(pid, signal.SIGTERM)
            deadline = SYSTEM_CLOCK.monotonic() + GRACE_S
            while self._is_ours(pid) and SYSTEM_CLOCK.monotonic() < deadline:
                SYSTEM_CLOCK.sleep(0.05)
            if self._is_ours(pid):
                os.kill(pid, signal.SIGKILL)
        process = _started.pop(pid, None)
        if process is not None:
            process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        kept = {name: value for name, value in environment.variables().items() if name not in self.without}
        with self.log.open("wb") as log:
            return subprocess.Popen(
                self.command,
                cwd=self.folder,
                env={**kept, **self.variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
