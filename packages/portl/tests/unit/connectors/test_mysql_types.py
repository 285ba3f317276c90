"""Values keep their types on their way into MySQL and back, whatever the server's own mode lets pass."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from databases import MysqlPlace
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from portl.connectors import Insert, Sql, Upsert
from portl.errors import DatabaseError, RowError

from .writing import write

NOON = datetime(2026, 1, 31, 12, 0, 1, 5, tzinfo=UTC)
CASES: list[tuple[str, Any, Any]] = [
    ("text", "Näme 🙂 'x' \\ \t\n\r\0\x1a \" % {{", "Näme 🙂 'x' \\ \t\n\r\0\x1a \" % {{"),
    ("text", "", ""),
    ("text", True, "true"),
    ("text", 12, "12"),
    ("text", Decimal("1.50"), "1.50"),
    ("varchar(5)", "abcde", "abcde"),
    ("char(5)", "ab", "ab"),
    ("int", 5, 5),
    ("int", " 7 ", 7),
    ("int", True, 1),
    ("bigint", -(2**63), -(2**63)),
    ("bigint unsigned", 2**64 - 1, 2**64 - 1),
    ("year", "2026", 2026),
    ("decimal(40,9)", Decimal("12345678901234567890.123456789"), Decimal("12345678901234567890.123456789")),
    ("decimal(10,2)", "1.5", Decimal("1.50")),
    ("decimal(10,2)", Decimal("1E+2"), Decimal("100.00")),
    ("double", 0.1, 0.1),
    ("double", 1e300, 1e300),
    ("double", "2.5", 2.5),
    ("boolean", True, 1),
    ("boolean", "yes", 1),
    ("boolean", "0", 0),
    ("boolean", False, 0),
    ("bit(1)", True, b"\x01"),
    ("date", date(2026, 1, 31), date(2026, 1, 31)),
    ("date", "2026-01-31", date(2026, 1, 31)),
    ("datetime(6)", NOON.replace(tzinfo=None), NOON.replace(tzinfo=None)),
    ("datetime", "2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12)),  # noqa: DTZ001  # MySQL's have no zone
    ("datetime", date(2026, 1, 31), datetime(2026, 1, 31)),  # noqa: DTZ001  # as above
    (
        "timestamp NULL",
        datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=2))),
        datetime(2026, 1, 31, 10),  # noqa: DTZ001  # as above
    ),
    ("time", time(12, 30), time(12, 30)),
    ("time", "12:30:01", time(12, 30, 1)),
    ("time(6)", timedelta(days=2, seconds=3, microseconds=4), timedelta(days=2, seconds=3, microseconds=4)),
    ("time", timedelta(seconds=-90), timedelta(seconds=-90)),
    ("uuid", UUID(int=5), str(UUID(int=5))),
    ("blob", b"\x00\\x\xff'", b"\x00\\x\xff'"),
    ("blob", bytearray(b"ab"), b"ab"),
    ("blob", memoryview(b"ab"), b"ab"),
    ("blob", "é", "é".encode()),
    ("json", {"a": [1, None, "é\t"], "b": Decimal("1.5")}, {"a": [1, None, "é\t"], "b": 1.5}),
    ("json", [1, "two"], [1, "two"]),
    ("json", True, True),
    ("json", '{"a": 1}', {"a": 1}),
    ("enum('a','it''s')", "it's", "it's"),
    ("set('a','b')", "a,b", "a,b"),
    ("text", None, None),
]


@pytest.mark.parametrize(("kind", "value", "expected"), CASES)
def test_values_come_back_as_they_went(mysql: MysqlPlace, kind: str, value: Any, expected: Any) -> None:
    mysql.run(f"CREATE TABLE t (k int PRIMARY KEY, v {kind})")
    operation = Upsert("t", ("k", "v"), key=("k",), returning=("v",))
    connector = mysql.connector()
    (stored,) = write(connector, operation, [(1, value)])["v"]
    assert stored == expected
    assert type(stored) is type(expected)
    assert write(connector, operation, [(1, value), (2, None)])["changed"] == [False, True]


REFUSED = [
    ("int", "abc"),
    ("int", ""),
    ("int", "1.0"),  # MySQL rounds
    ("int", 2**31),
    ("int", 1.5),  # MySQL rounds
    ("int", Decimal("1.5")),
    ("tinyint unsigned", -1),
    ("decimal(4,2)", "100"),
    ("decimal(4,2)", {"a": 1}),
    ("double", float("nan")),
    ("double", float("inf")),
    ("double", "1e400"),
    ("text", {"a": 1}),
    ("text", ["a"]),
    ("text", object()),
    ("text", "\ud800"),
    ("varchar(3)", "abcd"),
    ("varchar(3) CHARACTER SET latin1", "☃"),  # MySQL writes a question mark
    ("boolean", "maybe"),
    ("date", "31/01/2026"),
    ("date", "01/02/03"),  # MySQL takes it for 2001-02-03
    ("date", "2026-02-30"),
    ("date", "0000-00-00"),
    ("datetime", "0000-00-00 00:00:00"),
    ("datetime", "yesterday"),
    ("time", "noon"),
    ("json", "{broken"),
    ("json", float("nan")),
    ("json", {1: 2}),
    ("uuid", "nope"),
    ("blob", 5),
    ("enum('a','b')", "c"),
    ("enum('a','b')", 1),  # MySQL takes it for the first
]


@pytest.mark.parametrize(("kind", "value"), REFUSED)
def test_a_refused_value_is_named_with_its_row_and_column(mysql: MysqlPlace, kind: str, value: Any) -> None:
    mysql.run(f"CREATE TABLE t (k int PRIMARY KEY, v {kind})")
    rows = [(1, None), (2, None), (3, value)]
    for operation in (Upsert("t", ("k", "v"), key=("k",)), Insert("t", ("k", "v"))):
        with pytest.raises(RowError, match="column v") as caught:
            write(mysql.connector(), operation, rows)
        assert (caught.value.rows, caught.value.column) == ((2,), "v")
        assert caught.value.value is value
    assert mysql.rows("SELECT * FROM t") == []


def test_a_lax_server_is_strict_for_portl(mysql: MysqlPlace) -> None:
    assert mysql.rows("SELECT @@GLOBAL.sql_mode") == [("",)]
    with mysql.connector().begin() as transaction:
        ((mode, multi),) = transaction.fetch(Sql(("SELECT @@sql_mode, @@time_zone",)))
    assert "STRICT_TRANS_TABLES" in mode
    assert "NO_ZERO_DATE" in mode
    assert multi == "+00:00"


def test_fractions_are_rounded_as_the_column_says(mysql: MysqlPlace) -> None:
    """As in PostgreSQL; a second run finds nothing changed."""
    mysql.run("CREATE TABLE t (k int PRIMARY KEY, v decimal(10,2), d datetime)")
    operation = Upsert("t", ("k", "v", "d"), key=("k",), returning=("v",))
    row = (1, Decimal("1.555"), datetime(2026, 1, 1, 1, 1, 1, 900_000))  # noqa: DTZ001  # MySQL's have no zone
    assert write(mysql.connector(), operation, [row])["v"] == [Decimal("1.56")]
    assert write(mysql.connector(), operation, [row])["changed"] == [False]


def test_zero_dates_that_are_there_are_an_error_to_read(mysql: MysqlPlace) -> None:
    mysql.run("SET sql_mode = ''", "CREATE TABLE t (d date, n datetime)", "INSERT INTO t VALUES ('0000-00-00', 0)")
    with mysql.connector().begin() as transaction:
        for column in "dn":
            with pytest.raises(DatabaseError, match=r"0000-00-00.*NULLIF"):
                transaction.fetch(Sql((f"SELECT {column} FROM t",)))
        assert transaction.fetch(Sql(("SELECT NULLIF(d, '0000-00-00') FROM t",))) == [(None,)]


def test_parameters_are_literals_of_their_types(mysql: MysqlPlace) -> None:
    values = ("it's \\ 🙂", 5, 1.5, Decimal("2.50"), True, None, b"\x00'", date(2026, 1, 31), NOON, {"a": "'"})
    sql = Sql(("SELECT ", *(part for place in range(len(values)) for part in (place, f" AS c{place},")), " 1 AS z"))
    with mysql.connector().begin() as transaction:
        ((*found, _),) = transaction.fetch(sql, values)
    assert found[:7] == ["it's \\ 🙂", 5, 1.5, Decimal("2.50"), 1, None, b"\x00'"]
    assert found[7:] == ["2026-01-31", "2026-01-31 12:00:01.000005", '{"a":"\'"}']
    with (
        mysql.connector().begin() as transaction,
        pytest.raises(RowError, match=r"column price: .* no form in MySQL") as caught,
    ):
        transaction.query(Sql(("SELECT ", 0), names=("price",)), [(object(),)], range(7, 8))
    assert caught.value.rows == (7,)


def test_parameters_are_counted(mysql: MysqlPlace) -> None:
    with mysql.connector().begin() as transaction, pytest.raises(ValueError, match="1 values for 2 places"):
        transaction.fetch(Sql(("SELECT ", 0, ", ", 1)), (1,))


ANY = st.one_of(
    st.none(),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.sampled_from(["\\", "\\'", "';--", "\0", "\x1a", '"', "`", "a ", " a"]),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(ANY, st.none() | st.integers(-(2**63), 2**63 - 1) | st.just("5"), ANY), min_size=1))
def test_any_text_and_number_survive(mysql: MysqlPlace, rows: list[tuple[Any, Any, Any]]) -> None:
    mysql.run("DROP TABLE IF EXISTS t", "CREATE TABLE t (k int PRIMARY KEY, a text, b bigint, c varchar(5000))")
    operation = Upsert("t", ("k", "a", "b", "c"), key=("k",), returning=("a", "b", "c"))
    connector = mysql.connector()
    result = write(connector, operation, [(number, *row) for number, row in enumerate(rows)])
    connector.close()
    expected = [(a, None if b is None else int(b), c) for a, b, c in rows]
    assert list(zip(result["a"], result["b"], result["c"], strict=True)) == expected
