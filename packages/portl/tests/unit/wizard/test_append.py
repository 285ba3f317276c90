"""New steps in a job that is there: only lines are added."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portl.errors import CommandLineError
from portl.model.load import parse_job
from portl.model.yaml import load
from portl.plan import plan_job
from portl.wizard.append import appended, existing_of, is_job
from portl.wizard.facts import CsvFile, SourceColumn
from portl.wizard.job import Decisions, End, Parts, parts_of, text_of
from portl.wizard.matching import Link
from portl.wizard.places import CsvPlace, DatabasePlace

JOBS = {
    "indented": """\
name: a
connections:
  shop: { type: sqlite, path: shop.db }
steps:
  - id: x
    type: csv.read
    path: a.csv
""",
    "flush": """\
steps:
- id: x
  type: csv.read
  path: a.csv # last

# the end
""",
    "without end": "steps:\n    - id: x\n      type: csv.read\n      path: a.csv",
    "more behind": """\
steps: # all
  - id: x # one
    type: csv.read
    path: a.csv
  # two

# why
name: x
""",
    "braces": 'steps:\n  - { id: x, type: csv.read,\n      path: "a.csv" } # here\nname: b\n',
    "text of several lines": """\
connections: # c
    # here
    other:
        type: sqlite
        path: o.db
steps:
  - id: x
    type: db.read
    connection: other
    sql: |
      SELECT 1
      -- # no comment


name: x
""",
    "windows": "# \u00e4\u20ac\U0001f600\r\nsteps:\r\n  - id: x\r\n    type: csv.read\r\n    path: a.csv\r\n",
    "comment above": "# head\n\n# steps follow\nsteps:\n  - id: x\n    type: csv.read\n    path: a.csv\n",
}


def parts(text: str, place: DatabasePlace | None = None) -> Parts:
    facts = CsvFile((SourceColumn("sku", ("a",)),))
    target = End(place or DatabasePlace("sqlite", "shop.db"))
    links = (Link("sku", "sku", "same name"),)
    decisions = Decisions("products", End(CsvPlace("products.csv")), facts, target, "products", links)
    return parts_of(decisions, ".", existing_of(text, "job.yaml"))


@pytest.mark.parametrize("name", JOBS)
def test_only_lines_are_added(name: str) -> None:
    old = JOBS[name]
    new = appended(old, parts(old), "job.yaml")
    kept = [line for line in difflib.ndiff(old.splitlines(), new.splitlines()) if not line.startswith("+ ")]
    assert [line[2:] for line in kept] == old.splitlines()
    plan = plan_job(parse_job(new, "job.yaml", Path()))
    assert len(plan.steps) == 3
    assert ("\r\n" in new) == ("\r\n" in old)
    assert new.count("\r\n") in (0, new.count("\n"))


def test_comments_stay_where_they_belong() -> None:
    new = appended(JOBS["comment above"], parts(JOBS["comment above"]), "job.yaml")
    assert new.startswith(
        "# head\n\nconnections:\n  shop:\n    type: sqlite\n    path: shop.db\n# steps follow\nsteps:\n"
    )
    new = appended(JOBS["more behind"], parts(JOBS["more behind"]), "job.yaml")
    assert new.endswith('      sku: "{{ row.sku }}"\n  # two\n\n# why\nname: x\n')


def test_names_do_not_clash_and_an_equal_connection_is_used_again() -> None:
    first = text_of(parts("steps: []\n"))
    other = parts(first)
    assert [step["id"] for step in other.steps] == ["read_products_2", "write_products_2"]
    assert other.connections == {}
    third = parts(first, DatabasePlace("sqlite", "elsewhere/shop.db"))
    assert third.connections == {"shop_2": {"type": "sqlite", "path": "elsewhere/shop.db"}}
    assert third.steps[1]["connection"] == "shop_2"


def test_ids_inside_others_and_names_of_results_count() -> None:
    text = (
        "steps:\n  - {id: x, type: conditional, when: 'true', then: [{id: read_products, type: csv.read, path: a}]}\n"
    )
    text += "  - {id: y, type: db.read, sql: SELECT 1, save_as: write_products}\n"
    assert [step["id"] for step in parts(text).steps] == ["read_products_2", "write_products_2"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("- a\n", "this is no job with steps"),
        ("source: {type: csv}\ndestination: {}\n", "this is no job with steps"),
        ("steps: [{id: x, type: csv.read, path: a}]\n", "cannot tell where to add to 'steps'"),
        ("connections: {a: {type: sqlite, path: a}}\nsteps:\n- {id: x, type: csv.read, path: a}\n", "to 'connections'"),
        ("connections:\nsteps:\n- {id: x, type: csv.read, path: a}\n", "to 'connections'"),
        ("{steps: [{id: x, type: csv.read, path: a}]}\n", "cannot tell where"),
    ],
)
def test_what_is_no_place_for_steps_is_told(text: str, why: str) -> None:
    with pytest.raises(CommandLineError, match=why):
        appended(text, parts(text), "job.yaml")


def test_a_glance_at_a_job() -> None:
    assert is_job("# x\nsteps:\n  - a\n")
    assert not is_job("source: a\n")


COMMENTS = st.sampled_from(["", "# one\n", "\n", "  # two\n\n", "# {{ x }}\n"])
STEPS = st.lists(
    st.sampled_from(
        [
            "- id: {0}\n  type: csv.read\n  path: a.csv\n",
            "- {{id: {0}, type: csv.read, path: 'a # b'}}\n",
            "- id: {0}\n  type: db.read\n  sql: >-\n    SELECT\n\n    1\n",
            '- id: {0}\n  type: csv.read\n  path: "a\n    b"\n',
            "-   id: {0}\n    columns:\n        a: date\n        # i\n        b: json\n    type: csv.read\n    path: x",
        ]
    ),
    min_size=1,
    max_size=4,
)


@given(COMMENTS, STEPS, st.lists(COMMENTS, min_size=4, max_size=4), st.integers(0, 4), st.booleans())
def test_any_job_keeps_every_line(head: str, steps: list[str], between: list[str], indent: int, named: bool) -> None:
    body = "".join(f"{step.format(f's{n}').rstrip()}\n{between[n % 4]}" for n, step in enumerate(steps))
    pad = " " * indent
    old = f"{head}steps:\n" + "".join(f"{pad}{line}" for line in body.splitlines(keepends=True))
    old += "name: x # name\n" if named else ""
    new = appended(old, parts(old), "job.yaml")
    lines = iter(new.splitlines())
    assert all(line in lines for line in old.splitlines())
    data: Any = load(new, "x")[0]
    assert [step["id"] for step in data["steps"]] == [
        *(f"s{n}" for n in range(len(steps))),
        "read_products",
        "write_products",
    ]
