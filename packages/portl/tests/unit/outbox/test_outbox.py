"""The outbox on every database: written with the job's rows, delivered at least once, in order, by any workers."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from databases import Place
from portl.clients import Client, HttpRequest, LambdaRequest
from portl.clients.http import HttpClient
from portl.clock import SYSTEM_CLOCK
from portl.connectors import Connector
from portl.errors import RequestError, RowError, SchemaError
from portl.model.connections import HttpConnection
from portl.outbox import (
    Delivery,
    Drainer,
    DrainReport,
    Enqueuer,
    LedgerRow,
    OutboxRow,
    Queue,
    create_tables,
    ledger,
    missing_tables,
)
from portl.outbox.requests import from_text, to_text
from portl.retry import RetryPolicy

from ..clients.server import Answer, Asked, Server, in_turn

FAST = RetryPolicy(backoff_ms=1, max_backoff_ms=5)


@pytest.fixture
def box(place: Place) -> Place:
    create_tables(place.connector())
    return place


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def api(server: Server) -> Iterator[HttpClient]:
    client = HttpClient("api", HttpConnection(type="http", base_url=server.url, concurrency=8, timeout_ms=5000))
    yield client
    client.close()


def row(key: str, ordering: str | None = None, **options: Any) -> OutboxRow:
    request = HttpRequest("POST", "/a", body={"key": key}, idempotency_key=key)
    return OutboxRow(key, "api", request, ordering_key=ordering, job="job", step="tell", **options)


def enqueue(connector: Connector, *rows: OutboxRow) -> list[bool]:
    with connector.begin() as transaction:
        enqueuer = Enqueuer(transaction)
        new = enqueuer.write(rows, range(len(rows)))
        enqueuer.finish()
        transaction.commit()
    return new


def drainer(connector: Connector, api: Client, **options: Any) -> Drainer:
    def client(name: str) -> Client:
        return {"api": api}[name]

    return Drainer(Queue(connector, "job"), client, **{"clock": SYSTEM_CLOCK, "backoff": FAST, **options})


def keys(server: Server) -> list[str]:
    return [asked.json()["key"] for asked in server.asked]


def test_a_delivery_is_made_once(box: Place, server: Server, api: HttpClient) -> None:
    connector = box.connector()
    assert enqueue(connector, row("a"), row("b")) == [True, True]
    told: list[Delivery] = []
    assert drainer(connector, api, on_delivery=told.append).run() == DrainReport(delivered=2)
    assert drainer(connector, api).run() == DrainReport()
    assert sorted(keys(server)) == ["a", "b"]
    assert {asked.headers["idempotency-key"] for asked in server.asked} == {"a", "b"}
    assert [(delivery.outcome, delivery.status) for delivery in told] == [("delivered", 200)] * 2
    assert Queue(connector, "job").counts() == {"pending": 0, "delivered": 2, "dead": 0}


def test_rows_go_with_the_transaction(box: Place) -> None:
    connector = box.connector()
    with connector.begin() as transaction:
        Enqueuer(transaction).write([row("a")], range(1))
    assert box.rows("SELECT 1 FROM portl_outbox") == []


def test_a_key_comes_only_once(box: Place) -> None:
    connector = box.connector()
    assert enqueue(connector, row("a"), row("b"), row("a")) == [True, True, False]
    with connector.begin() as transaction:
        enqueuer = Enqueuer(transaction)
        other = OutboxRow("b", "api", HttpRequest("POST", "/other"), job="job")
        assert enqueuer.write([row("a"), other, row("c")], range(3)) == [False, False, True]
        assert enqueuer.differing == 1
        enqueuer.finish()
        transaction.commit()
    assert len(box.rows("SELECT 1 FROM portl_outbox")) == 3


def test_nothing_to_enqueue(box: Place) -> None:
    with box.connector().begin() as transaction:
        Enqueuer(transaction).finish()


def test_rows_of_one_key_are_delivered_in_order(box: Place, server: Server, api: HttpClient) -> None:
    connector = box.connector()
    rows = [row(f"{number % 3}-{9 - number}", f"resource:{number % 3}") for number in range(9)]
    enqueue(connector, *rows)
    server.answer = lambda asked: Answer(wait_s=0.01)
    assert drainer(connector, api, concurrency=6).run().delivered == 9
    for group in "012":
        assert [key for key in keys(server) if key[0] == group] == [
            r.dedup_key for r in rows if r.dedup_key[0] == group
        ]


def test_a_row_that_fails_holds_back_its_own_key_only(box: Place, server: Server, api: HttpClient) -> None:
    connector = box.connector()
    enqueue(connector, row("a1", "a"), row("a2", "a"), row("b1", "b"), row("free"))
    server.answer = lambda asked: Answer(503 if asked.json()["key"] == "a1" else 200)
    report = drainer(connector, api, backoff=RetryPolicy(backoff_ms=60_000, max_backoff_ms=60_000, jitter=False)).run()
    assert report == DrainReport(delivered=2, failed=1, pending=2)
    assert "a2" not in keys(server)
    (first, *_) = Queue(connector, "job").entries("pending")
    assert (first.dedup_key, first.attempts) == ("a1", 1)
    assert "answered 503" in (first.last_error or "")


def test_failures_are_repeated_until_the_row_is_dead(box: Place, server: Server, api: HttpClient) -> None:
    connector = box.connector()
    enqueue(connector, row("a", max_attempts=3))
    server.answer = lambda asked: Answer(503)
    report = drainer(connector, api).run(wait_s=60)
    assert report == DrainReport(failed=2, dead=1)
    assert keys(server) == ["a"] * 3
    queue = Queue(connector, "job")
    assert queue.counts()["dead"] == 1

    server.answer = lambda asked: Answer()
    assert queue.requeue([12345]) == 0
    assert queue.requeue() == 1
    assert drainer(connector, api).run().delivered == 1
    assert queue.requeue() == 0


def test_a_dead_row_lets_the_next_of_its_key_go(box: Place, server: Server, api: HttpClient) -> None:
    connector = box.connector()
    enqueue(connector, row("a1", "a"), row("a2", "a"))
    server.answer = lambda asked: Answer(400 if asked.json()["key"] == "a1" else 200)
    assert drainer(connector, api).run() == DrainReport(delivered=1, dead=1)
    (dead,) = Queue(connector, "job").entries("dead")
    assert Queue(connector, "job").requeue([dead.id]) == 1


def test_a_wait_for_what_is_not_due(box: Place, server: Server, api: HttpClient) -> None:
    connector = box.connector()
    enqueue(connector, row("a"))
    server.answer = in_turn(Answer(503, headers={"Retry-After": "1"}), Answer())
    backoff = RetryPolicy(backoff_ms=300, max_backoff_ms=400, jitter=False)
    assert drainer(connector, api, backoff=backoff).run(wait_s=0.05) == DrainReport(failed=1, pending=1)
    assert drainer(connector, api).run(wait_s=60) == DrainReport(delivered=1)


def test_other_jobs_are_left_alone(box: Place, api: HttpClient) -> None:
    connector = box.connector()
    enqueue(connector, OutboxRow("x", "api", HttpRequest("POST", "/a"), job="other"))
    assert drainer(connector, api).run() == DrainReport()
    assert Queue(connector, "other").counts()["pending"] == 1


@pytest.mark.parametrize("damage", ["connection = 'gone'", 'request = \'{"kind": "fax"}\''])
def test_a_row_nobody_understands_is_dead(box: Place, api: HttpClient, damage: str) -> None:
    connector = box.connector()
    enqueue(connector, row("a"))
    box.run(f"UPDATE portl_outbox SET {damage}")
    assert drainer(connector, api).run() == DrainReport(dead=1)


def test_a_crash_between_call_and_mark_gives_a_second_call_with_the_same_key(
    box: Place, server: Server, api: HttpClient
) -> None:
    connector = box.connector()
    enqueue(connector, row("a"))
    program = (
        "import os, sys\n"
        "from portl.clients.http import HttpClient\n"
        "from portl.clock import SYSTEM_CLOCK\n"
        "from portl.model.connections import *\n"
        "from portl.connectors.opening import open_connector\n"
        "from portl.outbox import *\n"
        "kind, where, url = sys.argv[1:]\n"
        "classes = {'sqlite': (SqliteConnection, 'path'), 'mysql': (MysqlConnection, 'url')}\n"
        "cls, field = classes.get(kind, (PostgresConnection, 'dsn'))\n"
        "config = cls(type=kind, **{field: where})\n"
        "class Dies(Queue):\n"
        "    def delivered(self, rows, worker):\n"
        "        os.kill(os.getpid(), 9)\n"
        "client = HttpClient('api', HttpConnection(type='http', base_url=url))\n"
        "queue = Dies(open_connector('db', config), 'job')\n"
        "Drainer(queue, lambda name: client, clock=SYSTEM_CLOCK).run()\n"
    )
    command = [sys.executable, "-c", program, box.dialect, box.where, server.url]
    assert subprocess.run(command, check=False).returncode == -9
    assert keys(server) == ["a"]
    assert drainer(connector, api).run() == DrainReport(pending=1)

    past = "'2000-01-01T00:00:00.000Z'" if box.dialect == "sqlite" else "'2000-01-01 00:00:00'"
    box.run(f"UPDATE portl_outbox SET locked_until = {past}")
    assert drainer(connector, api).run() == DrainReport(delivered=1)
    assert [asked.headers["idempotency-key"] for asked in server.asked] == ["a", "a"]


def test_workers_never_deliver_a_row_at_the_same_time(box: Place, server: Server, api: HttpClient) -> None:
    enqueue(box.connector(), *[row(f"k{number}", f"o{number % 20}") for number in range(60)])
    now: Counter[str] = Counter()
    most: list[int] = []
    lock = threading.Lock()

    def answer(asked: Asked) -> Answer:
        key = asked.json()["key"]
        with lock:
            now[key] += 1
            most.append(now[key])
        server.ended.wait(0.005)
        with lock:
            now[key] -= 1
        return Answer()

    server.answer = answer
    reports: list[DrainReport] = []

    def work() -> None:
        connector = box.connector()
        reports.append(drainer(connector, api, concurrency=2).run(wait_s=1))
        connector.close()

    if box.dialect == "sqlite":  # a connection of SQLite belongs to one thread
        work()
    else:
        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sum(report.delivered for report in reports) == 60
    assert max(most) == 1
    assert sorted(keys(server)) == sorted(f"k{number}" for number in range(60))


def test_a_worker_that_was_too_slow_does_not_mark_what_another_took(box: Place) -> None:
    connector = box.connector()
    enqueue(connector, row("a"))
    queue = Queue(connector, "job")
    (slow,) = queue.claim("slow", 5, 0.0)
    assert queue.next_due_s() == 0
    (quick,) = queue.claim("quick", 5, 60.0)
    assert not queue.extend(slow, "slow", 60)
    assert queue.delivered([slow], "slow") == 0
    queue.failed(slow, "slow", "late", 0, for_good=True)
    assert queue.counts()["pending"] == 1
    assert queue.extend(quick, "quick", 60)
    assert (queue.next_due_s() or 0) > 30
    assert queue.delivered([quick], "quick") == 1
    assert queue.next_due_s() is None


def test_a_database_that_fails_lets_go_of_rows(box: Place, api: HttpClient) -> None:
    connector = box.connector()
    enqueue(connector, row("a"))

    def explode(delivery: Delivery) -> None:
        raise RuntimeError("no room on the screen")

    with pytest.raises(RuntimeError):
        drainer(connector, api, on_delivery=explode).run()


def test_an_interrupt_marks_what_ends_soon(box: Place, server: Server, api: HttpClient) -> None:
    server.answer = lambda asked: Answer(wait_s=0.2 if asked.json()["key"] == "b" else 0.0)
    connector, told = box.connector(), list[Delivery]()
    enqueue(connector, row("a"), row("b"))

    def interrupt(delivery: Delivery) -> None:
        told.append(delivery)
        if len(told) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drainer(connector, api, on_delivery=interrupt).run()
    assert Queue(connector, "job").counts() == {"pending": 0, "delivered": 2, "dead": 0}


def test_an_interrupt_does_not_wait_for_a_slow_call_nor_repeat_it_at_once(
    box: Place, server: Server, api: HttpClient
) -> None:
    server.answer = lambda asked: Answer(wait_s=3.0 if asked.json()["key"] == "b" else 0.0)
    connector = box.connector()
    enqueue(connector, row("a"), row("b"))

    def interrupt(delivery: Delivery) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drainer(connector, api, on_delivery=interrupt).run()
    assert server.under_way == 1
    assert drainer(connector, api).run() == DrainReport(pending=1)
    assert sorted(keys(server)) == ["a", "b"]


def test_a_client_with_a_bug_is_not_a_failed_delivery(box: Place) -> None:
    class Broken:
        def longest_s(self, request: Any) -> float:
            return 1000.0

        def send(self, *arguments: Any) -> Any:
            raise ZeroDivisionError

    connector = box.connector()
    enqueue(connector, row("a"))
    broken: Any = Broken()
    with pytest.raises(ZeroDivisionError):
        drainer(connector, broken).run()
    assert Queue(connector, "job").next_due_s() == 0


def test_tables_are_made_once_and_only_where_they_are_portls(place: Place) -> None:
    connector = place.connector()
    with connector.begin() as transaction:
        assert missing_tables(transaction, "portl_outbox", "portl_runs") == ["portl_outbox", "portl_runs"]
    create_tables(connector)
    create_tables(connector)
    with connector.begin() as transaction:
        assert missing_tables(transaction, "portl_outbox", "portl_runs") == []
    place.run("CREATE TABLE mine (id int)")
    with pytest.raises(SchemaError, match="not a table that portl made"):
        create_tables(connector, outbox="mine")
    assert place.rows("SELECT * FROM mine") == []


def test_the_ledger_knows_what_ran(box: Place) -> None:
    connector = box.connector()
    started = datetime(2026, 1, 31, 12, tzinfo=UTC)
    with connector.begin() as transaction:
        assert ledger.find(transaction, "job", "2026-01-31") is None
        witness = ledger.record(transaction, LedgerRow("r1", "job", "hash", started, "2026-01-31", "input"))
        transaction.commit(witness)
    with connector.begin() as transaction:
        found = ledger.find(transaction, "job", "2026-01-31")
        assert found is not None
        assert (found["run_id"], found["job_hash"], found["input_hash"]) == ("r1", "hash", "input")
        assert transaction.fetch(witness.sql, witness.values) == [(1,)]
        with pytest.raises(RowError):
            ledger.record(transaction, LedgerRow("r2", "job", "hash", started, "2026-01-31"))


REQUESTS = [
    HttpRequest("POST", "/a", {"q": [1, "x"]}, {"X": "1"}, {"a": [1]}, "k", "body.id", (200, 404), 500),
    HttpRequest("GET", "/"),
    LambdaRequest({"a": 1}, 100, True),
]


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_request_survives_its_wait(request_: Any) -> None:
    assert from_text(to_text(request_)) == request_


def test_a_request_that_cannot_wait() -> None:
    with pytest.raises(RequestError, match="cannot wait in the outbox"):
        to_text(HttpRequest("POST", "/a", body=b"bytes"))


def test_other_databases_have_no_outbox_yet() -> None:
    class Other:
        dialect = "oracle"

    other: Any = Other()
    with pytest.raises(Exception, match="cannot be kept in oracle"):
        create_tables(other)
