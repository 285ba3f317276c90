"""Legacy jobs as files: three dialects, one meaning; every mistake at once, each with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from portl.errors import JobSpecError
from portl.legacy.model import LegacyJob, Transformation
from portl.legacy.parse import parse_legacy
from portl.model.load import parse_document

FIRST = """\
source: {type: csv, path: ./data/source.csv}
destination: {type: postgres, host: localhost, port: 5432, database: your_database, username: your_username,
  password: your_password, table: your_target_table}
conflict: overwrite
batch_size: 1000
parallel_jobs: 1
schema_mapping: {user_id: id, full_name: name}
transformations:
  - {column: email, operation: lowercase}
  - {column: created_at, operation: parse_date, format: "%Y-%m-%d"}
hooks: {before_job: ./scripts/backup.sh, after_job: ./scripts/notify.sh, before_batch: ./scripts/log_batch.py,
  after_batch: ./scripts/validate_batch.py}
"""
SECOND = """\
source:
  type: google_sheets
  spreadsheet_id: abc
  sheet_name: Sheet1
  range_name: A1:D100
  credentials_path: ./credentials.json
destination:
  type: csv
  path: ./out.csv
  delimiter: ";"
  encoding: latin-1
  has_header: false
conflict: skip
schema_mapping: {user_id: id}
transformations:
  - column: created_at
    operation: parse_date
    parameters: {format: "%d.%m.%Y"}
  - {column: amount, operation: parse_number}
  - {column: name, operation: uppercase}
  - {column: name, operation: trim}
hooks:
  before_job: ./scripts/backup.sh
  # before_row: "lambda row: row"
