"""Upserts on every database: what is new, what changed, which ids, and which rows are refused."""

from __future__ import annotations

import pytest
from databases import Place
from portl.connectors import Upsert
from portl.errors import DuplicateKeyError, NullKeyError, RowError, SchemaError

from .writing import chunks, write

PEOPLE = Upsert("people", ("code", "source", "name", "age"), key=("code", "source"))


@pytest.fixture
def people(place: Place) -> Place:
    place.run(
        f"CREATE TABLE people (id {place.id_type}, code {place.key_type} NOT NULL, source {place.key_type} NOT NULL,"
        " name text, age integer, UNIQUE (code, source), CHECK (age < 200))"
    )
    return place


def test_new_changed_and_untouched_rows_are_told_apart(people: Place) -> None:
    connector = people.connector()
    first = write(connector, PEOPLE, [("b", "x", "Bob", 30), ("a", "x", "Ada", None)])
    assert first["was_inserted"] == [True, True]
    assert first["changed"] == [True, True]
    bob, ada = first["id"]
    assert sorted(people.rows("SELECT id, name, age FROM people")) == sorted([(bob, "Bob", 30), (ada, "Ada", None)])

    second = write(connector, PEOPLE, [("c", "x", "Cy", 1), ("a", "x", "Ada", None), ("b", "x", "Bob", 31)])
    assert second["was_inserted"] == [True, False, False]
    assert second["changed"] == [True, False, True]
    assert second["id"][1:] == [ada, bob]


def test_counts_of_a_chunk(people: Place) -> None:
    connector = people.connector()
    write(connector, PEOPLE, [("a", "x", "Ada", 1), ("b", "x", "Bob", 1)])
    (result,) = chunks(connector, PEOPLE, [("a", "x", "Ada", 1), ("b", "x", "Bob", 2), ("c", "x", "Cy", 3)])
    assert (result.inserted, result.updated) == (1, 1)
    assert [row["changed"] for row in result.rows()] == [False, True, True]


def test_an_untouched_row_keeps_its_version(new_postgres: Place) -> None:
    new_postgres.run("CREATE TABLE t (k text PRIMARY KEY, v text)")
    operation = Upsert("t", ("k", "v"), key=("k",))
    write(new_postgres.connector(), operation, [("a", "1"), ("b", "1")])
    before = new_postgres.rows("SELECT k, xmin::text, ctid::text FROM t ORDER BY k")
    write(new_postgres.connector(), operation, [("a", "1"), ("b", "2")])
    after = new_postgres.rows("SELECT k, xmin::text, ctid::text FROM t ORDER BY k")
    assert after[0] == before[0]
    assert after[1] != before[1]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_the_size_of_chunks_changes_nothing(people: Place, size: int) -> None:
    connector = people.connector()
    write(connector, PEOPLE, [("3", "x", "old", 1), ("5", "x", "new", 5)])
    rows = [(str(number), "x", "new", number) for number in (5, 3, 4, 1, 2)]
    result = write(connector, PEOPLE, rows, size=size)
    assert result["was_inserted"] == [False, False, True, True, True]
    assert result["changed"] == [False, True, True, True, True]
    ids = dict(people.rows("SELECT code, id FROM people"))
    assert result["id"] == [ids[row[0]] for row in rows]


def test_merge_keeps_what_is_there_where_the_new_value_is_null(people: Place) -> None:
    connector = people.connector()
    write(connector, PEOPLE, [("a", "x", "Ada", 1), ("b", "x", None, 2)])
    merge = Upsert(**{**vars(PEOPLE), "update": "merge"})
    result = write(connector, merge, [("a", "x", None, 5), ("b", "x", None, None), ("c", "x", "Cy", None)])
    assert result["changed"] == [True, False, True]
    assert sorted(people.rows("SELECT code, name, age FROM people")) == [
        ("a", "Ada", 5),
        ("b", None, 2),
        ("c", "Cy", None),
    ]


