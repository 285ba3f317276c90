"""Values keep their types on their way into PostgreSQL and back."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from databases import PostgresPlace
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from portl.connectors import Sql, Upsert
from portl.errors import DatabaseError, RowError

from .writing import write

NOON = datetime(2026, 1, 31, 12, 0, 1, 5, tzinfo=UTC)
CASES: list[tuple[str, Any, Any]] = [
    ("text", "Näme ☃ 'x' \\ \t\n\r", "Näme ☃ 'x' \\ \t\n\r"),
    ("text", "\\N", "\\N"),
    ("text", "", ""),
    ("text", True, "true"),
    ("text", 12, "12"),
    ("text", Decimal("1.50"), "1.50"),
    ("varchar(5)", "abcde", "abcde"),
    ("int", 5, 5),
    ("int", " 7 ", 7),
    ("bigint", -(2**63), -(2**63)),
    ("numeric", Decimal("12345678901234567890.123456789"), Decimal("12345678901234567890.123456789")),
    ("numeric(10,2)", "1.5", Decimal("1.50")),
    ("numeric", Decimal("NaN"), None),
    ("float8", 0.1, 0.1),
    ("float8", float("inf"), float("inf")),
    ("bool", True, True),
    ("bool", "yes", True),
    ("bool", False, False),
    ("date", date(2026, 1, 31), date(2026, 1, 31)),
    ("date", "2026-01-31", date(2026, 1, 31)),
    ("timestamp", NOON.replace(tzinfo=None), NOON.replace(tzinfo=None)),
    (
        "timestamptz",
        datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=2))),
        datetime(2026, 1, 31, 10, tzinfo=UTC),
    ),
    ("time", time(12, 30), time(12, 30)),
    ("interval", timedelta(days=2, seconds=3, microseconds=4), timedelta(days=2, seconds=3, microseconds=4)),
    ("interval", timedelta(seconds=-90), timedelta(seconds=-90)),
    ("uuid", UUID(int=5), UUID(int=5)),
    ("bytea", b"\x00\\x\xff", b"\x00\\x\xff"),
    ("bytea", bytearray(b"ab"), b"ab"),
    ("bytea", memoryview(b"ab"), b"ab"),
    ("jsonb", {"a": [1, None, "é\t"], "b": Decimal("1.5")}, {"a": [1, None, "é\t"], "b": 1.5}),
    ("jsonb", [1, "two"], [1, "two"]),
    ("jsonb", 5, 5),
    ("jsonb", True, True),
    ("jsonb", '{"a": 1}', {"a": 1}),
    ("json", {"b": 1}, {"b": 1}),
    ("text[]", ["a", None, 'q"\\,{}', "", "NULL"], ["a", None, 'q"\\,{}', "", "NULL"]),
    ("text[]", [], []),
    ("int[]", [1, 2], [1, 2]),
    ("int[]", [[1, 2], [3, 4]], [[1, 2], [3, 4]]),
    ("int[]", "{5,6}", [5, 6]),
    ("date[]", [date(2026, 1, 31)], [date(2026, 1, 31)]),
    ("jsonb[]", [{"a": 1}, [2]], [{"a": 1}, [2]]),
    ("text", None, None),
    ("jsonb", None, None),
]


@pytest.mark.parametrize(("kind", "value", "expected"), CASES)
def test_values_come_back_as_they_went(postgres: PostgresPlace, kind: str, value: Any, expected: Any) -> None:
    postgres.run(f"CREATE TABLE t (k int PRIMARY KEY, v {kind})")
    operation = Upsert("t", ("k", "v"), key=("k",), returning=("v",))
    connector = postgres.connector()
    (stored,) = write(connector, operation, [(1, value)])["v"]
    if kind == "numeric" and expected is None:
        assert stored.is_nan()
        return
    assert stored == expected
    assert type(stored) is type(expected)
    assert write(connector, operation, [(1, value), (2, None)])["changed"] == [False, True]


@pytest.mark.parametrize(("kind", "value", "expected"), [case for case in CASES if case[1] is not None])
def test_parameters_are_read_the_same_way(new_postgres: PostgresPlace, kind: str, value: Any, expected: Any) -> None:
    sql = Sql(("SELECT ", 0, f"::{kind} AS v"))
    with new_postgres.connector().begin() as transaction:
        ((single,),) = transaction.fetch(sql, (value,))
        many = transaction.query(sql, [(value,)] * 5, range(5)).rows
    assert many == [(single,)] * 5 or single != single
    assert single == expected or expected is None


REFUSED = [
    ("int", "abc"),
    ("int", ""),
    ("int", "1.0"),
    ("int", 2**31),
    ("int", 1.5),
    ("int", Decimal("1.5")),
    ("numeric(4,2)", "100"),
    ("numeric", {"a": 1}),
    ("numeric", [1]),
    ("numeric", object()),
    ("text", {"a": 1}),
    ("text", ["a"]),
    ("text", "a\0b"),
    ("text", "\ud800"),
    ("varchar(3)", "abcd"),
    ("bool", "maybe"),
    ("date", "31/01/2026"),
    ("date", "2026-02-30"),
    ("jsonb", "{broken"),
    ("jsonb", float("nan")),
    ("jsonb", {1: 2}),
    ("uuid", "nope"),
    ("text[]", [{"a": 1}]),
    ("int[]", ["x"]),
]


@pytest.mark.parametrize(("kind", "value"), REFUSED)
def test_a_refused_value_is_named_with_its_row_and_column(new_postgres: PostgresPlace, kind: str, value: Any) -> None:
    new_postgres.run(f"CREATE TABLE t (k int PRIMARY KEY, v {kind})")
    operation = Upsert("t", ("k", "v"), key=("k",))
    with pytest.raises(RowError, match="column v") as caught:
        write(new_postgres.connector(), operation, [(1, None), (2, None), (3, value)])
    assert caught.value.rows == (2,)
    assert caught.value.column == "v"
    assert caught.value.value is value


@pytest.mark.parametrize(("kind", "value"), [("numeric", {"a": 1}), ("text", ["a"]), ("jsonb", float("nan"))])
def test_a_refused_parameter_is_named(new_postgres: PostgresPlace, kind: str, value: Any) -> None:
    sql = Sql(("SELECT ", 0, f"::{kind}"), names=("price",))
    with new_postgres.connector().begin() as transaction, pytest.raises(RowError, match="price") as caught:
        transaction.query(sql, [(value,)], range(7, 8))
    assert caught.value.rows == (7,)


def test_a_character_the_server_cannot_store(new_postgres: PostgresPlace) -> None:
    name = "latin_" + new_postgres.rows("SELECT current_schema()::text")[0][0]
    new_postgres.run(f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    place = PostgresPlace(new_postgres.dsn.replace("/postgres?", f"/{name}?").split("&options")[0], 0)
    place.run("CREATE TABLE t (k int PRIMARY KEY, v text)")
    try:
        operation = Upsert("t", ("k", "v"), key=("k",), returning=("v",))
        assert write(place.connector(), operation, [(1, "é")])["v"] == ["é"]
        with pytest.raises(RowError, match="encoding") as caught:
            write(place.connector(), operation, [(2, "a"), (3, "☃")])
        assert caught.value.rows == (1,)
    finally:
        place.close()
        new_postgres.run(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_domain_checks_its_values(new_postgres: PostgresPlace) -> None:
    new_postgres.run("CREATE DOMAIN grade AS int CHECK (VALUE < 7)", "CREATE TABLE t (k int PRIMARY KEY, v grade)")
    with pytest.raises(RowError, match="grade") as caught:
        write(new_postgres.connector(), Upsert("t", ("k", "v"), key=("k",)), [(1, 1), (2, 9)])
    assert caught.value.rows == (1,)


def test_a_date_python_does_not_know(new_postgres: PostgresPlace) -> None:
    with new_postgres.connector().begin() as transaction, pytest.raises(DatabaseError, match="infinity"):
        transaction.fetch(Sql(("SELECT 'infinity'::date",)))


ANY = st.one_of(
    st.none(),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    st.sampled_from(["\\", "\\N", "\t", "\n", "\r\n", "\\.", "a\\tb"]),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(ANY, st.none() | st.integers(-(2**63), 2**63 - 1) | st.just("5"), ANY), min_size=1))
def test_any_text_and_number_survive(new_postgres: PostgresPlace, rows: list[tuple[Any, Any, Any]]) -> None:
    new_postgres.run("DROP TABLE IF EXISTS t", "CREATE TABLE t (k int PRIMARY KEY, a text, b bigint, c varchar)")
    operation = Upsert("t", ("k", "a", "b", "c"), key=("k",), returning=("a", "b", "c"))
    connector = new_postgres.connector()
    result = write(connector, operation, [(number, *row) for number, row in enumerate(rows)])
    connector.close()
    expected = [(a, None if b is None else int(b), c) for a, b, c in rows]
    assert list(zip(result["a"], result["b"], result["c"], strict=True)) == expected
