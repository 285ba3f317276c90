"""`portl outbox`: a job's deliveries from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from jobs import Place
from portl.cli.app import invoke

from ..clients.server import Answer, Server

JOB = """\
name: tell
connections:
  db: { type: sqlite, path: test.db }
  api: { type: http, base_url: "%s" }
outbox: { drain: never, create: true, max_attempts: 2 }
defaults: { retry: { backoff_ms: 1, max_backoff_ms: 2 } }
steps:
  - { id: save, type: db.insert, table: t, mapping: { k: a } }
  - id: tell
    type: api.call
    connection: api
    method: POST
    path: /told
    delivery: after_commit
    idempotency_key: "told:a"
    body: { k: a }
"""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def job(jobs: Place, server: Server) -> str:
    jobs.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT)")
    jobs.write("job.yaml", JOB % server.url)
    return str(jobs.folder / "job.yaml")


def test_a_delivery_from_the_run_to_the_server(job: str, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["outbox", "init", job]) == 0
    assert "portl's own tables are there: portl_outbox, portl_runs." in capsys.readouterr().err
    invoke(["run", job])
    assert server.asked == []
    capsys.readouterr()

    assert invoke(["outbox", "list", job, "--json"]) == 0
    shown = capsys.readouterr()
    (entry,) = map(json.loads, shown.out.splitlines())
    assert (entry["dedup_key"], entry["state"], entry["attempts"]) == ("told:a", "pending", 0)
    assert "1 pending, 0 delivered, 0 dead." in shown.err

    assert invoke(["outbox", "drain", job]) == 0
    assert "1 delivered, 0 pending, 0 dead." in capsys.readouterr().err
    assert [asked.path for asked in server.asked] == ["/told"]


def test_a_delivery_that_dies_and_comes_back(job: str, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    invoke(["run", job])
    server.answer = lambda asked: Answer(503)
    assert invoke(["outbox", "drain", job, "--wait", "30"]) == 4
    said = capsys.readouterr().err
    assert "told:a: dead at attempt 2 of 2" in said
    assert "answered 503" in said

    assert invoke(["outbox", "list", job, "--state", "dead"]) == 0
    assert "dead  2/2  tell  api  told:a" in capsys.readouterr().out
    assert invoke(["outbox", "requeue", job, "--all"]) == 0
    assert "1 deliveries wait again." in capsys.readouterr().err

    server.answer = lambda asked: Answer()
    assert invoke(["outbox", "drain", job]) == 0
    assert invoke(["outbox", "requeue", job, "1"]) == 0
    assert "0 deliveries" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["1", "--all"]])
def test_requeue_wants_to_know_what(job: str, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert invoke(["outbox", "requeue", job, *words]) == 2
    assert "name the deliveries, or say --all" in capsys.readouterr().err


def test_an_outbox_that_was_not_made(job: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["outbox", "list", job]) == 1
    assert "Make it: portl outbox init" in capsys.readouterr().err


def test_a_job_without_a_database(jobs: Place, capsys: pytest.CaptureFixture[str]) -> None:
    jobs.write("in.csv", "a\n1\n")
    jobs.write("none.yaml", "name: none\nsteps:\n  - { id: read, type: csv.read, path: in.csv }\n")
    assert invoke(["outbox", "list", str(jobs.folder / "none.yaml")]) == 2
    assert "no database" in capsys.readouterr().err
