"""The line that follows a run, in as much room as there is; and what a terminal is shown."""

from __future__ import annotations

import os
import pty
import re
import struct
import subprocess
import sys
import termios
from fcntl import ioctl
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs import Place
from portl.cli.progressline import Progress, clock, line
from portl.environment import variables as inherited
from portl.logging import Event

HALF = Progress("save", began=0.0, items=500, seen=500, total=1000)


@pytest.mark.parametrize(
    ("width", "text"),
    [
        (100, "save  ██████████░░░░░░░░░░  50%  500 of 1,000  50/s  0:10 left"),
        (55, "save  █████░░░░░  50%  500 of 1,000  50/s  0:10 left"),
        (50, "save  50%  500 of 1,000  50/s  0:10 left"),
        (36, "save  50%  500  50/s  0:10 left"),
        (28, "save  50%  50/s  0:10 left"),
        (20, "save  50%  0:10 left"),
        (14, "50%  0:10 left"),
        (10, "save  500"),
        (3, "500"),
        (2, "50"),
        (0, ""),
    ],
)
def test_it_fits_into_the_room_there_is(width: int, text: str) -> None:
    assert line(HALF, 10.0, width) == text


def test_an_estimated_total_is_marked() -> None:
    told = Event("step_progress", "save", details={"items": 10, "seen": 20, "total": 100, "exact": False})
    assert line(Progress("save", 0.0).after(told), 4.0, 50) == "save  20%  20 of ~100  5.0/s  ~0:16 left"


def test_an_estimate_is_rounded() -> None:
    told = Event("step_progress", "save", details={"items": 10, "seen": 20_000, "total": 644_067, "exact": False})
    assert "20,000 of ~644,000" in line(Progress("save", 0.0).after(told), 4.0, 60)


def test_without_a_total_nothing_is_promised() -> None:
    told = Event("step_progress", "read", details={"items": 20_000, "seen": 20_000})
    assert line(Progress("read", 0.0).after(told), 2.0, 80) == "read  20,000 items  10,000/s  0:02"


def test_before_the_first_item_the_time_passes() -> None:
    assert line(Progress("ask", 5.0), 8.0, 80) == "ask  0:03"


def test_calls_are_counted_one_by_one() -> None:
    progress = Progress("call", 0.0)
    for _ in range(3):
        progress = progress.after(Event("call_made", "call"))
    assert progress.done == 3
    told = Event("step_progress", "call", details={"items": 3, "seen": 4, "total": 4, "exact": True})
    assert progress.after(told).done == 4


def test_times() -> None:
    assert [clock(seconds) for seconds in (0.4, 7, 754, 3723)] == ["0:00", "0:07", "12:34", "1:02:03"]


@given(
    st.builds(
        Progress,
        st.text("abc_", min_size=1, max_size=100),
        st.just(0.0),
        seen=st.integers(0, 10**9),
        total=st.none() | st.integers(0, 10**9),
        exact=st.booleans(),
    ),
    st.floats(0, 1e6),
    st.integers(0, 200),
)
def test_it_is_never_wider_than_the_terminal(progress: Progress, now: float, width: int) -> None:
    assert len(line(progress, now, width)) <= width


JOB = """\
name: many
connections: { db: { type: sqlite, path: test.db } }
steps:
  - {id: read, type: csv.read, path: in.csv}
  - id: save
    type: db.insert
    table: t
    batch: {from: "{{ steps.read.rows }}", size: 1}
    mapping: {k: "{{ row.k }}"}
"""


@pytest.fixture
def job(jobs: Place) -> Path:
    jobs.sql("CREATE TABLE t (k TEXT)")
    jobs.write("in.csv", "k\n" + "".join(f"{number}\n" for number in range(5000)))
    jobs.write("job.yaml", JOB)
    return jobs.folder / "job.yaml"


def _on_a_terminal(columns: int, *words: str, **variables: str) -> tuple[int, str]:
    """The exit code of `portl WORDS`, and all that it wrote to a terminal of so many columns."""
    master, slave = pty.openpty()
    ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {name: value for name, value in inherited().items() if name not in ("NO_COLOR", "CI", "COLUMNS")}
    environment |= {"TERM": "xterm-256color", **variables}
    command = [sys.executable, "-m", "portl", *words]
    with subprocess.Popen(command, stdin=slave, stdout=subprocess.PIPE, stderr=slave, env=environment) as process:
        os.close(slave)
        written = bytearray()
        while True:
            try:
                data = os.read(master, 65536)
            except OSError:  # Linux: the other side is closed
                break
            if not data:
                break
            written += data
        process.wait()
    os.close(master)
    return process.returncode, written.decode()


@pytest.mark.parametrize("columns", [80, 20])
def test_a_terminal_sees_the_step_at_work_and_then_its_line(job: Path, columns: int) -> None:
    code, written = _on_a_terminal(columns, "run", str(job))
    assert code == 0
    assert "save: 5,000 items, 5,000 inserted" in written
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "\r", written)
    live = [text for text in re.split(r"[\r\n]+", plain) if re.search(r"\d%", text)]
    assert live, written
    assert max(map(len, live)) < columns


def test_a_terminal_without_colours(job: Path) -> None:
    code, written = _on_a_terminal(80, "run", str(job), "--limit", "1", NO_COLOR="1")
    assert code == 0
    assert "LIMITED: only the first 1 of" in written
    assert not re.search(r"\x1b\[[0-9;]*(3|9)[0-9]m", written)
    assert "\x1b[1;31m" in _on_a_terminal(80, "run", "no.yaml")[1]
    assert "\x1b" not in _on_a_terminal(80, "run", "no.yaml", NO_COLOR="1")[1]


def test_a_terminal_that_cannot_move_its_cursor(job: Path) -> None:
    code, written = _on_a_terminal(80, "run", str(job), TERM="dumb")
    assert (code, "\x1b" in written) == (0, False)
    assert "save: 5,000 items" in written


def test_quiet_shows_nothing(job: Path) -> None:
    assert _on_a_terminal(80, "run", str(job), "--quiet") == (0, "")


def test_progress_is_shown_beside_a_result_for_a_program(job: Path) -> None:
    code, written = _on_a_terminal(80, "run", str(job), "--json")
    assert code == 0
    assert "%" in written
    assert "5,000 inserted" not in written


def test_an_error_is_broken_between_words() -> None:
    code, written = _on_a_terminal(40, "run", "a-folder-with-a-long-name/missing.yaml", NO_COLOR="1")
    assert code == 2
    assert written.splitlines() == [
        "portl:",
        "a-folder-with-a-long-name/missing.yaml:",
        "the job cannot be read: No such file or",
        "directory.",
    ]
