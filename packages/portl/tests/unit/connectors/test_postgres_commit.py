"""What becomes of a transaction when something ends it: deadlocks, lost connections, COMMITs without an answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from databases import PostgresPlace
from portl.clock import SYSTEM_CLOCK, Clock
from portl.connectors import Sql, Transaction, TransactionOptions, Upsert
from portl.connectors.postgres import PostgresConnector
from portl.connectors.replay import REPLAYS, run_phase
from portl.errors import (
    ConnectionFailedError,
    ConnectorError,
    DatabaseError,
    OutcomeUnknownError,
    RetryClass,
    RowError,
)
from portl.model.connections import PostgresConnection
from portl.outbox import LedgerRow, create_tables
from portl.outbox.ledger import record
from portl.retry import RetryPolicy
from proxy import COMMIT, Proxy, Verdict
from racing import race

ITEMS = Upsert("items", ("code", "value"), key=("code",))
READ = Sql(("SELECT value FROM items WHERE code = 'a'",))


@pytest.fixture
def items(postgres: PostgresPlace) -> PostgresPlace:
    postgres.run("CREATE TABLE items (id bigserial, code text UNIQUE, value text)")
    return postgres


def upsert(transaction: Transaction, *rows: tuple[str, str]) -> None:
    writer = transaction.upsert(ITEMS)
    writer.write(rows, range(len(rows)))
    writer.finish()


def behind(
    place: PostgresPlace, judge: Callable[[bytes], Verdict], patience_s: float = 10.0
) -> tuple[Proxy, PostgresConnector]:
    """A connector that reaches the place's server through a proxy."""
    with place.connect() as connection:
        folder = connection.info.host
        port = connection.info.port
        schema = connection.execute("SELECT current_schema()::text").fetchall()[0][0]
    proxy = Proxy(f"{folder}/.s.PGSQL.{port}", judge)
    dsn = f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres?options=-csearch_path%3D{schema}&sslmode=disable"
    config = PostgresConnection(type="postgres", dsn=dsn)
    connector = PostgresConnector("db", config, patience_s=patience_s)
    place.opened.append(connector)
    return proxy, connector


def once(verdict: Verdict) -> Callable[[bytes], Verdict]:
    """`verdict` for the first COMMIT, and pass for everything else."""
    seen: list[bytes] = []

    def judge(data: bytes) -> Verdict:
        if COMMIT in data and not seen:
            seen.append(data)
            return verdict
        return "pass"

    return judge


def test_a_commit_whose_answer_is_lost_is_found_to_be_done(items: PostgresPlace) -> None:
    proxy, connector = behind(items, once("pass_and_cut"))
    with proxy, connector.begin() as transaction:
        upsert(transaction, ("a", "1"))
        transaction.commit()
    assert items.rows("SELECT code FROM items") == [("a",)]


def test_a_commit_that_never_arrived_is_replayed(items: PostgresPlace) -> None:
    proxy, connector = behind(items, once("cut"))
    attempts: list[int] = []
    with proxy:
        run_phase(
            connector,
            lambda transaction: upsert(transaction, ("a", "1")),
            clock=SYSTEM_CLOCK,
            on_replay=lambda error, attempt: attempts.append(attempt),
        )
    assert attempts == [2]
    assert items.rows("SELECT code, value FROM items") == [("a", "1")]


@pytest.mark.parametrize("verdict", ["pass_and_cut", "cut"])
def test_the_ledger_tells_too(items: PostgresPlace, verdict: Verdict) -> None:
    create_tables(items.connector())
    proxy, connector = behind(items, once(verdict))
    row = LedgerRow("run-1", "job", "hash", datetime(2026, 1, 1, tzinfo=UTC))
    with proxy, connector.begin() as transaction:
        upsert(transaction, ("a", "1"))
        witness = record(transaction, row)
        if verdict == "cut":
            with pytest.raises(ConnectionFailedError, match="rolled back") as caught:
                transaction.commit(witness)
            assert caught.value.retry_class is RetryClass.TRANSACTION_GONE
        else:
            transaction.commit(witness)
    assert len(items.rows("SELECT 1 FROM items")) == (verdict != "cut")


@pytest.mark.parametrize("verdict", ["pass_and_cut", "cut"])
def test_nobody_to_ask_is_said(items: PostgresPlace, verdict: Verdict) -> None:
    proxy, connector = behind(items, once(verdict), patience_s=0.5)
    with proxy, connector.begin() as transaction:
        upsert(transaction, ("a", "1"))
        proxy.refuses = True
        with pytest.raises(OutcomeUnknownError, match="cannot be found out") as caught:
            transaction.commit()
    assert caught.value.exit_code == 3


def test_a_lost_commit_of_nothing_is_no_matter(items: PostgresPlace) -> None:
    proxy, connector = behind(items, once("cut"))
    with proxy, connector.begin() as transaction:
        transaction.fetch(READ)
        transaction.commit()


