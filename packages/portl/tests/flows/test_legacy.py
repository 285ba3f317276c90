"""Old jobs, run as they are and migrated: both do what the old job says, in every direction, for every conflict."""

from __future__ import annotations

import csv
import itertools
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psycopg
import pytest
from databases import MysqlPlace, PostgresPlace
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from portl.cli.app import invoke
from portl.legacy.emit import emit
from psycopg.conninfo import conninfo_to_dict

Rows = list[tuple[Any, ...]]

SOURCE: Rows = [(1, "Ann", None), (2, " Bo ", "BO@X.ORG"), (3, "Cy", "c@x"), (2, " Bob", None)]
BEFORE: Rows = [(1, "one", "one@x"), (9, "nine", None)]
AFTER: dict[str, Rows] = {
    "overwrite": [(1, "Ann", None), (2, "Bob", None), (3, "Cy", "c@x"), (9, "nine", None)],
    "merge": [(1, "Ann", "one@x"), (2, "Bob", "bo@x.org"), (3, "Cy", "c@x"), (9, "nine", None)],
    "skip": [(1, "one", "one@x"), (2, "Bo", "bo@x.org"), (3, "Cy", "c@x"), (9, "nine", None)],
    "fail": BEFORE,
}
IN_A_FILE: Rows = [("1", "Ann", ""), ("2", "Bo", "bo@x.org"), ("3", "Cy", "c@x"), ("2", "Bob", "")]
MEANING = {
    "schema_mapping": {"user_id": "id", "full_name": "name"},
    "transformations": [{"column": "email", "operation": "lowercase"}, {"column": "full_name", "operation": "trim"}],
}


class Side(Protocol):
    """Where rows come from or go to."""

    def section(self, table: str) -> dict[str, Any]: ...

    def make(self, table: str, columns: Sequence[str], rows: Rows, key: str = "") -> None: ...

    def rows(self, table: str) -> Rows: ...


@dataclass
class Files:
    """CSV files."""

    folder: Path

    def section(self, table: str) -> dict[str, Any]:
        return {"type": "csv", "path": f"./{table}.csv"}

    def make(self, table: str, columns: Sequence[str], rows: Rows, key: str = "") -> None:
        with (self.folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([columns, *rows])

    def rows(self, table: str) -> Rows:
        with (self.folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
            return [tuple(row) for row in csv.reader(file)][1:]


@dataclass
class Sqlite:
    """Tables of a file."""

    folder: Path

    def section(self, table: str) -> dict[str, Any]:
        return {"type": "sqlite", "path": "shop.db", "table": table}

    def make(self, table: str, columns: Sequence[str], rows: Rows, key: str = "") -> None:
        with sqlite3.connect(self.folder / "shop.db") as connection:
            connection.execute(f"DROP TABLE IF EXISTS {table}")
            connection.execute(f"CREATE TABLE {table} ({_columns(columns, key, 'integer', 'text')})")
            connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", rows)
        connection.close()

    def rows(self, table: str) -> Rows:
        connection = sqlite3.connect(self.folder / "shop.db")
        found = connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
        connection.close()
        return found


@dataclass
class Postgres:
    """Tables of a schema."""

    place: PostgresPlace

    def section(self, table: str) -> dict[str, Any]:
        parts = conninfo_to_dict(self.place.dsn)
        fields = {"host": parts.get("host"), "database": parts.get("dbname"), "username": parts.get("user")}
        schema = str(parts["options"]).rpartition("=")[2]
        known = {name: str(value) for name, value in fields.items() if value}
        return {"type": "postgres", **known, "password": "not-asked-for", "schema": schema, "table": table}

    def make(self, table: str, columns: Sequence[str], rows: Rows, key: str = "") -> None:
        self.place.run(
            f"DROP TABLE IF EXISTS {table}", f"CREATE TABLE {table} ({_columns(columns, key, 'bigint', 'text')})"
        )
        with psycopg.connect(self.place.dsn, autocommit=True) as connection, connection.cursor() as cursor:
            places = ", ".join(["%s"] * len(columns))
            cursor.executemany(f"INSERT INTO {table} VALUES ({places})".encode(), rows)

    def rows(self, table: str) -> Rows:
        return self.place.rows(f"SELECT * FROM {table} ORDER BY 1")


@dataclass
class Mysql:
    """Tables of a database."""

    place: MysqlPlace

    def section(self, table: str) -> dict[str, Any]:
        where = {"unix_socket": self.place.socket, "database": self.place.database}
        return {"type": "mysql", **where, "user": "root", "table": table}

    def make(self, table: str, columns: Sequence[str], rows: Rows, key: str = "") -> None:
        self.place.run(
            f"DROP TABLE IF EXISTS {table}", f"CREATE TABLE {table} ({_columns(columns, key, 'bigint', 'text')})"
        )
        with self.place.connect() as connection, connection.cursor() as cursor:
            cursor.executemany(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(columns))})", rows)

    def rows(self, table: str) -> Rows:
        return self.place.rows(f"SELECT * FROM {table} ORDER BY 1")


