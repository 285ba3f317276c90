"""Which tables a database says it has."""

from __future__ import annotations

from databases import Place, PostgresPlace
from portl.connectors.operations import TransactionOptions


def names(place: Place) -> tuple[str, ...]:
    connector = place.connector()
    with connector.begin(TransactionOptions(read_only=True)) as transaction:
        found = transaction.tables()
        for name in found:
            transaction.table(name)
    connector.close()
    return found


def test_tables_and_views_are_named_as_jobs_name_them(place: Place) -> None:
    place.run("CREATE TABLE b (x int)", "CREATE VIEW a AS SELECT x FROM b", 'CREATE TABLE "O.dd ""one" (x int)')
    found = [name for name in names(place) if not name.startswith("test_")]
    assert found == ['O.dd "one', "a", "b"] if place.dialect == "sqlite" else sorted(found) == ['O.dd "one', "a", "b"]


def test_an_empty_database_has_none(place: Place) -> None:
    assert [name for name in names(place) if not name.startswith("test_")] == []


def test_tables_of_other_schemas_come_last_with_their_schema(new_postgres: PostgresPlace) -> None:
    new_postgres.run(
        "CREATE SCHEMA z_other",
        "CREATE TABLE z_other.a (x int)",
        "CREATE TABLE own (x int) PARTITION BY LIST (x)",
        "CREATE TABLE own_1 PARTITION OF own FOR VALUES IN (1)",
    )
    try:
        found = names(new_postgres)
        assert found[0] == "own"
        assert "z_other.a" in found[1:]
        assert not any("own_1" in name for name in found)
    finally:
        new_postgres.run("DROP SCHEMA z_other CASCADE")
