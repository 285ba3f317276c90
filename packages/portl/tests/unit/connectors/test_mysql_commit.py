"""What becomes of MySQL's transactions when something ends them: deadlocks, lost connections, COMMITs unanswered."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from databases import WAITING, MysqlPlace
from portl.clock import SYSTEM_CLOCK
from portl.connectors import Sql, Transaction, TransactionOptions, Upsert, Witness
from portl.connectors.mysql import MysqlConnector
from portl.connectors.opening import open_connector
from portl.connectors.replay import run_phase
from portl.errors import ConnectionFailedError, ConnectorError, DatabaseError, OutcomeUnknownError, RetryClass
from portl.model.connections import MysqlConnection
from proxy import Proxy, Verdict
from racing import race

ITEMS = Upsert("items", ("code", "value"), key=("code",))
READ = Sql(("SELECT value FROM items WHERE code = 'a'",))
THREAD = Sql(("SELECT CONNECTION_ID()",))
WITNESS = Witness(Sql(("SELECT 1 FROM items WHERE code = ", 0)), ("a",))
COMMIT = b"\x03COMMIT"


@pytest.fixture
def items(mysql: MysqlPlace) -> MysqlPlace:
    mysql.run("CREATE TABLE items (id bigint AUTO_INCREMENT PRIMARY KEY, code varchar(99) UNIQUE, value text)")
    return mysql


def upsert(transaction: Transaction, *rows: tuple[str, str]) -> list[bool]:
    writer = transaction.upsert(ITEMS)
    result = writer.write(rows, range(len(rows)))
    writer.finish()
    return result.columns["was_inserted"]


def behind(
    place: MysqlPlace, judge: Callable[[bytes], Verdict], patience_s: float = 10.0
) -> tuple[Proxy, MysqlConnector]:
    """A connector that reaches the place's server through a proxy."""
    proxy = Proxy(place.socket, judge)
    config = MysqlConnection(
        type="mysql",
        url=f"mysql://root@127.0.0.1:{proxy.port}/{place.database}",
        ssl_mode="disabled",
        outcome_timeout_ms=int(patience_s * 1000),
    )
    connector = MysqlConnector("db", config)
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


def test_a_commit_whose_answer_is_lost_is_found_by_its_witness(items: MysqlPlace) -> None:
    proxy, connector = behind(items, once("pass_and_cut"))
    with proxy, connector.begin() as transaction:
        upsert(transaction, ("a", "1"))
        transaction.commit(WITNESS)
    assert items.rows("SELECT code FROM items") == [("a",)]


def test_a_commit_that_never_arrived_is_replayed(items: MysqlPlace) -> None:
    proxy, connector = behind(items, once("cut"))
    attempts: list[str] = []
    with proxy:
        run_phase(
            connector,
            lambda transaction: upsert(transaction, ("a", "1")),
            clock=SYSTEM_CLOCK,
            witness=lambda: WITNESS,
            on_replay=lambda error, attempt: attempts.append(str(error)),
        )
    assert len(attempts) == 1
    assert "rolled back" in attempts[0]
    assert items.rows("SELECT code, value FROM items") == [("a", "1")]


@pytest.mark.parametrize("verdict", ["pass_and_cut", "cut"])
def test_without_a_witness_or_a_server_nobody_knows(items: MysqlPlace, verdict: Verdict) -> None:
    """PostgreSQL keeps account of its transactions; MySQL does not."""
    for witness in (None, WITNESS):
        proxy, connector = behind(items, once(verdict), patience_s=0.5)
        with proxy, connector.begin() as transaction:
            upsert(transaction, ("a", "1"))
            proxy.refuses = witness is not None
            with pytest.raises(OutcomeUnknownError, match="cannot be found out") as caught:
                transaction.commit(witness)
        assert caught.value.exit_code == 3


def test_a_lost_commit_of_nothing_is_no_matter(items: MysqlPlace) -> None:
    proxy, connector = behind(items, once("cut"))
    with proxy, connector.begin() as transaction:
        transaction.fetch(READ)
        transaction.commit()


