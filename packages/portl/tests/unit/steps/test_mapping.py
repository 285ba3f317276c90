"""What steps write: mapped columns, columns that pass through, and columns that have to have a value."""

from __future__ import annotations

import pytest
from databases import Place as Database
from jobs import HEAD, Place
from portl.cli.app import invoke
from portl.connectors.identifiers import require_complete
from portl.errors import JobSpecError, SchemaError, StepError

ROWS = 'batch: { from: "{{ steps.read.rows }}", as: row }'
READ = "steps:\n  - { id: read, type: csv.read, path: in.csv }\n"
TABLE = "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT, password TEXT)"


@pytest.fixture
def shop(jobs: Place) -> Place:
    jobs.sql(TABLE)
    jobs.write("in.csv", "user_id,name,email,password\n1,Ann,ANN@X.ORG,secret\n2,Ben,BEN@X.ORG,hidden\n")
    return jobs


def _people(place: Place) -> list[tuple[object, ...]]:
    return place.rows("SELECT id, name, email, password FROM people ORDER BY id")


def test_columns_pass_through_renamed_and_without_some(shop: Place) -> None:
    shop.run(
        READ
        + f"  - {{ id: save, type: db.upsert, table: people, key: id, {ROWS},\n"
        + "      pass_through: { rename: { user_id: id }, except: [password] },\n"
        + '      mapping: { email: "{{ row.email | lower }}" } }\n'
    )
    assert _people(shop) == [(1, "Ann", "ann@x.org", None), (2, "Ben", "ben@x.org", None)]


def test_all_columns_pass_through_without_a_mapping(shop: Place) -> None:
    shop.write("in.csv", "id,name\n1,Ann\n")
    text = READ + f"  - {{ id: save, type: db.insert, table: people, {ROWS}, pass_through: true }}\n"
    shop.run(text)
    assert _people(shop) == [(1, "Ann", None, None)]


def test_a_column_that_an_entry_uses_passes_too(shop: Place) -> None:
    shop.run(
        READ
        + f"  - {{ id: out, type: csv.write, path: out.csv, {ROWS}, pass_through: {{ except: [password] }},\n"
        + '      mapping: { label: "{{ row.name ~ row.user_id }}", name: "{{ row.name | upper }}" } }\n'
    )
    assert shop.read("out.csv")[:2] == [["user_id", "email", "label", "name"], ["1", "ANN@X.ORG", "Ann1", "ANN"]]


def test_rows_of_a_query_pass_through(shop: Place) -> None:
    shop.sql("INSERT INTO people (id, name) VALUES (1, 'Ann')", "CREATE TABLE copy (id INTEGER, name TEXT)")
    shop.run(
        "steps:\n  - { id: read, type: db.read, sql: 'SELECT id, name, email FROM people' }\n"
        f"  - {{ id: save, type: db.insert, table: copy, {ROWS}, pass_through: {{ except: [email] }} }}\n"
    )
    assert shop.rows("SELECT * FROM copy") == [(1, "Ann")]


@pytest.mark.parametrize(
    ("step", "what"),
    [
        (f"type: db.insert, table: people, {ROWS}, pass_through: true", r"people has no column user_id"),
        (
            f"type: db.insert, table: people, {ROWS}, pass_through: {{ except: [mail] }}",
            r"except names 'mail', which the source does not have\. Did you mean email\?",
        ),
        (
            "type: db.insert, table: people, batch: { from: [1] }, pass_through: true",
            r"The items have no columns that could pass through\. Say what to write",
        ),
        (
            f"type: db.upsert, table: people, key: id, {ROWS}, pass_through: {{ except: [user_id] }}",
            r"the column id of the key is not among those that are written",
        ),
        (
            f"type: csv.write, path: o.csv, {ROWS}, pass_through: {{ rename: {{ usr: id }} }}",
            r"rename names 'usr', which the source does not have",
        ),
        (
            f"type: csv.write, path: o.csv, {ROWS}, pass_through: {{ rename: {{ user_id: name }} }}",
            r"The columns 'user_id' and 'name' both go into 'name'\. Use except",
        ),
        (f"type: csv.write, path: o.csv, {ROWS}, required: [nam]", r"required names 'nam', which is not written"),
    ],
)
def test_what_cannot_pass(shop: Place, step: str, what: str) -> None:
    with pytest.raises(StepError, match=what):
        shop.run(READ + f"  - {{ id: save, {step} }}\n")


def test_passing_needs_a_source(jobs: Place) -> None:
    with pytest.raises(JobSpecError, match=r"no source whose columns could pass through\. Give it a batch"):
        jobs.plan("steps:\n  - { id: save, type: db.insert, table: t, pass_through: true }\n")


def test_dry_runs_show_the_columns_that_pass(shop: Place) -> None:
    text = (
        READ
        + f"  - {{ id: save, type: db.insert, table: people, {ROWS},\n"
        + '      pass_through: { except: [password, user_id] }, mapping: { id: "{{ row.user_id }}" } }\n'
        + "  - { id: again, type: db.read, sql: 'SELECT * FROM people' }\n"
        + "  - { id: copy, type: db.insert, table: people, pass_through: true,\n"
        + '      batch: { from: "{{ steps.again.rows }}" } }\n'
    )
    for check in (False, True):
        shown = shop.preview(text, check=check)
        save, copy = shown.steps[1], shown.steps[3]
        assert '("name", "email", "id")' in save.statements[0]
        assert save.items[0]["mapping"] == {"name": "Ann", "email": "ANN@X.ORG", "id": "1"}
        assert (copy.statements, shown.errors) == ((), ())


