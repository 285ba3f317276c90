"""Trying a job on few rows, and on batches of another size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs import Place
from portl.batch.limited import FirstRows, first_rows
from portl.batch.rows import Kept, ListRows, Rows, Spool
from portl.engine.base import RunOptions
from portl.engine.local import run_job
from portl.logging import Event
from portl.model.resolve import resolve

JOB = """\
steps:
  - {id: read, type: csv.read, path: in.csv}
  - {id: look, type: db.read, sql: "SELECT k FROM source ORDER BY k"}
  - id: save
    type: db.insert
    table: t
    batch: {from: "{{ steps.read.rows }}", as: row, size: 2}
    mapping: {k: "{{ row.k }}"}
  - id: also
    type: db.insert
    table: t
    batch: {from: "{{ steps.look.rows }}", as: row}
    mapping: {k: "{{ row.k }}"}
  - id: listed
    type: db.insert
    table: t
    batch: {from: "{{ range(7) }}", as: number}
    mapping: {k: "{{ 'n' ~ number }}"}
  - id: count
    type: db.insert
    table: t
    mapping: {k: "{{ 'rows:' ~ steps.read.rows | length ~ ':' ~ steps.look.rows | length }}"}
"""


@pytest.fixture
def place(jobs: Place) -> Place:
    jobs.sql("CREATE TABLE t (k TEXT)", "CREATE TABLE source (k TEXT)")
    jobs.sql(*(f"INSERT INTO source VALUES ('s{number}')" for number in range(9)))
    jobs.write("in.csv", "k\n" + "".join(f"c{number}\n" for number in range(5)))
    return jobs


def run(place: Place, text: str, options: RunOptions, **params: str) -> list[Event]:
    """The events of a run."""
    events: list[Event] = []
    plan = place.plan(text)
    run_job(plan, resolve(plan.file, {}, params, plan.implicit_params), options=options, observer=events.append)
    return events


def test_every_source_is_limited(place: Place) -> None:
    events = run(place, JOB, RunOptions(limit=2))
    assert [row[0] for row in place.rows("SELECT k FROM t")] == ["c0", "c1", "s0", "s1", "n0", "n1", "rows:2:2"]
    (told,) = [event for event in events if event.event == "run_limited"]
    assert (told.level, told.details) == ("warning", {"limit": 2})


def test_what_comes_after_the_limit_is_not_read(place: Place) -> None:
    place.write("in.csv", "k,n\na,1\nb,x\n")
    text = JOB.replace("path: in.csv}", "path: in.csv, columns: {n: integer}}")
    run(place, text, RunOptions(limit=1))
    assert place.rows("SELECT k FROM t LIMIT 1") == [("a",)]


def test_a_limit_larger_than_the_sources_changes_nothing(place: Place) -> None:
    run(place, JOB, RunOptions(limit=1000))
    assert place.rows("SELECT count(*) FROM t") == [(5 + 9 + 7 + 1,)]


def test_a_limited_run_is_not_the_run_of_its_key(place: Place) -> None:
    keyed = 'run_key: "{{ run.params.day }}"\noutbox: {create: true}\n'
    text = f"connections:\n  db: {{ type: sqlite, path: test.db }}\n{keyed}{JOB}"
    run(place, text, RunOptions(limit=1), day="monday")
    assert run(place, text, RunOptions(), day="monday")[-1].details["outcome"] == "committed"
    assert run(place, text, RunOptions(), day="monday")[-1].details["outcome"] == "done_before"
    assert run(place, text, RunOptions(limit=1), day="monday")[-1].details["outcome"] == "done_before"
    rows = place.rows("SELECT run_key, limited FROM portl_runs ORDER BY finished_at")
    assert rows == [(None, 1), ("monday", None)]


@pytest.mark.parametrize("size", [1, 3, 100_000])
def test_a_batch_size_changes_how_often_not_what(place: Place, size: int) -> None:
    events = run(place, JOB, RunOptions(batch_size=size))
    told = [event.details["items"] for event in events if (event.event, event.step_id) == ("step_progress", "save")]
    assert told == [min(done, 5) for done in range(size, 5 + size, size)][: -(-5 // size)]
    assert place.rows("SELECT count(*) FROM t") == [(5 + 9 + 7 + 1,)]


def test_progress_says_of_how_many(place: Place) -> None:
    events = run(place, JOB, RunOptions())
    told = {event.step_id: event.details for event in events if event.event == "step_progress"}
    assert (told["save"]["seen"], told["save"]["total"], told["save"]["exact"]) == (5, 5, True)
    assert (told["listed"]["total"], told["listed"]["exact"]) == (7, True)
    assert told["look"]["seen"] == 9
    assert "total" not in told["look"]


def test_the_total_of_a_file_is_reckoned_from_what_was_read(place: Place) -> None:
    place.write("in.csv", "k\n" + "".join(f"c{number:09}\n" for number in range(60_000)))
    events = run(place, JOB, RunOptions(batch_size=1000))
    told = [event.details for event in events if (event.event, event.step_id) == ("step_progress", "save")]
    assert told[0]["exact"] is False
    assert all(54_000 <= one["total"] <= 66_000 for one in told)
    assert told[-1]["seen"] == 60_000


@given(st.lists(st.integers(), max_size=30), st.integers(1, 40))
def test_first_rows_are_the_first_rows(values: list[int], limit: int) -> None:
    spool = Spool(("n",))
    for value in values:
        spool.append([(value,)])
    for rows in (ListRows(values), Kept(spool), spool):
        limited = first_rows(rows, limit)
        shown = [value if isinstance(value, int) else value["n"] for value in limited]
        assert shown == values[:limit]
        assert limited.expected() == (min(len(values), limit), True)
        assert first_rows(limited, limit) is limited
        assert first_rows(rows, None) is rows


def test_first_rows_know_where_they_come_from() -> None:
    class Located(Rows):
        def locate(self, index: int, column: str | None = None) -> str:
            return f"file:{index}:{column}"

    limited = FirstRows(Located(), 3)
    assert limited.locate(2, "k") == "file:2:k"
    assert limited.expected() is None
