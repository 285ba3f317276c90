"""`portl init` in front of a person: on a pseudo-terminal, key by key."""

from __future__ import annotations

import shlex
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from databases import PostgresPlace
from portl.cli.app import invoke
from terminals import CTRL_C, CTRL_D, CTRL_U, DOWN, ENTER, Terminal, terminal

TABLE = """CREATE TABLE products (
  id INTEGER PRIMARY KEY, sku TEXT UNIQUE NOT NULL, name TEXT, price NUMERIC(10,2), added DATE, state TEXT NOT NULL)"""
CSV = "SKU,Product Name,price,added,colour\nA-1,  Desk ,349.00,01/02/2026,red\nA-2,Chair,89.90,03/04/2026,blue\n"
QUESTIONS = [
    ("Where do the rows come from?", ENTER),
    ("Where do they go?", ENTER),
    ("Into which table?", ENTER),
    ("state (TEXT) needs a value.", ENTER),
    ("Value of state", f"new{ENTER}"),
    ("Is this mapping right?", ENTER),
    ("In added, what is 01/02/2026?", ENTER),
    ("When a row with the same sku is there already?", ENTER),
    ("Into which file?", ENTER),
    ("Write products.yaml?", ENTER),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make(tmp_path / "shop.db", TABLE, "CREATE TABLE other (a TEXT)")
    (tmp_path / "products.csv").write_text(CSV)
    return tmp_path


def make(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def answered(person: Terminal, questions: list[tuple[str, str]]) -> None:
    for question, keys in questions:
        person.answer(question, keys)


def test_the_whole_dialogue_makes_a_job_that_runs_and_flags_make_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with terminal(["init"], folder) as person:
        answered(person, QUESTIONS)
        person.expect("Wrote products.yaml.")
        person.expect("The same without questions:\n")
        assert person.ended() == 0
        assert '{"sku":"A-1","name":"Desk","price":349.00,' in person.shown  # of the dry run
        command = shlex.split(person.shown[person.read :].replace("\n", ""))
    monkeypatch.chdir(folder)
    asked = (folder / "products.yaml").read_bytes()
    (folder / "products.yaml").unlink()
    assert command[:3] == ["portl", "init", "--non-interactive"]
    assert invoke(command[1:]) == 0
    assert (folder / "products.yaml").read_bytes() == asked
    assert invoke(["run", "products.yaml"]) == 0
    assert "write_products: 2 items, 2 inserted" in capsys.readouterr().err
    with closing(sqlite3.connect("shop.db")) as connection:
        rows = connection.execute("SELECT sku, name, price, added, state FROM products").fetchall()
    assert rows == [("A-1", "Desk", 349, "2026-02-01", "new"), ("A-2", "Chair", 89.9, "2026-04-03", "new")]


@pytest.mark.parametrize("numbers", [range(5), range(5, len(QUESTIONS))], ids=["first half", "second half"])
def test_ctrl_c_at_any_question_leaves_nothing_behind(folder: Path, numbers: range) -> None:
    before = names(folder)
    with ExitStack() as stack:
        people = {number: stack.enter_context(terminal(["init"], folder)) for number in numbers}  # they start together
        settings = people[numbers[0]].settings()
        for number, person in people.items():
            answered(person, QUESTIONS[:number])
            person.answer(QUESTIONS[number][0], CTRL_C)
            assert person.ended() == 130
            assert person.settings() == settings
            assert "portl: interrupted; nothing was written." in person.shown
            assert "Traceback" not in person.shown
            assert names(folder) == before


def test_a_signal_ends_it_too(folder: Path) -> None:
    before = names(folder)
    with terminal(["init"], folder) as person:
        settings = person.settings()
        person.expect("a MySQL or MariaDB database")
        person.process.send_signal(signal.SIGINT)
        assert person.ended() == 130
        assert person.settings() == settings
    assert names(folder) == before


def test_the_end_of_the_input_leaves_nothing_behind(folder: Path) -> None:
    before = names(folder)
    with terminal(["init"], folder) as person:
        answered(person, QUESTIONS[:8])
        person.answer("Into which file?", CTRL_U + CTRL_D)
        assert person.ended() == 130
        assert "portl: the input ended; nothing was written." in person.shown
    assert names(folder) == before


def test_wrong_answers_are_told_and_asked_again(folder: Path) -> None:
    make(folder / "empty.db")
    (folder / "empty.csv").write_text("")
    (folder / "twice.csv").write_text("a,b,a\nx,y,z\n")
    (folder / "image.csv").write_bytes(b"\x89PNG\0\0")
    with terminal(["init", "--map", "state=colour", "--type", "added=date:%d/%m/%Y"], folder) as person:
        for word, why in [
            ("empty.csv", "empty.csv: the file is empty."),
            ("twice.csv", "twice.csv: the header names 'a' twice."),
            ("image.csv", "image.csv: this is no text file"),
        ]:
            person.expect("Where do the rows come from?")
            person.press(DOWN * sorted(["empty.csv", "image.csv", "products.csv", "twice.csv"]).index(word) + ENTER)
            person.expect(why)
        person.expect("Where do the rows come from?")
        person.press("another" + ENTER)  # typing filters the list
        person.answer("Which file?", f"missing.csv{ENTER}")
        person.expect("missing.csv: the file cannot be read: No such file or directory.")
        person.answer("Where do the rows come from?", "products" + ENTER)
        person.answer("Where do they go?", "empty" + ENTER)
        person.expect("empty.db has no table.")
        person.answer("Where do they go?", "PostgreSQL" + ENTER)
        person.answer("Its address", f"postgresql://me@127.0.0.1:1/shop{ENTER}")
        person.expect("no connection to the database")
        person.answer("Where do they go?", "shop" + ENTER)
        person.answer("Into which table?", "prod" + ENTER)
        person.answer("Is this mapping right?", ENTER)
        person.answer("When a row with the same sku is there already?", ENTER)
        person.answer("Into which file?", f"{CTRL_U}nowhere/job.yaml{ENTER}")
        person.expect("there is no folder nowhere.")
        person.answer("Into which file?", f"{CTRL_U}job.yaml{ENTER}")
        person.answer("Write job.yaml?", "n")
        person.expect("Nothing was written.")
        assert person.ended() == 0
    assert not (folder / "job.yaml").exists()


def test_a_mapping_can_be_changed_column_by_column(folder: Path) -> None:
    words = ["init", "--source", "products.csv", "--destination", "shop.db", "--table", "products"]
    with terminal(
        [*words, "--set", "state=new", "--type", "added=date:%d/%m/%Y", "--conflict", "skip"], folder
    ) as person:
        person.answer("Is this mapping right?", DOWN + ENTER)
        person.answer("Which column?", DOWN * 2 + ENTER)
        person.answer("Where does name (TEXT) come from?", "colour" + ENTER)
        person.expect("not used: Product Name")
        person.answer("Is this mapping right?", DOWN + ENTER)
        person.answer("Which column?", "state" + ENTER)
        person.answer("Where does state", "a fixed" + ENTER)
        person.answer("Value of state", ENTER)
        person.answer("that is no value.", f"{{{{ nope{ENTER}")
        person.answer("Value of state", f"used{ENTER}")
        person.answer("Is this mapping right?", DOWN + ENTER)
        person.answer("Which column?", DOWN * 3 + ENTER)
        person.answer("Where does price", "nothing" + ENTER)
        person.answer("Is this mapping right?", ENTER)
        person.answer("Into which file?", ENTER)
        person.answer("Write products.yaml?", ENTER)
        assert person.ended() == 0
        command = person.shown.replace("\n", "")
        assert "--map name=colour --map price= --set state=used " in command
    text = (folder / "products.yaml").read_text()
    assert 'name: "{{ row.colour }}"' in text
    assert "price:" not in text
    assert "on_conflict: skip" in text


@pytest.fixture
def appended(folder: Path) -> Iterator[Terminal]:
    step = "  - { id: read_products, type: csv.read, path: products.csv }\n"
    old = f"# mine\nname: first\nsteps: # here\n{step}  # the end\n"
    (folder / "products.yaml").write_text(old)
    words = ["init", "--source", "products.csv", "--destination", "shop.db", "--table", "other", "--map", "a=SKU"]
    with terminal(words, folder) as person:
        person.answer("Is this mapping right?", ENTER)
        person.answer("Into which file?", f"{CTRL_U}products.yaml{ENTER}")
        yield person


def test_steps_are_appended_and_comments_stay(appended: Terminal, folder: Path) -> None:
    appended.answer("products.yaml is there already:", ENTER)
    appended.answer("Write products.yaml?", ENTER)
    assert appended.ended() == 0
    text = (folder / "products.yaml").read_text()
    assert text.startswith("# mine\nname: first\nconnections:\n  shop:\n")
    assert "steps: # here\n  - { id: read_products, type: csv.read" in text
    assert "  - id: read_products_2\n" in text
    assert text.endswith("  # the end\n")
    assert "--append" in appended.shown
    assert invoke(["validate", str(folder / "products.yaml")]) == 0


@pytest.mark.parametrize(("word", "wrote"), [("overwrite", True), ("cancel", False), ("other", False)])
def test_a_file_that_is_there_is_not_touched_unasked(appended: Terminal, folder: Path, word: str, wrote: bool) -> None:
    old = (folder / "products.yaml").read_text()
    appended.expect("products.yaml is there already:")
    appended.press(DOWN * ["append", "other", "overwrite", "cancel"].index(word) + ENTER)
    if wrote:
        appended.answer("Write products.yaml?", ENTER)
    if word == "other":
        appended.answer("Into which file?", f"{CTRL_U}new.yaml{ENTER}")
        appended.answer("Write new.yaml?", ENTER)
    assert appended.ended() == 0
    assert ((folder / "products.yaml").read_text() != old) == wrote
    assert (folder / "new.yaml").exists() == (word == "other")


def test_a_template_does_not_replace_a_file_unasked(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text("steps:\n- mine\n")
    with terminal(["init", "--template"], tmp_path) as person:
        person.answer("template.yaml is there already:", "cancel" + ENTER)
        assert person.ended() == 0
        assert "append" not in person.shown
    assert (tmp_path / "template.yaml").read_text() == "steps:\n- mine\n"
    with terminal(["init", "--template"], tmp_path) as person:
        person.answer("template.yaml is there already:", "overwrite" + ENTER)
        assert person.ended() == 0
    assert (tmp_path / "template.yaml").read_text().startswith("# A job in full")


@pytest.mark.parametrize("columns", [30, 50])
def test_a_narrow_terminal_will_do(folder: Path, columns: int) -> None:
    words = ["init", "--source", "products.csv", "--destination", "shop.db", "--table", "products"]
    words += ["--set", "state=new", "--type", "added=date:%d/%m/%Y", "--conflict", "fail", "--out", "job.yaml"]
    with terminal(words, folder, columns=columns) as person:
        person.answer("Is this mapping", ENTER)
        person.answer("Write job.yaml?", ENTER)
        assert person.ended() == 0
    assert (folder / "job.yaml").exists()


def test_a_password_is_asked_for_where_it_is_wanted_and_written_nowhere(
    old_postgres: PostgresPlace, folder: Path
) -> None:
    old_postgres.run(
        "DROP ROLE IF EXISTS wizard_person",
        "CREATE ROLE wizard_person LOGIN PASSWORD 'tell nobody'",
    )
    place = Path(old_postgres.dsn.partition("host=")[2].partition("&")[0])
    hba = place / "data" / "pg_hba.conf"
    old = hba.read_text()
    hba.write_text(f"local all wizard_person scram-sha-256\n{old}")
    schema = old_postgres.rows("SELECT current_schema()")[0][0]
    try:
        old_postgres.run(
            "SELECT pg_reload_conf()",
            "CREATE TABLE things (id int PRIMARY KEY, sku text)",
            f"GRANT USAGE ON SCHEMA {schema} TO wizard_person",
            "GRANT SELECT ON things TO wizard_person",
        )
        url = f"postgresql://wizard_person@/postgres?host={place}"
        words = ["init", "--source", "products.csv", "--destination", url, "--table", f"{schema}.things"]
        words += ["--map", "sku=SKU", "--set", "id=1", "--key", "id", "--conflict", "overwrite"]
        with terminal(words, folder, columns=100) as person:
            person.answer("Its password", f"wrong{ENTER}")
            person.expect("password authentication failed")
            person.answer("Its password", f"tell nobody{ENTER}")
            person.answer("Is this mapping", ENTER)
            person.answer("Into which file?", f"{CTRL_U}job.yaml{ENTER}")
            person.expect("Set POSTGRES_PASSWORD before you run it")
            person.answer("Write job.yaml?", ENTER)
            assert person.ended() == 0
            assert "tell nobody" not in person.shown
        text = (folder / "job.yaml").read_text()
        assert "password: ${env:POSTGRES_PASSWORD}" in text.replace('"', "")
        assert "tell nobody" not in text
    finally:
        hba.write_text(old)
        old_postgres.run("SELECT pg_reload_conf()", "DROP OWNED BY wizard_person", "DROP ROLE wizard_person")