def _columns(names: Sequence[str], key: str, number: str, text: str) -> str:
    kinds = [f"{name} {number if place == 0 else text}" for place, name in enumerate(names)]
    return ", ".join([*kinds, *([f"PRIMARY KEY ({key})"] if key else [])])


KINDS = ("csv", "sqlite", "postgres", "mysql")
Sides = Callable[[str], Side]


@pytest.fixture
def sides(tmp_path: Path, request: pytest.FixtureRequest) -> Sides:
    def side(kind: str) -> Side:
        if kind == "postgres":
            return Postgres(request.getfixturevalue("new_postgres"))
        if kind == "mysql":
            return Mysql(request.getfixturevalue("mysql"))
        return Files(tmp_path) if kind == "csv" else Sqlite(tmp_path)

    return side


@pytest.fixture(autouse=True)
def passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SOURCE_PASSWORD", "DESTINATION_PASSWORD"):
        monkeypatch.setenv(name, "not-asked-for")


@pytest.fixture(params=["as it is", "migrated"])
def run(request: pytest.FixtureRequest) -> Callable[[Path], int]:
    """Runs an old job in one of the two ways; the exit code."""
    return run_migrated if request.param == "migrated" else lambda path: invoke(["run", "-q", str(path)])


def run_migrated(path: Path) -> int:
    target = path.with_suffix(".steps.yaml")
    code = invoke(["migrate", str(path), "--force"])
    return code or invoke(["run", "-q", str(target)])


def write(folder: Path, job: dict[str, Any]) -> Path:
    path = folder / "old.yaml"
    path.write_text(emit(job, {}), encoding="utf-8")
    return path


@pytest.mark.parametrize(("source", "destination"), [*itertools.product(KINDS, KINDS)])
@pytest.mark.parametrize("conflict", AFTER)
def test_every_direction_and_conflict(
    source: str, destination: str, conflict: str, sides: Sides, run: Callable[[Path], int], tmp_path: Path
) -> None:
    origin, target = sides(source), sides(destination)
    origin.make("people", ["user_id", "full_name", "email"], SOURCE)
    target.make("users", ["id", "name", "email"], BEFORE, key="id")
    job = {"source": origin.section("people"), "destination": target.section("users"), "conflict": conflict, **MEANING}
    code = run(write(tmp_path, job))
    if destination == "csv":
        before: Rows = [("1", "one", "one@x"), ("9", "nine", "")]
        assert code == {"fail": 1, "merge": 2}.get(conflict, 0)
        assert target.rows("users") == (IN_A_FILE if conflict == "overwrite" else before)
    else:
        assert code == (1 if conflict == "fail" else 0)
        assert target.rows("users") == AFTER[conflict]


@pytest.mark.parametrize("destination", KINDS)
def test_fail_inserts_where_nothing_is_in_the_way(
    destination: str, sides: Sides, run: Callable[[Path], int], tmp_path: Path
) -> None:
    origin, target = sides("csv"), sides(destination)
    origin.make("people", ["id", "name"], [(1, "a"), (2, "b")])
    if destination != "csv":
        target.make("users", ["id", "name"], [(3, "c")], key="id")
    job = {"source": origin.section("people"), "destination": target.section("users"), "conflict": "fail"}
    assert run(write(tmp_path, job)) == 0
    there: Rows = [("1", "a"), ("2", "b")] if destination == "csv" else [(1, "a"), (2, "b"), (3, "c")]
    assert target.rows("users") == there


@pytest.mark.parametrize("kind", KINDS[1:])
def test_a_query_is_a_source(kind: str, sides: Sides, run: Callable[[Path], int], tmp_path: Path) -> None:
    origin, target = sides(kind), sides("csv")
    origin.make("people", ["id", "name", "secret"], [(1, "a", "x"), (2, "b", "y")])
    section = origin.section("people")
    table = ".".join(section[name] for name in ("schema", "table") if name in section)
    section = {name: value for name, value in section.items() if name not in ("table", "schema")}
    name = "`the id`" if kind == "mysql" else '"the id"'
    query = f"SELECT id AS {name}, name, secret\n  FROM {table} -- all of it\n WHERE id > 1 AND name <> ':x';"
    job = {
        "source": {**section, "query": query},
        "destination": target.section("users"),
        "mapping": {"the id": "id", "secret": None},
        "batch_size": 1,
    }
    assert run(write(tmp_path, job)) == 0
    assert (tmp_path / "users.csv").read_text() == "id,name\n2,b\n"


