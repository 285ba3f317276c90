"""Programs around a job and its batches: when they run, what they are told, and what their failure does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from jobs import Place
from portl.engine.hooks import NAMES
from portl.errors import DeliveriesPendingError, HookError, JobSpecError, PortlError

ROWS = "a\n1\n2\n3\n"
JOB = """\
name: small
{hooks}
connections: {{ db: {{ type: sqlite, path: test.db }} }}
steps:
  - {{id: r, type: csv.read, path: rows.csv}}
  - id: w
    type: db.insert
    batch: {{from: "{{{{ steps.r.rows }}}}", as: row, size: 2}}
    table: t
    mapping: {{a: "{{{{ row.a }}}}"}}
"""
NOTE = f"""\
#!{sys.executable}
import json, os, sys
told = {{name: value for name, value in os.environ.items() if name.startswith("PORTL_")}}
with open("notes", "a") as file:
    file.write(json.dumps(told | {{"words": sys.argv[1:], "folder": os.getcwd()}}) + "\\n")
"""


@pytest.fixture
def small(jobs: Place) -> Place:
    jobs.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL UNIQUE)")
    jobs.write("rows.csv", ROWS)
    program(jobs, "note", NOTE)
    return jobs


def program(jobs: Place, name: str, text: str, mode: int = 0o755) -> None:
    jobs.write(name, text)
    (jobs.folder / name).chmod(mode)


def run(jobs: Place, hooks: str, **options: Any) -> Any:
    return jobs.run(JOB.format(hooks=f"hooks: {{{hooks}}}"), **options)


def notes(jobs: Place) -> list[dict[str, Any]]:
    path = jobs.folder / "notes"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def count(jobs: Place) -> int:
    found: int = jobs.rows("SELECT count(*) FROM t")[0][0]
    return found


def test_each_runs_at_its_time_and_is_told_what_happens(small: Place) -> None:
    report = run(small, "before_job: ./note, after_job: [./note, -v, $HOME], before_batch: note, after_batch: ./note")
    told = notes(small)
    assert [note["PORTL_EVENT"] for note in told] == [
        "before_job",
        *("before_batch", "after_batch") * 2,
        "after_job",
    ]
    assert {(note["PORTL_JOB"], note["PORTL_RUN_ID"], note["folder"]) for note in told} == {
        ("small", report.run_id, str(small.folder))
    }
    assert [
        (note["PORTL_STEP"], note["PORTL_BATCH_INDEX"], note["PORTL_ROWS"], note["PORTL_ATTEMPT"])
        for note in told
        if note["PORTL_EVENT"] == "after_batch"
    ] == [("w", "0", "2", "1"), ("w", "1", "1", "1")]
    last = told[-1]
    assert (last["PORTL_OUTCOME"], last["PORTL_INSERTED"], last["PORTL_UPDATED"]) == ("done", "3", "0")
    assert last["words"] == ["-v", "$HOME"], "there is no shell"
    assert Path(last["PORTL_JOB_FILE"]).is_absolute()


def test_nothing_is_left_of_a_portl_around_this_one(small: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "outer")
    run(small, "before_job: ./note, after_batch: ./note, after_job: ./note")
    assert "outer" not in str(notes(small))
    assert {name for note in notes(small) for name in note if name.startswith("PORTL_")} == NAMES - {"PORTL_ERROR"}


def test_every_variable_is_documented() -> None:
    page = (Path(__file__).parents[5] / "docs" / "portl" / "hooks.md").read_text(encoding="utf-8")
    assert {name for name in NAMES if f"`{name}`" not in page} == set()


def test_what_they_write_is_told_line_by_line(small: Place) -> None:
    program(small, "talk", "#!/bin/sh\necho one; echo two >&2; printf '\\033[31mthree\\r\\n'; printf four\n")
    run(small, "before_job: ./talk")
    assert [event.details for event in small.told("hook_output")] == [
        {"hook": "before_job", "line": line} for line in ("one", "two", "[31mthree", "four")
    ]


@pytest.mark.parametrize(
    ("hook", "rows", "error"),
    [
        ("before_job", 0, HookError),
        ("before_batch", 0, HookError),
        ("after_batch", 0, HookError),
        ("after_job", 3, DeliveriesPendingError),
    ],
)
def test_one_that_fails_stops_the_job(small: Place, hook: str, rows: int, error: type[PortlError]) -> None:
    program(small, "fail", "#!/bin/sh\necho no good\nexit 3\n")
    with pytest.raises(error, match=rf"the hook {hook} failed: .*/fail ended with 3: no good"):
        run(small, f"{hook}: ./fail")
    assert count(small) == rows


def test_the_second_batch_rolls_back_the_first(small: Place) -> None:
    program(small, "once", '#!/bin/sh\n[ "$PORTL_BATCH_INDEX" = 0 ]\n')
    with pytest.raises(HookError, match=r"job.yaml:2:22: step 'w', batch 1: the hook after_batch failed"):
        run(small, "after_batch: ./once")
    assert count(small) == 0


def test_after_a_failure_only_one_that_always_runs(small: Place) -> None:
    small.write("rows.csv", "a\n1\n1\n")
    with pytest.raises(PortlError):
        run(small, "after_job: ./note")
    assert notes(small) == []
    with pytest.raises(PortlError, match="UNIQUE"):
        run(small, "after_job: {run: [./note], always: true}")
    (note,) = notes(small)
    assert note["PORTL_OUTCOME"] == "rolled_back"
    assert "UNIQUE" in note["PORTL_ERROR"]


def test_one_that_always_runs_hides_no_failure(small: Place) -> None:
    program(small, "fail", "#!/bin/sh\nexit 1\n")
    small.write("rows.csv", "a\n1\n1\n")
    with pytest.raises(PortlError, match="UNIQUE"):
        run(small, "after_job: {run: ./fail, always: true}")
    (event,) = small.told("hook_failed")
    assert event.level == "warning"
    assert "ended with 1" in event.details["error"]


def test_a_job_that_stops_before_it_began_has_no_end(small: Place) -> None:
    with pytest.raises(JobSpecError):
        run(small, "before_job: ./nope, after_job: {run: ./note, always: true}")
    assert notes(small) == []


def test_dry_runs_start_none(small: Place) -> None:
    report = run(small, "before_job: ./note, before_batch: ./note, after_job: ./note", rollback=True)
    assert report.outcome == "rolled_back"
    assert notes(small) == []
    assert [event.details["hook"] for event in small.told("hook_left_out") if event.level == "info"] == [
        "before_job",
        "after_job",
    ]
    shown = small.preview(JOB.format(hooks="hooks: {before_job: [./note, -v], after_job: ./nope}"))
    assert shown.hooks == ("before_job: ./note -v", "after_job: ./nope")
    assert shown.errors == ("job.yaml:2:46: There is no program './nope'. Paths are relative to the job's folder.",)


@pytest.mark.parametrize(
    ("name", "text", "mode", "told"),
    [
        ("x.py", "#!/bin/sh\n", 0o644, r"'./x.py' is not executable. Run chmod \+x on it, or .*: \[python3, ./x.py\]."),
        ("x.sh", "echo\n", 0o755, r"'./x.sh' has no '#!' line. Give it one, or name its interpreter: \[sh, ./x.sh\]."),
        ("x", "#!/bin/sh\r\necho\r\n", 0o755, "'./x' has the line ends of Windows."),
        ("x", "#!/nope/python\n", 0o755, "'./x' begins with #!/nope/python, which is not there."),
    ],
)  # fmt: skip
def test_a_program_that_cannot_be_started_is_told_before_anything_runs(
    small: Place, name: str, text: str, mode: int, told: str
) -> None:
    program(small, name, text, mode)
    with pytest.raises(JobSpecError, match=told):
        run(small, f"before_job: ./note, after_job: ./{name}")
    assert (count(small), notes(small)) == (0, [])


@pytest.mark.parametrize(
    ("hook", "told"),
    [
        ("./folder", "'./folder' is a folder."),
        ("portl-has-no-such-program", "There is no program 'portl-has-no-such-program'."),
        ("./note --fast", r"There is no shell; write a program and its arguments as a list: \[./note, --fast\]."),
    ],
)
def test_words_that_are_no_program(small: Place, hook: str, told: str) -> None:
    (small.folder / "folder").mkdir()
    with pytest.raises(JobSpecError, match=told):
        run(small, f"before_job: {hook}")


def test_programs_are_found_on_the_path(small: Place) -> None:
    run(small, "before_job: [sh, -c, 'echo \"$PORTL_EVENT\"']")
    assert small.told("hook_output")[0].details["line"] == "before_job"


def test_one_that_takes_too_long_is_ended_with_its_children(small: Place) -> None:
    program(small, "slow", "#!/bin/sh\nsleep 600 & echo $! > child\nwait\n")
    with pytest.raises(HookError, match=r"slow was ended after 0.5 seconds. timeout_ms says how long it may take."):
        run(small, "before_job: {run: ./slow, timeout_ms: 500}")
    child = int((small.folder / "child").read_text())
    assert not _lives(child)


def _lives(process: int) -> bool:
    """Whether a process is at work; it may take a moment until the system has put it away."""
    for _ in range(200):
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return False
        if state == "Z":
            return False
        time.sleep(0.05)  # noqa: TID251  # another process is waited for
    return True


def test_one_that_leaves_something_behind_is_not_waited_for(small: Place) -> None:
    program(small, "leave", "#!/bin/sh\nsleep 60 & echo $! > child\necho done\n")
    run(small, "before_job: ./leave")
    os.kill(int((small.folder / "child").read_text()), 9)
    assert [event.details["line"] for event in small.told("hook_output")] == ["done"]


def test_a_signal_is_named(small: Place) -> None:
    program(small, "dies", "#!/bin/sh\nkill -9 $$\n")
    with pytest.raises(HookError, match="dies was ended by signal 9"):
        run(small, "before_job: ./dies")


def test_secrets_are_not_handed_to_hooks_in_errors(small: Place) -> None:
    program(small, "fail", "#!/bin/sh\necho the-long-secret\nexit 1\n")
    text = JOB.format(hooks="hooks: {before_batch: ./fail, after_job: {run: ./note, always: true}}").replace(
        "connections: {",
        "connections: { api: { type: http, base_url: 'http://x', auth: { bearer: '${env:API_TOKEN}' } },",
    )
    with pytest.raises(HookError, match=r"ended with 1: \*\*\*"):
        small.run(text, env={"API_TOKEN": "the-long-secret"})
    assert "the-long-secret" not in notes(small)[0]["PORTL_ERROR"]


@pytest.mark.parametrize(
    ("hooks", "told"),
    [
        ("before_jbo: x", "'before_jbo' is not known here. Did you mean 'before_job'?"),
        ("before_job: {run: x, tiemout_ms: 3}", "'tiemout_ms' is not known here. Did you mean 'timeout_ms'?"),
        ("before_job: {run: x, always: true}", "'always' is not known here."),
        ("before_job: []", "should have at least 1 item"),
        ('before_job: "a\\0b"', "A word of a command cannot hold a NUL."),
    ],
)
def test_mistakes_in_the_file(small: Place, hooks: str, told: str) -> None:
    with pytest.raises(JobSpecError) as caught:
        run(small, hooks)
    assert told in str(caught.value)


@pytest.mark.parametrize("hook", ["./x.sh", ["sh", "x.sh"], {"run": "./x.sh"}, {"run": ["sh"], "timeout_ms": 3}, None])
def test_editors_know_every_form(hook: Any) -> None:
    from portl.model.documentation import schema

    jsonschema: Any = import_module("jsonschema")  # published without types
    step = {"id": "r", "type": "csv.read", "path": "x"}
    jsonschema.validate({"hooks": {"before_job": hook, "after_job": hook}, "steps": [step]}, schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"hooks": {"before_job": {"rnu": hook}}, "steps": [step]}, schema())


def test_an_interrupt_ends_the_program_too(small: Place) -> None:
    program(small, "slow", "#!/bin/sh\necho $$ > process\nsleep 600\n")
    small.write("job.yaml", JOB.format(hooks="hooks: {before_job: ./slow, after_job: {run: ./note, always: true}}"))
    command = [sys.executable, "-m", "portl", "run", "job.yaml"]
    with subprocess.Popen(command, cwd=small.folder, stderr=subprocess.PIPE, text=True) as portl:
        process = _told(small.folder / "process")
        portl.send_signal(signal.SIGINT)
        _, said = portl.communicate(timeout=60)
    assert (portl.returncode, "interrupted" in said) == (130, True)
    assert not _lives(process)
    assert [note["PORTL_OUTCOME"] for note in notes(small)] == ["rolled_back"]


def _told(path: Path) -> int:
    """The number that a program writes to a file, as soon as it is there."""
    for _ in range(600):
        if path.exists() and path.read_text().endswith("\n"):
            return int(path.read_text())
        time.sleep(0.05)  # noqa: TID251  # another process is waited for
    raise AssertionError("the hook was not started")
