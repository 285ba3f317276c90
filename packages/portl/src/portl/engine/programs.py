"""Finds and runs a user's program: no shell, a time limit, its output line by line.

Stage: the words of a command → its end, or HookError. Starts one process in a process group of its own; nothing of
that group outlives the call where the program failed, ran too long or was interrupted.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO

from ..clock import Clock
from ..errors import HookError
from ..interrupts import held_back

LONGEST_LINE = 4_000
"""Characters; a longer line is told in pieces."""
_LAST_WORDS_S = 0.2
"""How long an open pipe is still listened to after the program has ended: a child of it may hold the other end."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_INTERPRETERS = {".py": "python3", ".sh": "sh", ".bash": "bash", ".pl": "perl", ".rb": "ruby", ".js": "node"}


@dataclass(frozen=True)
class Mistake:
    """Why a program cannot be started."""

    what: str
    hint: str = ""


def located(words: Sequence[str], folder: Path, search: str | None) -> list[str] | Mistake:
    """The command with its program's whole path, or why there is none.

    A program with a slash, or one that lies in `folder`, is a file relative to `folder`; any other is looked for in
    `search`, a PATH.
    """
    name = words[0]
    path = Path(os.path.abspath(folder / name))
    if "/" not in name and not path.is_file():
        found = shutil.which(name, path=search)
        return [found, *words[1:]] if found else _missing(name)
    return _mistake(path, name) or [str(path), *words[1:]]


def _missing(name: str) -> Mistake:
    if " " in name.strip():
        return Mistake(
            f"There is no program '{name}'.",
            f"There is no shell; write a program and its arguments as a list: [{', '.join(name.split())}].",
        )
    return Mistake(f"There is no program '{name}'.", "Paths are relative to the job's folder.")


def _mistake(path: Path, name: str) -> Mistake | None:
    if path.is_dir():
        return Mistake(f"'{name}' is a folder.")
    if not path.exists():
        return _missing(name)
    interpreter = _INTERPRETERS.get(path.suffix, "sh")
    named = f"name its interpreter: [{interpreter}, {name}]"
    if not os.access(path, os.X_OK):
        return Mistake(f"'{name}' is not executable.", f"Run chmod +x on it, or {named}.")
    try:
        with path.open("rb") as file:
            head = file.readline(500)
    except OSError:
        return None  # programs may be executable without being readable
    if not head.startswith(b"#!"):
        is_text = not head.strip(b" \t\r\n").strip(bytes(range(32, 127)))
        return Mistake(f"'{name}' has no '#!' line.", f"Give it one, or {named}.") if is_text else None
    return _wrong_interpreter(head[2:], name)


def _wrong_interpreter(line: bytes, name: str) -> Mistake | None:
    if line.endswith(b"\r\n"):
        return Mistake(f"'{name}' has the line ends of Windows.", "Its first line ends with an invisible character.")
    words = line.decode("utf-8", "replace").split()
    if words and not os.path.exists(words[0]):
        return Mistake(f"'{name}' begins with #!{words[0]}, which is not there.")
    return None


def run_program(
    command: Sequence[str],
    *,
    folder: Path,
    variables: Mapping[str, str],
    timeout_s: float,
    tell: Callable[[str], None],
    clock: Clock,
) -> None:
    """Run `command` to its end. Raises HookError where it cannot be started, takes too long or ends with an error."""
    deadline = clock.monotonic() + timeout_s
    last, code, process = "", None, None
    try:
        with held_back():  # an interrupt between the start and here would leave the program alone
            process = _started(command, folder, variables)
        for line in _lines(process, deadline, clock):
            last = line or last
            tell(line)
        code = process.wait(max(deadline - clock.monotonic(), 0.0))
    except (TimeoutError, subprocess.TimeoutExpired):
        hint = "timeout_ms says how long it may take."
        raise HookError(f"{command[0]} was ended after {timeout_s:g} seconds.", hint=hint) from None
    finally:
        if process is not None and code != 0:
            _end(process)
    if code != 0:
        ended = f"was ended by signal {-code}" if code < 0 else f"ended with {code}"
        raise HookError(f"{command[0]} {ended}{f': {last}' if last else '.'}")


def _started(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(  # noqa: S603  # the job's author names it; there is no shell
            command,
            cwd=folder,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise HookError(f"{command[0]} cannot be started: {error.strerror}.") from error


def _lines(process: subprocess.Popen[str], deadline: float, clock: Clock) -> Iterator[str]:
    """The lines that a process writes, until it has ended. Raises TimeoutError at the deadline."""
    assert process.stdout is not None  # noqa: S101  # asked for when it was started
    lines: SimpleQueue[str | None] = SimpleQueue()
    threading.Thread(target=_read, args=(process.stdout, lines), daemon=True).start()
    while True:
        left = deadline - clock.monotonic()
        if left <= 0:
            raise TimeoutError
        has_ended = process.poll() is not None
        try:
            line = lines.get(timeout=min(left, _LAST_WORDS_S))
        except Empty:
            if has_ended:
                return
            continue
        if line is None:
            return
        yield _CONTROL.sub("", line.rstrip("\r\n"))


def _read(stream: IO[str], lines: SimpleQueue[str | None]) -> None:
    with stream:
        while line := stream.readline(LONGEST_LINE):
            lines.put(line)
    lines.put(None)


def _end(process: subprocess.Popen[str]) -> None:
    """End the process and everything it has started in its group."""
    with suppress(OSError):  # it has ended already
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