"""
THIRD = """\
source: {type: google_sheet, sheet_id: abc, tab_name: Sheet1}
destination: {type: mysql, host: "${HOST}", database: d, user: u, password: "${PASSWORD:-x}", table: t}
conflict: merge
mapping: {user_id: id, secret: null}
"""


def parse(text: str) -> LegacyJob:
    return parse_legacy(parse_document(text, "old.yaml", Path()))


def mistakes(text: str) -> list[str]:
    with pytest.raises(JobSpecError) as caught:
        parse(text)
    return [str(finding).removeprefix("old.yaml:") for finding in caught.value.findings]


def test_the_first_template() -> None:
    job = parse(FIRST)
    assert (job.name, job.conflict, job.batch_size, job.key) == ("old", "overwrite", 1000, None)
    assert (job.source.kind, job.source.fields) == ("csv", {"path": "./data/source.csv"})
    assert job.destination.fields == {
        "host": "localhost",
        "port": 5432,
        "database": "your_database",
        "user": "your_username",
        "password": "your_password",
        "table": "your_target_table",
    }
    assert job.mapping == {"user_id": "id", "full_name": "name"}
    assert job.transformations == (
        Transformation("email", "lowercase", None, ("transformations", 0)),
        Transformation("created_at", "parse_date", "%Y-%m-%d", ("transformations", 1)),
    )
    assert list(job.hooks) == ["before_job", "after_job", "before_batch", "after_batch"]


def test_the_second_template() -> None:
    job = parse(SECOND)
    assert (job.source.kind, job.conflict) == ("google_sheets", "skip")
    assert job.source.fields == {
        "spreadsheet_id": "abc",
        "sheet_name": "Sheet1",
        "range": "A1:D100",
        "credentials_path": "./credentials.json",
    }
    assert job.destination.fields == {
        "path": "./out.csv",
        "delimiter": ";",
        "encoding": "latin-1",
        "has_header": False,
    }
    assert [(change.operation, change.format) for change in job.transformations] == [
        ("parse_date", "%d.%m.%Y"),
        ("parse_number", None),
        ("uppercase", None),
        ("trim", None),
    ]


def test_the_third_dialect() -> None:
    job = parse(THIRD)
    assert job.source.fields == {"spreadsheet_id": "abc", "sheet_name": "Sheet1"}
    assert job.destination.fields["host"] == "${env:HOST}"
    assert job.destination.fields["password"] == "${env:PASSWORD:-x}"
    assert (job.conflict, job.mapping) == ("merge", {"user_id": "id", "secret": None})


SOURCE = "source: {type: csv, path: a.csv}\n"
TABLE = "destination: {type: sqlite, path: x.db, table: t}\n"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("conflict: overwritee", "11: There is no conflict 'overwritee'. Did you mean 'overwrite'?"),
        ("confict: skip", "1: 'confict' is not known here. Did you mean 'conflict'?"),
        ("parallel_jobs: 4", "16: portl does not run 4 jobs side by side. Set it to 1:"),
        ("batch_size: many", "13: 'batch_size' has to be a whole number from 1 to 1,000,000,000, not 'many'."),
        ("key: 3", "6: 'key' has to be a column or a list of columns, not '3'."),
        ("mapping: [a]", "10: 'mapping' has to be a mapping, not a list."),
        ("mapping: {a: 3}", "14: 'a' has to be mapped to a column, or to null."),
        ("mapping: {a: b}\nschema_mapping: {}", "1: 'schema_mapping' and 'mapping' mean the same."),
        ("transformations: x", "18: 'transformations' has to be a list, not 'x'."),
        ("transformations: [x]", "19: A transformation is a mapping."),
        ("transformations: [{operation: trim}]", "19: 'column' is missing. It says whose values are changed."),
        ("transformations: [{column: a, operation: trimm}]", "42: There is no operation 'trimm'. Did you mean 'trim'?"),
        ("transformations: [{column: a, operation: trim, format: x}]", "19: trim has no format."),
        (
            "transformations: [{column: a, operation: parse_date, format: x, parameters: {format: y}}]",
            "54: The format stands here and in parameters.",
        ),
        (
            "transformations: [{column: a, operation: parse_date, parameters: {fromat: y}}]",
            "67: 'fromat' is not known here. Did you mean 'format'?",
        ),
        (
            "transformations: [{column: a, operation: trim, parameters: 1}]",
            "'parameters' has to be a mapping, not '1'.",
        ),
        ("hooks: x", "8: 'hooks' has to be a mapping, not 'x'."),
        ("hooks: {before_jbo: x}", "9: 'before_jbo' is not known here. Did you mean 'before_job'?"),
        (
            "hooks: {after_row: 'lambda row: row'}",
            "9: portl does not run code from a job file, so there is no after_row.",
        ),
    ],
)
def test_a_mistake_in_the_third_line(line: str, told: str) -> None:
    (finding,) = mistakes(SOURCE + TABLE + line + "\n")
    assert finding.startswith("3:")
    assert told in finding


SERVER = "destination: {type: postgres, database: d, table: t, "


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (SOURCE, ["1:1: 'destination' is missing. A job of this format has source and destination."]),
        (SOURCE + "destination: x", ["2:14: 'destination' has to be a mapping, not 'x'."]),
        (SOURCE + "destination: {path: x}", ["2:1: 'type' is missing. It is one of: csv, postgres, postgresql,"]),
        (SOURCE + "destination: {type: mongo}", ["2:21: There is no type 'mongo'. There are: csv, "]),
        (SOURCE + "destination: {type: sqllite, path: x}", ["There is no type 'sqllite'. Did you mean 'sqlite'?"]),
        (SOURCE + "destination: {type: sqlite, path: x}", ["2:1: 'table' is missing. It says where rows go."]),
        (
            SOURCE + "destination: {type: mysql, database: d, password: 12345, table: t}",
            ["2:1: 'user' is missing. MySQL asks who logs in.", "2:51: 'password' has to be text, not '12345'. Quote"],
        ),
        (SOURCE + SERVER + "port: 70000}", ["2:60: 'port' has to be a whole number from 1 to 65,535, not '70000'."]),
        (SOURCE + SERVER + "user: a, username: b}", ["2:63: 'user' and 'username' mean the same. Remove one of them."]),
        ("source: {type: sqlite, path: x}\n" + TABLE, ["1:1: 'table' or 'query' is missing. It says what is read."]),
        (
            "source: {type: sqlite, database: x.db, table: t, query: SELECT 1}\n" + TABLE,
            ["1:50: table and query exclude each other. Remove one of them."],
        ),
        (
            "source: {type: csv, path: a, delimiter: ab, has_header: 'yes'}\n" + TABLE,
            ["1:41: 'delimiter' has to be one character, not 'ab'.", "1:57: 'has_header' has to be true or false, not"],
        ),
        (
            SOURCE + "destination: {type: csv, path: b}\nconflict: merge\nkey: id\n",
            ["3:11: A CSV file has no key by which rows could be merged.", "4:1: A CSV file has no key. Remove it."],
        ),
    ],
)
def test_mistakes(text: str, told: list[str]) -> None:
    found = mistakes(text)
    assert len(found) == len(told), found
    for finding, expected in zip(found, told, strict=True):
        assert expected in finding


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    text = FIRST.replace("path: ./data", "pth: ./data").replace("overwrite", "replace").replace("lowercase", "lower")
    places = [finding.split(": ")[0] for finding in mistakes(text)]
    assert places == ["1:1", "1:21", "4:11", "9:32"]


@pytest.mark.parametrize(("delimiter", "meant"), [('"\\t"', "\t"), ("\\t", "\t"), ("tab", "\t"), ("'|'", "|")])
def test_delimiters(delimiter: str, meant: str) -> None:
    job = parse(f"source: {{type: csv, path: a, delimiter: {delimiter}}}\n{TABLE}")
    assert job.source.fields["delimiter"] == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("${DIR}/a.csv", "${env:DIR}/a.csv"),
        ("${env:DIR}/a.csv", "${env:DIR}/a.csv"),
        ("$${DIR}/a.csv", "$${DIR}/a.csv"),
        ("${DIR:-in}/a.csv", "${env:DIR:-in}/a.csv"),
    ],
)
def test_variables(written: str, meant: str) -> None:
    job = parse(f'source: {{type: csv, path: "{written}"}}\n{TABLE}')
    assert job.source.fields["path"] == meant


@pytest.mark.parametrize(
    ("data", "expected"), [("steps: []\nsource: x", False), ("source: x", True), ("destination: x", True), ("x", False)]
)
def test_what_a_legacy_job_is(data: Any, expected: bool) -> None:
    assert parse_document(data, "old.yaml", Path()).is_legacy is expected
