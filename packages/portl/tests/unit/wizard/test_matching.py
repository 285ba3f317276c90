"""Which column belongs to which."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portl.connectors.operations import Column, Table
from portl.wizard.facts import CsvFile, SourceColumn, TableRows
from portl.wizard.matching import propose, required


def table(*columns: Column, name: str = '"public"."products"') -> Table:
    return Table(name, {column.name: column for column in columns})


def file(*names: str, header: bool = True, **samples: str) -> CsvFile:
    columns = (SourceColumn(name, (samples[name],) if name in samples else ()) for name in names)
    return CsvFile(tuple(columns), has_header=header)


def pairs(source: CsvFile | TableRows, target: Table) -> dict[str, str | None]:
    return {link.target: link.source for link in propose(source, target)}


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [
        ("name", "name", "same name"),
        ("Name", "name", "other spelling"),
        ("Full Name", "full_name", "other spelling"),
        ("fullName", "full_name", "other spelling"),
        ("product_name", "name", "name of the table"),
        ("name", "product_name", "name of the table"),
        ("adress", "address", "similar name"),
        ("gr\u00f6\u00dfe", "gr\u00f6sse", "other spelling"),
        ("\u540d\u524d", "\u540d\u524d", "same name"),
    ],
)
def test_names_that_belong_together(source: str, target: str, reason: str) -> None:
    (link,) = propose(file(source), table(Column(target, "text")))
    assert (link.target, link.source, link.reason) == (target, source, reason)


@pytest.mark.parametrize(("source", "target"), [("city", "name"), ("a", "b"), ("id", "ids"), ("!", "?")])
def test_names_that_do_not(source: str, target: str) -> None:
    assert propose(file(source), table(Column(target, "text"))) == ()


def test_the_surest_pair_wins() -> None:
    found = pairs(file("user_name", "name"), table(Column("username", "text"), Column("name", "text")))
    assert found == {"username": "user_name", "name": "name"}


def test_names_that_are_only_similar_have_to_agree_in_type() -> None:
    target = table(Column("amounts", "integer"))
    assert pairs(file("amount", amount="12"), target) == {"amounts": "amount"}
    assert pairs(file("amount", amount="many"), target) == {}
    columns = (SourceColumn("amount", type="date"),)
    assert pairs(TableRows("t", columns, "t"), target) == {}


def test_computed_columns_are_left_out() -> None:
    assert pairs(file("total"), table(Column("total", "int", writable=False))) == {}


def test_without_a_header_the_order_counts() -> None:
    target = table(Column("id", "int", has_default=True), Column("sku", "text"), Column("name", "text"))
    assert pairs(file("column_1", "column_2", header=False), target) == {"sku": "column_1", "name": "column_2"}
    assert pairs(file("column_1", "column_2", "column_3", header=False), target) == {
        "id": "column_1",
        "sku": "column_2",
        "name": "column_3",
    }
    assert pairs(file("column_1", header=False), target) == {}


def test_columns_that_need_a_value() -> None:
    target = table(
        Column("id", "int", nullable=False, has_default=True),
        Column("sku", "text", nullable=False),
        Column("name", "text"),
        Column("size", "int", nullable=False, writable=False),
    )
    assert required(target) == ("sku",)


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12) | st.sampled_from(
    [
        "id",
        "ID",
        "user_id",
        "userId",
        "name",
        "Name",
        "products_name",
        "created_at",
        "created at",
        "createdAt",
        "adress",
    ]
)
TYPES = st.sampled_from(["int", "text", "date", "numeric(10,2)", "boolean", "uuid", ""])
COLUMNS = st.builds(Column, NAMES, TYPES, nullable=st.booleans(), has_default=st.booleans(), writable=st.booleans())
SOURCES = st.lists(NAMES, max_size=8, unique=True).flatmap(
    lambda names: st.builds(
        CsvFile,
        st.tuples(*(st.builds(SourceColumn, st.just(name), st.tuples(st.text(max_size=5))) for name in names)),
        has_header=st.booleans(),
    )
)


@given(SOURCES, st.lists(COLUMNS, max_size=8, unique_by=lambda column: column.name))
def test_a_proposal_names_only_what_is_there_and_nothing_twice(source: CsvFile, columns: list[Column]) -> None:
    target = table(*columns)
    links = propose(source, target)
    targets, sources = [link.target for link in links], [link.source for link in links]
    assert len(set(targets)) == len(targets)
    assert len(set(sources)) == len(sources)
    assert set(sources) <= {column.name for column in source.columns}
    assert all(target.columns[name].writable for name in targets)
    assert targets == [name for name in target.columns if name in targets]
    same = {name for name in target.columns if target.columns[name].writable} & {c.name for c in source.columns}
    if source.has_header:
        assert {link.target for link in links if link.reason == "same name"} == same
