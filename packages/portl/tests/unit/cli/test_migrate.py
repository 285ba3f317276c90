"""`portl migrate`, and old jobs in the other commands: what is written, what is refused, what is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from jobs import Place
from portl.cli.app import invoke

OLD = """\
source: {type: csv, path: ./in/people.csv}
destination: {type: sqlite, path: test.db, table: users}
conflict: overwrite
batch_size: 200000
mapping: {user_id: id}
transformations:
  - {column: name, operation: trim}
hooks: {before_job: ./hook.sh, before_batch: [./hook.sh, -v], after_job: {run: ./hook.sh, always: true}}
"""
NEW = """\
# Made by portl migrate from old.yaml.
# All of it is one transaction now: it is done, or it has changed nothing. The older portl committed after
# each batch; batch.size changes memory and speed only.
version: 2
name: old

connections:
  destination:
    type: sqlite
    path: test.db
    create: false

hooks:
  before_job: ./hook.sh
  # before_batch runs inside the open transaction: while it works, the rows written so far stay locked.
  before_batch: [./hook.sh, "-v"]
  after_job:
    run: ./hook.sh
    always: true

steps:
  - id: read
    type: csv.read
    path: ./in/people.csv
  - id: write
    type: db.upsert
    # batch_size was 200,000; 100,000 is the most.
    batch:
      from: "{{ steps.read.rows }}"
      as: row
      size: 100000
    connection: destination
    table: users
    # The table's primary key.
    key: [id]
    # Of several rows with one key in the source, the last one counts, as it did.
    on_duplicate: last
    # Every column of the source stands here; one that is added to the source later is not written by itself.
    mapping:
      id: "{{ row.user_id }}"
      name: "{{ row.name | trim }}"
