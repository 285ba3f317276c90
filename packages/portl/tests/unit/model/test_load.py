"""Every mistake of a job file at once, each with its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from portl.errors import CommandLineError, JobSpecError
from portl.model.job import Job
from portl.model.load import JobFile, parse_job, read_job
from portl.model.steps import CsvRead, DbRead

FIRST = "steps:\n  - {id: a, type: csv.read, path: a.csv}\n"


def _told(text: str) -> list[str]:
    return [str(item) for item in sorted(parse_job(text).findings)]


def test_all_mistakes_of_all_parts_are_told_at_once() -> None:
    assert _told(
        """\
version: 3
nam: x
connections:
  pg: { type: postgres, dsn: "${env:X}", prt: 3 }
  q: { type: postgress }
  r: { type: postgres, database: a, port: many }
steps:
  - id: a
    type: csv.read
    pth: x
  - id: a-b
    type: db.upsert
    table: t
    key: [x]
    mapping: {x: 1}
  - id: c
    type: conditional
    when: x
    then:
      - {id: d, type: db.isert}
      - {id: e, type: db.insert, table: 3, batch: 5}
  - {id: f, type: db.upsert, table: t, key: [x], mapping: {y: 1}}
"""
    ) == [
        "job.yaml:1:10: '3' is not allowed here. It is one of: 2.",
        "job.yaml:2:1: 'nam' is not known here. Did you mean 'name'?",
        "job.yaml:4:42: 'prt' is not known here. Did you mean 'port'?",
        "job.yaml:5:6: There is no type 'postgress'. Did you mean 'postgres'?",
        "job.yaml:6:43: 'port' has to be a whole number, not 'many'.",
        "job.yaml:8:5: 'path' is missing. It says: The file, relative to the job file.",
        "job.yaml:10:5: 'pth' is not known here. Did you mean 'path'?",
        "job.yaml:11:9: 'a-b' is not allowed as 'id'. Use letters, digits and underscores, and begin with a letter.",
        "job.yaml:20:9: There is no type 'db.isert'. Did you mean 'db.insert'?",
        "job.yaml:21:9: 'mapping' is missing. It says: `{column: expression}`; needed where nothing passes through.",
        "job.yaml:21:41: 'table' has to be text, not '3'.",
        "job.yaml:21:51: 'batch' has to be a mapping, not '5'.",
        "job.yaml:22:5: Mapping has no column 'x', which is in key.",
    ]


@pytest.mark.parametrize(
    ("step", "what"),
    [
        ("type: csv.read, path: a, has_header: false", "Without a header, columns has to name all columns."),
        ("type: csv.read, path: a, columns: {a: {type: string, format: x}}", "Format is for dates and datetimes."),
        ("type: csv.read, path: a, columns: {a: {type: date, scale: 2}}", "Scale is for decimals."),
        ("type: csv.read, path: a, columns: {a: money}", "'money' is not allowed here."),
        ("type: csv.read, path: a, batch: {from: x}", "'batch' is not available in this step."),
        ("type: csv.read, path: a, has_header: maybe", "'has_header' has to be true or false, not 'maybe'."),
        ("type: db.insert, table: t, mapping: {a: 1}, on_conflict: skip", "On_conflict: skip and key belong together."),
        ("type: db.insert, table: t, mapping: {}", "'mapping': dictionary should have at least 1 item"),
        (
            "type: db.upsert, table: t, key: a, mapping: {a: 1}, update: [b]",
            "Mapping has no column 'b', which is in update.",
        ),
        ("type: api.call, connection: c, delivery: after_commit", "Delivery: after_commit needs idempotency_key."),
        (
            "type: api.call, connection: c, delivery: after_commit, idempotency_key: k, save_as: x",
            "Delivery: after_commit has no result that save_as could keep.",
        ),
        ("type: api.call, connection: c, ordering_key: k", "Ordering_key is for delivery: after_commit."),
        ("type: api.call, connection: c, idempotency_in: cookie", "'cookie' is not allowed as 'idempotency_in'."),
        ("type: conditional, when: x", "Neither then nor else has a step."),
        ("path: x", "'type' is missing. It is one of: csv.read"),
    ],
)
def test_a_step_that_makes_no_sense(step: str, what: str) -> None:
    assert what in "\n".join(_told(f"steps:\n  - {{id: s, {step}}}\n"))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[]", "A job is a mapping."),
        ("", "A job is a mapping."),
    ],
)
def test_a_file_that_is_no_job(text: str, what: str) -> None:
    with pytest.raises(JobSpecError, match=what):
        parse_job(text)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("name: x", "'steps' is missing."),
        ("steps: []", "'steps': list should have at least 1 item"),
        ("steps: 5", "'steps' has to be a list, not '5'."),
        ("connections: []\n" + FIRST, "'connections' has to be a mapping."),
        ("connections: {a: 5}\n" + FIRST, "job.yaml:1:18"),
        (
            "connections: {a: {type: http, base_url: x, auth: {}}}\n" + FIRST,
            "Give either bearer, or user and password.",
        ),
        ("connections: {a: {type: postgres, dsn: x, host: y}}\n" + FIRST, "Dsn and host exclude each other."),
        ("connections: {a: {type: postgres}}\n" + FIRST, "Database or dsn is missing."),
        ('connections: {a: {type: sqlite, path: "${X}"}}\n' + FIRST, "'${X}' is no reference."),
        ('name: "${env:X}"\n' + FIRST, "${env:…} can stand in connections and params only."),
    ],
)
def test_parts_around_the_steps(text: str, what: str) -> None:
    assert what in "\n".join(_told(text))


def test_values_that_only_the_environment_knows_are_not_judged() -> None:
    text = 'connections: {a: {type: postgres, database: "${env:D}", port: "${env:P}", sslmode: "${env:S}"}}\n' + FIRST
    assert _told(text) == []
    assert "whole number" in _told(text.replace("${env:P}", "${env:P:-many}"))[0]


def test_steps_know_their_places_also_beside_broken_ones() -> None:
    file = parse_job(
        "steps:\n"
        "  - {id: bad}\n"
        "  - {id: a, type: csv.read, path: a.csv}\n"
        "  - id: c\n    type: conditional\n    when: true\n    else:\n      - {id: d, type: csv.read, path: a.csv}\n"
    )
    assert [(step.id, path) for step, path in file.walk()] == [
        ("a", ("steps", 1)),
        ("c", ("steps", 2)),
        ("d", ("steps", 2, "else", 0)),
    ]
    assert "bad" in file.broken


def _file(path: Path, data: bytes) -> JobFile:
    path.write_bytes(data)
    return read_job(path)


def test_a_file_is_read_as_utf_8(tmp_path: Path) -> None:
    file = _file(tmp_path / "job.yaml", b"\xef\xbb\xbf" + f"name: Näme\n{FIRST}".encode())
    assert (file.job.name, file.folder) == ("Näme", tmp_path)
    with pytest.raises(JobSpecError, match=":2:3: The file is not UTF-8"):
        _file(tmp_path / "job.yaml", b"a: 1\nb \xff")
    with pytest.raises(CommandLineError, match="cannot be read: No such file"):
        read_job(tmp_path / "missing.yaml")


def test_the_schema_knows_every_step_and_connection() -> None:
    schema = json.dumps(Job.model_json_schema(by_alias=True))
    for word in ("csv.read", "db.upsert", "outbox.enqueue", "conditional", "aws_lambda", '"else"', '"from"'):
        assert word in schema


def test_short_forms() -> None:
    file = parse_job(
        "params: {a: 5, b: {type: date}}\nsteps:\n"
        "  - {id: a, type: csv.read, path: a.csv, columns: {x: integer}}\n"
        "  - {id: b, type: db.read, query: SELECT 1}\n"
    )
    assert file.findings == ()
    assert file.job.params["a"].default == 5
    source, query = file.job.steps
    assert isinstance(source, CsvRead)
    assert isinstance(query, DbRead)
    assert source.columns["x"].type == "integer"
    assert query.sql == "SELECT 1"