def test_dates_and_numbers(sides: Sides, run: Callable[[Path], int], tmp_path: Path) -> None:
    target = sides("postgres")
    assert isinstance(target, Postgres)
    target.place.run("CREATE TABLE users (id int PRIMARY KEY, born date, seen timestamp, paid numeric)")
    Files(tmp_path).make("people", ["id", "born", "seen", "paid"], [(1, "03.02.2001", "2001-02-03 04:05", "7.50")])
    job = {
        "source": {"type": "csv", "path": "people.csv", "delimiter": ",", "encoding": "utf-8", "has_header": True},
        "destination": target.section("users"),
        "conflict": "overwrite",
        "transformations": [
            {"column": "born", "operation": "parse_date", "parameters": {"format": "%d.%m.%Y"}},
            {"column": "seen", "operation": "parse_date", "format": "%Y-%m-%d %H:%M"},
            {"column": "paid", "operation": "parse_number"},
        ],
    }
    assert run(write(tmp_path, job)) == 0
    assert target.place.rows("SELECT born::text, seen::text, paid::text FROM users") == [
        ("2001-02-03", "2001-02-03 04:05:00", "7.50")
    ]


FIRST_TEMPLATE = """\
source: {type: csv, path: ./data/source.csv}
destination: {type: postgres, host: localhost, port: 5432, database: your_database, username: your_username, \
password: your_password, table: your_target_table}
conflict: overwrite
batch_size: 1000
parallel_jobs: 1
schema_mapping: {user_id: id, full_name: name}
transformations:
  - {column: email, operation: lowercase}
  - {column: created_at, operation: parse_date, format: "%Y-%m-%d"}
hooks: {before_job: ./scripts/backup.sh, after_job: ./scripts/notify.sh, before_batch: ./scripts/log_batch.py, \
after_batch: ./scripts/validate_batch.py}
"""


def test_the_first_template(new_postgres: PostgresPlace, run: Callable[[Path], int], tmp_path: Path) -> None:
    table = "id int PRIMARY KEY, name text, email text, created_at date"
    new_postgres.run(f"CREATE TABLE your_target_table ({table})")
    where = {**Postgres(new_postgres).section("your_target_table"), "password": "your_password"}
    parts = ", ".join(f"{name}: {value}" for name, value in where.items())
    begin = FIRST_TEMPLATE.index("{type: postgres")
    end = FIRST_TEMPLATE.index("}", begin)
    (tmp_path / "old.yaml").write_text(FIRST_TEMPLATE[:begin] + "{" + parts + FIRST_TEMPLATE[end:], encoding="utf-8")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "source.csv").write_text("user_id,full_name,email,created_at\n1,Ann,A@X.ORG,2026-01-02\n")
    (tmp_path / "scripts").mkdir()
    for name in ("backup.sh", "notify.sh", "log_batch.py", "validate_batch.py"):
        (tmp_path / "scripts" / name).write_text("#!/bin/sh\necho $PORTL_EVENT >> events\n")
        (tmp_path / "scripts" / name).chmod(0o755)
    assert run(tmp_path / "old.yaml") == 0
    rows = new_postgres.rows("SELECT id, name, email, created_at::text FROM your_target_table")
    assert rows == [(1, "Ann", "a@x.org", "2026-01-02")]
    assert (tmp_path / "events").read_text().split() == ["before_job", "before_batch", "after_batch", "after_job"]