def test_a_connection_that_is_cut_before_commit_is_replayed(items: MysqlPlace) -> None:
    attempts: list[ConnectorError] = []

    def body(transaction: Any) -> None:
        upsert(transaction, ("a", str(len(attempts))))
        if not attempts:
            items.run(f"KILL {transaction.fetch(THREAD)[0][0]}")
        upsert(transaction, ("b", str(len(attempts))))

    run_phase(items.connector(), body, clock=SYSTEM_CLOCK, on_replay=lambda error, attempt: attempts.append(error))
    assert [(error.retry_class, error.token) for error in attempts] == [(RetryClass.TRANSACTION_GONE, "connect")]
    assert sorted(items.rows("SELECT code, value FROM items")) == [("a", "1"), ("b", "1")]


def test_a_session_ended_before_commit_is_sent(items: MysqlPlace) -> None:
    with items.connector().begin() as transaction:
        upsert(transaction, ("a", "1"))
        items.run(f"KILL {transaction.fetch(THREAD)[0][0]}")
        with pytest.raises(ConnectorError) as caught:
            transaction.commit()
        assert caught.value.retry_class is RetryClass.TRANSACTION_GONE
    assert items.rows("SELECT 1 FROM items") == []


def test_a_connection_that_died_while_it_was_idle(items: MysqlPlace) -> None:
    connector = items.connector()
    with connector.begin() as transaction:
        thread = transaction.fetch(THREAD)[0][0]
        transaction.commit()
    items.run(f"KILL {thread}")
    with pytest.raises(ConnectorError) as caught:
        connector.begin()
    assert caught.value.token == "connect"
    connector.begin().rollback()


@pytest.mark.parametrize("isolation", ["repeatable_read", "serializable"])
def test_a_row_that_changed_since_it_was_read_is_replayed(items: MysqlPlace, isolation: Any) -> None:
    items.run("INSERT INTO items (code, value) VALUES ('a', '1'), ('b', '1')")

    def change(name: str, transaction: Transaction, meet: Callable[[], None]) -> None:
        ((value,),) = transaction.fetch(READ)
        meet()
        upsert(transaction, ("a", value + name))

    replays = race(items, partial(change, "x"), partial(change, "y"), options=TransactionOptions(isolation=isolation))
    assert replays
    assert set(replays) <= {"serialization", "deadlock"}
    assert items.rows("SELECT value FROM items WHERE code = 'a'")[0][0] in ("1xy", "1yx")


def _wait_for_a_lock(place: MysqlPlace) -> None:
    end = time.monotonic() + 60
    while not place.rows(WAITING["mysql"]):
        assert time.monotonic() < end, "nobody waits"
        SYSTEM_CLOCK.sleep(0.2)  # the server looks for itself every 0.1 s at most


def test_a_row_that_another_session_inserts_meanwhile_is_not_new(items: MysqlPlace) -> None:
    results: list[list[bool]] = []

    def job() -> None:
        connector = items.connector()
        with connector.begin() as transaction:
            results.append(upsert(transaction, ("c", "job"), ("a", "job"), ("b", "job")))
            transaction.commit()
        connector.close()

    with items.connector().begin() as other:
        upsert(other, ("b", "other"))
        thread = threading.Thread(target=job)
        thread.start()
        _wait_for_a_lock(items)
        other.commit()
    thread.join(60)
    assert results == [[True, True, False]]
    assert items.rows("SELECT value, count(*) FROM items GROUP BY value") == [("job", 3)]


def test_a_lock_timeout_may_be_replayed(items: MysqlPlace) -> None:
    items.run("INSERT INTO items (code, value) VALUES ('a', '0')")
    with items.connector().begin() as other:
        upsert(other, ("a", "1"))
        with items.connector(lock_timeout_ms=50, statement_timeout_ms=60_000).begin() as transaction:
            with pytest.raises(DatabaseError, match="Lock wait timeout") as caught:
                upsert(transaction, ("a", "2"))
            assert caught.value.retry_class is RetryClass.TRANSACTION_GONE


