"""A person in front of a terminal: starts a program on a pseudo-terminal, reads what it shows, presses keys."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATIENCE_S = 60.0
ENTER, DOWN, UP, CTRL_C, CTRL_D, CTRL_U = "\r", "\x1b[B", "\x1b[A", "\x03", "\x04", "\x15"
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[()][A-Z0-9]|\x1b[=>]|[\x07\r]")


@dataclass
class Terminal:
    """A program and the terminal it runs on."""

    process: subprocess.Popen[bytes]
    keyboard: int
    """Descriptor of our end."""
    line: int
    """Descriptor of the program's end, kept open to look at its settings."""
    shown: str = ""
    """Everything it has written, without control sequences."""
    read: int = 0
    """So much of it has been expected."""

    def expect(self, text: str) -> str:
        """Wait until `text` is shown after what was expected before; what came before it."""
        end = time.monotonic() + PATIENCE_S
        while (found := self.shown.find(text, self.read)) < 0:
            assert time.monotonic() < end, f"waiting for {text!r}:\n{self.shown[self.read :]}"
            if not self._more(0.2) and self.process.poll() is not None and not self._more(0.2):
                raise AssertionError(f"ended with {self.process.returncode}, waiting for {text!r}:\n{self.shown}")
        before = self.shown[self.read : found]
        self.read = found + len(text)
        return before

    def press(self, keys: str) -> None:
        """Press keys."""
        os.write(self.keyboard, keys.encode())

    def answer(self, question: str, keys: str = ENTER) -> None:
        """Wait for a question and press keys."""
        self.expect(question)
        self.press(keys)

    def ended(self) -> int:
        """Wait for the program's end; its exit code."""
        end = time.monotonic() + PATIENCE_S
        while self.process.poll() is None:
            assert time.monotonic() < end, f"still running:\n{self.shown}"
            self._more(0.1)
        while self._more(0.0):
            pass
        return self.process.returncode

    def settings(self) -> list[Any]:
        """Of the line: echo, line by line, signals."""
        return termios.tcgetattr(self.line)

    def _more(self, seconds: float) -> bool:
        ready, _, _ = select.select([self.keyboard], [], [], seconds)
        if not ready:
            return False
        data = os.read(self.keyboard, 65_536)
        self.shown += _CONTROL.sub("", data.decode("utf-8", "replace"))
        return bool(data)


@contextmanager
def terminal(
    words: Sequence[str], folder: Path, *, columns: int = 80, env: Mapping[str, str] | None = None
) -> Iterator[Terminal]:
    """`python -m portl WORDS` on a terminal of so many columns; ended at the end."""
    keyboard, line = pty.openpty()
    fcntl.ioctl(line, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "portl", *words],
        cwd=folder,
        stdin=line,
        stdout=line,
        stderr=line,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1", **(env or {})},  # noqa: TID251  # a child's
    )
    try:
        yield Terminal(process, keyboard, line)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(keyboard)
        os.close(line)
