"""What a run says while it goes on: the documented lines, JSON lines, and the live display of a terminal."""

from __future__ import annotations

import datetime
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios
from contextlib import suppress
from typing import Any

import pytest
from lokki.errors import LokkiError
from lokki.live import LiveDisplay, PrintAbove
from lokki.logging import HumanLog, JsonLog, progress_bar
from lokki.runner.events import Event, Kind
from lokki.testing import EPOCH, FakeClock

from ..conftest import HANG_S, Project

TIMED = """
    CLOCK = None
    @step
    def items():
        CLOCK.advance(2.345)
        return range(4)
    @step
    def work(x):
        CLOCK.advance(1.25)
        if x == BAD:
            raise ValueError("invalid input\\nsecond line")
        return x
    @step(retry=RetryConfig(retries=1, delay=1.5))
    def gather(xs):
        if run().attempt == 1:
            raise OSError("not yet\\nsecond line")
        CLOCK.advance(0.5)
        return sum(xs)
    @flow
    def job(): return items().map(work{options}).agg(gather)
"""


@pytest.fixture(autouse=True)
def in_helsinki(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lines for people show local time."""
    import time

    monkeypatch.setenv("TZ", "Europe/Helsinki")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def logged(project: Project, log: Any, *, bad: int = -1, options: str = "", **more: Any) -> None:
    module = project.load(TIMED.replace("{options}", options))
    module.BAD = bad
    module.CLOCK = clock = FakeClock()
    with suppress(LokkiError):
        project.run(module.job, run_id="r", listener=log, clock=clock, workers=1, **more)


def test_the_documented_lines(project: Project) -> None:
    lines: list[str] = []
    logged(project, HumanLog(lines.append), options=", tolerated_failure_percentage=25", bad=2)
    assert "".join(lines) == (
        "[INFO] Run 'r' of flow 'job' started at 2024-01-15T12:30:00\n"
        "[INFO] Step 'items' started at 2024-01-15T12:30:00\n"
        "[INFO] Step 'items' completed in 2.345s (status=success)\n"
        "[INFO] Step 'work' started at 2024-01-15T12:30:02 (4 items)\n"
        "[INFO] Step 'work' completed in 5.000s (status=success) with 1 item of 4 failed\n"
        "[INFO] Step 'gather' started at 2024-01-15T12:30:07\n"
        "[WARNING] Step 'gather': attempt 1 failed: OSError: not yet; trying again in 1.5s\n"
        "[INFO] Step 'gather' completed in 2.000s (status=success)\n"
        "[INFO] Run 'r' of flow 'job' completed in 9.345s (status=success)\n"
    )


def test_the_lines_of_a_resumed_run(project: Project) -> None:
    lines: list[str] = []
    module = project.load(TIMED.replace("{options}", ""))
    module.BAD, module.CLOCK = -1, FakeClock()
    project.run(module.job, run_id="r", clock=module.CLOCK)
    project.run(module.job, resume="r", listener=HumanLog(lines.append, show_timestamps=False), clock=module.CLOCK)
    assert lines == [
        "[INFO] Run 'r' of flow 'job' started\n",
        "[INFO] Step 'items' skipped (status=skipped): it succeeded before\n",
        "[INFO] Step 'gather' skipped (status=skipped): it succeeded before\n",
        "[INFO] Run 'r' of flow 'job' completed in 0.000s (status=success)\n",
    ]


def test_the_lines_of_a_failed_run(project: Project) -> None:
    lines: list[str] = []
    logged(project, HumanLog(lines.append, level="ERROR"), bad=0)
    said = "flow 'job', step 'work', item 0: failed after 1 attempt: ValueError: invalid input"
    assert lines == [
        f"[ERROR] Step 'work' failed after 1.250s: {said}\n",
        f"[ERROR] Run 'r' of flow 'job' failed after 3.595s: {said}\n",
    ]


def test_the_line_of_a_failed_step(project: Project) -> None:
    lines: list[str] = []
    source = TIMED.replace("{options}", "").replace(
        "CLOCK.advance(0.5)", "CLOCK.advance(1.234); raise ValueError('bad')"
    )
    module = project.load(source)
    module.BAD, module.CLOCK = -1, FakeClock()
    with pytest.raises(LokkiError):
        project.run(module.job, listener=HumanLog(lines.append), clock=module.CLOCK)
    assert lines[-2] == "[ERROR] Step 'gather' failed after 2.734s: ValueError: bad\n"


LEVELS = {"DEBUG": 9, "INFO": 9, "WARNING": 1, "ERROR": 0}


@pytest.mark.parametrize("level", LEVELS)
def test_levels(project: Project, level: str) -> None:
    lines: list[str] = []
    logged(project, HumanLog(lines.append, level=level))
    assert len(lines) == LEVELS[level]


def event(kind: Kind, at_s: float = 0, **details: Any) -> Event:
    return Event(kind, EPOCH + datetime.timedelta(seconds=at_s), "job", "r", **details)


def test_progress_now_and_then() -> None:
    lines: list[str] = []
    log = HumanLog(lines.append, progress_interval=10)
    log(event("map_progress", 0, step="work", done=1, total=100))
    log(event("map_start", 100, step="work", total=100))
    for second in range(101, 131):
        log(event("map_progress", second, step="work", done=second - 101, failed=1, total=100))
    assert lines[0] == "[>                        ] 1/100 (1%) completed\n"
    assert lines[2:] == [
        "[==>                      ] 10/100 (10%) completed\n",
        "[=====>                   ] 20/100 (20%) completed\n",
        "[=======>                 ] 30/100 (30%) completed\n",
    ]


@pytest.mark.parametrize(
    ("done", "total", "bar"),
    [
        (0, 0, "[=========================] 0/0 (100%) completed"),
        (0, 3, "[>                        ] 0/3 (0%) completed"),
        (30, 100, "[=======>                 ] 30/100 (30%) completed"),
        (999, 1000, "[========================>] 999/1000 (99%) completed"),
        (3, 3, "[=========================] 3/3 (100%) completed"),
    ],
)
def test_progress_bars(done: int, total: int, bar: str) -> None:
    assert progress_bar(done, total) == bar


KEYS = set("level ts event flow run_id step index attempt duration status message done failed total".split())


def test_json_lines(project: Project) -> None:
    lines: list[str] = []
    logged(project, JsonLog(lines.append), bad=3, options=", tolerated_failure_percentage=25")
    logged(project, JsonLog(lines.append), bad=3, resume=None)
    records = [json.loads(line) for line in lines]
    assert all(line.count("\n") == 1 and line.endswith("\n") for line in lines)
    assert all(set(record) <= KEYS for record in records)
    assert [record["event"] for record in records][:4] == ["run_start", "step_start", "step_success", "map_start"]
    assert records[1] == {
        "level": "INFO",
        "ts": "2024-01-15T10:30:00.000Z",
        "event": "step_start",
        "flow": "job",
        "run_id": "r",
        "step": "items",
    }
    assert records[2]["duration"] == 2.345
    assert records[2]["status"] == "success"
    end = next(record for record in records if record["event"] == "map_success")
    assert (end["done"], end["failed"], end["total"]) == (3, 1, 4)
    retry = next(record for record in records if record["event"] == "step_retry")
    assert retry["level"] == "WARNING"
    assert (retry["attempt"], retry["duration"], retry["message"]) == (1, 1.5, "OSError: not yet\nsecond line")


def test_json_on_the_command_line(project: Project) -> None:
    (project.folder / "lokki.toml").write_text("[logging]\nformat = 'json'\n", encoding="utf-8")
    project.write("""
        @step
        def items(): return range(3)
        @step
        def work(x): return 1 // x
        @flow
        def job(): return items().map(work)
    """)
    found = project.cli("run", "--workers", "1")
    assert found.returncode == 1
    head = found.stderr[: found.stderr.index("error:")].splitlines()
    records = [json.loads(line) for line in head]
    assert records[-1]["event"] == "run_failure"
    assert records[-1]["status"] == "failed"
    assert "ZeroDivisionError" in records[-1]["message"]


class BusyClock(FakeClock):
    """A clock by which threads never wait."""

    def thread_cpu_s(self) -> float:
        return self.monotonic()


BUSY = """
    CLOCK = None
    @step
    def items(): return [0, 1]
    @step
    def burn(x):
        if x == 0: CLOCK.advance(2)
        else: wait_for("first")
    @step
    def gather(xs): return [0, 1]
    @step
    def burn_more(x):
        if x == 0: CLOCK.advance(2)
        else: wait_for("second")
    @flow
    def job(): return items().map(burn{options}).agg(gather).map(burn_more)
"""


@pytest.mark.parametrize(
    ("options", "more", "warned"),
    [
        ("", {}, True),
        (", concurrency_limit=1", {}, False),
        ("", {"workers": 1}, False),
        ("", {"executor": "process"}, False),
    ],
)
def test_a_cpu_bound_map_is_named_once(project: Project, options: str, more: dict[str, Any], warned: bool) -> None:
    module = project.load(BUSY.replace("{options}", options))
    module.CLOCK = clock = BusyClock()
    ticks: dict[str | None, int] = {}
    told: list[Event] = []

    def listen(event: Event) -> None:
        if event.kind == "warning":
            told.append(event)
        if event.kind == "map_progress" and event.done:
            ticks[event.step] = ticks.get(event.step, 0) + 1
        if ticks.get("burn", 0) >= 2:
            (project.folder / "first").touch()
        if ticks.get("burn_more", 0) >= 2:
            (project.folder / "second").touch()

    if options or more.get("workers") == 1:
        (project.folder / "first").touch()
    project.run(module.job, **{"workers": 2, "clock": clock, "listener": listen, **more})
    said = "keeps one processor busy; threads share one. Try --executor process."
    steps = [event.step for event in told]
    assert steps == (["burn"] if warned else ["burn_more"] if options else [])
    assert all(event.message == f"step '{event.step}' {said}" for event in told)
    lines: list[str] = []
    for event in told:
        HumanLog(lines.append)(event)
    assert all(line == f"[WARNING] step '{step}' {said}\n" for line, step in zip(lines, steps, strict=True))


# The live display


class Screen:
    """A terminal that keeps what is written."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str, /) -> None:
        self.text += text

    def flush(self) -> None:
        """Nothing is held back."""

    def shown(self) -> list[str]:
        """The lines as a reader sees them in the end; a line that is cleared is gone."""
        plain = re.sub(r"\x1b\[\d+m", "", self.text)
        return [line.rpartition("\r\x1b[2K")[2] for line in plain.split("\n")]

    def drawn(self) -> list[str]:
        """Every picture of the last line."""
        plain = re.sub(r"\x1b\[\d+m", "", self.text)
        return re.findall(r"\r\x1b\[2K([^\r\n]+)", plain)


def display(screen: Screen, width: int = 80, **options: Any) -> LiveDisplay:
    return LiveDisplay(screen, width=lambda: width, clock=FakeClock(), color=options.pop("color", False), **options)


def test_the_live_line_fits_and_goes() -> None:
    for width in (200, 80, 40, 20, 10, 5, 1):
        screen = Screen()
        live = display(screen, width)
        name, total = "a_step_with_quite_a_long_name", 1_000_000
        live(event("map_start", step=name, total=total))
        for done in (0, 1, total - 1, total):
            live(event("map_progress", step=name, done=done, failed=done // 2, total=total))
        live(event("step_start", step="another_step_with_a_name_that_does_not_end" * 3))
        live.close()
        assert all(len(line) < max(width, 2) for line in screen.drawn()), width
        assert screen.shown()[-1] == ""
        assert screen.text.endswith("\r\x1b[2K")


def test_what_is_done_scrolls_by() -> None:
    screen = Screen()
    live = display(screen)
    live(event("run_start"))
    live(event("step_skipped", step="items"))
    live(event("map_start", step="work", total=4))
    live(event("step_retry", step="work", index=2, attempt=1, message="ValueError: no\nmore", duration_s=0.0))
    live(event("warning", step="work", message="take care"))
    live(event("map_success", step="work", done=3, failed=1, total=4, duration_s=1.5))
    live(event("step_start", step="gather"))
    live(event("step_failure", step="gather", message="ValueError: bad\nmore", duration_s=2))
    live(event("run_failure", message="flow: bad", duration_s=3))
    live(event("run_interrupted", duration_s=3))
    live(event("step_success", step="x", duration_s=0))
    live(event("run_success", duration_s=4))
    live.close()
    assert screen.shown() == [
        "✓ items (done before)",
        "↻ Step 'work', item 2: attempt 1 failed: ValueError: no; trying again now",
        "! take care",
        "✓ work × 4 items, 1 failed 1.500s",
        "✗ gather failed: ValueError: bad 2.000s",
        "✗ job failed: flow: bad 3.000s",
        "! Run 'r' of flow 'job' interrupted after 3.000s",
        "✓ x 0.000s",
        "✓ job r 4.000s",
        "",
    ]


def test_colors_only_where_wanted() -> None:
    for color in (True, False):
        screen = Screen()
        live = display(screen, color=color)
        live(event("step_success", step="x", duration_s=1))
        live.close()
        assert ("\x1b[32m✓\x1b[0m" in screen.text) is color


def test_levels_hide_lines_of_the_display() -> None:
    screen = Screen()
    live = display(screen, level="ERROR")
    live(event("step_success", step="x", duration_s=1))
    live(event("step_failure", step="y", message="bad", duration_s=1))
    live.close()
    assert [line for line in screen.shown() if line] == ["✗ y failed: bad 1.000s"]


def test_what_steps_print_stands_above() -> None:
    screen = Screen()
    live = display(screen)
    live(event("step_start", step="first"))
    out = PrintAbove(live, 1)
    print("one", "line", file=out, flush=True)
    print("begun", end="", file=out, flush=True)
    live(event("step_success", step="first", duration_s=1))
    live(event("warning", message="take care"))
    live(event("step_start", step="second"))
    out.buffer.write(b"bytes \xff\n")
    out.writelines(["a\n", "b\n"])
    live(event("step_success", step="second", duration_s=1))
    print("no end", end="", file=out)
    out.finish()
    live.close()
    assert screen.shown() == [
        "one line",
        "begun",
        "✓ first 1.000s",
        "! take care",
        "bytes �",
        "a",
        "b",
        "✓ second 1.000s",
        "no end",
        "",
    ]
    assert (out.isatty(), out.writable(), out.fileno(), out.encoding, out.errors) == (True, True, 1, "utf-8", "replace")
    assert out.buffer.writable()


def test_what_a_forked_process_prints_clears_the_line_first(capfd: pytest.CaptureFixture[str]) -> None:
    live = display(Screen())
    out = PrintAbove(live, 2)
    pid = os.fork()
    if pid == 0:
        print("from", "below", file=out)
        print("begun", end="", file=out)
        out.flush()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert capfd.readouterr().err == "\r\x1b[2Kfrom below\n\r\x1b[2Kbegun"


def on_terminal(
    project: Project, *words: str, columns: int = 80, term: str = "xterm", **env: str
) -> tuple[str, str, int]:
    """(what the terminal got, stdout, exit code) of a command whose stderr is a terminal."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = project.start(*words, stderr=theirs, stdout=subprocess.PIPE, env={"TERM": term, **env})
    os.close(theirs)
    seen = b""
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:
            break
        if not data:
            break
        seen += data
    os.close(ours)
    out, _ = process.communicate(timeout=HANG_S)
    return seen.decode().replace("\r\n", "\n"), out, process.returncode


WATCHED = """
    @step
    def items():
        print("printed by items")
        return range(12)
    @step
    def work_on_an_item_for_some_time(x):
        time.sleep(0.05)
        print("printed by work", x)
        return x
    @step
    def gather(xs): print("no newline", end=""); return sum(xs)
    @flow
    def job(): return items().map(work_on_an_item_for_some_time).agg(gather)
"""


@pytest.mark.parametrize("columns", [80, 40])
@pytest.mark.parametrize("executor", ["thread", "process"])
def test_on_a_terminal(project: Project, columns: int, executor: str) -> None:
    project.write(WATCHED)
    text, out, code = on_terminal(project, "run", "--workers", "2", "--executor", executor, columns=columns)
    assert (out, code) == ("66\n", 0), text
    screen = Screen()
    screen.text = text
    assert any("█" in line or "░" in line for line in screen.drawn())
    live = [line for line in screen.drawn() if line[0] in "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"]
    assert live
    assert all(len(line) < columns for line in live)
    shown = screen.shown()
    assert "printed by items" in shown
    assert {f"printed by work {x}" for x in range(12)} <= set(shown)
    assert "✓ items" in shown[1]
    assert shown[-1] == ""
    assert shown[-4].startswith("✓ gather")
    assert shown[-3].startswith("✓ job ")
    assert shown[-2] == "no newline"
    assert not any(line[:1] in "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏" for line in shown if line)
    assert "\x1b[32m" in text


def test_a_failure_on_a_terminal(project: Project) -> None:
    project.write(WATCHED.replace("return x", "return 1 // (x - 3)"))
    text, out, code = on_terminal(project, "run", "--workers", "1", NO_COLOR="1")
    assert (out, code) == ("", 1)
    assert not re.search(r"\x1b\[\d+m", text)
    screen = Screen()
    screen.text = text
    shown = screen.shown()
    place = next(n for n, line in enumerate(shown) if line.startswith("error: flow 'job'"))
    assert "Traceback (most recent call last):" in shown[place + 1]
    assert shown[-2].startswith("Go on with: python ")


@pytest.mark.parametrize(("term", "config"), [("dumb", ""), ("xterm", "[logging]\nformat = 'json'\n")])
def test_terminals_without_a_live_display(project: Project, term: str, config: str) -> None:
    (project.folder / "lokki.toml").write_text(config, encoding="utf-8")
    project.write(WATCHED)
    text, out, code = on_terminal(project, "run", term=term)
    assert (out, code) == ("66\n", 0)
    assert "\x1b" not in text
    assert ('"event": "step_start"' if config else "[INFO] Step 'items' started at ") in text


def test_not_a_terminal(project: Project) -> None:
    project.write(WATCHED)
    found = project.cli("run", env={"LOKKI_LOG_LEVEL": "INFO"})
    assert "\x1b" not in found.stderr
    assert "[INFO] Step 'items' started at " in found.stderr
