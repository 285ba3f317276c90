"""Queries with parameters, streams, previews and checks on every database."""

from __future__ import annotations

from typing import Any

import pytest
from databases import Place, PostgresPlace, SqlitePlace
from portl.connectors import Change, Insert, Sql, TransactionOptions, Upsert
from portl.connectors.opening import open_connector
from portl.errors import ConnectorError, DatabaseError, RowError, SchemaError
from portl.model.connections import HttpConnection, PostgresConnection, SqliteConnection

LATEST = Sql(
    ("SELECT number, status FROM versions WHERE resource = ", 0, " ORDER BY number DESC LIMIT 1;"), names=("rid",)
)


@pytest.fixture
def versions(place: Place) -> Place:
    place.run(
        f"CREATE TABLE versions (id {place.id_type}, resource integer, number integer, status text)",
        "INSERT INTO versions (resource, number, status) VALUES (1, 1, 'old'), (1, 2, 'new'), (2, 1, 'only')",
    )
    return place


@pytest.mark.parametrize("copies", [1, 5])
def test_answers_are_aligned_with_the_parameters(versions: Place, copies: int) -> None:
    rows = [(2,), (9,), (1,), (None,)] * copies
    with versions.connector().begin() as transaction:
        result = transaction.query(LATEST, rows, range(100, 100 + len(rows)))
        again = transaction.query(LATEST, rows[:1], range(1))
    assert result.columns == ("number", "status")
    assert result.rows == [(1, "only"), None, (2, "new"), None] * copies
    assert again.rows == [(1, "only")]


@pytest.mark.parametrize("copies", [1, 5])
def test_two_rows_for_one_item_are_an_error(versions: Place, copies: int) -> None:
    sql = Sql(("SELECT number FROM versions WHERE resource = ", 0))
    rows = [(2,)] * copies + [(1,)]
    with versions.connector().begin() as transaction, pytest.raises(RowError, match="more than one row") as caught:
        transaction.query(sql, rows, range(10, 10 + len(rows)))
    assert caught.value.rows == (10 + copies,)


def test_a_parameter_may_come_twice_or_never(versions: Place) -> None:
    sql = Sql(("SELECT '%', number FROM versions WHERE resource = ", 0, " AND number >= ", 1, " AND resource <= ", 0))
    with versions.connector().begin() as transaction:
        assert transaction.query(sql, [(1, 2), (2, 1)], range(2)).rows == [("%", 2), ("%", 1)]
        assert transaction.query(Sql(("SELECT count(*) AS n FROM versions",)), [()] * 9, range(9)).rows == [(3,)] * 9


def test_two_columns_of_one_name_are_an_error(versions: Place) -> None:
    with versions.connector().begin() as transaction, pytest.raises(DatabaseError, match="two columns called a"):
        transaction.query(Sql(("SELECT 1 AS a, 2 AS a WHERE 1 = ", 0)), [(1,)], range(1))


def test_a_stream_is_read_in_chunks(versions: Place) -> None:
    with versions.connector().begin(TransactionOptions(read_only=True)) as transaction:
        sql = Sql(("SELECT id, number FROM versions WHERE number < ", 0, " ORDER BY id"))
        reading = transaction.read(sql, (5,), chunk_rows=2)
        assert reading.columns == ("id", "number")
        assert [len(chunk) for chunk in reading.chunks] == [2, 1]
        assert list(transaction.read(Sql(("SELECT 1 WHERE 1 = 2",))).chunks) == []


def test_a_stream_may_be_left(versions: Place) -> None:
    with versions.connector().begin() as transaction:
        reading = transaction.read(Sql(("SELECT id FROM versions",)), chunk_rows=1)
        assert len(next(iter(reading.chunks))) == 1
        transaction.commit()


def test_statements_that_write(versions: Place) -> None:
    with versions.connector().begin() as transaction:
        sql = Sql(("UPDATE versions SET status = ", 0, " WHERE resource = ", 1))
        assert transaction.execute(sql, ("x", 1)) == 2
        transaction.commit()
    assert versions.rows("SELECT count(*) FROM versions WHERE status = 'x'") == [(2,)]