def test_only_the_named_columns_are_updated(people: Place) -> None:
    connector = people.connector()
    write(connector, PEOPLE, [("a", "x", "Ada", 1)])
    some = Upsert(**{**vars(PEOPLE), "update": ("age",)})
    write(connector, some, [("a", "x", "Other", 9), ("b", "x", "Bob", 2)])
    assert sorted(people.rows("SELECT code, name, age FROM people")) == [("a", "Ada", 9), ("b", "Bob", 2)]


def test_update_none_leaves_rows_alone_and_still_gives_their_ids(people: Place) -> None:
    connector = people.connector()
    first = write(connector, PEOPLE, [("a", "x", "Ada", 1)])
    none = Upsert(**{**vars(PEOPLE), "update": "none"})
    result = write(connector, none, [("b", "x", "Bob", 2), ("a", "x", "Other", 9)])
    assert result["was_inserted"] == [True, False]
    assert result["changed"] == [True, False]
    assert result["id"][1] == first["id"][0]
    assert sorted(people.rows("SELECT code, name FROM people")) == [("a", "Ada"), ("b", "Bob")]


def test_a_mapping_of_the_key_alone(place: Place) -> None:
    place.run(f"CREATE TABLE tags (id {place.id_type}, tag {place.key_type} UNIQUE)")
    operation = Upsert("tags", ("tag",), key=("tag",))
    first = write(place.connector(), operation, [("a",), ("b",)])
    second = write(place.connector(), operation, [("c",), ("a",)])
    assert second["was_inserted"] == [True, False]
    assert second["id"][1] == first["id"][0]


@pytest.mark.parametrize("size", [1, 2, 10])
def test_duplicates_are_an_error_that_names_both_rows(people: Place, size: int) -> None:
    rows = [("a", "x", "1", 1), ("b", "x", "2", 2), ("c", "x", "3", 3), ("b", "x", "4", 4)]
    with pytest.raises(DuplicateKeyError, match="code = b, source = x") as caught:
        write(people.connector(), PEOPLE, rows, size=size)
    assert caught.value.rows == (1, 3)
    assert people.rows("SELECT 1 FROM people") == []


@pytest.mark.parametrize("size", [1, 2, 10])
@pytest.mark.parametrize("update", ["all", "none"])
def test_duplicates_where_the_first_counts(people: Place, size: int, update: str) -> None:
    operation = Upsert(**{**vars(PEOPLE), "on_duplicate": "first", "update": update})
    rows = [("b", "x", "1", 1), ("a", "x", "2", 2), ("b", "x", "3", 3), ("b", "x", "4", 4)]
    result = write(people.connector(), operation, rows, size=size)
    assert result["was_inserted"] == [True, True, False, False]
    assert result["changed"] == [True, True, False, False]
    assert result["id"][0] == result["id"][2] == result["id"][3]
    assert sorted(people.rows("SELECT code, name FROM people")) == [("a", "2"), ("b", "1")]


@pytest.mark.parametrize("size", [1, 2, 10])
def test_duplicates_where_the_last_counts(people: Place, size: int) -> None:
    operation = Upsert(**{**vars(PEOPLE), "on_duplicate": "last"})
    rows = [("b", "x", "1", 1), ("a", "x", "2", 2), ("b", "x", "3", 3), ("b", "x", "3", 3)]
    result = write(people.connector(), operation, rows, size=size)
    assert result["was_inserted"] == [True, True, False, False]
    assert result["changed"] == [True, True, True, False]
    assert sorted(people.rows("SELECT code, name FROM people")) == [("a", "2"), ("b", "3")]


def test_last_with_no_duplicates(people: Place) -> None:
    operation = Upsert(**{**vars(PEOPLE), "on_duplicate": "last"})
    assert write(people.connector(), operation, [("b", "x", "1", 1)])["was_inserted"] == [True]


def test_a_null_in_the_key_is_an_error(people: Place) -> None:
    with pytest.raises(NullKeyError, match="source of the key is NULL") as caught:
        write(people.connector(), PEOPLE, [("a", "x", None, None), ("b", None, "Bob", 1)])
    assert caught.value.rows == (1,)
    assert caught.value.column == "source"
    assert people.rows("SELECT 1 FROM people") == []


