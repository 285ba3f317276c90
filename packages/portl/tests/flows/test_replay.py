"""Whole jobs that the database undoes: the transaction phase is run again, what came before is not."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from databases import ADDRESS, WAITING, ServerPlace
from jobs import Place
from portl.engine.base import RunReport
from portl.errors import StepError
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

HEAD = """\
connections:
  db: { type: KIND, ADDRESS: "${env:DSN}" }
  api: { type: http, base_url: "${env:API}" }
transaction: { isolation: ISOLATION, retry: { max_attempts: 3, backoff_ms: 1 } }
steps:
  - {id: read, type: csv.read, path: in.csv}
  - {id: early, type: api.call, connection: api, path: /early}
"""
UPDATES = """\
  - {id: first, type: db.update, table: t, where: {k: a}, set: {v: job}}
  - {id: second, type: db.update, table: t, where: {k: b}, set: {v: job}}
  - id: rows
    type: db.insert
    table: t
    batch: {from: "{{ steps.read.rows }}"}
    mapping: {k: "{{ row.k }}"}
    save_as: r
  - {id: out, type: csv.write, path: out.csv, batch: {from: "{{ steps.read.rows }}"}, mapping: {id: "{{ item.r.id }}"}}
"""


class World:
    """A database, an API that counts, and jobs on them."""

    def __init__(self, jobs: Place, database: ServerPlace, server: HTTPServer) -> None:
        self.jobs, self.database, self.server = jobs, database, server
        self.calls: list[str] = []
        self.on_call: Any = lambda path: None
        server.expect_request("/early").respond_with_handler(self._serve)
        server.expect_request("/between").respond_with_handler(self._serve)
        database.run(
            f"CREATE TABLE t (id {database.id_type}, k {database.key_type} UNIQUE, v text)",
            "INSERT INTO t (k) VALUES ('a'), ('b')",
        )
        jobs.write("in.csv", "k\nx\ny\n")

    def _serve(self, request: Request) -> Response:
        self.calls.append(request.path)
        self.on_call(request.path)
        return Response("{}", content_type="application/json")

    def run(self, steps: str, isolation: str = "read_committed") -> RunReport:
        env = {"DSN": self.database.where, "API": self.server.url_for("")}
        kind = self.database.dialect
        head = HEAD.replace("ISOLATION", isolation).replace("KIND", kind).replace("ADDRESS", ADDRESS[kind])
        return self.jobs.run(head + steps, env=env)

    def rows(self) -> list[tuple[Any, ...]]:
        return self.database.rows("SELECT k, v FROM t ORDER BY k")


@pytest.fixture
def world(jobs: Place, server_place: ServerPlace, httpserver: HTTPServer) -> World:
    return World(jobs, server_place, httpserver)


def _wait_for_a_lock(database: ServerPlace) -> None:
    """Until another session waits for a lock."""
    end = time.monotonic() + 60
    while not database.rows(WAITING[database.dialect]):
        assert time.monotonic() < end, "nobody waits"
        time.sleep(0.2)  # noqa: TID251  # polls another process, which looks for itself every 0.1 s at most


def test_a_deadlock_runs_the_transaction_again(world: World) -> None:
    reports: list[RunReport] = []
    with world.database.connect() as connection, connection.cursor() as other:
        other.execute("BEGIN")
        if world.database.dialect == "postgres":
            other.execute("SET deadlock_timeout = '60s'")  # so that the job is the one that is ended
        else:  # MySQL ends the one that has written less
            other.execute("INSERT INTO t (k) VALUES ('1'), ('2'), ('3'), ('4'), ('5')")
            other.execute("DELETE FROM t WHERE k < 'a'")
        other.execute("UPDATE t SET v = 'other' WHERE k = 'b'")
        thread = threading.Thread(target=lambda: reports.append(world.run(UPDATES)))
        thread.start()
        _wait_for_a_lock(world.database)
        other.execute("UPDATE t SET v = 'other' WHERE k = 'a'")
        other.execute("COMMIT")
        thread.join(60)
    (report,) = reports
    assert (report.outcome, report.attempts) == ("committed", 2)
    assert world.rows() == [("a", "job"), ("b", "job"), ("x", None), ("y", None)]
    assert world.calls == ["/early"]
    assert len(world.jobs.read("out.csv")) == 3
    (event,) = world.jobs.told("transaction_replayed")
    assert "deadlock" in event.details["cause"].lower()


BETWEEN = """\
  - {id: look, type: db.query_one, sql: "SELECT v FROM t WHERE k = 'a'", save_as: seen}
  - {id: call, type: api.call, connection: api, method: GET, path: /between}
  - {id: change, type: db.update, table: t, where: {k: a}, set: {v: "{{ coalesce(seen.v, '') ~ '+job' }}"}}
"""


def _disturb(world: World, times: int) -> None:
    """Let somebody change the row between the job's reading and its writing, so often."""

    def change(path: str) -> None:
        count = world.calls.count("/between")
        if path == "/between" and count <= times:
            world.database.run(f"UPDATE t SET v = 'other{count}' WHERE k = 'a'")

    world.on_call = change


# Serializable is PostgreSQL's alone: in MySQL the job's reading locks the row, and nobody can change it in between.
SERIALIZATION_FAILURES = [
    *((server, "repeatable_read") for server in ("postgres_18", "postgres_15", "mysql")),
    *((server, "serializable") for server in ("postgres_18", "postgres_15")),
]


@pytest.mark.parametrize(("server_place", "isolation"), SERIALIZATION_FAILURES, indirect=["server_place"])
def test_a_serialization_failure_runs_it_again_on_what_is_there_then(world: World, isolation: str) -> None:
    _disturb(world, 1)
    report = world.run(BETWEEN, isolation)
    assert (report.outcome, report.attempts) == ("committed", 2)
    assert world.rows()[0] == ("a", "other1+job")
    assert world.calls == ["/early", "/between", "/between"]


def test_it_is_not_run_again_for_ever(world: World) -> None:
    _disturb(world, 99)
    with pytest.raises(StepError, match="step 'change'") as caught:
        world.run(BETWEEN, "repeatable_read")
    assert caught.value.step_id == "change"
    assert world.calls.count("/between") == 3
    assert world.rows()[0] == ("a", "other3")


def test_other_failures_are_not_repeated(world: World) -> None:
    with pytest.raises(StepError, match="step 'bad'"):
        world.run("  - {id: bad, type: db.insert, table: t, mapping: {k: a}}\n")
    assert world.jobs.told("transaction_replayed") == []