"""
SERVER = """\
source: {type: postgres, host: localhost, port: 1, database: d, username: u, password: hunter2222, table: t}
destination: {type: csv, path: "${OUT:-out}/x.csv"}
conflict: overwrite
"""


@pytest.fixture
def old(jobs: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.chdir(jobs.folder)
    jobs.sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
    (jobs.folder / "in").mkdir()
    jobs.write("in/people.csv", "user_id,name\n1, Ann\n")
    jobs.write("hook.sh", "#!/bin/sh\necho $PORTL_EVENT\n")
    (jobs.folder / "hook.sh").chmod(0o755)
    jobs.write("old.yaml", OLD)
    return jobs


def edit(place: Place, before: str, after: str) -> None:
    text = (place.folder / "old.yaml").read_text(encoding="utf-8")
    assert before in text
    place.write("old.yaml", text.replace(before, after))


def test_it_writes_a_job_that_people_can_read(old: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["migrate", "old.yaml"]) == 0
    assert (old.folder / "old.steps.yaml").read_text(encoding="utf-8") == NEW
    said = capsys.readouterr()
    assert said.out == "old.steps.yaml: written. Look at it, then: portl run old.steps.yaml --dry-run=check\n"
    assert (old.folder / "old.yaml").read_text(encoding="utf-8") == OLD
    assert invoke(["run", "old.steps.yaml", "--dry-run=check"]) == 0
    assert invoke(["run", "old.steps.yaml"]) == 0
    assert old.rows("SELECT * FROM users") == [(1, "Ann")]


def test_it_can_be_printed(old: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["migrate", "old.yaml", "-o", "-"]) == 0
    assert capsys.readouterr().out == NEW
    assert sorted(os.listdir(old.folder)) == ["hook.sh", "in", "old.yaml", "test.db"]


def test_it_overwrites_nothing_unasked(old: Place, capsys: pytest.CaptureFixture[str]) -> None:
    old.write("new.yaml", "mine")
    assert invoke(["migrate", "old.yaml", "-o", "new.yaml"]) == 2
    assert "new.yaml: the file is there already. Name another with -o, or say --force." in capsys.readouterr().err
    assert (old.folder / "new.yaml").read_text() == "mine"
    assert invoke(["migrate", "old.yaml", "-o", "new.yaml", "--force"]) == 0
    assert (old.folder / "new.yaml").read_text() == NEW
    assert invoke(["migrate", "old.yaml", "-o", "./old.yaml", "--force"]) == 2
    assert "this is the old job itself" in capsys.readouterr().err
    assert invoke(["migrate", "old.yaml", "-o", "nope/new.yaml"]) == 2
    assert "nope/new.yaml: the file cannot be written: No such file or directory." in capsys.readouterr().err


def test_paths_are_right_from_another_folder(old: Place) -> None:
    (old.folder / "jobs").mkdir()
    assert invoke(["migrate", "old.yaml", "-o", "jobs/new.yaml"]) == 0
    text = (old.folder / "jobs" / "new.yaml").read_text(encoding="utf-8")
    assert "path: ../in/people.csv" in text
    assert "path: ../test.db" in text
    assert 'before_batch: [../hook.sh, "-v"]' in text
    assert invoke(["run", "jobs/new.yaml"]) == 0
    assert old.rows("SELECT * FROM users") == [(1, "Ann")]


def test_what_is_a_job_of_steps_already(old: Place, capsys: pytest.CaptureFixture[str]) -> None:
    old.write("old.yaml", "steps: []\n")
    assert invoke(["migrate", "old.yaml"]) == 2
    assert (
        "old.yaml:1:1: This is no job of source and destination. There is nothing to migrate."
        in capsys.readouterr().err
    )


def test_passwords_do_not_stay_in_files(
    jobs: Place, new_postgres_parts: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    jobs.write("old.yaml", SERVER.replace("host: localhost, port: 1, database: d, username: u", ", ".join(
        f"{name}: {value}" for name, value in new_postgres_parts.items())))  # fmt: skip
    assert invoke(["migrate", str(jobs.folder / "old.yaml")]) == 0
    text = (jobs.folder / "old.steps.yaml").read_text(encoding="utf-8")
    said = capsys.readouterr().err
    assert "hunter2222" not in text + said
    assert 'password: "${env:SOURCE_PASSWORD}"' in text
    assert "warning: The old job held this password. Set the variable SOURCE_PASSWORD" in said
    assert 'default: "${env:OUT:-out}/x.csv"' in text
    assert 'path: "{{ run.params.destination_path }}"' in text


def test_a_database_that_does_not_answer(old: Place, capsys: pytest.CaptureFixture[str]) -> None:
    old.write("old.yaml", SERVER)
    assert invoke(["migrate", "old.yaml"]) == 1
    said = capsys.readouterr().err
    assert "source: no connection to the database" in said
    assert "portl migrate asks the source and the destination for their columns and keys" in said
    assert "hunter2222" not in said


def test_old_jobs_are_run_as_they_are(old: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["run", "old.yaml"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("old: committed (2 steps")
    assert "before_job | before_job" in said.err
    assert "after_job | after_job" in said.err
    assert "write: 1 items, 1 inserted" in said.err
    assert old.rows("SELECT * FROM users") == [(1, "Ann")]


def test_offline_it_says_what_it_does_not_know(old: Place, capsys: pytest.CaptureFixture[str]) -> None:
    os.rename("test.db", "elsewhere.db")
    assert invoke(["validate", "old.yaml"]) == 0
    said = capsys.readouterr()
    assert "old.yaml: the job 'old' is right (2 steps)." in said.out
    assert "old.yaml:3:11: Offline nobody knows by which key conflict: overwrite finds rows" in said.err
    assert invoke(["run", "old.yaml", "--dry-run"]) == 0
    said = capsys.readouterr()
    assert 'mapping: {"id":"1","name":"Ann"}' in said.out
    assert "finds rows; only inserting is shown. --dry-run=check asks." in said.out
    assert not os.path.exists("test.db")
    edit(old, "type: csv, path: ./in/people.csv", "type: sqlite, path: test.db, table: people")
    assert invoke(["run", "old.yaml", "--dry-run"]) == 0
    said = capsys.readouterr()
    assert 'SELECT * FROM "people"' in said.out
    assert "old.yaml:1:9: Offline nobody knows which columns the source has" in said.out


def test_a_check_shows_the_key(old: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["run", "old.yaml", "--dry-run=check"]) == 0
    said = capsys.readouterr().out
    assert 'UPDATE "users" SET "name"' in said
    assert "note: old.yaml:8:46: before_batch runs inside the open transaction" in said
    assert old.rows("SELECT * FROM users") == []


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("table: users", "table: user", "2:51: destination: there is no table user. Did you mean users?"),
        ("test.db", "nope.db", "2:35: destination: there is no file nope.db."),
        ("user_id: id", "usr_id: id", "The source has no column 'usr_id'. Did you mean 'user_id'?"),
        ("user_id: id", "id: user_id", "A mapping reads: column of the source: column of the destination."),
        ("user_id: id", "user_id: ID", "main.users has no column 'ID'. Did you mean 'id'?"),
        (
            "user_id: id",
            "user_id: ID",
            "conflict: overwrite needs a key, and the job writes none of main.users's: (id).",
        ),
        (
            "user_id: id",
            "user_id: name",
            "'user_id' and 'name' of the source both go into 'name'. Leave one of them out: ",
        ),
        ("user_id: id", "user_id: null, name: null", "5:10: The mapping leaves out every column."),
        ("column: name", "column: nmae", "7:14: There is no column 'nmae'. Did you mean 'name'?"),
        ("overwrite", "skip\nkey: name", "4:6: main.users has no unique index on exactly (name). It has: (id)."),
        (
            "overwrite",
            "merge\nkey: nmae",
            "4:6: The job writes no column 'nmae', which is in key. Did you mean 'name'?",
        ),
        ("type: csv, path: ./in/people.csv", "type: sqlite, path: test.db, query: SELEC 1", "1:46: source: near"),
        ("before_job: ./hook.sh", "before_job: ./hock.sh", "8:21: There is no program './hock.sh'."),
    ],
)
def test_what_only_a_look_shows(
    old: Place, before: str, after: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(old, before, after)
    assert invoke(["run", "old.yaml"]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert "old.yaml:" in said
    assert old.rows("SELECT * FROM users") == []


def test_a_file_that_no_hook_can_make(old: Place, capsys: pytest.CaptureFixture[str]) -> None:
    edit(old, "people.csv", "peple.csv")
    edit(old, "before_job: ./hook.sh, ", "")
    assert invoke(["run", "old.yaml"]) == 2
    told = "portl: old.yaml:1:27: ./in/peple.csv: the file cannot be read: No such file or directory.\n"
    assert capsys.readouterr().err == told


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("CREATE TABLE users (id int, name text)", "main.users has neither a primary key nor a unique index."),
        (
            "CREATE TABLE users (id int UNIQUE, name text UNIQUE)",
            "main.users has several: (name), (id). Say which: key: ",
        ),
        ("CREATE TABLE users (id int, name text, code text UNIQUE)", "the job writes none of main.users's: (code)."),
        ("CREATE TABLE users (id int PRIMARY KEY, name AS (id + 1))", "The database computes the column 'name'"),
    ],
)
def test_tables_without_a_key(old: Place, table: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    old.sql("DROP TABLE users", table)
    assert invoke(["run", "old.yaml"]) == 2
    assert told in capsys.readouterr().err


def test_a_failure_names_the_old_job(old: Place, capsys: pytest.CaptureFixture[str]) -> None:
    edit(old, "operation: trim", 'operation: parse_date, format: "%Y"')
    assert invoke(["run", "old.yaml"]) == 1
    said = capsys.readouterr().err
    assert "portl: old.yaml:7:5: step 'write', item 0 (./in/people.csv:2:3):" in said


def test_a_variable_that_is_not_set(old: Place, capsys: pytest.CaptureFixture[str]) -> None:
    edit(old, "path: test.db", 'path: "${SHOP}.db"')
    assert invoke(["run", "old.yaml"]) == 2
    assert "old.yaml:2:36: The environment variable SHOP is not set." in capsys.readouterr().err


@pytest.fixture
def new_postgres_parts(new_postgres: object) -> dict[str, str]:
    """Where a server is that has a table t."""
    from databases import PostgresPlace
    from psycopg.conninfo import conninfo_to_dict

    assert isinstance(new_postgres, PostgresPlace)
    new_postgres.run("CREATE TABLE t (id int)")
    parts = conninfo_to_dict(new_postgres.dsn)
    schema = str(parts["options"]).rpartition("=")[2]
    return {
        "host": str(parts["host"]),
        "database": str(parts["dbname"]),
        "username": str(parts["user"]),
        "schema": schema,
    }


def test_the_guide_tells_what_happens(
    jobs: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The example of docs/portl/legacy.md, on SQLite."""
    import re

    from portl.model.yaml import load

    guide = (Path(__file__).parents[5] / "docs" / "portl" / "legacy.md").read_text(encoding="utf-8")
    old, new = re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)
    monkeypatch.chdir(jobs.folder)
    for folder in ("data", "scripts"):
        (jobs.folder / folder).mkdir()
    jobs.sql("CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, email TEXT, created_at DATE)")
    jobs.write("data/source.csv", "user_id,full_name,email,created_at\n1,Ann,A@X,2026-01-02\n")
    jobs.write("old.yaml", re.sub(r"type: postgres, .*, table", "type: sqlite, path: test.db, table", old))
    assert invoke(["migrate", "old.yaml"]) == 0
    written, expected = (load(text, "x")[0] for text in ((jobs.folder / "old.steps.yaml").read_text("utf-8"), new))
    assert {**written, "connections": 0} == {**expected, "connections": 0}