def test_a_connection_that_is_cut_before_commit_is_replayed(items: PostgresPlace) -> None:
    attempts: list[ConnectorError] = []
    connector = items.connector()

    def body(transaction: Any) -> None:
        upsert(transaction, ("a", str(len(attempts))))
        if not attempts:
            pid = transaction.fetch(Sql(("SELECT pg_backend_pid()",)))[0][0]
            items.rows(f"SELECT pg_terminate_backend({pid}, 10000)")
        upsert(transaction, ("b", str(len(attempts))))

    run_phase(connector, body, clock=SYSTEM_CLOCK, on_replay=lambda error, attempt: attempts.append(error))
    assert [error.retry_class for error in attempts] == [RetryClass.TRANSACTION_GONE]
    assert sorted(items.rows("SELECT code, value FROM items")) == [("a", "1"), ("b", "1")]


def test_a_backend_ended_before_commit_is_sent(items: PostgresPlace) -> None:
    with items.connector().begin() as transaction:
        upsert(transaction, ("a", "1"))
        pid = transaction.fetch(Sql(("SELECT pg_backend_pid()",)))[0][0]
        items.rows(f"SELECT pg_terminate_backend({pid}, 10000)")
        with pytest.raises(ConnectorError) as caught:
            transaction.commit()
        assert caught.value.retry_class is RetryClass.TRANSACTION_GONE
    assert items.rows("SELECT 1 FROM items") == []


def test_a_real_serialization_failure_is_replayed(items: PostgresPlace) -> None:
    items.run("INSERT INTO items (code, value) VALUES ('a', '1'), ('b', '1')")

    def change(code: str, transaction: Transaction, meet: Callable[[], None]) -> None:
        total = transaction.fetch(Sql(("SELECT sum(value::int) FROM items",)))[0][0]
        meet()
        upsert(transaction, (code, str(total)))

    options = TransactionOptions(isolation="serializable")
    replays = race(items, partial(change, "a"), partial(change, "b"), options=options)
    assert replays
    assert set(replays) == {"serialization"}
    assert sorted(items.rows("SELECT value FROM items")) == [("2",), ("3",)]


class NoWait(Clock):
    def sleep(self, seconds: float) -> None:
        return None


def failing(error: ConnectorError) -> Callable[[Transaction], None]:
    def body(transaction: Transaction) -> None:
        raise error

    return body


@pytest.mark.parametrize(
    ("error", "retry", "attempts"),
    [
        (DatabaseError("x", retry_class=RetryClass.TRANSACTION_GONE, token="deadlock"), REPLAYS, 5),
        (DatabaseError("x", retry_class=RetryClass.TRANSACTION_GONE, token="deadlock"), RetryPolicy(), 1),
        (
            DatabaseError("x", retry_class=RetryClass.TRANSACTION_GONE, token="deadlock"),
            RetryPolicy(3, retry_on=frozenset({"connect"})),
            1,
        ),
        (DatabaseError("x"), REPLAYS, 1),
        (ConnectorError("a call", retry_class=RetryClass.NOTHING_HAPPENED), REPLAYS, 1),
    ],
)
def test_what_is_replayed_and_how_often(sqlite: Any, error: ConnectorError, retry: RetryPolicy, attempts: int) -> None:
    made = [1]
    with pytest.raises(ConnectorError):
        run_phase(
            sqlite.connector(),
            failing(error),
            clock=NoWait(),
            retry=retry,
            on_replay=lambda error, attempt: made.append(attempt),
        )
    assert made == list(range(1, attempts + 1))


def test_a_constraint_that_is_checked_at_commit(items: PostgresPlace) -> None:
    items.run("ALTER TABLE items ADD parent text REFERENCES items (code) DEFERRABLE INITIALLY DEFERRED")
    operation = Upsert("items", ("code", "parent"), key=("code",))
    with items.connector().begin() as transaction:
        transaction.upsert(operation).write([("a", "nobody")], range(1))
        with pytest.raises(RowError, match="foreign key"):
            transaction.commit()
    assert items.rows("SELECT 1 FROM items") == []


def test_a_transaction_that_failed_is_not_committed(items: PostgresPlace) -> None:
    with items.connector().begin() as transaction:
        with pytest.raises(DatabaseError):
            transaction.execute(Sql(("SELECT 1/0",)))
        with pytest.raises(DatabaseError):
            transaction.commit()


def test_leaving_the_block_rolls_back_and_keeps_the_connection(items: PostgresPlace) -> None:
    connector = items.connector()
    pid = Sql(("SELECT pg_backend_pid()",))
    with connector.begin() as transaction:
        upsert(transaction, ("a", "1"))
        first = transaction.fetch(pid)
    transaction.rollback()
    with connector.begin() as transaction:
        assert transaction.fetch(READ) == []
        assert transaction.fetch(pid) == first


def test_closing_in_the_middle_rolls_back(items: PostgresPlace) -> None:
    connector = items.connector()
    transaction = connector.begin()
    upsert(transaction, ("a", "1"))
    connector.close()
    transaction.rollback()
    assert items.rows("SELECT 1 FROM items") == []


def test_a_lock_timeout_may_be_replayed(items: PostgresPlace) -> None:
    items.run("INSERT INTO items (code, value) VALUES ('a', '0')")
    with items.connect() as other:
        other.execute("BEGIN")
        other.execute("UPDATE items SET value = '1'")
        with items.connector(lock_timeout_ms=50, statement_timeout_ms=60_000).begin() as transaction:
            with pytest.raises(DatabaseError, match="lock timeout") as caught:
                upsert(transaction, ("a", "2"))
            assert caught.value.retry_class is RetryClass.TRANSACTION_GONE
