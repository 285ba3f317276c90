"""A job that is killed at any moment leaves the database as before or as after, and a new run completes it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from databases import ADDRESS, SESSIONS, ServerPlace

ROWS = 2000
JOB = """\
connections:
  db: { type: KIND, ADDRESS: "${env:DSN}" }
  api: { type: http, base_url: "http://127.0.0.1:1" }
outbox: { drain: never }
steps:
  - { id: read, type: csv.read, path: in.csv }
  - id: save
    type: db.upsert
    table: things
    key: k
    batch: { from: "{{ steps.read.rows }}", as: row, size: 500 }
    mapping: { k: "{{ row.k }}", v: "{{ row.v }}" }
    save_as: thing
  - id: log
    type: db.insert
    table: log
    batch: { from: "{{ steps.read.rows }}", as: row, size: 500 }
    when: item.thing.was_inserted
    mapping: { thing_id: "{{ item.thing.id }}" }
  - id: tell
    type: api.call
    connection: api
    batch: { from: "{{ steps.read.rows }}", as: row, size: 500 }
    delivery: after_commit
    idempotency_key: "thing:{{ row.k }}"
    body: { id: "{{ item.thing.id }}" }
"""
COUNTS = "SELECT (SELECT count(*) FROM things), (SELECT count(*) FROM log), (SELECT count(*) FROM portl_outbox)"


@pytest.fixture
def folder(tmp_path: Path, new_server: ServerPlace, monkeypatch: pytest.MonkeyPatch) -> Path:
    job = JOB.replace("KIND", new_server.dialect).replace("ADDRESS", ADDRESS[new_server.dialect])
    (tmp_path / "job.yaml").write_text(job)
    (tmp_path / "in.csv").write_text("k,v\n" + "".join(f"k{n},{n}\n" for n in range(ROWS)))
    new_server.run(
        f"CREATE TABLE things (id {new_server.id_type}, k {new_server.key_type} UNIQUE NOT NULL, v text)",
        f"CREATE TABLE log (id {new_server.id_type}, thing_id bigint NOT NULL)",
    )
    monkeypatch.setenv("DSN", new_server.where)
    assert _whole(tmp_path, "outbox", "init") == 0
    return tmp_path


def _start(folder: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "portl", *words, str(folder / "job.yaml")]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


def _whole(folder: Path, *words: str) -> int:
    """Run a command to its end; its exit code."""
    with _start(folder, *words) as command:
        command.communicate()
        return command.returncode


def _killed(folder: Path, lines: int, pause_s: float) -> int:
    """Start the job, kill it `pause_s` seconds after so many lines of its log; its exit code."""
    with _start(folder, "run", "--log-format", "json") as job:
        assert job.stderr is not None
        for _ in range(lines):
            job.stderr.readline()
        time.sleep(pause_s)  # noqa: TID251  # a moment of the other process
        os.kill(job.pid, signal.SIGKILL)
        job.stderr.read()
        return job.wait(60)


def _settled(database: ServerPlace) -> tuple[int, int, int]:
    """What is in the tables when no session of a killed job is left."""
    end = time.monotonic() + 60
    while database.rows(SESSIONS[database.dialect]):
        assert time.monotonic() < end, "a session stays"
        time.sleep(0.02)  # noqa: TID251  # polls another process
    ((things, log, outbox),) = database.rows(COUNTS)
    return things, log, outbox


@pytest.mark.timeout(600)  # a dozen processes, on a machine that may be busy
def test_killed_at_any_moment(folder: Path, new_server: ServerPlace) -> None:
    moments = random.Random(5)  # noqa: S311  # moments, not secrets
    for point in range(10):
        _killed(folder, lines=1 + point, pause_s=moments.random() * 0.15)
        found = _settled(new_server)
        assert found in ((0, 0, 0), (ROWS, ROWS, ROWS))
        new_server.run(*(f"DELETE FROM {table}" for table in ("things", "log", "portl_outbox")))
    _killed(folder, lines=5, pause_s=0.01)
    assert _whole(folder, "run") == 0
    assert _settled(new_server) == (ROWS, ROWS, ROWS)
