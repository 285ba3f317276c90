"""What is particular to MySQL: collations, several unique keys, engines, numbers, packets, implicit commits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from databases import MysqlPlace
from portl.connectors import Change, Insert, Sql, Upsert
from portl.connectors.mysql import MysqlConnector
from portl.errors import ConnectorError, DatabaseError, DuplicateKeyError, RowError, SchemaError

from .writing import chunks, write

ITEMS = Upsert("items", ("code", "value"), key=("code",))


@pytest.fixture
def items(mysql: MysqlPlace) -> MysqlPlace:
    mysql.run(
        "CREATE TABLE items (id bigint AUTO_INCREMENT PRIMARY KEY, code varchar(200) UNIQUE, value varchar(200) UNIQUE)"
    )
    return mysql


def test_new_changed_and_untouched_rows_of_one_chunk_have_each_their_own_id(items: MysqlPlace) -> None:
    """The server's count and its last id are one number for all of them, and say of an untouched row: inserted."""
    connector = items.connector()
    first = write(connector, ITEMS, [("a", "1"), ("b", "2")])
    second = write(connector, ITEMS, [("c", "3"), ("b", "9"), ("a", "1")])
    assert second["was_inserted"] == [True, False, False]
    assert second["changed"] == [True, True, False]
    assert second["id"][1:] == first["id"][::-1]
    assert items.rows("SELECT id FROM items WHERE code = 'c'") == [(second["id"][0],)]


def test_another_unique_key_is_an_error_and_no_other_row_is_changed(items: MysqlPlace) -> None:
    """ON DUPLICATE KEY UPDATE would change the row that has the value."""
    connector = items.connector()
    write(connector, ITEMS, [("a", "1"), ("b", "2")])
    with pytest.raises(RowError, match="Duplicate entry '2'") as caught:
        write(connector, ITEMS, [("a", "1"), ("n", "5"), ("c", "2")])
    assert (caught.value.rows, caught.value.code) == ((2,), "1062")
    assert items.rows("SELECT code, value FROM items ORDER BY id") == [("a", "1"), ("b", "2")]
    assert not any("ON DUPLICATE" in statement for statement in connector.preview(ITEMS))


def test_rows_that_are_there_burn_no_numbers(items: MysqlPlace) -> None:
    connector = items.connector()
    write(connector, ITEMS, [("a", "1")])
    for turn in range(5):
        write(connector, ITEMS, [("a", str(turn))])
    assert write(connector, ITEMS, [("b", "x")])["id"] == [2]


@pytest.mark.parametrize("size", [1, 10])
@pytest.mark.parametrize(("one", "other"), [("a", "A"), ("a", "a "), ("é", "E")])
def test_keys_are_compared_as_the_server_compares_them(items: MysqlPlace, one: str, other: str, size: int) -> None:
    with pytest.raises(DuplicateKeyError) as caught:
        write(items.connector(), ITEMS, [("x", "1"), (one, "2"), (other, "3")], size=size)
    assert caught.value.rows == (1, 2)
    first = Upsert(**{**vars(ITEMS), "on_duplicate": "first"})
    assert write(items.connector(), first, [(one, "2"), (other, "3")], size=size)["was_inserted"] == [True, False]
    last = Upsert(**{**vars(ITEMS), "on_duplicate": "last"})
    assert write(items.connector(), last, [(one, "4"), (other, "5")], size=size)["changed"] == [True, True]
    assert items.rows("SELECT code, value FROM items") == [(one, "5")]


def test_binary_collations_tell_them_apart(mysql: MysqlPlace) -> None:
    mysql.run("CREATE TABLE t (k varchar(20) COLLATE utf8mb4_nopad_bin PRIMARY KEY, v text)")
    result = write(mysql.connector(), Upsert("t", ("k", "v"), key=("k",)), [("a", ""), ("A", ""), ("a ", "")])
    assert result["was_inserted"] == [True] * 3


def test_a_value_that_differs_in_case_or_spaces_alone_is_changed(items: MysqlPlace) -> None:
    connector = items.connector()
    write(connector, ITEMS, [("a", "ada")])
    for value in ("Ada", "Ada "):
        assert write(connector, ITEMS, [("a", value)])["changed"] == [True]
        assert items.rows("SELECT value, length(value) FROM items") == [(value, len(value))]


def test_a_key_as_long_as_an_index_may_be(mysql: MysqlPlace) -> None:
    mysql.run("CREATE TABLE t (k varchar(768) CHARACTER SET utf8mb4 PRIMARY KEY, v int)")
    operation = Upsert("t", ("k", "v"), key=("k",), on_duplicate="last")
    key = "🙂" * 768
    assert write(mysql.connector(), operation, [(key, 1), (key, 2)])["was_inserted"] == [True, False]


