"""`sheets.read`: cells as typed rows, page by page."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portl.clients.sheets.a1 import Area, letters, parse
from portl.convert import ConversionError
from portl.engine.base import RunOptions
from portl.engine.local import run_job
from portl.errors import StepError
from portl.model.resolve import resolve
from portl.model.steps import ColumnSpec
from portl.steps.sheet_cells import cell_of, reader

from .conftest import Sheets


def test_cells_keep_their_values_and_columns_have_types(sheets: Sheets) -> None:
    sheets.grid.fill(
        [
            ["sku", "price", "day", "seen", "n", "is", "raw", "text"],
            ["A-1", 349.5, 46053, 46053.75, 7, True, 1.5, 12],
            ["A-2", "89.90", "2026-02-01", "2026-02-01 18:00", "8", "no", "x", 0.1],
        ]
    )
    columns = (
        "columns: {price: {type: decimal, scale: 2}, day: date, seen: datetime, n: integer, is: boolean, text: string}"
    )
    assert sheets.read(columns) == [
        ["sku", "price", "day", "seen", "n", "is", "raw", "text"],
        ["A-1", "349.50", "2026-01-31", "2026-01-31T18:00:00", "7", "true", "1.5", "12"],
        ["A-2", "89.90", "2026-02-01", "2026-02-01T18:00:00", "8", "false", "x", "0.1"],
    ]


def test_empty_cells_are_null_and_empty_rows_are_none(sheets: Sheets) -> None:
    sheets.grid.fill([["a", "b", "c"], [1], [], ["", "", 3], ["n/a", 2, 1]])
    assert sheets.read('null_values: ["n/a"]') == [["a", "b", "c"], ["1", "-", "-"], ["-", "-", "3"], ["-", "2", "1"]]


def test_a_sheet_and_a_range_can_be_named(sheets: Sheets) -> None:
    sheets.server.grids["It's"] = grid = type(sheets.grid)(id=7)
    grid.fill([["title"], ["x", "a", "b", "y"], ["x", 1, 2, "y"], ["x", 3, 4, "y"]])
    expected = [["a", "b"], ["1", "2"], ["3", "4"]]
    assert sheets.read('sheet_name: "It\'s", range: "B2:C"') == expected
    assert sheets.read("""tab_name: "It's", range_name: 'B2:C4'""") == expected
    assert sheets.read("""range: "'It''s'!$B$2:C" """) == expected
    sheets.server.names = [
        {
            "name": "Prices",
            "range": {"sheetId": 7, "startRowIndex": 1, "endRowIndex": 3, "startColumnIndex": 1, "endColumnIndex": 3},
        }
    ]
    assert sheets.read("range: Prices") == expected[:2]
    sheets.more = """, sheet_name: "It's", range: B2:C"""
    assert sheets.read() == expected


def test_without_a_header_the_job_names_the_columns(sheets: Sheets) -> None:
    sheets.grid.fill([[1, "x"], [2]])
    assert sheets.read("has_header: false, columns: {a: integer, b: string}") == [["a", "b"], ["1", "x"], ["2", "-"]]


def test_a_big_sheet_is_read_in_pages(sheets: Sheets) -> None:
    sheets.more = ", rows_per_request: 100"
    sheets.grid.rows = 250
    sheets.grid.fill([["n"], *([n] for n in range(1, 250))])
    assert sheets.read()[1:] == [[str(n)] for n in range(1, 250)]
    pages = [path for _, path, _, _ in sheets.server.asked if path.startswith("/values")]
    assert pages == [f"/values/'Sheet1'!A{first}:Z{last}" for first, last in ((1, 100), (101, 200), (201, 250))]


def test_a_sheet_that_changes_between_pages_is_refused(sheets: Sheets) -> None:
    sheets.more = ", rows_per_request: 500"
    sheets.grid.fill([["n"], [1]])

    def insert(method: str, path: str) -> None:
        sheets.grid.rows += path.startswith("/values")

    sheets.server.fail = insert
    with pytest.raises(StepError, match=r"Sheet1: the sheet has changed while it was read\. Run the job again\."):
        sheets.read()


def test_memory_stays_flat(sheets: Sheets) -> None:
    """Cells of 60 MB in all, of which one page is held at a time."""
    cell, step = "x" * 20_000, "  - {id: read, type: sheets.read, connection: book}\n"
    sheets.more = ", rows_per_request: 100"
    sheets.grid.rows = 200
    sheets.grid.fill([["n"], *([cell] for _ in range(199))])
    sheets.run(step)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sheets.grid.rows = 3_000
    sheets.grid.fill([["n"], *([cell] for _ in range(2_999))])
    sheets.run(step)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (after - before) * (1 if sys.platform == "darwin" else 1024) < 25_000_000


@pytest.mark.parametrize(
    ("rows", "fields", "what"),
    [
        ([], "", "Sheet1!1: the sheet is empty there; it has no header."),
        ([["a", "", "c"]], "", "Sheet1!B1: the header has a column without a name. Name it, or say with range"),
        ([["a", "a"]], "", "Sheet1!B1: the header names 'a' twice."),
        ([["name"]], "columns: {nmae: string}", "has no column 'nmae'. Did you mean 'name'?"),
        ([["name"]], "columns: {zz: string}", "Sheet1!1: the sheet has no column 'zz'. It has: name."),
        ([["a"], [1], [2, "", 3]], "", "Sheet1!C3: the value stands in a column without a name. Name it in the first"),
        ([["a"], [1.5]], "columns: {a: integer}", "Sheet1!A2: column 'a': '1.5' is not a whole number."),
        ([["a"], [True]], "columns: {a: date}", "column 'a': 'true' is not a date."),
        ([["a"], [1.25]], "columns: {a: date}", "column 'a': the cell holds 1899-12-31 06:00:00, which is not a date"),
        ([["a"], [1e300]], "columns: {a: datetime}", "column 'a': '1e+300' is not a date and time."),
        ([["a", "b"], ["", 1]], "columns: {a: {required: true}}", "'a': it is required, but the cell is empty."),
        ([["a"], ["#N/A"]], "", "column 'a': the cell holds the error #N/A; null_values may list it."),
        ([["a"], [["x"]]], "", "Sheet1!A2: the answer holds something that is no value of a cell."),
    ],
)
def test_what_is_wrong_is_told_with_its_cell(sheets: Sheets, rows: list[list[Any]], fields: str, what: str) -> None:
    sheets.grid.fill(rows)
    with pytest.raises(StepError) as caught:
        sheets.read(fields)
    assert what in str(caught.value)
    assert str(caught.value).startswith("job.yaml:")
    assert "step 'read'" in str(caught.value)


def test_a_later_step_names_the_cell(sheets: Sheets) -> None:
    sheets.grid.fill([["x", "y"], [], ["", "a", 1], [], ["", "b", "z"]], first_row=2, first_column=2)
    sheets.grid.fill([["", "n", "m"]], first_row=2, first_column=2)
    with pytest.raises(StepError, match=r"step 'write', item 1 \(Sheet1!D6\): .*'z' is not a whole number"):
        sheets.run(
            '  - {id: read, type: sheets.read, connection: book, range: "C2:D"}\n'
            "  - {id: write, type: csv.write, path: o.csv, mapping: {m: '{{ row.m | int }}'}, "
            'batch: {from: "{{ steps.read.rows }}", as: row}}\n'
        )


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ("sheet_name: Shet1", "The spreadsheet has no sheet 'Shet1'. Did you mean 'Sheet1'?"),
        ("sheet_name: zzz", "The spreadsheet has no sheet 'zzz'. It has: 'Sheet1'."),
        ("range: Nowhere", "'Nowhere' is no range. Write it like B2:F. It has no named ranges."),
        ("sheet_name: Sheet1, range: Other!A1:B2", "The range Other!A1:B2 is not on the sheet 'Sheet1'."),
        ('sheet_name: "{{ run.params.none }}"', "null cannot stand inside text"),
    ],
)
def test_cells_that_are_not_there(sheets: Sheets, fields: str, what: str) -> None:
    with pytest.raises(StepError) as caught:
        sheets.jobs.run(
            "params: {none: null}\n" + sheets.text(f"  - {{id: r, type: sheets.read, connection: book, {fields}}}\n")
        )
    assert what in str(caught.value)


@given(st.integers(1, 18_278), st.integers(1, 10_000_000))
def test_a1_notation_and_back(column: int, row: int) -> None:
    assert parse(f"{letters(column)}{row}") == (None, Area(row, column))
    assert parse(f"'a''b'!{letters(column)}{row}:{letters(column).lower()}") == ("a'b", Area(row, column, None, column))


@pytest.mark.parametrize("text", ["", "A", "1", "Prices", "A1:", ":", "B2:A", "A5:A4", "A0", "x!", "'x!A1", "A1:B2:C3"])
def test_what_is_no_a1_notation(text: str) -> None:
    assert parse(text) is None


_values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=20)
)


@given(_values)
def test_what_is_written_can_be_read_again(value: Any) -> None:
    cell = cell_of(value)
    assert cell is True or cell is False or isinstance(cell, str | int | float)
    if isinstance(value, int) and not isinstance(value, bool):
        assert reader(ColumnSpec(type="integer"), ("",))(cell) == value
    elif isinstance(value, float):
        assert reader(ColumnSpec(type="float"), ("",))(float(cell)) == value
    elif isinstance(value, str) and value:
        assert reader(ColumnSpec(type="string"), ("",))(cell) == value


@given(
    _values,
    st.sampled_from(["string", "integer", "float", "decimal", "boolean", "date", "datetime", "json"]),
)
def test_any_cell_is_a_value_or_a_mistake(cell: Any, kind: Any) -> None:
    with suppress(ConversionError):
        value = reader(ColumnSpec(type=kind), ("",))(cell)
        assert value is not None or cell in (None, "", "null")


def test_a_limit_reads_no_more_than_it_has_to(sheets: Sheets) -> None:
    sheets.grid.rows = 5_000
    sheets.grid.fill([["n"], *([n] for n in range(4_999))])
    plan = sheets.jobs.plan(sheets.text("  - {id: read, type: sheets.read, connection: book}\n"))
    report = run_job(plan, resolve(plan.file, {}, {}), options=RunOptions(limit=3))
    assert report.outcome == "no_transaction"
    assert [path for _, path, _, _ in sheets.server.asked][1:] == ["/values/'Sheet1'!A1:Z4"]
