"""What `portl run --json` prints, for every way a run can end, and its schema."""

from __future__ import annotations

import json
import re
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from jobs import Place
from portl.cli.app import invoke
from portl.cli.run import sentence
from portl.cli.summary import Watch, summary
from portl.logging import Event, Observer

SECRET = "hunter22-hunter22"
JOB = """\
name: small
connections:
  db: { type: sqlite, path: test.db }
  api: { type: http, base_url: "http://127.0.0.1:1", headers: { Authorization: "${env:TOKEN}" } }
params: { key: { type: string, default: a } }
outbox: { create: true }
defaults: { retry: { max_attempts: 1 } }
steps:
  - {id: read, type: csv.read, path: in.csv}
  - id: save
    type: db.insert
    table: t
    batch: {from: "{{ steps.read.rows }}"}
    mapping: {k: "{{ run.params.key ~ row.k }}"}
"""
TELL = "  - {id: tell, type: api.call, connection: api, delivery: after_commit, idempotency_key: x, body: {a: 1}}\n"


@pytest.fixture
def job(jobs: Place, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("TOKEN", SECRET)
    jobs.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT NOT NULL UNIQUE)")
    jobs.write("in.csv", "k\n1\n2\n3\n")
    jobs.write("job.yaml", JOB)
    return str(jobs.folder / "job.yaml")