@pytest.mark.parametrize("text", ["SELEC 1", "SELECT nope FROM versions", "SELECT * FROM nope"])
def test_a_wrong_statement_is_found_without_running_it(versions: Place, text: str) -> None:
    with versions.connector().begin() as transaction, pytest.raises(DatabaseError):
        transaction.check(Sql((text,)))


def test_a_right_statement_is_not_run(versions: Place) -> None:
    with versions.connector().begin() as transaction:
        transaction.check(Sql(("DELETE FROM versions WHERE id > ", 0)))
        assert transaction.fetch(Sql(("SELECT count(*) FROM versions",))) == [(3,)]


OPERATIONS: list[Any] = [
    Upsert("versions", ("id", "number", "status"), key=("id",)),
    Upsert("versions", ("id", "number"), key=("id",), update="none"),
    Upsert("versions", ("id", "number"), key=("id",), update="merge", returning=()),
    Insert("versions", ("number",)),
    Change("versions", set=("status",), where=("resource", "number")),
    LATEST,
]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_is_shown_can_be_checked_and_writes_nothing(versions: Place, operation: Any) -> None:
    connector = versions.connector()
    before = versions.rows("SELECT * FROM versions ORDER BY id")
    assert all(connector.preview(operation))
    with connector.begin() as transaction:
        shown = connector.explain(transaction, operation)
        transaction.commit()
    assert shown
    assert all("versions" in statement or "portl_" in statement for statement in shown)
    assert versions.rows("SELECT * FROM versions ORDER BY id") == before


def test_checking_what_is_not_there(versions: Place) -> None:
    connector = versions.connector()
    with connector.begin() as transaction, pytest.raises(SchemaError):
        connector.explain(transaction, Insert("nope", ("a",)))


def test_a_preview_names_the_schema() -> None:
    config = PostgresConnection(type="postgres", database="none")
    connector = open_connector("db", config)
    (_, _, statement) = connector.preview(Insert("a.b", ("c",), returning=()))
    assert 'INSERT INTO "a"."b"' in statement
    connector.close()


def test_names_of_parameters_in_messages() -> None:
    assert LATEST.text() == "SELECT number, status FROM versions WHERE resource = :rid ORDER BY number DESC LIMIT 1;"
    assert Sql(("a ", 0)).text() == "a :1"


def test_only_databases_have_connectors() -> None:
    assert open_connector("a", SqliteConnection(type="sqlite", path="x.db")).dialect == "sqlite"
    with pytest.raises(DatabaseError, match="not databases"):
        open_connector("a", HttpConnection(type="http", base_url="http://localhost"))


