"""The ledger of runs on every database: what a past run tells, and which table is taken for a ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from databases import Place
from portl.connectors import Connector
from portl.outbox import LedgerRow, create_tables, ledger

STARTED = datetime(2026, 1, 31, 12, 30, 15, 250_000, tzinfo=UTC)


@pytest.fixture
def connector(place: Place) -> Connector:
    create_tables(place.connector())
    return place.connector()


def _record(connector: Connector, *rows: LedgerRow) -> None:
    """Each in a transaction of its own, so that the later one has finished later."""
    for row in rows:
        with connector.begin() as transaction:
            ledger.record(transaction, row)
            transaction.commit()


def test_a_past_run_tells_what_was_recorded(connector: Connector) -> None:
    row = LedgerRow("r1", "job", "hash", STARTED, "key", None, "failed", 1.25, 3_000_000_000, 7, "because 'ä' \n…")
    _record(connector, row)
    with connector.begin() as transaction:
        (run,) = ledger.latest(transaction, "job", 10)
    assert (run.run_id, run.job, run.run_key, run.outcome) == ("r1", "job", "key", "failed")
    assert (run.seconds, run.rows_written, run.limited, run.error) == (1.25, 3_000_000_000, 7, "because 'ä' \n…")
    assert abs(run.started_at - STARTED) < timedelta(milliseconds=1)
    assert run.started_at.utcoffset() == run.finished_at.utcoffset() == timedelta()


def test_the_latest_runs_come_first(connector: Connector) -> None:
    rows = [LedgerRow(f"r{number}", f"job{number % 2}", "hash", STARTED) for number in range(5)]
    for row in rows:
        _record(connector, row)
    with connector.begin() as transaction:
        everything = [run.run_id for run in ledger.latest(transaction, None, 3)]
        even = {run.run_id for run in ledger.latest(transaction, "job0", 10)}
    assert len(everything) == 3
    assert even == {"r0", "r2", "r4"}


def test_runs_without_a_key_do_not_exclude_each_other(connector: Connector) -> None:
    _record(connector, LedgerRow("r1", "job", "hash", STARTED), LedgerRow("r2", "job", "hash", STARTED))


def test_a_table_of_another_shape_is_no_ledger(place: Place) -> None:
    connector = place.connector()
    with connector.begin() as transaction:
        assert not ledger.exists(transaction)
    place.run("CREATE TABLE portl_runs (run_id integer)")
    with place.connector().begin() as transaction:
        assert not ledger.exists(transaction)