def test_a_column_that_the_table_demands_is_missed_before_the_first_row(shop: Place) -> None:
    text = (
        READ
        + f'  - {{ id: save, type: db.insert, table: people, {ROWS}, mapping: {{ email: "{{{{ row.email }}}}" }} }}\n'
    )
    what = "main.people: a new row needs a value for name, which the mapping leaves out. Map it;"
    with pytest.raises(StepError) as caught:
        shop.run(text)
    assert what in str(caught.value)
    assert what in shop.preview(text, check=True).errors[0]
    assert shop.preview(text).errors == ()


def test_nulls_in_columns_that_have_to_have_a_value(shop: Place) -> None:
    shop.write("in.csv", "id,who,email\n1,,a\n2,Ben,\n3,Cid,c\n,,\n")
    through = "pass_through: { rename: { who: name } }, required: [email]"
    text = READ + f"  - {{ id: save, type: db.insert, table: people, {ROWS}, {through} }}\n"
    with pytest.raises(StepError) as caught:
        shop.run(text)
    assert str(caught.value).splitlines() == [
        "job.yaml:5:5: step 'save': 3 items cannot be used:",
        "  item 0 (in.csv:2:3): column name: null, but main.people demands a value.",
        "  item 1 (in.csv:3:7): column email: null, but it is required.",
        "  item 3 (in.csv:5:2): column name: null, but main.people demands a value.",
        "  item 3 (in.csv:5:3): column email: null, but it is required.",
    ]


def test_nulls_of_an_update_and_of_a_file(shop: Place) -> None:
    shop.sql("INSERT INTO people (id, name) VALUES (1, 'Ann')")
    update = '  - { id: save, type: db.update, table: people, where: { id: 1 }, set: { name: "{{ none }}" } }\n'
    with pytest.raises(StepError, match=r"step 'save': column name: null, but main\.people demands a value"):
        shop.run("steps:\n" + update)
    shop.write("in.csv", "a,b\n1,\n,2\n")
    shop.run(READ + f"  - {{ id: out, type: csv.write, path: out.csv, {ROWS}, required: [a], on_error: skip }}\n")
    assert shop.read("out.csv") == [["a", "b"], ["1", ""]]


@pytest.mark.parametrize("kind", ["table", "trigger"])
def test_what_the_catalogue_says_of_nulls(place: Database, kind: str) -> None:
    place.run(f"CREATE TABLE t (id {place.id_type}, a TEXT NOT NULL, b TEXT NOT NULL DEFAULT 'x', c TEXT)")
    fills = kind == "trigger" and place.dialect == "postgres"
    if fills:
        place.run(
            "CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.a := 'filled'; RETURN NEW; END$$",
            "CREATE TRIGGER fill BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION fill()",
        )
    with place.connector().begin() as transaction:
        table = transaction.table("t")
        assert [name for name in table.columns if table.demands(name) and name != "id"] == ([] if fills else ["a", "b"])
        if fills:
            require_complete(table, ["c"])
        else:
            with pytest.raises(SchemaError, match=r"t: a new row needs a value for a, which the mapping leaves out"):
                require_complete(table, ["c"])
            require_complete(table, ["a"])


def test_domains_demand_and_give_values(postgres: Database) -> None:
    postgres.run(
        "CREATE DOMAIN word AS text NOT NULL",
        "CREATE DOMAIN given AS text DEFAULT 'x'",
        "CREATE TABLE t (a word, b given NOT NULL)",
        "CREATE VIEW v AS SELECT * FROM t",
    )
    with postgres.connector().begin() as transaction:
        with pytest.raises(SchemaError, match="needs a value for a, which"):
            require_complete(transaction.table("t"), [])
        require_complete(transaction.table("v"), [])


def test_a_partition_may_fill_columns(postgres: Database) -> None:
    postgres.run(
        "CREATE TABLE t (k int, a text NOT NULL) PARTITION BY LIST (k)",
        "CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1)",
        "CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.a := 'filled'; RETURN NEW; END$$",
        "CREATE TRIGGER fill BEFORE INSERT ON t1 FOR EACH ROW EXECUTE FUNCTION fill()",
    )
    with postgres.connector().begin() as transaction:
        assert not transaction.table("t").demands("a")


def test_the_command_line_tells_what_was_left_out(
    shop: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.write("in.csv", "id,name\n1,Ann\n2,\n")
    text = f"  - {{ id: save, type: db.insert, table: people, {ROWS}, pass_through: true, on_error: ACTION }}\n"
    monkeypatch.chdir(shop.folder)
    shop.write("job.yaml", HEAD + READ + text.replace("ACTION", "{ action: dead_letter, path: bad.csv }"))
    assert invoke(["run", "job.yaml"]) == 0
    told = capsys.readouterr().err
    assert "save: 1 items, 1 inserted, 0 updated" in told
    assert (
        "save: 1 rejected into bad.csv, the first because: column name: null, but main.people demands a value." in told
    )
