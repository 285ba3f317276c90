"""The command line: every command's help, exit codes, output, and a quick start."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from jobs import Place
from portl.__about__ import __version__
from portl.cli.app import COMMANDS, invoke
from portl.errors import DeliveriesPendingError, OutcomeUnknownError

JOB = """\
name: small
connections: { db: { type: sqlite, path: test.db } }
params: { key: { type: string, default: a } }
steps:
  - {id: x, type: db.insert, table: t, mapping: {k: "{{ run.params.key }}"}}
"""


@pytest.fixture
def job(jobs: Place) -> str:
    jobs.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT NOT NULL UNIQUE)")
    jobs.write("job.yaml", JOB)
    return str(jobs.folder / "job.yaml")


@pytest.mark.parametrize("words", [[], ["--help"], *([name, "--help"] for name in COMMANDS)])
def test_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(words) == 0
    assert "Usage: portl" in capsys.readouterr().out


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["--version"]) == 0
    assert capsys.readouterr().out == f"portl {__version__}\n"


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["rnu"], "portl: there is no command 'rnu'. Did you mean 'run'?"),
        (["zzz"], "there is no command 'zzz'. See: portl --help"),
        (["run"], "missing argument 'JOB'. See: portl run --help"),
        (["run", "missing.yaml"], "missing.yaml: the job cannot be read: No such file or directory."),
        (["run", "x", "--sample", "0"], "invalid value for '--sample'"),
        (["--nonsense"], "no such option"),
    ],
)
def test_a_wrong_command_line_ends_with_2(words: list[str], what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(words) == 2
    assert what.lower() in capsys.readouterr().err.lower()


def test_a_run_prints_one_line_and_logs_the_steps(job: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["run", job, "--param", "key=b"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("small: committed (1 steps, ")
    assert "x: 1 inserted" in said.err
    assert "transaction: committed" in said.err


def test_a_quiet_run_logs_nothing(job: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["run", job, "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def test_a_result_as_json(job: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["run", job, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["outcome"], result["steps"][0]["counts"]["inserted"]) == ("committed", 1)


def test_a_log_as_json_lines(job: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["run", job, "--log-format", "json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines] == [
        "run_started",
        "transaction_started",
        "step_started",
        "step_completed",
        "committed",
        "run_completed",
    ]
    assert all({"ts", "level", "step_id", "event", "details"} <= set(line) for line in lines)
    assert lines[2]["step_id"] == "x"


def test_a_failed_run_ends_with_1_and_shows_the_statement(job: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["run", job]) == 0
    assert invoke(["run", job]) == 1
    said = capsys.readouterr().err
    assert "job.yaml:5:5: step 'x'" in said or "job.yaml:5:" in said
    assert "Traceback" not in said


def test_tracebacks_are_shown_on_request(job: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["run", job]) == 0
    assert invoke(["run", job, "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("level", [[], ["check"], ["offline"]])
def test_a_dry_run_shows_the_plan(job: str, level: list[str], jobs: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["run", job, "--dry-run", *level]) == 0
    said = capsys.readouterr().out
    assert "Nothing is written, nothing is called." in said
    assert 'mapping: {"k":"a"}' in said
    assert jobs.rows("SELECT count(*) FROM t") == [(0,)]


def test_the_job_may_follow_the_option(job: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["run", "--dry-run", job]) == 0
    assert "(offline dry run" in capsys.readouterr().out
    assert invoke(["run", "--dry-run", "check", job]) == 0
    assert "(check dry run" in capsys.readouterr().out


def test_a_dry_run_as_json(job: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["run", job, "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"][0]["items"] == [{"mapping": {"k": "a"}}]


def test_a_dry_run_that_would_fail_ends_with_1(job: str, jobs: Place, capsys: pytest.CaptureFixture[str]) -> None:
    jobs.write("job.yaml", JOB.replace("table: t", "table: nope"))
    assert invoke(["run", job, "--dry-run=check"]) == 1
    assert "this would fail:" in capsys.readouterr().err


def test_a_rollback_run(job: str, jobs: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["run", job, "--dry-run=rollback"]) == 0
    assert "rolled back, nothing was changed" in capsys.readouterr().out
    assert jobs.rows("SELECT count(*) FROM t") == [(0,)]


@pytest.mark.parametrize("param", ["key", "=x", "nope=x"])
def test_parameters_that_are_none(job: str, param: str) -> None:
    assert invoke(["run", job, "-p", param]) == 2


def test_validate_tells_every_mistake(job: str, jobs: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["validate", job]) == 0
    assert "the job 'small' is right (1 steps)." in capsys.readouterr().out
    jobs.write("job.yaml", JOB.replace("table: t", "tabel: t").replace("name: small", "nmae: small"))
    assert invoke(["validate", job]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3
    assert said[0].startswith(f"portl: {job}:1:1: 'nmae' is not known here.")


def test_the_schema_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["$schema"].startswith("https://json-schema.org/")


def test_a_bug_is_told_as_one(job: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from portl.cli import boundary
    from portl.secrets import Masker

    def broken() -> int:
        raise RuntimeError("hunter22 is here")

    assert boundary.guarded(broken, Masker(["hunter22"]), debug=True) == boundary.BUG
    said = capsys.readouterr().err
    assert "a bug of portl's: RuntimeError: *** is here" in said
    assert "hunter22" not in said


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (BrokenPipeError(), 1),
        (OutcomeUnknownError("nobody knows."), 3),
        (DeliveriesPendingError("some wait."), 4),
    ],
)
def test_other_ends(error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from portl.cli import boundary
    from portl.secrets import Masker

    monkeypatch.setattr(sys, "stdout", sys.stdout)

    def broken() -> int:
        raise error

    assert boundary.guarded(broken, Masker(), debug=False) == code


def test_it_runs_as_a_module(job: str) -> None:
    done = subprocess.run([sys.executable, "-m", "portl", "run", job], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout[:16]) == (0, "small: committed")


def test_the_door_imports_nothing_heavy() -> None:
    code = (
        "import sys; before = set(sys.modules); from portl.cli.app import invoke; invoke(['--help']);"
        "print(*(set(sys.modules) - before), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert not {"pydantic", "jinja2", "rich", "yaml", "psycopg", "httpx2", "boto3", "sqlite3"} & loaded


def test_the_example_works_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import shutil

    source = Path(__file__).parents[5] / "examples" / "portl" / "first"
    folder = tmp_path / "first"
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("shop.db", "saved.csv"))
    subprocess.run([sys.executable, "create_shop.py"], cwd=folder, check=True)
    for new in ("true", "false"):
        assert invoke(["run", str(folder / "job.yaml")]) == 0
        lines = (folder / "saved.csv").read_text().splitlines()
        assert lines[1] == f"A-100,1,{new},{new}"
    assert "5 items" in capsys.readouterr().err


def test_a_terminal_gets_a_live_line(
    job: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from portl.cli import ui

    monkeypatch.setattr(ui, "is_terminal", lambda: True)
    assert invoke(["run", job]) == 0
    assert "x: 1 inserted" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("event", "details", "text"),
    [
        ("transaction_replayed", {"attempt": 2, "cause": "deadlock"}, "transaction: run again (attempt 2): deadlock"),
        ("run_known", {"run_key": "k"}, "run: done before with the key k"),
        ("drained", {"delivered": 1, "pending": 2, "dead": 3}, "deliveries: 1 made, 2 pending, 3 given up"),
        ("step_completed", {"seconds": 2.0, "items": 10, "type": "x"}, "s: 10 items, 2.00s, 5/s"),
        ("step_skipped", {}, "s: skipped"),
        ("run_started", {}, ""),
    ],
)
def test_events_for_people(event: str, details: dict[str, object], text: str) -> None:
    from portl.cli.progress import sentence
    from portl.logging import Event

    assert sentence(Event(event, "s", details=details)) == text


def test_a_note_of_validate(job: str, jobs: Place, capsys: pytest.CaptureFixture[str]) -> None:
    call = "  - {id: c, type: api.call, connection: api, unsafe: true}\n"
    api = "connections: { api: { type: http, base_url: 'http://x' }, "
    jobs.write("job.yaml", JOB.replace("connections: { ", api) + call + "  - {id: y, type: db.read, sql: SELECT 1}\n")
    assert invoke(["validate", job]) == 0
    assert "calls while the transaction holds its locks" in capsys.readouterr().err


def test_a_plan_with_a_note_and_a_condition(job: str, jobs: Place, capsys: pytest.CaptureFixture[str]) -> None:
    call = "  - {id: c, type: api.call, connection: api, unsafe: true, when: run.job == 'x', body: {a: 1.5, b: .inf}}\n"
    api = "connections: { api: { type: http, base_url: 'http://x' }, "
    jobs.write("job.yaml", JOB.replace("connections: { ", api) + call + "  - {id: y, type: db.read, sql: SELECT 1}\n")
    assert invoke(["run", job, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "when run.job == 'x'" in said
    assert "note: " in said
    assert "call: POST http://x" in said