class TestPostgres:
    """What only PostgreSQL does."""

    def test_a_query_that_writes_runs_once_per_item(self, postgres: PostgresPlace) -> None:
        postgres.run("CREATE TABLE t (id int)")
        sql = Sql(("INSERT INTO t VALUES (", 0, "::int * 2) RETURNING id"))
        with postgres.connector().begin() as transaction:
            assert transaction.query(sql, [(n,) for n in range(6)], range(6)).rows == [(2 * n,) for n in range(6)]
            assert transaction.query(Sql(("DELETE FROM t WHERE id = ", 0)), [(2,)], range(1)).rows == [None]
            transaction.commit()
        assert len(postgres.rows("SELECT 1 FROM t")) == 5

    def test_a_read_only_transaction_asks_item_by_item(self, postgres: PostgresPlace) -> None:
        sql = Sql(("SELECT ", 0, "::int + 1 AS n"))
        with postgres.connector().begin(TransactionOptions(read_only=True)) as transaction:
            assert transaction.query(sql, [(n,) for n in range(6)], range(6)).rows == [(n + 1,) for n in range(6)]

    def test_an_error_inside_a_batch(self, postgres: PostgresPlace) -> None:
        sql = Sql(("SELECT 1 / ", 0, "::int AS n"))
        with postgres.connector().begin() as transaction, pytest.raises(DatabaseError, match="division") as caught:
            transaction.query(sql, [(n,) for n in range(6)], range(6))
        assert caught.value.sql == "SELECT 1 / :1::int AS n"

    def test_an_error_of_one_item(self, postgres: PostgresPlace) -> None:
        sql = Sql(("SELECT 1 / ", 0, "::int AS n"))
        with postgres.connector().begin() as transaction, pytest.raises(RowError, match="division") as caught:
            transaction.query(sql, [(0,)], range(4, 5))
        assert caught.value.rows == (4,)

    def test_the_server_is_not_there(self, tmp_path: Any) -> None:
        config = PostgresConnection(
            type="postgres", host=str(tmp_path), database="x", user="me", password="s3cret-word"
        )
        with pytest.raises(ConnectorError, match="no connection") as caught:
            open_connector("db", config).begin()
        assert caught.value.token == "connect"
        assert "s3cret-word" not in str(caught.value)

    def test_a_database_that_is_not_there_is_not_tried_again(self, new_postgres: PostgresPlace) -> None:
        dsn = new_postgres.dsn.replace("/postgres?", "/no_such_database?")
        with pytest.raises(ConnectorError, match="does not exist") as caught:
            PostgresPlace(dsn, 0).connector().begin()
        assert caught.value.token == ""

    def test_a_dsn_that_is_not_understood_is_not_shown(self) -> None:
        config = PostgresConnection(type="postgres", dsn="postgresql://u:s3cret-word@h:port:1/x?y")
        with pytest.raises(ConnectorError, match="dsn is not understood") as caught:
            open_connector("db", config).begin()
        assert "s3cret-word" not in str(caught.value)
        assert caught.value.__cause__ is None

    def test_a_connection_that_died_while_it_was_idle(self, new_postgres: PostgresPlace) -> None:
        connector = new_postgres.connector()
        with connector.begin() as transaction:
            pid = transaction.fetch(Sql(("SELECT pg_backend_pid()",)))[0][0]
            transaction.commit()
        new_postgres.rows(f"SELECT pg_terminate_backend({pid}, 10000)")
        with pytest.raises(ConnectorError) as caught:
            connector.begin()
        assert caught.value.token == "connect"
        connector.begin().rollback()


