"""Ctrl-C and SIGTERM: the run ends at once, says how to go on, and leaves no process behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from lokki.clock import SYSTEM_CLOCK

from ..conftest import HANG_S, Project

SLEEPING = """
    @step
    def items(): return range(6)
    @step
    def work(x):
        mark("pids", os.getpid())
        mark("work", x)
        if x >= 2:
            wait_for("go")
        return x
    @step
    def gather(xs): return sum(xs)
    @flow
    def job(): return items().map(work).agg(gather)
"""
PLAIN = """
    @step
    def first():
        mark("pids", os.getpid())
        mark("work", "first")
        wait_for("go")
        return 15
    @flow
    def job(): return first()
"""
TREE = """
    import subprocess
    @step
    def items(): return range(2)
    @step
    def work(x):
        with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"]) as child:
            mark("pids", child.pid)
            mark("work", x)
        return x
    @flow
    def job(): return items().map(work)
"""


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_until(what: Callable[[], bool]) -> bool:
    """Whether it comes true before the test would hang."""
    begin = SYSTEM_CLOCK.monotonic()
    while not what():
        if SYSTEM_CLOCK.monotonic() - begin > HANG_S:
            return False
        SYSTEM_CLOCK.sleep(0.005)
    return True


def interrupted(
    project: Project, *words: str, marks: int, number: int = signal.SIGINT
) -> subprocess.CompletedProcess[str]:
    """Run in a process group of its own, as a terminal does, and send the signal to the whole group."""
    process = project.start("run", *words, start_new_session=True)
    project.wait_for_marks("work", marks, process)
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=HANG_S)
    return subprocess.CompletedProcess(words, process.returncode, out, err)


CASES = [
    pytest.param(SLEEPING, ("--workers", "3"), 5, id="threads"),
    pytest.param(SLEEPING, ("--executor", "process", "--workers", "2"), 4, id="processes"),
    pytest.param(PLAIN, (), 1, id="plain-step"),
]


@pytest.mark.parametrize(("source", "words", "marks"), CASES)
def test_ctrl_c(project: Project, source: str, words: tuple[str, ...], marks: int) -> None:
    project.write(source)
    found = interrupted(project, "--run-id", "r", *words, marks=marks)
    assert (found.returncode, found.stdout) == (130, "")
    lines = found.stderr.splitlines()
    assert lines[-2:] == ["interrupted.", f"Go on with: python {project.folder}/work.py run --resume r"]
    assert "Traceback" not in found.stderr
    assert any("interrupted after" in line for line in lines)
    for pid in project.marks("pids"):
        assert wait_until(lambda pid=int(pid): not is_alive(pid))  # type: ignore[misc]  # a lambda's default
    document = json.loads((project.folder / ".lokki/job/runs/r/run.json").read_text(encoding="utf-8"))
    assert document["status"] == "interrupted"
    (project.folder / "go").touch()
    again = project.cli("run", "--resume", "r", *words)
    assert (again.returncode, again.stdout) == (0, "15\n"), again.stderr
    if source == SLEEPING:
        assert project.marks("work").count("0") == project.marks("work").count("1") == 1


def test_ctrl_c_reaches_what_steps_started(project: Project) -> None:
    for words in ((), ("--executor", "process", "--workers", "2")):
        project.write(TREE)
        before = len(project.marks("work"))
        found = interrupted(project, *words, marks=before + 2)
        assert found.returncode == 130
        for pid in project.marks("pids"):
            assert wait_until(lambda pid=int(pid): not is_alive(pid))  # type: ignore[misc]  # a lambda's default


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_ctrl_c_while_workers_start(project: Project, method: str) -> None:
    head = f"import multiprocessing\nif __name__ == '__main__': multiprocessing.set_start_method({method!r})\n"
    source = SLEEPING.replace("@flow", "if __name__ == '__mp_main__':\n        mark('work', 'imported')\n    @flow")
    source = source.replace("def job(): return", "def job():\n        mark('work', 'body')\n        return")
    project.write(source, head=head)
    found = interrupted(project, "--executor", "process", "--workers", "2", marks=1 if method == "fork" else 2)
    assert found.returncode == 130, found.stderr
    assert found.stderr.splitlines()[-1 if "Go on" not in found.stderr else -2] == "interrupted."
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize(("source", "words", "marks"), CASES)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_run_leaves_no_workers(
    project: Project, source: str, words: tuple[str, ...], marks: int, number: int
) -> None:
    project.write(source)
    process = project.start("run", "--run-id", "r", *words, start_new_session=True)
    project.wait_for_marks("work", marks, process)
    process.send_signal(number)
    process.communicate(timeout=HANG_S)
    assert process.returncode == -number
    for pid in project.marks("pids"):
        assert wait_until(lambda pid=int(pid): not is_alive(pid))  # type: ignore[misc]  # a lambda's default
    (project.folder / "go").touch()
    assert project.cli("run", "--resume", "r", *words).stdout == "15\n"


def test_a_worker_that_ignores_sigterm_is_ended(project: Project) -> None:
    source = SLEEPING.replace('mark("pids"', 'import signal; signal.signal(15, signal.SIG_IGN); mark("pids"')
    project.write(source)
    found = interrupted(project, "--executor", "process", "--workers", "2", marks=4)
    assert found.returncode == 130
    for pid in project.marks("pids"):
        assert wait_until(lambda pid=int(pid): not is_alive(pid))  # type: ignore[misc]  # a lambda's default


def test_ctrl_c_in_memory_has_nothing_to_go_on_with(project: Project) -> None:
    project.write(PLAIN)
    found = interrupted(project, "--store", "memory", marks=1)
    assert found.returncode == 130
    assert found.stderr.splitlines()[-1] == "interrupted."