def test_a_statement_that_takes_too_long_is_ended(items: MysqlPlace) -> None:
    with items.connector(statement_timeout_ms=100).begin() as transaction, pytest.raises(DatabaseError) as caught:
        transaction.fetch(Sql(("SELECT count(*) FROM seq_1_to_100000000000 WHERE seq % 7 = 8",)))
    assert caught.value.code == "1969"


def test_leaving_the_block_rolls_back_and_keeps_the_connection(items: MysqlPlace) -> None:
    connector = items.connector()
    with connector.begin() as transaction:
        upsert(transaction, ("a", "1"))
        first = transaction.fetch(THREAD)
    transaction.rollback()
    with connector.begin() as transaction:
        assert transaction.fetch(READ) == []
        assert transaction.fetch(THREAD) == first


def test_closing_in_the_middle_rolls_back(items: MysqlPlace) -> None:
    connector = items.connector()
    transaction = connector.begin()
    upsert(transaction, ("a", "1"))
    connector.close()
    transaction.rollback()
    assert items.rows("SELECT 1 FROM items") == []


def test_a_read_only_transaction_writes_nothing(items: MysqlPlace) -> None:
    with items.connector().begin(TransactionOptions(read_only=True)) as transaction:
        assert transaction.query(READ, [()] * 5, range(5)).rows == [None] * 5
        with pytest.raises(DatabaseError, match="READ ONLY"):
            transaction.execute(Sql(("DELETE FROM items",)))


def connection_error(**options: Any) -> ConnectorError:
    config = MysqlConnection(type="mysql", user="me", password="s3cret-word", **options)
    with pytest.raises(ConnectionFailedError) as caught:
        open_connector("db", config).begin()
    assert "s3cret-word" not in str(caught.value)
    return caught.value


def test_a_server_that_is_not_there_is_tried_again(tmp_path: Any) -> None:
    for options in ({"unix_socket": str(tmp_path / "none")}, {"host": "127.0.0.1", "port": 1}):
        error = connection_error(database="x", **options)
        assert "no connection" in str(error)
        assert error.token == "connect"


def test_a_user_or_database_the_server_refuses_is_not_tried_again(items: MysqlPlace) -> None:
    error = connection_error(database="x", unix_socket=items.socket)
    assert "Access denied" in str(error)
    assert error.token == ""
    with pytest.raises(ConnectionFailedError, match="Unknown database"):
        MysqlPlace(items.socket, "nope").connector().begin()


def test_a_url(items: MysqlPlace) -> None:
    items.run(
        "CREATE USER 'ö:@/%'@'localhost' IDENTIFIED BY 'p@ß/'", f"GRANT ALL ON {items.database}.* TO 'ö:@/%'@localhost"
    )
    url = f"mysql://%C3%B6%3A%40%2F%25:p%40%C3%9F%2F@localhost/{items.database}"
    config = MysqlConnection(type="mysql", url=url, unix_socket=items.socket)
    connector = open_connector("db", config)
    with connector.begin() as transaction:
        assert transaction.fetch(Sql(("SELECT DATABASE()",))) == [(items.database,)]
    connector.close()
    items.run("DROP USER 'ö:@/%'@'localhost'")


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:s3cret-word@h:port/x",
        "postgres://u:s3cret-word@h/x",
        "mysql://u:s3cret-word@h",
        "mysql://u:s3cret-word@h/x?ssl=1",
    ],
)
def test_a_url_that_is_not_understood_is_not_shown(url: str) -> None:
    config = MysqlConnection(type="mysql", url=url)
    with pytest.raises(ConnectionFailedError, match="url is not understood") as caught:
        open_connector("db", config).begin()
    assert "s3cret-word" not in str(caught.value)