def test_a_file_without_a_header(sides: Sides, run: Callable[[Path], int], tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("1;a\n2;b\n")
    job = {
        "source": {"type": "csv", "path": "in.csv", "delimiter": ";", "has_header": False},
        "destination": {"type": "csv", "path": "out.csv", "delimiter": "|", "has_header": False},
        "mapping": {"1": "name"},
    }
    assert run(write(tmp_path, job)) == 0
    assert (tmp_path / "out.csv").read_text() == "1|a\n2|b\n"


def test_the_key_may_be_named(sides: Sides, run: Callable[[Path], int], tmp_path: Path) -> None:
    Sqlite(tmp_path).make("users", ["id", "code", "name"], [(1, "a", "old")], key="id")
    connection = sqlite3.connect(tmp_path / "shop.db")
    connection.execute("CREATE UNIQUE INDEX by_code ON users (code)")
    connection.close()
    Files(tmp_path).make("people", ["code", "name"], [("a", "new"), ("b", "two")])
    job = {
        "source": {"type": "csv", "path": "people.csv"},
        "destination": Sqlite(tmp_path).section("users"),
        "conflict": "overwrite",
        "key": "code",
    }
    assert run(write(tmp_path, job)) == 0
    assert Sqlite(tmp_path).rows("users") == [(1, "a", "new"), (2, "b", "two")]


def test_variables_in_paths_and_connections(
    sides: Sides, run: Callable[[Path], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_PEOPLE", "people")
    monkeypatch.setenv("SHOP_KEY", "shop.db")  # a name as secrets have them
    Files(tmp_path).make("people", ["id", "name"], [(1, "a")])
    Sqlite(tmp_path).make("users", ["id", "name"], [], key="id")
    job = {
        "source": {"type": "csv", "path": "./${SECRET_PEOPLE}.csv"},
        "destination": {"type": "sqlite", "path": "${env:SHOP_KEY}", "table": "users"},
        "conflict": "skip",
    }
    assert run(write(tmp_path, job)) == 0
    assert Sqlite(tmp_path).rows("users") == [(1, "a")]


def test_the_first_hook_may_make_the_file(run: Callable[[Path], int], tmp_path: Path) -> None:
    Sqlite(tmp_path).make("users", ["id", "name", "email"], BEFORE, key="id")
    script = tmp_path / "fetch.sh"
    script.write_text("#!/bin/sh\nprintf 'user_id,name,email,x\\n1,Ann,A@X,y\\n' > people.csv\n")
    script.chmod(0o755)
    job = {
        "source": {"type": "csv", "path": "people.csv"},
        "destination": Sqlite(tmp_path).section("users"),
        "conflict": "overwrite",
        "mapping": {"user_id": "id", "x": None},
        "transformations": [{"column": "email", "operation": "lowercase"}],
        "hooks": {"before_job": "./fetch.sh"},
    }
    assert run(write(tmp_path, job)) == 0
    assert Sqlite(tmp_path).rows("users") == [(1, "Ann", "a@x"), (9, "nine", None)]


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=5)
NAMES = st.text(st.characters(codec="ascii", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=6).filter(
    lambda name: name == name.strip() and name != "id"
)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[dict[str, Any], list[str], Rows, list[str], Rows]:
    """A job, the source's columns and rows, the table's columns and rows."""
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique_by=str.lower))
    targets = draw(st.lists(NAMES, min_size=len(names), max_size=len(names), unique_by=str.lower))
    columns, mapping = ["id"], dict[str, str | None]()
    for name, target in zip(names, targets, strict=True):
        fate = draw(st.sampled_from(["rename", "keep", "drop"]))
        if fate == "keep" and name.lower() not in [other.lower() for other in (*targets, *columns)]:
            columns.append(name)
        elif fate == "drop":
            mapping[name] = None
        else:
            mapping[name] = target
            columns.append(target)
    kinds = st.sampled_from(["lowercase", "uppercase", "trim"])
    changed = draw(st.lists(st.tuples(st.sampled_from(["id", *names]), kinds), max_size=3))
    job = {
        "conflict": draw(st.sampled_from(list(AFTER))),
        draw(st.sampled_from(["mapping", "schema_mapping"])): mapping,
        "transformations": [{"column": column, "operation": operation} for column, operation in changed],
        "batch_size": draw(st.integers(1, 4)),
        "parallel_jobs": 1,
    }
    rows: Rows = draw(st.lists(st.tuples(st.integers(1, 5).map(str), *[TEXTS] * len(names)), max_size=6))
    there = draw(st.lists(st.tuples(st.integers(1, 5).map(str), *[TEXTS | st.none()] * (len(columns) - 1)), max_size=3))
    return job, ["id", *names], rows, columns, there


@given(worlds())
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_any_old_job_and_its_migration_leave_the_same_rows(world: Any) -> None:
    job, names, rows, columns, there = world
    outcomes = []
    for way in (lambda path: invoke(["run", "-q", str(path)]), run_migrated):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            Files(folder).make("people", names, rows)
            _table(folder / "shop.db", columns, there)
            end = {"source": Files(folder).section("people"), "destination": Sqlite(folder).section("users")}
            outcomes.append((way(write(folder, {**end, **job})), Sqlite(folder).rows("users")))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][0] in ((0, 1) if job["conflict"] == "fail" else (0,))


def _table(path: Path, columns: list[str], rows: Rows) -> None:
    quoted = ['"' + name.replace('"', '""') + '"' for name in columns]
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE users ({', '.join(f'{name} text' for name in quoted)}, PRIMARY KEY (id))")
        values = ", ".join("?" * len(columns))
        connection.executemany(f"INSERT OR IGNORE INTO users VALUES ({values})", rows)
    connection.close()
