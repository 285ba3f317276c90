"""SQLite takes only what its columns are declared for."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from databases import SqlitePlace
from portl.connectors import Sql, Upsert
from portl.errors import RowError

from .writing import write

ACCEPTED: list[tuple[str, Any, Any]] = [
    ("INTEGER", " 7 ", 7),
    ("INTEGER", True, 1),
    ("INTEGER", Decimal(5), 5),
    ("BIGINT", -(2**63), -(2**63)),
    ("REAL", "1.5", 1.5),
    ("REAL", 0.1, 0.1),
    ("DECIMAL(10,2)", Decimal("19.99"), 19.99),
    ("NUMERIC", 12, 12),
    ("NUMERIC", 10**18, 10**18),
    ("NUMERIC", 10**25, 1e25),
    ("TEXT", "x", "x"),
    ("TEXT", 5, "5"),
    ("TEXT", 1.5, "1.5"),
    ("TEXT", True, "true"),
    ("TEXT", Decimal("1.500"), "1.500"),
    ("VARCHAR(9)", date(2026, 1, 31), "2026-01-31"),
    ("TEXT", UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ("BLOB", b"\x00\xff", b"\x00\xff"),
    ("BLOB", bytearray(b"a"), b"a"),
    ("BOOLEAN", "yes", 1),
    ("BOOLEAN", False, 0),
    ("BOOLEAN", 1, 1),
    ("DATE", date(2026, 1, 31), "2026-01-31"),
    ("DATE", "2026-01-31", "2026-01-31"),
    ("DATETIME", datetime(2026, 1, 31, 12, tzinfo=UTC), "2026-01-31 12:00:00+00:00"),
    ("TIMESTAMP", "2026-01-31 12:00:00", "2026-01-31 12:00:00"),
    ("TIMESTAMP", date(2026, 1, 31), "2026-01-31"),
    ("TIME", time(12, 30), "12:30:00"),
    ("TIME", "12:30", "12:30"),
    ("JSON", {"a": [1, Decimal("1.50")]}, '{"a":[1,1.50]}'),
    ("JSON", "[1]", "[1]"),
    ("", "x", "x"),
    ("", 5, 5),
    ("", True, 1),
    ("", 1.5, 1.5),
    ("", b"x", b"x"),
    ("", Decimal("1.50"), "1.50"),
    ("", time(1), "01:00:00"),
    ("", [1, 2], "[1,2]"),
    ("INTEGER", None, None),
]


@pytest.mark.parametrize(("kind", "value", "expected"), ACCEPTED)
def test_values_are_stored_as_their_column_says(sqlite: SqlitePlace, kind: str, value: Any, expected: Any) -> None:
    sqlite.run(f"CREATE TABLE t (k INTEGER PRIMARY KEY, v {kind})")
    operation = Upsert("t", ("k", "v"), key=("k",), returning=("v",))
    connector = sqlite.connector()
    (stored,) = write(connector, operation, [(1, value)])["v"]
    assert stored == expected
    assert type(stored) is type(expected)
    assert write(connector, operation, [(1, value)])["changed"] == [False]


REFUSED: list[tuple[str, Any]] = [
    ("INTEGER", "abc"),
    ("INTEGER", ""),
    ("INTEGER", 1.0),
    ("INTEGER", Decimal("1.5")),
    ("INTEGER", 2**63),
    ("REAL", "abc"),
    ("REAL", float("nan")),
    ("REAL", True),
    ("REAL", "Infinity"),
    ("NUMERIC", Decimal("12345678901234567.89")),
    ("NUMERIC", 2**64 + 1),
    ("TEXT", {"a": 1}),
    ("TEXT", ["a"]),
    ("TEXT", object()),
    ("BLOB", "text"),
    ("BOOLEAN", "maybe"),
    ("BOOLEAN", 2),
    ("DATE", "31/01/2026"),
    ("DATE", 5),
    ("DATETIME", "noon"),
    ("TIME", "noon"),
    ("JSON", "{broken"),
    ("JSON", float("nan")),
    ("", float("inf")),
    ("", object()),
    ("INTEGER", "x" * 200),
]


@pytest.mark.parametrize(("kind", "value"), REFUSED)
def test_other_values_are_refused_with_row_and_column(sqlite: SqlitePlace, kind: str, value: Any) -> None:
    sqlite.run(f"CREATE TABLE t (k INTEGER PRIMARY KEY, v {kind})")
    operation = Upsert("t", ("k", "v"), key=("k",))
    with pytest.raises(RowError, match="column v") as caught:
        write(sqlite.connector(), operation, [(1, None), (2, value)])
    assert (caught.value.rows, caught.value.column) == ((1,), "v")
    assert caught.value.value is value
    assert sqlite.rows("SELECT 1 FROM t") == []


def test_a_change_of_case_is_a_change(sqlite: SqlitePlace) -> None:
    sqlite.run("CREATE TABLE t (k TEXT PRIMARY KEY COLLATE NOCASE, v TEXT COLLATE NOCASE)")
    operation = Upsert("t", ("k", "v"), key=("k",))
    connector = sqlite.connector()
    write(connector, operation, [("a", "x")])
    assert write(connector, operation, [("A", "X")])["changed"] == [True]
    assert sqlite.rows("SELECT k, v FROM t") == [("a", "X")]


def test_parameters(sqlite: SqlitePlace) -> None:
    with sqlite.connector().begin() as transaction:
        values = (True, Decimal("1.5"), date(2026, 1, 31), {"a": 1}, None)
        sql = Sql(("SELECT ", 0, ",", 1, ",", 2, ",", 3, ",", 4))
        assert transaction.fetch(sql, values) == [(1, "1.5", "2026-01-31", '{"a":1}', None)]
        with pytest.raises(RowError, match="column 1"):
            transaction.fetch(Sql(("SELECT ", 0)), (object(),))
