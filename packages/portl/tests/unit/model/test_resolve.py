"""Variables and parameters: all that is missing at once, secrets known."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from portl.errors import JobSpecError
from portl.model import variables
from portl.model.load import parse_job
from portl.model.resolve import Resolved, resolve
from portl.secrets import MASK, Secret

STEPS = "steps: [{id: a, type: csv.read, path: a.csv}]\n"


def _resolve(text: str, environment: dict[str, str] | None = None, **given: str) -> Resolved:
    file = parse_job(text + STEPS)
    assert file.findings == ()
    return resolve(file, environment or {}, given, frozenset({"since"}) if "since" in text else frozenset())


def _told(text: str, environment: dict[str, str] | None = None, **given: str) -> str:
    with pytest.raises(JobSpecError) as caught:
        _resolve(text, environment, **given)
    return str(caught.value)


PG = """\
connections:
  pg:
    type: postgres
    host: "${env:PG_HOST}"
    port: "${env:PG_PORT:-5432}"
    database: "${env:PG_DB}"
    password: "${env:PG_PASSWORD}"
"""


HINT = "Set it, or give a default: ${env:PG_HOST:-…}."


def test_all_missing_variables_are_told_at_once() -> None:
    assert _told(PG, {"PG_DB": "x"}).splitlines() == [
        "job.yaml:4:12: The environment variable PG_HOST is not set. " + HINT,
        f"job.yaml:7:16: The environment variable PG_PASSWORD is not set. {HINT.replace('PG_HOST', 'PG_PASSWORD')}",
    ]


def test_values_get_the_types_of_their_fields() -> None:
    connection = _resolve(PG, {"PG_HOST": "h", "PG_DB": "d", "PG_PASSWORD": "pass: {word}", "PG_PORT": ""}).connections[
        "pg"
    ]
    assert (connection.host, connection.port, connection.password) == ("h", 5432, "pass: {word}")
    assert isinstance(connection.password, Secret)
    assert not isinstance(connection.host, Secret)
    assert "'port' has to be a whole number" in _told(
        PG, {"PG_HOST": "h", "PG_DB": "d", "PG_PASSWORD": "x", "PG_PORT": "p"}
    )


@pytest.mark.parametrize(
    ("connection", "secret"),
    [
        ('{type: postgres, dsn: "postgresql://u:pass%40word@h/d"}', "pass@word"),
        ('{type: postgres, dsn: "host=h password=swordfish"}', "swordfish"),
        ('{type: http, base_url: "http://u:swordfish@h/"}', "swordfish"),
        ('{type: http, base_url: "http://h/", headers: {Authorization: "Bearer swordfish"}}', "swordfish"),
        ('{type: http, base_url: "http://h/", auth: {bearer: swordfish}}', "swordfish"),
        ('{type: http, base_url: "http://h/", auth: {user: u, password: swordfish}}', "swordfish"),
        ("{type: aws_lambda, function: f, secret_access_key: swordfish}", "swordfish"),
        ('{type: http, base_url: "${env:API_TOKEN}"}', "http://swordfish"),
        ("{type: mysql, database: d, user: u, password: swordfish}", "swordfish"),
    ],
)
def test_the_masker_knows_every_secret(connection: str, secret: str) -> None:
    resolved = _resolve(f"connections: {{c: {connection}}}\n", {"API_TOKEN": "http://swordfish"})
    assert resolved.masker.text(f"<{secret}>") == f"<{MASK}>"
    assert secret not in repr(resolved.connections)


def test_a_malformed_url_is_no_accident() -> None:
    assert _resolve('connections: {c: {type: http, base_url: "http://[x"}}\n').connections["c"].base_url == "http://[x"


PARAMS = """\
params:
  day: { type: date }
  count: { type: integer, default: "5" }
  name: { default: "${env:WHO:-me}" }
  free: { required: false }
  plain: 7
"""


def test_parameters_are_typed() -> None:
    assert _resolve(PARAMS, day="2026-01-02", plain="8").params == {
        "day": date(2026, 1, 2),
        "count": 5,
        "name": "me",
        "free": None,
        "plain": "8",
    }


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({}, "The parameter 'day' has no value. Give it: --var day=…"),
        ({"day": "soon"}, "The parameter 'day': 'soon' is not a date like YYYY-MM-DD."),
        ({"day": "2026-01-02", "dya": "x"}, "The job has no parameter 'dya'. It has: day, count, name, free, plain."),
    ],
)
def test_parameters_that_do_not_fit(given: dict[str, str], what: str) -> None:
    assert what in _told(PARAMS, None, **given)


def test_parameters_that_only_expressions_name_are_required() -> None:
    text = "description: since\n"
    assert "The parameter 'since' has no value." in _told(text)
    assert _resolve(text, since="x").params == {"since": "x"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$${env:A}", "${env:A}"),
        ("a${env:A}b${env:B:-}c", "a1bc"),
        ("${env:C:-x:-y}", "x:-y"),
        ("plain $ {text}", "plain $ {text}"),
    ],
)
def test_references_are_replaced(text: str, value: str) -> None:
    assert variables.resolve(text, {"A": "1"}) == value


def test_references_are_found_in_any_depth() -> None:
    value: Any = {"a": ["${env:A}", {"b": "${env:B:-x} ${env:C}"}], "n": 5}
    assert sorted(variables.names(value)) == ["A", "C"]
    assert variables.mapped(value, str.upper)["a"][0] == "${ENV:A}"
    assert list(variables.wrong("${x} ${env:A} $${y}")) == ["${x}"]


def test_a_job_that_is_not_run_needs_no_parameters() -> None:
    file = parse_job(PARAMS + STEPS)
    assert resolve(file, {}, {}, complete=False).params["day"] is None
