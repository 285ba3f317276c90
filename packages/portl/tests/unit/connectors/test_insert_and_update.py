"""Inserts and updates on every database."""

from __future__ import annotations

import pytest
from databases import Place
from portl.connectors import Change, Insert
from portl.errors import NullKeyError, RowError, SchemaError

from .writing import chunks, write

VERSIONS = Insert("versions", ("resource", "number", "md5"))
UPDATE = Change("versions", set=("md5",), where=("resource",))


@pytest.fixture
def versions(place: Place) -> Place:
    place.run(
        f"CREATE TABLE versions (id {place.id_type}, resource integer NOT NULL, number integer, md5 text,"
        " UNIQUE (resource, number))"
    )
    return place


@pytest.mark.parametrize("size", [2, 100])
def test_inserted_ids_belong_to_their_rows(versions: Place, size: int) -> None:
    rows = [(number, 1, f"m{number}") for number in (5, 3, 9, 1, 7)]
    result = write(versions.connector(), VERSIONS, rows, size=size)
    assert result["was_inserted"] == result["changed"] == [True] * 5
    assert result["id"] == sorted(result["id"])
    assert versions.rows("SELECT resource, number, md5 FROM versions ORDER BY id") == rows


def test_an_insert_that_breaks_a_unique_index_names_its_row(versions: Place) -> None:
    rows = [(number % 30, 1, "m") for number in range(40)]
    with pytest.raises(RowError) as caught:
        write(versions.connector(), VERSIONS, rows)
    assert caught.value.rows == (30,)
    assert versions.rows("SELECT 1 FROM versions") == []


def test_a_null_where_none_is_allowed_names_its_row_and_column(versions: Place) -> None:
    with pytest.raises(RowError, match="resource") as caught:
        write(versions.connector(), VERSIONS, [(1, 1, "m"), (None, 2, "m")])
    assert caught.value.rows == (1,)


def test_inserting_nothing(versions: Place) -> None:
    assert write(versions.connector(), VERSIONS, []) == {"id": [], "was_inserted": [], "changed": []}


def test_updates_count_the_rows_they_mean(versions: Place) -> None:
    connector = versions.connector()
    ids = write(connector, VERSIONS, [(1, 1, "a"), (1, 2, "b"), (2, 1, "c"), (3, 1, "d")])["id"]
    (result,) = chunks(connector, UPDATE, [("new", 2), ("b", 1), ("d", 3), ("x", 99)])
    assert result.columns["updated"] == [1, 2, 1, 0]
    assert result.columns["changed"] == [True, True, False, False]
    assert result.columns["id"] == [ids[2], None, ids[3], None]
    assert result.updated == 2
    assert [row[0] for row in versions.rows("SELECT md5 FROM versions ORDER BY id")] == ["b", "b", "new", "d"]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_updates_of_one_row_follow_each_other(versions: Place, size: int) -> None:
    connector = versions.connector()
    write(connector, VERSIONS, [(1, 1, "a")])
    result = write(connector, UPDATE, [("b", 1), ("c", 1), ("c", 1)], size=size)
    assert result["changed"] == [True, True, False]
    assert versions.rows("SELECT md5 FROM versions") == [("c",)]


@pytest.mark.parametrize("size", [1, 10])
def test_the_expected_number_of_rows(versions: Place, size: int) -> None:
    connector = versions.connector()
    write(connector, VERSIONS, [(1, 1, "a"), (2, 1, "b"), (2, 2, "b")])
    one = Change(**{**vars(UPDATE), "expect_rows": 1})
    assert write(connector, one, [("z", 1)])["updated"] == [1]
    for resource, count in ((2, 2), (7, 0)):
        with pytest.raises(RowError, match=f"{count} rows .* resource = {resource}; 1 expected") as caught:
            write(connector, one, [("y", 1), ("y", resource)], size=size)
        assert caught.value.rows == (1,)
        assert versions.rows("SELECT md5 FROM versions WHERE resource = 1") == [("z",)]


def test_a_null_in_where_is_an_error(versions: Place) -> None:
    with pytest.raises(NullKeyError, match="resource is NULL") as caught:
        write(versions.connector(), UPDATE, [("z", 1), ("z", None)])
    assert caught.value.rows == (1,)


def test_an_update_may_write_the_columns_it_looks_for(versions: Place) -> None:
    connector = versions.connector()
    write(connector, VERSIONS, [(1, 1, "a"), (2, 1, "b")])
    move = Change("versions", set=("resource",), where=("resource", "md5"))
    assert write(connector, move, [(10, 1, "a"), (20, 2, "b")])["changed"] == [True, True]
    assert versions.rows("SELECT resource FROM versions ORDER BY id") == [(10,), (20,)]


def test_an_update_that_breaks_an_index_names_its_row(versions: Place) -> None:
    connector = versions.connector()
    write(connector, VERSIONS, [(1, 1, "a"), (2, 1, "b"), (3, 1, "c")])
    move = Change("versions", set=("resource",), where=("md5",))
    with pytest.raises(RowError) as caught:
        write(connector, move, [(9, "c"), (1, "b")])
    assert caught.value.rows == (1,)


def test_updating_nothing(versions: Place) -> None:
    assert write(versions.connector(), UPDATE, []) == {"id": [], "updated": [], "changed": []}


@pytest.mark.parametrize(
    "operation",
    [
        Insert("versions", ("nope",)),
        Insert("nope", ("a",)),
        Change("versions", set=("nope",), where=("id",)),
        Change("versions", set=("md5",), where=("nope",)),
    ],
)
def test_what_the_table_does_not_have(versions: Place, operation: Insert | Change) -> None:
    with pytest.raises(SchemaError, match="nope"):
        write(versions.connector(), operation, [])
