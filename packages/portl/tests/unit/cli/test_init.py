"""`portl init` by flags: the job it makes is right, runs at once, and says nothing secret."""

from __future__ import annotations

import os
import shlex
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from databases import MysqlPlace, Place, PostgresPlace
from portl.cli.app import invoke

Run = Callable[..., str]
CSV = "SKU,Product Name,price,added\nA-1,  Desk ,349.00,31/12/2026\nA-2,Chair,89.90,01/02/2026\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "products.csv").write_text(CSV)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def init(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `portl init --non-interactive WORDS`; what it wrote to both streams."""

    def run(words: str, *, codes: tuple[int, ...] = (0,)) -> str:
        found = invoke(["init", "--non-interactive", *shlex.split(words)])
        said = capsys.readouterr()
        assert found in codes, said.err
        return said.out + said.err

    return run


def make(*statements: str, path: str = "shop.db") -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def rows(query: str, path: str = "shop.db") -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


PRODUCTS = """CREATE TABLE products (
  id {0}, sku varchar(20) NOT NULL UNIQUE, name text, price numeric(10,2), added date, note text)"""


def test_a_file_goes_into_a_table_of_any_database(
    place: Place, init: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place.run(PRODUCTS.format(place.id_type))
    monkeypatch.setenv("SHOP_DSN", place.where)
    destination = place.where if place.dialect == "sqlite" else "${env:SHOP_DSN}"
    said = init(f"--source products.csv --destination '{destination}' --table products --out job.yaml")
    assert said == "Wrote job.yaml. Try it: portl run job.yaml --dry-run=check\n"
    for level in (["--dry-run"], ["--dry-run=check"], [], []):
        assert invoke(["run", "job.yaml", *level]) == 0, capsys.readouterr().err
    found = place.rows("SELECT sku, name, price, added, note FROM products ORDER BY sku")
    assert [(sku, name, Decimal(str(price)), str(added), note) for sku, name, price, added, note in found] == [
        ("A-1", "Desk", Decimal("349.00"), "2026-12-31", None),
        ("A-2", "Chair", Decimal("89.90"), "2026-02-01", None),
    ]
    text = (folder / "job.yaml").read_text()
    assert "SKU: { type: string, required: true }" in text
    assert "price: { type: decimal, scale: 2 }" in text
    assert 'added: { type: date, format: "%d/%m/%Y" }' in text


def test_names_with_odd_characters(place: Place, init: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = """We"ird. {% t'able #"""
    quoted = table.replace('"', '""')
    place.run(f"""CREATE TABLE "{quoted}" ("key: # '{{{{" int PRIMARY KEY, "no" text, "a""b" text)""")
    monkeypatch.setenv("SHOP_DSN", place.where)
    destination = place.where if place.dialect == "sqlite" else "${env:SHOP_DSN}"
    (folder / "odd.csv").write_text('key: # \'{{,no,"a""b"\n1,x,y\n', encoding="utf-8")
    init(f"--source odd.csv --destination '{destination}' --out job.yaml")
    for _ in range(2):
        assert invoke(["run", "job.yaml"]) == 0
    assert place.rows(f'SELECT * FROM "{quoted}"') == [(1, "x", "y")]


def test_a_table_goes_into_another_database(
    place: Place, init: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.run("CREATE TABLE items (id int PRIMARY KEY, full_name text, created timestamp)")
    place.run("INSERT INTO items VALUES (1, 'a', '2026-01-01 10:00:00'), (2, 'b', NULL)")
    make("CREATE TABLE people (Id INTEGER PRIMARY KEY, FullName TEXT, created TIMESTAMP)", path="people.db")
    monkeypatch.setenv("SHOP_DSN", place.where)
    source = place.where if place.dialect == "sqlite" else "${env:SHOP_DSN}"
    init(f"--source '{source}' --source-table items --destination people.db --out job.yaml")
    assert invoke(["run", "job.yaml"]) == 0
    assert rows("SELECT Id, FullName, created FROM people", "people.db") == [
        (1, "a", "2026-01-01 10:00:00"),
        (2, "b", None),
    ]


def test_a_table_goes_into_a_file_and_a_file_into_another(init: Run, folder: Path) -> None:
    make("CREATE TABLE a (x INTEGER, y TEXT)", "INSERT INTO a VALUES (1, 'u')")
    init("--source shop.db --destination out.csv")
    assert invoke(["run", "out.yaml"]) == 0
    assert (folder / "out.csv").read_text() == "x,y\n1,u\n"
    init("--source out.csv --destination other.csv --map z=x --map x= --set fixed=1 --out other.yaml")
    assert invoke(["run", "other.yaml"]) == 0
    assert (folder / "other.csv").read_text() == "y,z,fixed\nu,1,1\n"


def test_paths_are_relative_to_the_job(init: Run, folder: Path) -> None:
    (folder / "jobs").mkdir()
    make("CREATE TABLE t (sku TEXT)")
    init("--source products.csv --destination shop.db --out jobs/job.yaml")
    assert "path: ../products.csv\n" in (folder / "jobs" / "job.yaml").read_text()
    assert invoke(["run", "jobs/job.yaml"]) == 0
    assert rows("SELECT sku FROM t") == [("A-1",), ("A-2",)]


def test_every_flag_is_obeyed(init: Run, folder: Path) -> None:
    make("CREATE TABLE t (a INTEGER UNIQUE, b TEXT UNIQUE, c TEXT, d BOOLEAN, e DATE, f NUMERIC)")
    (folder / "x.txt").write_bytes("1|\u00e4|01/02/2026|5\n2|\u00f6|03/04/2026|6\n".encode("latin-1"))
    said = init(
        "--source x.txt --no-header --delimiter '|' --encoding latin-1 --destination shop.db --table t --name mine "
        "--map a=column_1 --map b=column_2 --map e=column_3 --set d=true --set c='{{ now() }}' "
        "--type column_3=date:%d/%m/%Y --key b --conflict merge --out -"
    )
    assert said == (
        "version: 2\nname: mine\nconnections:\n  shop:\n    type: sqlite\n    path: shop.db\nsteps:\n"
        "  - id: read_x\n    type: csv.read\n    path: x.txt\n"
        '    delimiter: "|"\n    encoding: latin-1\n    has_header: false\n    columns:\n'
        "      column_1: integer\n      column_2: { type: string, required: true }\n"
        '      column_3: { type: date, format: "%d/%m/%Y" }\n      column_4: string\n'
        "  - id: write_t\n    type: db.upsert\n    connection: shop\n"
        '    batch: { from: "{{ steps.read_x.rows }}", as: row }\n    table: t\n    key: [b]\n    update: merge\n'
        '    mapping:\n      a: "{{ row.column_1 }}"\n      b: "{{ row.column_2 }}"\n      c: "{{ now() }}"\n'
        '      d: true\n      e: "{{ row.column_3 }}"\n'
    )


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("", "--source is needed. Name a CSV file or a database"),
        ("--source products.csv", "--destination is needed."),
        ("--source nope.csv", "nope.csv: the file cannot be read: No such file or directory."),
        ("--source empty.csv", "empty.csv: the file is empty."),
        ("--source twice.csv", "twice.csv: the header names 'a' twice. Give each column a name of its own."),
        ("--source products.csv --destination products.csv", "is the file that is read"),
        ("--source products.csv --destination no/x.csv", "there is no folder no."),
        ("--source products.csv --destination none.db", "none.db cannot be opened"),
        ("--source products.csv --destination empty.db", "empty.db has no table. Make one first"),
        ("{s} --destination shop.db", "--table is needed. shop.db has: need, pairs, products, seen."),
        ("{to}x", "there is no table productsx. Did you mean products?"),
        ("--source products.csv --destination shop.db --table seen", "seen is a view, which SQLite does not write to."),
        ("{s} --destination shop.db --table pairs", "no column of the source is like one of main.pairs. Say which"),
        ("{s} --destination shop.db --table need", "main.need needs a value for state (TEXT), and no column"),
        ("--source shop.db --source-table products --destination shop.db --table products",
         "is the table that is read"),
        ("{to} --map x=SKU", "main.products: the column x is not there. It has: id, sku"),
        ("{to} --map name=nme", "the source has no column 'nme'."),
        ("{to} --map name", "--map name: this is no NAME=VALUE."),
        ("{to} --set price=many", "'many' is no decimal. Expressions stand in braces"),
        ("{to} --set 'name={{ nope'", "{{ nope"),
        ("{to} --type price=money", "--type price=money: there is no type 'money'"),
        ("{to} --type prise=decimal", "the source has no column 'prise'. Did you mean price?"),
        ("{to} --key name", "main.products has no unique index on (name) that is written. There are: sku."),
        ("{to} --map sku=", "needs a value for sku"),
        ("{to} --out nowhere/x.yaml", "nowhere/x.yaml: there is no folder nowhere."),
        ("{to} --out .", "'.' is no name of a file."),
        ("{to} --out there.yaml", "there.yaml is there already. Say --overwrite or --append, or another --out."),
        ("{to} --out there.yaml --append", "there.yaml: this is no job with steps"),
        ("--source dates.csv --destination shop.db --table products --map sku=d",
         "In added, 01/02/2026 can be read in several ways. Which is meant? Say --type added=date:%d"),
        ("--source postgresql://me@127.0.0.1:1/x", "no connection to the database"),
        ("--source shop.db --source-table products --destination x.csv --type sku=date", "a database knows its types"),
        ("--template --append", "the template is a whole job"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_and_nothing_is_written(words: str, why: str, init: Run, folder: Path) -> None:
    make(
        PRODUCTS.format("INTEGER PRIMARY KEY"),
        "CREATE TABLE pairs (u TEXT, v TEXT)",
        "CREATE VIEW seen AS SELECT 1 AS sku",
        "CREATE TABLE need (sku TEXT, state TEXT NOT NULL)",
    )
    make(path="empty.db")
    (folder / "empty.csv").write_text("")
    (folder / "twice.csv").write_text("a,b,a\nx,y,z\n")
    (folder / "dates.csv").write_text("d,added\nx,01/02/2026\n")
    (folder / "there.yaml").write_text("a: 1\n")
    before = sorted(folder.iterdir())
    to = "--source products.csv --destination shop.db --table products"
    said = init(words.replace("{to}", to).replace("{s}", "--source products.csv"), codes=(1, 2))
    assert why in said
    assert said.startswith("portl: ")
    assert sorted(folder.iterdir()) == before
    assert (folder / "there.yaml").read_text() == "a: 1\n"


def test_what_the_first_run_would_meet_is_said(init: Run, folder: Path) -> None:
    make("CREATE TABLE t (sku TEXT NOT NULL, price NUMERIC)")
    (folder / "x.csv").write_text("sku,price\n,many\na,2\n")
    said = init("--source x.csv --destination shop.db")
    assert "note: The mapping covers no unique index of t: a second run inserts the same rows again." in said
    assert "note: price: 'many' is no decimal; the run will stop there." in said
    assert "note: sku: some fields are empty" in said
    (folder / "x.csv").write_text("sku,price\n")
    assert "x.csv has no rows yet" in init("--source x.csv --destination shop.db --overwrite")
    assert "--conflict skip needs a key" in init("--source x.csv --destination shop.db --conflict skip", codes=(2,))


def test_steps_are_appended(init: Run, folder: Path) -> None:
    make(PRODUCTS.format("INTEGER PRIMARY KEY"), "CREATE TABLE other (sku TEXT UNIQUE)")
    init("--source products.csv --destination shop.db --table products --out job.yaml")
    before = (folder / "job.yaml").read_text()
    (folder / "job.yaml").write_text(f"\ufeff# mine\n{before}# the end\n", encoding="utf-8")
    os.chmod("job.yaml", 0o640)
    said = init("--source products.csv --destination shop.db --table other --out job.yaml --append")
    assert said.startswith("Appended to job.yaml.")
    text = (folder / "job.yaml").read_text(encoding="utf-8")
    assert text.startswith(f"\ufeff# mine\n{before}")
    assert text.endswith("# the end\n")
    assert stat.S_IMODE(os.stat("job.yaml").st_mode) == 0o640
    assert invoke(["run", "job.yaml"]) == 0
    assert rows("SELECT count(*) FROM products UNION ALL SELECT count(*) FROM other") == [(2,), (2,)]


def test_a_second_database_cannot_be_appended_to_the_transaction(init: Run, folder: Path) -> None:
    make("CREATE TABLE t (sku TEXT)")
    make("CREATE TABLE t (sku TEXT)", path="other.db")
    init("--source products.csv --destination shop.db --out job.yaml")
    before = (folder / "job.yaml").read_text()
    init("--source products.csv --destination other.db --out job.yaml --append", codes=(2,))
    assert (folder / "job.yaml").read_text() == before


def test_a_link_is_followed_and_a_file_that_cannot_be_is_told(init: Run, folder: Path) -> None:
    make("CREATE TABLE t (sku TEXT)")
    (folder / "real").mkdir()
    (folder / "job.yaml").symlink_to("real/job.yaml")
    init("--source products.csv --destination shop.db --out job.yaml --overwrite")
    assert (folder / "job.yaml").is_symlink()
    assert (folder / "real" / "job.yaml").read_text().startswith("version: 2\n")
    long = "x" * 300
    said = init(f"--source products.csv --destination shop.db --out {long}.yaml", codes=(2,))
    assert "cannot be written: File name too long." in said
    assert sorted(path.name for path in folder.iterdir()) == ["job.yaml", "products.csv", "real", "shop.db"]


def test_without_a_terminal_it_says_what_to_do(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["init"]) == 2
    assert "there is no terminal to ask on. Use --non-interactive" in capsys.readouterr().err


def test_a_password_is_used_and_written_nowhere(
    old_postgres: PostgresPlace, init: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_postgres.run("CREATE TABLE things (sku text UNIQUE)")
    schema = old_postgres.rows("SELECT current_schema()")[0][0]
    host = old_postgres.dsn.partition("host=")[2].partition("&")[0]
    url = f"postgresql://postgres:hunter22@/postgres?host={host}"  # the server trusts everybody, and asks for none
    said = init(f"--source products.csv --destination '{url}' --table {schema}.things")
    assert "note: Set POSTGRES_PASSWORD before you run it: export POSTGRES_PASSWORD=…" in said
    text = (folder / "things.yaml").read_text() if (folder / "things.yaml").exists() else ""
    text = text or next(folder.glob("*things.yaml")).read_text()
    assert "POSTGRES_PASSWORD" in text
    assert "hunter22" not in text + said
    monkeypatch.setenv("POSTGRES_PASSWORD", "hunter22")
    public = url.replace(":hunter22", "")
    again = init(f"--source products.csv --destination '{public}' --table {schema}.things --out again.yaml")
    assert (folder / "again.yaml").read_text() == text
    assert "note: Set" not in again


def test_the_template_is_written_whole(init: Run, folder: Path) -> None:
    init("--template")
    text = (folder / "template.yaml").read_text()
    assert "is there already" in init("--template", codes=(2,))
    init("--template --out mine.yaml")
    assert (folder / "mine.yaml").read_text() == text
    assert init("--template --out -") == text


def test_a_mysql_is_written_with_its_password_in_a_variable(
    mysql: MysqlPlace, init: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mysql.run(
        "CREATE TABLE things (sku varchar(20) PRIMARY KEY, price decimal(10,2) NOT NULL, seen tinyint(1) DEFAULT 0)",
        "CREATE OR REPLACE USER wizard_person@localhost IDENTIFIED BY 'hunter22'",
        f"GRANT ALL ON {mysql.database}.* TO wizard_person@localhost",
    )
    (folder / "x.csv").write_text("sku;price;seen\na;1,50;yes\nb;1.200,00;no\n")
    url = f"mysql://wizard_person@/{mysql.database}?unix_socket={mysql.socket}"
    variable = f"{mysql.database.upper()}_PASSWORD"
    said = init(f"--source x.csv --destination '{url}' --out job.yaml", codes=(1,))
    assert f"Set its password: export {variable}=…" in said
    monkeypatch.setenv(variable, "hunter22")
    init(f"--source x.csv --destination '{url}' --out job.yaml")
    assert "hunter22" not in (folder / "job.yaml").read_text()
    assert invoke(["run", "job.yaml"]) == 0, capsys.readouterr().err
    assert mysql.rows("SELECT * FROM things ORDER BY sku") == [("a", Decimal("1.50"), 1), ("b", Decimal("1200.00"), 0)]
