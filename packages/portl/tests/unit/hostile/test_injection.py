"""Names and values that want to be SQL: they stay names and values, on every database."""

from __future__ import annotations

from typing import Any

import pytest
from databases import MysqlPlace, Place, PostgresPlace
from jobs import Place as Jobs
from portl.errors import PortlError, StepError

EVIL = [
    "'); DROP TABLE t; --",
    '"; DROP TABLE t; --',
    "' OR '1'='1",
    "$1",
    ":a",
    "%s %(a)s %%",
    "?1",
    "\\N",
    "\\.",
    "\\",
    "a\tb\nc\rd",
    "{{ 7 * 7 }}",
    "${env:HOME}",
    "/* */ -- #",
    "$$;DROP TABLE t;$$",
    "\u2019\u02bc\U0001f600",
]


def _job(place: Place, steps: str) -> str:
    if isinstance(place, PostgresPlace):
        connection = f'{{ type: postgres, dsn: "{place.where}" }}'
    elif isinstance(place, MysqlPlace):
        connection = f'{{ type: mysql, unix_socket: "{place.socket}", database: "{place.database}", user: root }}'
    else:
        connection = f'{{ type: sqlite, path: "{place.where}" }}'
    return f"connections:\n  db: {connection}\nsteps:\n{steps}"


@pytest.fixture
def table(place: Place) -> Place:
    """A table `t`, which everybody wants to drop."""
    place.run(
        f"CREATE TABLE t (id {place.id_type}, a {place.key_type} UNIQUE, b text)",
        "INSERT INTO t (a, b) VALUES ('kept', 'x')",
    )
    return place


def _rows(place: Place) -> list[tuple[Any, ...]]:
    return place.rows("SELECT a, b FROM t ORDER BY id")


def test_values_stay_values(table: Place, jobs: Jobs) -> None:
    """Through a file, a mapping, a condition, parameters of SQL, and back into a file."""
    quoted = ['"' + value.replace('"', '""') + '"' for value in EVIL]
    (jobs.folder / "in.csv").write_text("v\n" + "\n".join(quoted) + "\n", encoding="utf-8", newline="")
    batch = 'batch: { from: "{{ steps.read.rows }}", as: row }'
    jobs.run(
        _job(
            table,
            "  - {id: read, type: csv.read, path: in.csv}\n"
            f"  - {{id: save, type: db.upsert, table: t, key: a, mapping: {{a: '{{{{ row.v }}}}', b: x}}, {batch}}}\n"
            f"  - {{id: change, type: db.update, table: t, where: {{a: '{{{{ row.v }}}}'}}, "
            f"set: {{b: '{{{{ row.v }}}}'}}, expect_rows: 1, {batch}}}\n"
            '  - {id: ask, type: db.query_one, sql: "SELECT a, b FROM t WHERE a = :v AND b = {{ row.v }}", '
            f"params: {{v: '{{{{ row.v }}}}'}}, required: true, save_as: found, {batch}}}\n"
            f"  - {{id: write, type: csv.write, path: out.csv, mapping: {{v: '{{{{ item.found.b }}}}'}}, {batch}}}\n",
        )
    )
    assert sorted(_rows(table)) == sorted([("kept", "x"), *((value, value) for value in EVIL)])
    assert (jobs.folder / "out.csv").read_bytes().decode().count("DROP TABLE") == 3


@pytest.mark.parametrize(
    "name", ['t"; DROP TABLE t; --', "t; DROP TABLE t", "t WHERE 1=1", "(SELECT 1)", "t--", "pg_temp.x.y.z"]
)
@pytest.mark.parametrize("step", ["db.insert", "db.upsert", "db.update"])
def test_the_name_of_a_table_is_a_name(table: Place, jobs: Jobs, name: str, step: str) -> None:
    fields = {
        "db.insert": "mapping: {a: new}",
        "db.upsert": "key: a, mapping: {a: new}",
        "db.update": "where: {a: kept}, set: {b: y}",
    }[step]
    with pytest.raises(StepError):
        jobs.run(_job(table, f"  - {{id: x, type: {step}, table: '{name}', {fields}}}\n"))
    assert _rows(table) == [("kept", "x")]


@pytest.mark.parametrize(
    "name", ['a"); DROP TABLE t; --', "a) VALUES ('x'); DROP TABLE t; --", "a\\", "b = 1, a", "ctid; --"]
)
def test_the_name_of_a_column_is_a_name(table: Place, jobs: Jobs, name: str) -> None:
    text = name.replace("'", "''")
    for fields in (
        f"type: db.insert, mapping: {{a: new, '{text}': 1}}",
        f"type: db.upsert, key: ['{text}'], mapping: {{a: new, '{text}': 1}}",
        f"type: db.update, where: {{'{text}': 1}}, set: {{b: y}}",
        f"type: db.insert, mapping: {{a: new}}, returning: ['{text}'], save_as: r",
    ):
        follow = "  - {id: use, type: csv.write, path: o.csv, mapping: {r: '{{ r }}'}, batch: {from: [1]}}\n"
        with pytest.raises(PortlError):
            jobs.run(_job(table, f"  - {{id: x, table: t, {fields}}}\n{follow}"))
    assert _rows(table) == [("kept", "x")]


def test_the_header_of_a_file_is_names(table: Place, jobs: Jobs) -> None:
    """Columns that pass through are named by whoever wrote the file."""
    (jobs.folder / "in.csv").write_text('a,"b"") VALUES (1); DROP TABLE t; --"\nnew,1\n')
    steps = (
        "  - {id: read, type: csv.read, path: in.csv}\n"
        "  - {id: x, type: db.insert, table: t, pass_through: true, batch: {from: '{{ steps.read.rows }}'}}\n"
    )
    with pytest.raises(StepError, match="has no column"):
        jobs.run(_job(table, steps))
    assert _rows(table) == [("kept", "x")]


def test_keys_within_data_are_data(table: Place, jobs: Jobs) -> None:
    """JSON out of a file or of a function's answer is neither a template nor SQL, keys included."""
    content = '{"a":"{{ 1 }}","x\'; DROP TABLE t; --":1}'
    (jobs.folder / "in.csv").write_text('j\n"' + content.replace('"', '""') + '"\n')
    steps = (
        "  - {id: read, type: csv.read, path: in.csv, columns: {j: json}}\n"
        "  - {id: x, type: db.insert, table: t, mapping: {a: '{{ row.j.a }}', b: '{{ row.j | tojson }}'}, "
        "batch: {from: '{{ steps.read.rows }}'}}\n"
    )
    jobs.run(_job(table, steps))
    assert _rows(table)[1:] == [("{{ 1 }}", content)]


def test_a_nul_is_refused_where_a_database_cannot_have_it(table: Place, jobs: Jobs) -> None:
    (jobs.folder / "in.csv").write_bytes(b"v\nok\nx\0y\n")
    steps = (
        "  - {id: read, type: csv.read, path: in.csv}\n"
        "  - {id: x, type: db.upsert, table: t, key: a, mapping: {a: '{{ row.v }}'}, "
        "batch: {from: '{{ steps.read.rows }}'}}\n"
    )
    if isinstance(table, PostgresPlace):
        with pytest.raises(StepError, match=r"item 1 \(in\.csv:3"):
            jobs.run(_job(table, steps))
        assert _rows(table) == [("kept", "x")]
    else:
        jobs.run(_job(table, steps))
        assert _rows(table)[1:] == [("ok", None), ("x\0y", None)]
