"""`portl runs`: the ledger for people and for programs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jobs import Place
from portl.cli.app import invoke
from portl.cli.runs import table
from portl.outbox.ledger import PastRun

JOB = """\
name: NAME
connections: { db: { type: sqlite, path: test.db } }
run_key: "{{ run.params.key }}"
steps:
  - {id: x, type: db.insert, table: t, mapping: {k: "{{ run.params.key }}"}}
"""


@pytest.fixture
def folder(jobs: Place, monkeypatch: pytest.MonkeyPatch) -> Path:
    jobs.sql("CREATE TABLE t (k TEXT UNIQUE)")
    jobs.write("one.yaml", JOB.replace("NAME", "one"))
    jobs.write("two.yml", JOB.replace("NAME", "two").replace('run_key: "{{ run.params.key }}"\n', ""))
    jobs.write("other.yaml", "a: 1\n")
    monkeypatch.chdir(jobs.folder)
    monkeypatch.setenv("TZ", "UTC")
    return jobs.folder


def _runs(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    capsys.readouterr()
    assert invoke(["runs", *words]) == 0
    return capsys.readouterr().out.splitlines()


@pytest.fixture
def history(folder: Path) -> None:
    """Two runs of each job, one of them failed."""
    assert invoke(["outbox", "init", "one.yaml"]) == 0
    assert invoke(["run", "one.yaml", "--var", "key=a"]) == 0
    assert invoke(["run", "two.yml", "--var", "key=a"]) == 1
    assert invoke(["run", "two.yml", "--var", "key=b", "--limit", "5"]) == 0
    assert invoke(["run", "one.yaml", "--var", "key=c"]) == 0


@pytest.mark.usefixtures("history")
def test_the_runs_of_a_job(capsys: pytest.CaptureFixture[str]) -> None:
    head, *lines = _runs(capsys, "one.yaml")
    assert head.split() == ["finished", "job", "outcome", "took", "rows", "run", "key"]
    assert [line.split()[2:4] + line.split()[5:] for line in lines] == [
        ["one", "committed", "1", "c"],
        ["one", "committed", "1", "a"],
    ]


@pytest.mark.usefixtures("history")
def test_a_failed_run_and_a_limited_one(capsys: pytest.CaptureFixture[str]) -> None:
    _, limited, failed, why = _runs(capsys, "two.yml")
    assert "committed (limit 5)" in limited
    assert " failed " in failed
    assert why.startswith("    two.yml:")
    assert "step 'x'" in why


@pytest.mark.usefixtures("history")
def test_the_runs_of_all_jobs_of_the_folder(capsys: pytest.CaptureFixture[str]) -> None:
    here = [json.loads(line) for line in _runs(capsys, "--json")]
    assert [run["job"] for run in here] == ["one", "two", "two", "one"]
    assert here == [json.loads(line) for line in _runs(capsys, "one.yaml", "--all", "--json")]
    assert len(_runs(capsys, "--json", "--limit", "3")) == 3
    failed = here[2]
    assert (failed["outcome"], failed["rows_written"], failed["run_key"]) == ("failed", None, None)
    assert "UNIQUE" in failed["error"]
    moments = [datetime.fromisoformat(run["finished_at"]) for run in here]
    assert moments == sorted(moments, reverse=True)
    assert all(moment.utcoffset() is not None for moment in moments)


def test_a_narrow_terminal_sees_less() -> None:
    moment = datetime(2026, 1, 31, 5, 0, tzinfo=UTC)
    run = PastRun("id", "products", "monday", "failed", moment, moment, 1.5, 41_022, None, "job.yaml:1:1: it is wrong.")
    assert "41,022" in "".join(table([run], 200))
    for columns in (60, 50, 40, 30):
        lines = "\n".join(table([run], columns)).splitlines()
        assert max(map(len, lines)) <= columns
        assert "failed" in lines[1]
    assert list(table([])) == []


def test_without_a_ledger_it_says_how_to_get_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _runs(capsys, "one.yaml") == []
    assert invoke(["run", "two.yml", "--var", "key=b"]) == 0
    assert invoke(["runs", "two.yml"]) == 0
    said = capsys.readouterr().err
    assert "two.yml: no runs are recorded: 'db' has no table portl_runs. From now on: portl outbox init two.yml" in said


def test_a_ledger_without_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["outbox", "init", "one.yaml"]) == 0
    capsys.readouterr()
    assert invoke(["runs", "one.yaml"]) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "no runs are recorded.\n")
    assert _runs(capsys, "one.yaml", "--json") == []


def test_a_folder_without_jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert invoke(["runs"]) == 2
    assert "there is no job file in this folder. Name one: portl runs JOB." in capsys.readouterr().err


def test_a_job_that_is_wrong_is_left_out(folder: Path, jobs: Place, capsys: pytest.CaptureFixture[str]) -> None:
    jobs.write("bad.yaml", "steps: 1\n")
    jobs.write("none.yaml", "steps:\n  - {id: r, type: csv.read, path: in.csv}\n")
    assert invoke(["runs"]) == 0
    said = capsys.readouterr().err
    assert "bad.yaml: left out: " in said
    assert "none.yaml: the job has no database" in said
    assert invoke(["runs", "bad.yaml"]) == 2


def test_a_table_that_only_has_the_name_is_left_alone(folder: Path, jobs: Place) -> None:
    jobs.sql("CREATE TABLE portl_runs (run_id TEXT)")
    assert invoke(["run", "two.yml", "--var", "key=b"]) == 0
    assert jobs.rows("SELECT count(*) FROM portl_runs") == [(0,)]
    assert invoke(["outbox", "init", "one.yaml"]) == 1


def test_a_job_with_a_run_key_needs_a_database(folder: Path, jobs: Place, capsys: pytest.CaptureFixture[str]) -> None:
    jobs.write("none.yaml", "run_key: a\nsteps:\n  - {id: r, type: csv.read, path: in.csv}\n")
    assert invoke(["run", "none.yaml"]) == 2
    assert "The job has a run_key, but no database to record it in." in capsys.readouterr().err
