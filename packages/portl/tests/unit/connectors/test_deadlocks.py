"""Two sessions that wait for each other, on every server."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from databases import ServerPlace
from portl.connectors import Transaction, Upsert
from racing import race


def _change(first: str, second: str, transaction: Transaction, meet: Callable[[], None]) -> None:
    """Write one row, then the other, once the other session has written that one."""
    for code in (first, second):
        writer = transaction.upsert(Upsert("items", ("code", "value"), key=("code",)))
        writer.write([(code, f"by {first}")], range(1))
        writer.finish()
        meet()


def test_a_real_deadlock_is_replayed(server_place: ServerPlace) -> None:
    server_place.run(
        f"CREATE TABLE items (id {server_place.id_type}, code {server_place.key_type} UNIQUE, value text)",
        "INSERT INTO items (code, value) VALUES ('a', '0'), ('b', '0')",
    )
    assert race(server_place, partial(_change, "a", "b"), partial(_change, "b", "a")) == ["deadlock"]
    assert len(set(server_place.rows("SELECT value FROM items"))) == 1
