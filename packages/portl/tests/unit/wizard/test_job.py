"""Decisions as the text of a job: it is read back as what was decided, whatever things are called."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from portl.connectors.operations import Column, Table
from portl.errors import CommandLineError
from portl.model.load import parse_job
from portl.model.yaml import load
from portl.plan import plan_job
from portl.template.syntax import Expr, Literal, parse
from portl.wizard.columntypes import Reading, reading
from portl.wizard.emit import Row, block
from portl.wizard.facts import CsvFile, SourceColumn, TableRows
from portl.wizard.job import Decisions, End, column_of, literal, parts_of, text_of
from portl.wizard.matching import Link, propose
from portl.wizard.naming import free, name_of
from portl.wizard.places import CsvPlace, DatabasePlace

WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12) | st.sampled_from(
    [
        "no",
        "1",
        "1.5",
        "null",
        "~",
        "a: b",
        "# x",
        "{{ x }}",
        "{% x",
        "it's",
        'say "x"',
        "- a",
        "true",
        "items",
        "if",
        "_x",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(WORDS, inner, max_size=4).map(Row)
        | st.dictionaries(WORDS, inner, max_size=4)
    ),
    max_leaves=20,
)
SHOP = End(DatabasePlace("sqlite", "shop.db"))


@settings(max_examples=50)
@given(st.dictionaries(WORDS, VALUES, min_size=1, max_size=5))
def test_yaml_is_read_back_the_same(value: dict[str, Any]) -> None:
    text = "\n".join(block(value)) + "\n"
    data, _, findings = load(text, "x")
    assert (data, findings) == (value, [])


def test_texts_that_look_like_something_else_are_quoted() -> None:
    words = ["1", "1.5", "true", "null", "", "a: b", "a #b", "x:", "-", "2026-01-01", "0x10", "@a", "a\u2028b", "\x85"]
    assert load("\n".join(block({"x": words})) + "\n", "x")[0] == {"x": words}
    assert math.isnan(load("x: .nan\n", "x")[0]["x"])
    assert next(block({"x": ".nan"})) == 'x: ".nan"'


def test_long_braces_become_lines() -> None:
    lines = list(block({"x": Row({f"key_{n}": "a" * 20 for n in range(6)})}))
    assert len(lines) == 7
    assert max(map(len, lines)) < 50


@given(WORDS)
def test_a_column_is_named_whatever_it_is_called(name: str) -> None:
    template = parse(f"{{{{ {column_of(name)} }}}}")
    assert isinstance(template, Expr)
    node: Any = template.node
    assert (node.attr if hasattr(node, "attr") else node.arg.value) == name


@given(WORDS)
def test_a_text_stays_a_text(text: str) -> None:
    template = parse(literal(text))
    assert isinstance(template, Literal | Expr)
    node: Any = template.node if isinstance(template, Expr) else template
    assert node.value == text


@settings(max_examples=50)
@given(
    st.lists(WORDS.filter(lambda name: name == name.strip()), min_size=1, max_size=6, unique=True),
    st.sampled_from(["integer", "numeric(10,2)", "text", "date", ""]),
    st.sampled_from(["overwrite", "merge", "skip", "fail"]),
    st.booleans(),
    st.sampled_from([",", ";", "\t", "|"]),
)
def test_a_job_is_right_and_names_only_columns_that_are_there(
    names: list[str], type_: str, conflict: Any, header: bool, delimiter: str
) -> None:
    columns = tuple(SourceColumn(name, ("1", " 2")) for name in names)
    facts = CsvFile(columns, delimiter, "utf-8", header, 2)
    table = Table('"main"."t"', {name: Column(name, type_) for name in names}, unique=((names[0],),))
    links = propose(facts, table)
    found = {name: reading(type_, ("1", " 2")) for name in names}
    decisions = Decisions(
        "x", End(CsvPlace("in.csv")), facts, SHOP, names[0], links, (names[0],), conflict, found, {names[0]}
    )
    text = text_of(parts_of(decisions))
    plan = plan_job(parse_job(text, "job.yaml", Path()))
    read, write = (planned.step for planned in plan.steps)
    assert set(read.columns) <= set(names)
    assert (set(read.columns) == set(names)) or header
    assert (list(write.mapping), write.table) == (names, names[0])
    assert load(text, "x")[0]["steps"] == parts_of(decisions).steps
    assert text_of(parts_of(decisions)) == text


@pytest.mark.parametrize(
    ("conflict", "key", "expected"),
    [
        ("overwrite", ("a",), {"type": "db.upsert", "key": ["a"]}),
        ("merge", ("a",), {"type": "db.upsert", "key": ["a"], "update": "merge"}),
        ("skip", ("a",), {"type": "db.insert", "key": ["a"], "on_conflict": "skip"}),
        ("fail", ("a",), {"type": "db.insert"}),
        ("overwrite", (), {"type": "db.insert"}),
    ],
)
def test_what_becomes_of_rows_that_are_there(conflict: Any, key: tuple[str, ...], expected: dict[str, Any]) -> None:
    facts = CsvFile((SourceColumn("a"),))
    links = (Link("a", "a", "same name"),)
    step = parts_of(Decisions("x", End(CsvPlace("a.csv")), facts, SHOP, "t", links, key, conflict)).steps[1]
    assert {name: step[name] for name in ("type", "key", "update", "on_conflict") if name in step} == expected


def test_rows_of_one_database_go_to_another_in_its_transaction() -> None:
    facts = TableRows("o'k", (SourceColumn('a"b', type="text"), SourceColumn("c", type="text")), '"main"."o\'k"')
    target = End(DatabasePlace("postgres", settings=(("host", "h"), ("database", "shop"))), with_password=True)
    parts = parts_of(Decisions("x", SHOP, facts, target, "t", (Link("x", 'a"b', "chosen"),)))
    assert parts.connections == {
        "shop": {"type": "sqlite", "path": "shop.db"},
        "shop_2": {"type": "postgres", "host": "h", "database": "shop", "password": "${env:SHOP_PASSWORD}"},
    }
    assert parts.transaction == "shop_2"
    assert parts.steps[0]["sql"] == 'SELECT "a""b" FROM "main"."o\'k"'
    plan = plan_job(parse_job(text_of(parts), "job.yaml", Path()))
    assert plan.connection == "shop_2"


def test_one_database_has_one_connection() -> None:
    facts = TableRows("a", (SourceColumn("c", type="text"),), '"a"')
    parts = parts_of(Decisions("x", SHOP, facts, SHOP, "b", (Link("c", "c", "same name"),)))
    assert (list(parts.connections), parts.transaction) == (["shop"], None)


def test_a_copy_of_a_file_needs_no_mapping() -> None:
    facts = TableRows("a", (SourceColumn("c", type="text"),), '"a"')
    step = parts_of(Decisions("x", SHOP, facts, End(CsvPlace("out/b.tsv")), conflict="fail"), "out").steps[1]
    assert step == {
        "id": "write_b",
        "type": "csv.write",
        "batch": {"from": "{{ steps.read_a.rows }}", "as": "row"},
        "path": "b.tsv",
        "delimiter": "\t",
    }


def test_names_with_braces_cannot_be_read_by_a_query() -> None:
    facts = TableRows("a", (SourceColumn("{{c}}", type="text"),), '"a"')
    with pytest.raises(CommandLineError, match="cannot be read by a job"):
        parts_of(Decisions("x", SHOP, facts, End(CsvPlace("b.csv"))))


def test_a_reading_without_a_type_needs_no_entry() -> None:
    assert Reading().spec(required=False) == {}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Products", "products"),
        ("Gr\u00f6\u00dfe 2", "groe_2"),
        ("2026", "t_2026"),
        ("\u540d", "t"),
        ("a--b", "a_b"),
        ("", "t"),
    ],
)
def test_names_that_expressions_can_use(text: str, name: str) -> None:
    assert name_of(text, "t") == name


def test_a_name_that_is_taken_gets_a_number() -> None:
    assert free("a", {"a", "a_2"}) == "a_3"