def test_a_key_on_a_text_without_a_length(mysql: MysqlPlace) -> None:
    mysql.run("CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, k text UNIQUE)")
    assert write(mysql.connector(), Upsert("t", ("k",), key=("k",)), [("a",), ("b",)])["id"] == [1, 2]


def test_an_index_on_the_beginning_of_a_column_is_no_key(mysql: MysqlPlace) -> None:
    mysql.run("CREATE TABLE t (id int PRIMARY KEY, k text, UNIQUE beginnings (k(10)))")
    with mysql.connector().begin() as transaction, pytest.raises(SchemaError, match="no unique index") as caught:
        transaction.upsert(Upsert("t", ("id", "k"), key=("k",)))
    assert "beginnings is on the first characters" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "operation", [ITEMS, Insert("items", ("code",)), Change("items", set=("value",), where=("code",))]
)
def test_tables_that_cannot_roll_back_are_refused(mysql: MysqlPlace, operation: Any) -> None:
    mysql.run("CREATE TABLE items (id int PRIMARY KEY, code varchar(9) UNIQUE, value int) ENGINE=MyISAM")
    with pytest.raises(SchemaError, match="kept by MyISAM, which cannot roll back") as caught:
        write(mysql.connector(), operation, [])
    assert "ENGINE=InnoDB" in (caught.value.hint or "")


def test_views_are_inserted_into_and_updated_but_have_no_keys(items: MysqlPlace) -> None:
    items.run("CREATE VIEW v AS SELECT id, code, value FROM items")
    connector = items.connector()
    write(connector, Insert("v", ("code",), returning=()), [("a",)])
    assert write(connector, Change("v", ("value",), ("code",), returning=()), [("1", "a")])["changed"] == [True]
    with pytest.raises(SchemaError, match="is a view"):
        write(connector, Upsert("v", ("code", "value"), key=("code",)), [])


def test_computed_columns_are_not_written_and_come_back(mysql: MysqlPlace) -> None:
    mysql.run(
        "CREATE TABLE t (id int PRIMARY KEY, v int, twice int AS (v * 2) PERSISTENT,"
        " at timestamp(6) DEFAULT current_timestamp(6) ON UPDATE current_timestamp(6))"
    )
    connector = mysql.connector()
    with pytest.raises(SchemaError, match="twice is computed"):
        write(connector, Insert("t", ("id", "twice")), [])
    operation = Upsert("t", ("id", "v"), key=("id",), returning=("twice", "at"))
    first = write(connector, operation, [(1, 5)])
    assert first["twice"] == [10]
    change = Change("t", set=("v",), where=("id",), returning=("twice", "at", "v", "id"))
    second = write(connector, change, [(6, 1), (7, 9)])
    assert (second["twice"], second["v"], second["id"]) == ([12, None], [6, None], [1, None])
    assert second["at"][0] > first["at"][0]
    assert write(connector, change, [(6, 1)])["at"] == second["at"][:1]


def test_a_trigger_that_changes_the_key(items: MysqlPlace) -> None:
    items.run("CREATE TRIGGER other BEFORE INSERT ON items FOR EACH ROW SET NEW.code = concat(NEW.code, '!')")
    with pytest.raises(RowError, match=r"not in .*items after it was written") as caught:
        write(items.connector(), ITEMS, [("a", "1")])
    assert caught.value.rows == (0,)


def test_a_trigger_that_refuses_names_its_row(items: MysqlPlace) -> None:
    items.run(
        "CREATE TRIGGER no BEFORE INSERT ON items FOR EACH ROW IF NEW.code = 'c' THEN"
        " SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not today'; END IF"
    )
    rows = [(code, code) for code in "abcd"]
    for operation in (ITEMS, Insert("items", ("code", "value"))):
        with pytest.raises(RowError, match="not today") as caught:
            write(items.connector(), operation, rows)
        assert caught.value.rows == (2,)


def test_a_foreign_key_names_its_row(items: MysqlPlace) -> None:
    items.run("CREATE TABLE c (item bigint NOT NULL, FOREIGN KEY (item) REFERENCES items (id))")
    (one,) = write(items.connector(), ITEMS, [("a", "1")])["id"]
    with pytest.raises(RowError, match="foreign key") as caught:
        write(items.connector(), Insert("c", ("item",), returning=()), [(one,), (one,), (one + 1,)])
    assert caught.value.rows == (2,)


