"""A process that is killed at any moment leaves the database as it was before the job, or as after it."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from databases import SESSIONS, Place
from portl.clock import SYSTEM_CLOCK

from .killed import CHUNK, ROWS

PROGRAM = Path(__file__).with_name("killed.py")
LINES = 2 * ROWS // CHUNK


@pytest.fixture
def prepared(place: Place) -> Place:
    place.run(
        f"CREATE TABLE items (id {place.id_type}, code {place.key_type} UNIQUE, value text)",
        f"CREATE TABLE versions (id {place.id_type}, item bigint, number int)",
        f"CREATE TABLE totals (name {place.key_type} PRIMARY KEY, amount text)",
        "INSERT INTO totals VALUES ('rows', '0')",
        "INSERT INTO items (code, value) VALUES ('k1', 'before'), ('k599', 'before')",
    )
    return place


BEFORE = [[("before", 2)], [(0,)], [("0",)]]
AFTER = [[("after", ROWS)], [(ROWS,)], [(str(ROWS),)]]


def state(place: Place) -> list[list[tuple[object, ...]]]:
    return [
        place.rows("SELECT value, count(*) FROM items GROUP BY value"),
        place.rows("SELECT count(*) FROM versions"),
        place.rows("SELECT amount FROM totals"),
    ]


def started(place: Place) -> subprocess.Popen[str]:
    command = [sys.executable, str(PROGRAM), place.dialect, place.where]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def lines(stream: IO[str] | None) -> Iterator[str]:
    assert stream is not None
    for line in stream:
        yield line.strip()


def kill_after(place: Place, count: int, pause_s: float) -> str:
    """Start the job, kill it `pause_s` after its `count`-th line; the last line it managed to write."""
    last = ""
    with started(place) as process:
        for number, line in enumerate(lines(process.stdout), 1):
            last = line
            if number == count:
                break
        SYSTEM_CLOCK.sleep(pause_s)
        process.send_signal(signal.SIGKILL)
        return [last, *lines(process.stdout)][-1]


def settled(place: Place) -> None:
    """Wait until the server has noticed that the process is gone."""
    if place.dialect == "sqlite":
        return
    end = time.monotonic() + 60
    while place.rows(SESSIONS[place.dialect]):
        assert time.monotonic() < end, "the server keeps the dead process's session"
        SYSTEM_CLOCK.sleep(0.02)


def test_nobody_kills_it(prepared: Place) -> None:
    assert state(prepared) == BEFORE
    with started(prepared) as process:
        assert list(lines(process.stdout))[-2:] == ["commit", "done"]
    assert state(prepared) == AFTER


def require_whole(place: Place, last: str) -> None:
    """The database is as before the job, unless the job got to its commit; then as before or after, and is put back."""
    settled(place)
    found = state(place)
    if last not in ("commit", "done"):
        assert found == BEFORE
    elif last == "done":
        assert found == AFTER
    assert found in (BEFORE, AFTER)
    if found == AFTER:
        place.run(
            "DELETE FROM items",
            "DELETE FROM versions",
            "UPDATE totals SET amount = '0'",
            "INSERT INTO items (code, value) VALUES ('k1', 'before'), ('k599', 'before')",
        )


def test_killed_at_ten_points_of_the_transaction(prepared: Place) -> None:
    chooser = random.Random(42)  # noqa: S311  # points in a program, no secrets
    for count in chooser.sample(range(1, LINES), 10):
        require_whole(prepared, kill_after(prepared, count, chooser.random() * 0.01))


def test_killed_around_commit(prepared: Place) -> None:
    chooser = random.Random(7)  # noqa: S311  # as above
    for _ in range(10):
        require_whole(prepared, kill_after(prepared, LINES + 1, chooser.random() * 0.01))
