"""Every exit code through the whole program: real databases, real signals, a COMMIT whose answer is lost."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from databases import PostgresPlace
from portl.environment import variables
from proxy import COMMIT, Proxy, Verdict
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

JOB = """\
name: ends
connections:
  db: { type: postgres, dsn: "${env:DSN}", outcome_timeout_ms: 300 }
  api: { type: http, base_url: "${env:API}", timeout_ms: 60000 }
outbox: { create: true }
defaults: { retry: { max_attempts: 1 } }
params: { early: "no", inside: 0, late: "no" }
steps:
  - { id: before, type: api.call, connection: api, path: /before, when: "run.params.early == 'yes'" }
  - { id: save, type: db.insert, table: t, mapping: { k: a } }
  - { id: rest, type: db.query_one, sql: "SELECT pg_sleep({{ run.params.inside | float }})::text AS slept" }
  - id: tell
    type: api.call
    connection: api
    path: /later
    delivery: after_commit
    idempotency_key: told
    when: "run.params.late == 'yes'"
"""


@dataclass
class Program:
    """`python -m portl run` on the job."""

    folder: Path
    environment: dict[str, str]

    def start(self, *options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "portl", "run", str(self.folder / "job.yaml"), *options]
        return subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, *options: str) -> tuple[int, Any, str]:
        """The exit code, the object on stdout and the text on stderr."""
        with self.start("--json", *options) as process:
            out, err = process.communicate(timeout=100)
        return process.returncode, json.loads(out), err


@pytest.fixture
def waiting(httpserver: HTTPServer) -> Iterator[threading.Event]:
    """Set while the API lets somebody wait for /before or /later."""
    reached, done = threading.Event(), threading.Event()

    def slow(request: Request) -> Response:
        reached.set()
        done.wait(60)
        return Response("{}", content_type="application/json")

    httpserver.expect_request("/before").respond_with_handler(slow)
    httpserver.expect_request("/later").respond_with_handler(slow)
    yield reached
    done.set()


@pytest.fixture
def program(tmp_path: Path, new_postgres: PostgresPlace, httpserver: HTTPServer) -> Program:
    new_postgres.run("CREATE TABLE t (k text UNIQUE)")
    (tmp_path / "job.yaml").write_text(JOB, encoding="utf-8")
    environment = {**variables(), "DSN": new_postgres.dsn, "API": httpserver.url_for("").rstrip("/")}
    return Program(tmp_path, environment)


def _rows(database: PostgresPlace) -> int:
    ((count,),) = database.rows("SELECT count(*) FROM t")
    return int(count)


def test_done_is_0_and_failed_is_1(program: Program, new_postgres: PostgresPlace) -> None:
    code, told, _ = program.run()
    assert (code, told["outcome"], _rows(new_postgres)) == (0, "committed", 1)
    code, told, said = program.run()
    assert (code, told["outcome"], told["error"]["code"]) == (1, "failed", "23505")
    assert "step 'save'" in said
    assert "Traceback" not in said


def test_a_wrong_job_is_2(program: Program) -> None:
    code, told, _ = program.run("--var", "nonsense=1")
    assert (code, told["outcome"]) == (2, "refused")
    with program.start("--no-such-option") as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert err.startswith("portl: no such option")


@pytest.mark.parametrize("verdict", ["pass_and_cut", "cut"])
def test_a_commit_whose_answer_is_lost_is_3(program: Program, new_postgres: PostgresPlace, verdict: Verdict) -> None:
    with new_postgres.connect() as connection:
        socket = f"{connection.info.host}/.s.PGSQL.{connection.info.port}"
        schema = connection.execute("SELECT current_schema()::text").fetchall()[0][0]
    commits: list[bytes] = []

    def judge(data: bytes) -> Verdict:
        if COMMIT not in data or b"told" in data:
            return "pass"
        commits.append(data)
        if len(commits) < 3:  # those of portl's own tables, which are looked for and made before
            return "pass"
        proxy.refuses = True
        return verdict

    with Proxy(socket, judge) as proxy:
        options = f"?options=-csearch_path%3D{schema}&sslmode=disable"
        program.environment["DSN"] = f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres{options}"
        code, told, said = program.run()
    assert (code, told["outcome"], told["committed"]) == (3, "unknown", None)
    assert "cannot be found out" in said
    assert _rows(new_postgres) == (verdict == "pass_and_cut")


def test_deliveries_that_are_not_made_are_4(
    program: Program, new_postgres: PostgresPlace, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/later").respond_with_data(status=503)
    code, told, said = program.run("--var", "late=yes", "--drain-wait", "0")
    assert (code, told["outcome"], told["committed"]) == (4, "pending", True)
    assert "portl outbox drain" in said
    assert _rows(new_postgres) == 1


def test_a_bug_is_70(program: Program) -> None:
    broken = "import portl.cli.run as run; run.run_job = lambda *a, **o: 1 / 0; from portl.cli.app import main; main()"
    command = [sys.executable, "-c", broken, "run", str(program.folder / "job.yaml")]
    done = subprocess.run(command, env=program.environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (70, "")
    assert done.stderr == (
        "portl: a bug of portl's: ZeroDivisionError: division by zero. Run it with --debug and report it.\n"
    )


def _interrupted(process: subprocess.Popen[str], number: int) -> tuple[int, Any, str]:
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    return process.returncode, json.loads(out), err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_before_the_transaction_is_130(
    program: Program, new_postgres: PostgresPlace, waiting: threading.Event, number: int
) -> None:
    with program.start("--json", "--var", "early=yes") as process:
        assert waiting.wait(60)
        code, told, said = _interrupted(process, number)
    assert (code, told["outcome"], told["committed"]) == (130, "interrupted", False)
    assert said == "portl: interrupted before anything was written to the database.\n"
    assert _rows(new_postgres) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_inside_it_is_130_and_rolled_back(
    program: Program, new_postgres: PostgresPlace, number: int
) -> None:
    with program.start("--json", "--var", "inside=60") as process:
        end = time.monotonic() + 60
        while not new_postgres.rows(
            "SELECT 1 FROM pg_stat_activity WHERE application_name = 'portl' AND wait_event = 'PgSleep'"
        ):
            assert time.monotonic() < end, "nobody sleeps"
            time.sleep(0.02)  # noqa: TID251  # polls another process
        code, told, said = _interrupted(process, number)
    assert (code, told["outcome"], told["committed"]) == (130, "interrupted", False)
    assert said == "portl: interrupted; the transaction was rolled back, the database is unchanged.\n"
    assert _rows(new_postgres) == 0


def test_interrupted_after_commit_is_130_and_says_that_it_is_committed(
    program: Program, new_postgres: PostgresPlace, waiting: threading.Event
) -> None:
    with program.start("--json", "--var", "late=yes") as process:
        assert waiting.wait(60)
        code, told, said = _interrupted(process, signal.SIGINT)
    assert (code, told["outcome"], told["committed"]) == (130, "interrupted", True)
    assert said.startswith("portl: interrupted after COMMIT: the rows are in the database;")
    assert f"portl outbox drain {program.folder / 'job.yaml'}" in said
    assert _rows(new_postgres) == 1