def test_a_constraint_names_its_row(people: Place) -> None:
    rows = [(str(number), "x", "n", 500 if number == 77 else number) for number in range(150)]
    with pytest.raises(RowError, match=r"(?i)check") as caught:
        write(people.connector(), PEOPLE, rows, size=60)
    assert caught.value.rows == (77,)
    assert people.rows("SELECT 1 FROM people") == []


def test_rows_keep_their_places_where_others_are_skipped(people: Place) -> None:
    with people.connector().begin() as transaction:
        writer = transaction.upsert(PEOPLE)
        result = writer.write([("b", "x", "", 1), ("a", "x", "", 2)], [3, 8])
        assert result.columns["was_inserted"] == [True, True]
        with pytest.raises(RowError) as caught:
            writer.write([("c", "x", "", 3), ("d", "x", "", 999), ("e", "x", "", 5)], [20, 31, 32])
        assert caught.value.rows == (31,)


def test_a_value_of_the_wrong_type_names_row_column_and_value(people: Place) -> None:
    with pytest.raises(RowError, match="column age") as caught:
        write(people.connector(), PEOPLE, [("a", "x", "Ada", 1), ("b", "x", "Bob", "thirty")])
    assert (caught.value.rows, caught.value.column, caught.value.value) == ((1,), "age", "thirty")


def test_no_rows_give_no_results(people: Place) -> None:
    assert write(people.connector(), PEOPLE, []) == {"id": [], "was_inserted": [], "changed": []}


def test_chosen_columns_come_back(people: Place) -> None:
    operation = Upsert(**{**vars(PEOPLE), "returning": ("name", "id")})
    result = write(people.connector(), operation, [("a", "x", "Ada", 1)])
    assert result["name"] == ["Ada"]
    assert list(result) == ["name", "id", "was_inserted", "changed"]
    nothing = Upsert(**{**vars(PEOPLE), "returning": ()})
    assert write(people.connector(), nothing, [("a", "x", "Ada", 1)]) == {"was_inserted": [False], "changed": [False]}


@pytest.mark.parametrize(
    ("changes", "message", "hint"),
    [
        ({"table": "peopel"}, "there is no table peopel", ""),
        ({"columns": ("code", "source", "nmae")}, "no column nmae", "Did you mean name?"),
        ({"columns": ("code", "source", "zzz")}, "no column zzz", "It has: id, code"),
        ({"columns": ("code", "name"), "key": ("code",)}, r"no unique index on exactly \(code\)", r"(code, source)"),
        ({"key": ("code", "source", "id")}, "column id of the key is not among", ""),
        ({"key": ("nope",)}, "no column nope", ""),
        ({"key": ()}, "key names no column", ""),
        ({"columns": ()}, "no column is named", ""),
        ({"columns": ("code", "source", "name", "name")}, "name is named twice", ""),
        ({"update": ("nope",)}, "update names the column nope", ""),
        ({"returning": ("nope",)}, "no column nope", ""),
    ],
)
def test_what_the_table_does_not_have(people: Place, changes: dict[str, object], message: str, hint: str) -> None:
    operation = Upsert(**{**vars(PEOPLE), **changes})
    with people.connector().begin() as transaction, pytest.raises(SchemaError, match=message) as caught:
        transaction.upsert(operation)
    assert hint in (caught.value.hint or "")


def test_names_that_need_quotes(place: Place) -> None:
    place.run(f'CREATE TABLE "Od""d Table" (id {place.id_type}, "Sel""ect %s" {place.key_type} UNIQUE, "#" text)')
    operation = Upsert('Od"d Table', ('Sel"ect %s', "#"), key=('Sel"ect %s',))
    connector = place.connector()
    assert write(connector, operation, [("a", "1")])["was_inserted"] == [True]
    assert write(connector, operation, [("a", "2")])["changed"] == [True]
    assert place.rows('SELECT "#" FROM "Od""d Table"') == [("2",)]


def test_a_name_no_database_has(people: Place) -> None:
    with (
        people.connector().begin() as transaction,
        pytest.raises(SchemaError, match=r"cannot be the name|there is no table"),
    ):
        transaction.upsert(Upsert("peo\0ple", ("code",), key=("code",)))