@pytest.mark.parametrize("size", [3, 100])
def test_a_server_that_gives_no_columns_back_gives_numbers(items: MysqlPlace, size: int) -> None:
    """MySQL has no RETURNING; the numbers of one statement's rows are consecutive."""
    with items.connector().begin() as transaction:
        transaction.session.server = replace(transaction.session.server, returning=False)
        writer = transaction.insert(Insert("items", ("code",)))
        ids = []
        for first in range(0, 10, size):
            rows = [(f"c{number}",) for number in range(first, min(first + size, 10))]
            ids += writer.write(rows, range(first, first + len(rows))).columns["id"]
        transaction.commit()
    assert [(f"c{number}", ids[number]) for number in range(10)] == items.rows(
        "SELECT code, id FROM items ORDER BY length(code), code"
    )


def test_a_server_that_gives_no_columns_back_says_so(items: MysqlPlace) -> None:
    with items.connector().begin() as transaction:
        transaction.session.server = replace(transaction.session.server, returning=False)
        with pytest.raises(SchemaError, match="gives back no column") as caught:
            transaction.insert(Insert("items", ("code",), returning=("value",)))
        assert "returning: [id]" in (caught.value.hint or "")
        assert transaction.insert(Insert("items", ("code",), returning=())).columns == ("was_inserted", "changed")


def test_a_chunk_is_as_many_statements_as_packets_need(mysql: MysqlPlace) -> None:
    mysql.run("CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, k int UNIQUE, v mediumtext)")
    before = mysql.rows("SELECT @@GLOBAL.max_allowed_packet")[0][0]
    mysql.run("SET GLOBAL max_allowed_packet = 65536")
    try:
        connector = mysql.connector()
        rows = [(number, "x" * (30_000 + number)) for number in range(10)]
        operation = Upsert("t", ("k", "v"), key=("k",))
        assert write(connector, operation, rows)["was_inserted"] == [True] * 10
        more = [(number + 20, value) for number, value in rows]
        assert len(write(connector, Insert("t", ("k", "v")), more)["id"]) == 10
        assert mysql.rows("SELECT count(*), sum(length(v)) FROM t") == [(20, 2 * sum(len(v) for _, v in rows))]
        with pytest.raises(ConnectorError) as caught:
            write(connector, operation, [(99, "x" * 70_000)])
        assert "packet" in str(caught.value)
    finally:
        mysql.run(f"SET GLOBAL max_allowed_packet = {before}")


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE n (a int)",
        "  -- a comment\n/* another */ alter table items ADD x int",
        "TRUNCATE items",
        "DROP TABLE items",
        "(((COMMIT)))",
        "START TRANSACTION",
        "LOCK TABLES items WRITE",
    ],
)
def test_statements_that_commit_are_refused_before_they_run(items: MysqlPlace, text: str) -> None:
    with items.connector().begin() as transaction:
        transaction.upsert(ITEMS).write([("a", "1")], range(1))
        for action in (transaction.execute, transaction.fetch, transaction.check, transaction.read):
            with pytest.raises(DatabaseError, match="ends the transaction in MySQL") as caught:
                action(Sql((text,)))
            assert caught.value.sql == text
    assert items.rows("SELECT * FROM items") == []


def test_a_commit_in_disguise_is_noticed(items: MysqlPlace) -> None:
    with items.connector().begin() as transaction, pytest.raises(DatabaseError, match="has ended the transaction"):
        transaction.execute(Sql(("/*!50000 CREATE TABLE n (a int) */",)))


def test_temporary_tables_are_a_jobs_own_and_gone_afterwards(items: MysqlPlace) -> None:
    connector = items.connector()
    with connector.begin() as transaction:
        transaction.execute(Sql(("CREATE TEMPORARY TABLE mine (a int)",)))
        transaction.execute(Sql(("DROP TEMPORARY TABLE mine",)))
        writer = transaction.upsert(ITEMS)
        writer.write([("a", "1")], range(1))
    for _ in range(2):
        assert write(connector, ITEMS, [("b", "1")], size=1)["id"]
    assert items.rows("SELECT code FROM items") == [("b",)]


def test_several_statements_in_one_are_not_run(items: MysqlPlace) -> None:
    with items.connector().begin() as transaction, pytest.raises(DatabaseError, match="syntax"):
        transaction.execute(Sql(("DELETE FROM items; DELETE FROM items",)))