class TestSqlite:
    """What only SQLite does."""

    def test_views_are_not_written(self, sqlite: SqlitePlace) -> None:
        sqlite.run("CREATE TABLE t (id INTEGER PRIMARY KEY, a)", "CREATE VIEW v AS SELECT * FROM t")
        with sqlite.connector().begin() as transaction:
            for make in (transaction.insert, transaction.update, transaction.upsert):
                operation: Any = {
                    "insert": Insert("v", ("a",)),
                    "update": Change("v", ("a",), ("id",)),
                    "upsert": Upsert("v", ("id", "a"), key=("id",)),
                }[make.__name__]
                with pytest.raises(SchemaError, match="view"):
                    make(operation)

    def test_a_table_without_rowid_and_one_that_uses_the_name(self, sqlite: SqlitePlace) -> None:
        sqlite.run(
            "CREATE TABLE a (x TEXT, y TEXT, v TEXT, PRIMARY KEY (x, y)) WITHOUT ROWID",
            "CREATE TABLE b (rowid TEXT PRIMARY KEY, v TEXT)",
        )
        with sqlite.connector().begin() as transaction:
            writer = transaction.upsert(Upsert("a", ("x", "y", "v"), key=("x", "y")))
            assert writer.write([("1", "1", "v"), ("1", "2", "v")], range(2)).columns["was_inserted"] == [True, True]
            with pytest.raises(RowError, match="two rows have the key x = 1, y = 2"):
                writer.write([("1", "2", "w")], range(2, 3))
            other = transaction.upsert(Upsert("b", ("rowid", "v"), key=("rowid",)))
            assert other.write([("k", "v")], range(1)).columns["was_inserted"] == [True]

    def test_an_attached_database(self, sqlite: SqlitePlace) -> None:
        sqlite.run("CREATE TABLE t (id INTEGER PRIMARY KEY)")
        with sqlite.connector().begin() as transaction:
            assert transaction.table("main.t").name == '"main"."t"'
            for name in ("other.t", "main.nope", ".t"):
                with pytest.raises(SchemaError, match="there is no table"):
                    transaction.table(name)

    def test_a_trigger_that_keeps_rows_out(self, sqlite: SqlitePlace) -> None:
        sqlite.run(
            "CREATE TABLE t (k TEXT PRIMARY KEY)",
            "CREATE TRIGGER no BEFORE INSERT ON t WHEN NEW.k = 'b' BEGIN SELECT RAISE(IGNORE); END",
        )
        for operation in (Insert("t", ("k",)), Upsert("t", ("k",), key=("k",))):
            with sqlite.connector().begin() as transaction:
                writer: Any = (
                    transaction.insert(operation) if isinstance(operation, Insert) else transaction.upsert(operation)
                )
                with pytest.raises(RowError, match="trigger") as caught:
                    writer.write([("a",), ("b",)], range(2))
                assert caught.value.rows == (1,)

    def test_foreign_keys_hold(self, sqlite: SqlitePlace) -> None:
        sqlite.run("CREATE TABLE p (id INTEGER PRIMARY KEY)", "CREATE TABLE c (p INTEGER REFERENCES p)")
        with sqlite.connector().begin() as transaction, pytest.raises(RowError, match="FOREIGN KEY") as caught:
            transaction.insert(Insert("c", ("p",), returning=())).write([(1,)], range(1))
        assert caught.value.rows == (0,)

    def test_another_writer_is_waited_for_and_named(self, sqlite: SqlitePlace) -> None:
        with sqlite.connector().begin(), pytest.raises(DatabaseError, match="another program is writing") as caught:
            sqlite.connector(busy_timeout_ms=50).begin()
        assert caught.value.token == "connect"

    def test_a_reader_that_keeps_commit_waiting(self, sqlite: SqlitePlace) -> None:
        sqlite.run("CREATE TABLE t (k TEXT PRIMARY KEY)", "INSERT INTO t VALUES ('a'), ('b')")
        with sqlite.connector().begin(TransactionOptions(read_only=True)) as reader:
            reader.fetch(Sql(("SELECT 1 FROM t",)))
            with sqlite.connector(busy_timeout_ms=50).begin() as transaction:
                transaction.execute(Sql(("DELETE FROM t",)))
                with pytest.raises(DatabaseError, match="locked") as caught:
                    transaction.commit()
        assert caught.value.token == "serialization"
        assert len(sqlite.rows("SELECT * FROM t")) == 2

    def test_a_file_that_is_missing_or_is_no_database(self, sqlite: SqlitePlace) -> None:
        with pytest.raises(ConnectorError, match="cannot be opened"):
            sqlite.connector(create=False).begin()
        sqlite.path.write_text("this is a text, and no database at all; " * 20)
        with pytest.raises(DatabaseError, match="not a database"):
            sqlite.connector().begin()

    def test_parameters_are_counted(self, sqlite: SqlitePlace) -> None:
        with sqlite.connector().begin() as transaction, pytest.raises(ValueError, match="1 values for 2 places"):
            transaction.fetch(Sql(("SELECT ", 0, ", ", 1)), (1,))

    def test_a_text_that_is_not_unicode(self, sqlite: SqlitePlace) -> None:
        with sqlite.connector().begin() as transaction, pytest.raises(RowError, match="cannot be written"):
            transaction.fetch(Sql(("SELECT ", 0)), ("\ud800",))

    def test_a_query_that_writes(self, sqlite: SqlitePlace) -> None:
        sqlite.run("CREATE TABLE t (k INTEGER)")
        with sqlite.connector().begin() as transaction:
            assert transaction.query(Sql(("INSERT INTO t VALUES (", 0, ")")), [(1,), (2,)], range(2)).rows == [
                None,
                None,
            ]
            assert transaction.fetch(Sql(("SELECT sum(k) FROM t",))) == [(3,)]
