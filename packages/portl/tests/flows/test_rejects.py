"""Rejected rows of jobs that the database undoes, or whose COMMIT nobody can vouch for."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from databases import PostgresPlace
from jobs import Place
from portl.errors import OutcomeUnknownError
from proxy import COMMIT, Proxy, Verdict

JOB = """\
connections: { db: { type: postgres, dsn: "${env:DSN}", outcome_timeout_ms: 300 } }
transaction: { retry: { max_attempts: 3, backoff_ms: 1 } }
steps:
  - { id: early, type: csv.read, path: in.csv, columns: { n: integer },
      on_error: { action: dead_letter, path: early.csv } }
  - { id: first, type: db.insert, table: t, mapping: { k: first } }
  - { id: inside, type: csv.read, path: in.csv, columns: { n: integer },
      on_error: { action: dead_letter, path: inside.csv } }
  - { id: save, type: db.insert, table: t, batch: { from: "{{ steps.inside.rows }}" },
      mapping: { k: "{{ row.k }}", n: "{{ 1 // row.n }}" }, on_error: { action: dead_letter, path: save.csv } }
  - { id: same, type: db.upsert, table: t, key: k, batch: { from: "{{ steps.early.rows }}" },
      mapping: { k: "{{ row.k }}" }, on_error: skip }
  - { id: last, type: db.query_one, sql: "SELECT trouble()::text AS t" }
"""


@pytest.fixture
def place(jobs: Place, new_postgres: PostgresPlace) -> PostgresPlace:
    jobs.write("in.csv", "k,n\na,1\nb,x\nc,0\n")
    new_postgres.run(
        "CREATE TABLE t (k text UNIQUE, n int)",
        "CREATE SEQUENCE calls",
        "CREATE FUNCTION trouble() RETURNS int LANGUAGE plpgsql AS $$BEGIN "
        "IF nextval('calls') < 3 THEN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END IF; RETURN 1; END$$",
    )
    return new_postgres


def _keys(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row["k"] for row in csv.DictReader(file)]


def test_a_transaction_that_is_run_again_writes_them_once(jobs: Place, place: PostgresPlace) -> None:
    report = jobs.run(JOB, env={"DSN": place.dsn})
    assert report.attempts == 3
    assert place.rows("SELECT k, n FROM t ORDER BY k") == [("a", 1), ("c", None), ("first", None)]
    found = {path.name: _keys(path) for path in jobs.folder.glob("*.csv") if path.name != "in.csv"}
    assert found == {"early.csv": ["b"], "inside.csv": ["b"], "save.csv": ["c"]}
    assert {event.step_id: event.details["rejected"] for event in jobs.told("rows_rejected")} == {
        "early": 1,
        "inside": 1,
        "save": 1,
    }
    assert list(jobs.folder.glob(".*")) == []


def test_they_are_kept_when_nobody_knows_whether_it_is_committed(jobs: Place, place: PostgresPlace) -> None:
    place.run("SELECT nextval('calls') FROM generate_series(1, 3)")
    with place.connect() as connection:
        socket = f"{connection.info.host}/.s.PGSQL.{connection.info.port}"
        schema = connection.execute("SELECT current_schema()::text").fetchall()[0][0]
    asked = []

    def judge(data: bytes) -> Verdict:
        asked.append(b"trouble" in data)
        if COMMIT not in data or not any(asked):
            return "pass"
        proxy.refuses = True
        return "pass_and_cut"

    with Proxy(socket, judge) as proxy:
        options = f"?options=-csearch_path%3D{schema}&sslmode=disable"
        dsn = f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres{options}"
        with pytest.raises(OutcomeUnknownError):
            jobs.run(JOB, env={"DSN": dsn})
    assert place.rows("SELECT count(*) FROM t") == [(3,)]
    assert _keys(jobs.folder / "save.csv") == ["c"]