@pytest.fixture
def schema(capsys: pytest.CaptureFixture[str]) -> Any:
    assert invoke(["schema", "--run"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def run(job: str, schema: Any, capsys: pytest.CaptureFixture[str]) -> Any:
    """`run(options…)`: the object that `portl run --json` prints, which is what the schema says."""
    jsonschema: Any = import_module("jsonschema")

    def made(*options: str) -> Any:
        capsys.readouterr()
        code = invoke(["run", job, "--json", *options])
        said = capsys.readouterr()
        assert SECRET not in said.out + said.err
        result = json.loads(said.out)
        jsonschema.validate(result, schema, format_checker=jsonschema.FormatChecker())
        assert result["exit_code"] == code
        return result

    return made


def test_the_schema_forbids_other_fields_and_describes_its_own(schema: Any) -> None:
    assert schema["additionalProperties"] is False
    assert "file" in schema["required"]
    assert schema["properties"]["committed"]["description"]


def test_a_run(run: Any, job: str) -> None:
    found = run()
    assert (found["outcome"], found["committed"], found["error"], found["file"]) == ("committed", True, None, job)
    assert [(step["step_id"], step["state"]) for step in found["steps"]] == [("read", "done"), ("save", "done")]
    assert found["steps"][1]["counts"] == {"items": 3, "inserted": 3, "updated": 0}
    assert found["steps"][1]["seconds"] <= found["seconds"]
    assert found["deliveries"] is None
    assert found["started_at"].endswith("Z")


def test_a_run_that_fails_tells_where(run: Any, jobs: Place) -> None:
    jobs.sql("INSERT INTO t (k) VALUES ('a3')")
    found = run()
    assert (found["outcome"], found["committed"], found["exit_code"]) == ("failed", False, 1)
    error = found["error"]
    assert (error["kind"], error["step_id"], error["idx"]) == ("StepError", "save", 2)
    assert error["where"].endswith("job.yaml:10:5")
    assert error["code"]
    assert 'INSERT INTO "main"."t"' in error["rendered"]
    assert found["steps"][-1]["state"] == "failed"
    assert found["steps"][-1]["type"] == "db.insert"


def test_a_job_with_mistakes(run: Any, jobs: Place) -> None:
    jobs.write("job.yaml", JOB.replace("table: t", "tabel: t").replace("name: small", "nmae: small"))
    found = run()
    assert (found["outcome"], found["exit_code"], found["run_id"]) == ("refused", 2, None)
    assert [one["line"] for one in found["error"]["findings"]] == [1, 10, 12]


def test_deliveries_that_wait(run: Any, jobs: Place) -> None:
    jobs.write("job.yaml", JOB + TELL)
    found = run("--drain-wait", "0")
    assert (found["outcome"], found["committed"], found["exit_code"]) == ("pending", True, 4)
    assert found["deliveries"] == {"delivered": 0, "pending": 1, "dead": 0}


def test_a_file_that_cannot_be_put_in_place_after_commit(run: Any, jobs: Place) -> None:
    (jobs.folder / "out.csv").mkdir()
    jobs.write(
        "job.yaml", JOB + "  - {id: out, type: csv.write, path: out.csv, batch: {from: '{{ steps.read.rows }}'}}\n"
    )
    found = run()
    assert (found["outcome"], found["committed"], found["exit_code"]) == ("pending", True, 4)


def test_a_dry_run_that_rolls_back(run: Any, jobs: Place) -> None:
    found = run("--dry-run=rollback", "--limit", "2")
    assert (found["outcome"], found["committed"], found["limit"]) == ("rolled_back", False, 2)
    assert found["steps"][1]["counts"]["inserted"] == 2
    assert jobs.rows("SELECT count(*) FROM t") == [(0,)]


def test_a_job_without_a_database(run: Any, jobs: Place) -> None:
    jobs.write("job.yaml", "steps:\n  - {id: read, type: csv.read, path: in.csv}\n")
    found = run()
    assert (found["outcome"], found["committed"]) == ("no_transaction", False)


def test_a_run_key_that_is_done(run: Any, jobs: Place) -> None:
    jobs.write("job.yaml", 'run_key: "{{ run.params.key }}"\n' + JOB)
    assert [run()["outcome"] for _ in range(2)] == ["committed", "done_before"]
    assert run("--var", "key=b")["run_key"] == "b"


def test_separate_transactions_that_fail_are_partly_done(run: Any, jobs: Place) -> None:
    again = "  - {id: again, type: db.insert, table: t, mapping: {k: a1}}\n"
    jobs.write("job.yaml", JOB.replace("params:", "transaction: {scope: none}\nparams:") + again)
    found = run()
    assert (found["outcome"], found["committed"]) == ("failed", None)
    assert jobs.rows("SELECT count(*) FROM t") == [(3,)]


def test_a_call_that_fails_after_separate_transactions(run: Any, jobs: Place) -> None:
    call = TELL.replace("delivery: after_commit", "delivery: now")
    jobs.write("job.yaml", JOB.replace("params:", "transaction: {scope: none}\nparams:") + call)
    found = run()
    assert (found["outcome"], found["committed"], found["exit_code"]) == ("pending", True, 4)
    assert found["steps"][-1]["state"] == "failed"


def test_a_bug(run: Any, monkeypatch: pytest.MonkeyPatch, job: str) -> None:
    def broken(*arguments: Any, **options: Any) -> None:
        raise RuntimeError(f"{Path(job).name} {SECRET}")

    monkeypatch.setattr("portl.cli.run.run_job", broken)
    found = run()
    assert (found["outcome"], found["exit_code"], found["error"]["kind"]) == ("bug", 70, "RuntimeError")


def test_the_log_of_a_run_that_fails(job: str, jobs: Place, capsys: pytest.CaptureFixture[str]) -> None:
    jobs.sql("INSERT INTO t (k) VALUES ('a3')")
    assert invoke(["run", job, "--log-format", "json"]) == 1
    *lines, error, statement = capsys.readouterr().err.splitlines()
    assert error.startswith("portl: ")
    assert statement.startswith("  at: INSERT")
    events = [json.loads(line) for line in lines]
    for event in events:
        assert set(event) - {"idx"} == {"ts", "level", "step_id", "event", "details"}
        assert event["level"] in ("info", "warning", "error")
        assert datetime.fromisoformat(event["ts"]).utcoffset() is not None
    failed = events[-1]
    assert (failed["event"], failed["level"], failed["step_id"], failed["idx"]) == ("step_failed", "error", "save", 2)
    assert failed["details"]["outcome"] == "rolled_back"
    assert "INSERT INTO" in failed["details"]["rendered"]


@pytest.mark.parametrize(
    ("events", "code", "said"),
    [
        ([], 130, "interrupted before anything was written to the database."),
        (["transaction_started"], 130, "interrupted; the transaction was rolled back, the database is unchanged."),
        (["steps_separate"], 130, "interrupted; database steps that were done stay done: the job has scope: none."),
        (["transaction_started", "committing"], 3, "Interrupted during COMMIT; whether it took effect is not known."),
        (["transaction_started", "committing", "committed"], 130, "interrupted after COMMIT: the rows are in the"),
    ],
)
def test_interrupts(run: Any, monkeypatch: pytest.MonkeyPatch, events: list[str], code: int, said: str) -> None:
    def interrupted(plan: Any, resolved: Any, *, options: Any, observer: Observer) -> None:
        for event in events:
            observer(Event(event))
        raise KeyboardInterrupt

    monkeypatch.setattr("portl.cli.run.run_job", interrupted)
    found = run()
    assert found["exit_code"] == code
    assert found["error"]["message"].startswith(said)
    assert found["committed"] is (None if code == 3 or "steps_separate" in events else "committed" in events)


def test_rejected_rows_are_summed() -> None:
    watch = Watch("job.yaml")
    watch(Event("step_completed", "save", details={"type": "db.upsert", "items": 3, "seconds": 0.1}))
    rejected = {"rejected": 2, "rejected_file": "bad.csv", "first": "because"}
    watch(Event("rows_rejected", "save", level="warning", details=rejected))
    watch(Event("run_completed", details={"outcome": "committed"}))
    found = summary(watch, 1.0)
    assert (found.rejected, found.steps[0].details) == (2, {"rejected_file": "bad.csv"})
    assert "2 rows rejected" in sentence(found)


def test_steps_of_an_undone_attempt_are_forgotten() -> None:
    watch = Watch("job.yaml")
    done = {"type": "db.upsert", "items": 3, "seconds": 0.1}
    watch(Event("step_completed", "before", details=done))
    watch(Event("transaction_started"))
    watch(Event("step_completed", "inside", details=done))
    watch(Event("transaction_replayed"))
    assert (list(watch.steps), watch.replays) == (["before"], 1)


def test_the_object_of_the_documents_is_what_the_schema_says(schema: Any) -> None:
    page = (Path(__file__).parents[5] / "docs" / "portl" / "running.md").read_text(encoding="utf-8")
    shown, event = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL))
    jsonschema: Any = import_module("jsonschema")
    jsonschema.validate(shown, schema)
    assert set(shown) == set(schema["properties"])
    assert list(event) == ["ts", "level", "step_id", "event", "details"]