def test_no_file_of_this_machine_is_read(items: MysqlPlace) -> None:
    with items.connector().begin() as transaction, pytest.raises(DatabaseError):
        transaction.execute(Sql(("LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE items (code)",)))


def test_a_failed_transaction_is_usable_for_the_server_and_rolled_back_by_portl(items: MysqlPlace) -> None:
    with items.connector().begin() as transaction:
        transaction.upsert(ITEMS).write([("a", "1")], range(1))
        with pytest.raises(DatabaseError):
            transaction.execute(Sql(("SELECT nope",)))
        assert transaction.fetch(Sql(("SELECT code FROM items",))) == [("a",)]
    assert items.rows("SELECT code FROM items") == []


def test_a_stream_makes_room_for_other_statements(items: MysqlPlace) -> None:
    write(items.connector(), ITEMS, [(str(number), str(number)) for number in range(50)])
    with items.connector().begin() as transaction:
        reading = transaction.read(Sql(("SELECT id FROM items ORDER BY id",)), chunk_rows=20)
        first = next(reading.chunks)
        assert transaction.fetch(Sql(("SELECT count(*) FROM items",))) == [(50,)]
        rest = [row for chunk in reading.chunks for row in chunk]
        assert [row[0] for row in first + rest] == list(range(1, 51))
        other = transaction.read(Sql(("SELECT id FROM items",)), chunk_rows=5)
        transaction.read(Sql(("SELECT 1",)))
        assert sum(map(len, other.chunks)) == 50


def test_a_stream_that_is_left_rolls_back(items: MysqlPlace) -> None:
    write(items.connector(), ITEMS, [(str(number), str(number)) for number in range(50)])
    connector = items.connector()
    with connector.begin() as transaction:
        transaction.execute(Sql(("DELETE FROM items WHERE id > 40",)))
        next(transaction.read(Sql(("SELECT id FROM items",)), chunk_rows=5).chunks)
    assert items.rows("SELECT count(*) FROM items") == [(50,)]
    assert write(connector, ITEMS, [("1", "1")])["changed"] == [False]


def test_an_error_while_a_stream_is_read(items: MysqlPlace) -> None:
    write(items.connector(), ITEMS, [(str(number), str(number)) for number in range(5)])
    sql = Sql(("SELECT (SELECT id FROM items WHERE id > i.id - 4) AS n FROM items AS i ORDER BY id",))
    with items.connector().begin() as transaction, pytest.raises(DatabaseError, match="more than 1 row"):
        list(transaction.read(sql, chunk_rows=1).chunks)


def test_tables_of_other_databases_and_odd_names(items: MysqlPlace) -> None:
    other = f"{items.database}_other"
    items.run(f"CREATE DATABASE {other}", f'CREATE TABLE {other}."a.b" ("x`y" int PRIMARY KEY)')
    try:
        operation = Insert(f"{other}.a.b", ("x`y",))
        assert write(items.connector(), operation, [(1,), (2,)])["x`y"] == [1, 2]
        with items.connector().begin() as transaction:
            assert transaction.table(f"{other}.a.b").shown == f"{other}.a.b"
            with pytest.raises(SchemaError, match=r"there is no table itmes") as caught:
                transaction.table("itmes")
        assert "Did you mean items?" in (caught.value.hint or "")
    finally:
        items.run(f"DROP DATABASE {other}")


def test_counts_are_of_rows_found(items: MysqlPlace) -> None:
    """As everywhere else; the server's own way counts rows that were changed."""
    write(items.connector(), ITEMS, [("a", "1")])
    with items.connector().begin() as transaction:
        assert transaction.execute(Sql(("UPDATE items SET code = 'a'",))) == 1


@pytest.mark.parametrize("version", ["5.5.5-10.3.39-MariaDB", "5.7.44-log"])
def test_old_servers_are_refused(items: MysqlPlace, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = MysqlConnector._checked
    monkeypatch.setattr(
        MysqlConnector, "_checked", lambda self, connection, shown, size: checked(self, connection, version, size)
    )
    with pytest.raises(DatabaseError, match="is the oldest that works"):
        items.connector().begin()


@pytest.mark.parametrize("size", [1, 2, 50])
def test_memory_of_keys_reaches_over_chunks(items: MysqlPlace, size: int) -> None:
    rows = [(f"k{number}", str(number)) for number in range(20)]
    assert sum(result.inserted for result in chunks(items.connector(), ITEMS, rows, size=size)) == 20
    with pytest.raises(DuplicateKeyError) as caught:
        write(items.connector(), ITEMS, [*rows, ("k7", "7")], size=size)
    assert caught.value.rows == (7, 20)
