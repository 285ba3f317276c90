"""`sheets.write`: written at the end of a run, or not at all; what is text stays text."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest
from portl.errors import DeliveriesPendingError, StepError
from portl.model.connections import SheetsConnection
from portl.steps.sheet_cells import cell_of
from sheets_server import error

from .conftest import Sheets

REPLACE = """\
  - {id: read, type: csv.read, path: in.csv}
  - id: write
    type: sheets.write
    mode: replace
    connection: book
    batch: { from: "{{ steps.read.rows }}", as: row }
"""
APPEND = REPLACE.replace("replace", "append")
SAVE = """\
  - id: save
    type: db.insert
    table: t
    batch: { from: "{{ steps.read.rows }}", as: row }
    mapping: { a: "{{ row.a }}" }
"""


def test_replace_leaves_the_rows_and_nothing_else(sheets: Sheets) -> None:
    sheets.grid.fill([["old"] * 5] * 9)
    sheets.jobs.write("in.csv", 'a,b\n1,"x"\n,=1+1\n')
    for _ in range(2):
        sheets.run(REPLACE)
        assert sheets.grid.values() == [["a", "b"], ["1", "x"], ["", "=1+1"]]
    writes = [request for request in sheets.server.requests() if not request.startswith("GET")]
    assert writes == ["PUT /values/'Sheet1'!A1:B3", "POST /values:batchClear"] * 2
    (written,) = sheets.jobs.told("written")[-1:]
    assert written.step_id == "write"
    assert written.details == {"rows": 2, "requests": 3}


def test_replace_keeps_to_its_range(sheets: Sheets) -> None:
    sheets.grid.rows, sheets.grid.columns = 5, 6
    sheets.grid.fill([["."] * 6] * 5)
    sheets.jobs.write("in.csv", "a\n1\n")
    sheets.run(REPLACE + "    range: B2:D4\n    header: false\n")
    assert sheets.grid.values() == [
        ["."] * 6,
        [".", "1", "", "", ".", "."],
        [".", "", "", "", ".", "."],
        [".", "", "", "", ".", "."],
        ["."] * 6,
    ]


def test_replace_with_no_rows_empties(sheets: Sheets) -> None:
    sheets.grid.fill([["old"] * 3] * 3)
    sheets.jobs.write("in.csv", "a\n")
    sheets.run(REPLACE)
    assert sheets.grid.values() == [["a"]]
    sheets.run("  - {id: w, type: sheets.write, mode: replace, connection: book, batch: {from: []}}\n")
    assert sheets.grid.values() == []


def test_the_sheet_grows_and_rows_are_written_in_pages(sheets: Sheets) -> None:
    sheets.grid.rows, sheets.grid.columns = 10, 1
    sheets.more = ", rows_per_request: 100"
    sheets.jobs.write("in.csv", "a,b\n" + "".join(f"{n},x\n" for n in range(249)))
    sheets.run(REPLACE)
    assert (sheets.grid.rows, sheets.grid.columns) == (250, 2)
    assert sheets.grid.values()[-1] == ["248", "x"]
    assert [request for request in sheets.server.requests() if request.startswith("PUT")] == [
        "PUT /values/'Sheet1'!A1:B100",
        "PUT /values/'Sheet1'!A101:B200",
        "PUT /values/'Sheet1'!A201:B250",
    ]


def test_requests_stay_below_two_megabytes(sheets: Sheets) -> None:
    sheets.jobs.write("in.csv", "a\n" + f"{'x' * 50_000}\n" * 100)
    sheets.run(REPLACE)
    pages = [body["values"] for method, _, _, body in sheets.server.asked if method == "PUT"]
    assert [sum(len(cell) for row in page for cell in row) <= 2_000_000 for page in pages] == [True] * 3
    assert sum(map(len, pages)) == 101


def test_append_goes_by_the_names_of_the_header(sheets: Sheets) -> None:
    sheets.grid.fill([["b", "note", "a"], ["0", "kept", "0"], [], ["another table"]])
    sheets.jobs.write("in.csv", "a,b\n1,x\n2,\n")
    sheets.run(APPEND)
    expected = [["b", "note", "a"], ["0", "kept", "0"], ["x", "", "1"], ["", "", "2"], [], ["another table"]]
    assert sheets.grid.values() == expected
    sheets.run(APPEND)
    assert sheets.grid.values()[4:6] == [["x", "", "1"], ["", "", "2"]]


def test_append_to_an_empty_sheet_writes_the_header(sheets: Sheets) -> None:
    sheets.jobs.write("in.csv", "a,b\n1,x\n")
    sheets.run(APPEND)
    assert sheets.grid.values() == [["a", "b"], ["1", "x"]]
    sheets.jobs.write("in.csv", "a,b\n")
    sheets.run(APPEND)
    sheets.jobs.write("in.csv", "a,b\n2,y\n")
    sheets.run(APPEND + "    header: false\n")
    assert sheets.grid.values() == [["a", "b"], ["1", "x"], ["2", "y"]]


def test_a_formula_is_one_only_where_the_job_says_so(sheets: Sheets) -> None:
    sheets.jobs.write("in.csv", "a\n=IMPORTXML(1)\n")
    sheets.run(APPEND + "    input: user_entered\n")
    assert sheets.grid.values() == [["a"], ["computed =IMPORTXML(1)"]]
    sheets.run(APPEND)
    assert sheets.grid.values()[-1] == ["=IMPORTXML(1)"]


def test_values_as_cells(sheets: Sheets) -> None:
    day = datetime.date(2026, 2, 1)
    sheets.jobs.run(
        "params: {day: {type: date}}\n"
        + sheets.text(
            "  - id: write\n    type: sheets.write\n    mode: replace\n    connection: book\n    batch: {from: [1]}\n"
            "    mapping: {i: 1, f: 1.5, t: true, n: null, l: [1, x], d: '{{ run.params.day }}'}\n"
        ),
        day=day.isoformat(),
    )
    assert sheets.grid.values()[1] == [1, 1.5, True, "", '[1,"x"]', "2026-02-01"]
    assert (cell_of(2**53), cell_of(2**53 + 1), cell_of(-(10**30))) == (2**53, str(2**53 + 1), str(-(10**30)))
    assert (cell_of(Decimal("1.10")), cell_of(Decimal("0.10000000000000000001"))) == (1.1, "0.10000000000000000001")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{a: '{{ row.a * 60000 }}'}", "step 'write', item 1 (in.csv:3): A cell holds 50,000 characters, not 60,000."),
        ("{a: .nan}", "nan cannot stand in a cell."),
    ],
)
def test_what_cannot_stand_in_a_cell(sheets: Sheets, text: str, what: str) -> None:
    sheets.jobs.write("in.csv", 'a\n""\nx\n')
    with pytest.raises(StepError) as caught:
        sheets.run(REPLACE.replace("path: in.csv", "path: in.csv, null_values: []") + f"    mapping: {text}\n")
    assert what in str(caught.value)
    assert not [request for request in sheets.server.requests() if not request.startswith("GET")]


@pytest.mark.parametrize(
    ("extra", "head", "what"),
    [
        ("    range: B2:B9\n", [], "Sheet1!B2: the range has fewer columns than the step writes (2)."),
        ("    range: B2:C3\n", [], "Sheet1!B2: the range has fewer rows than the step writes (3)."),
        ("    mode: append\n", ["a", "c"], "Sheet1!A1: the header names 'b' not; it has: a, c."),
        ("    mode: append\n", ["a", "b", "b"], "Sheet1!A1: the header names 'b' twice; it has: a, b, b."),
        ("    sheet_name: Other\n", [], "The spreadsheet has no sheet 'Other'. It has: 'Sheet1'."),
    ],
)
def test_what_does_not_fit_is_told_before_anything_is_done(
    sheets: Sheets, extra: str, head: list[str], what: str
) -> None:
    sheets.jobs.sql("CREATE TABLE t (a TEXT)")
    sheets.grid.fill([head])
    sheets.jobs.write("in.csv", "a,b\n1,x\n2,y\n")
    steps = REPLACE.replace("    mode: replace\n", "") if "mode" in extra else REPLACE
    with pytest.raises(StepError) as caught:
        sheets.run(steps + extra + SAVE)
    assert what in str(caught.value)
    assert sheets.grid.values() == ([head] if head else [])
    assert sheets.jobs.rows("SELECT * FROM t") == []


def test_nothing_is_written_when_the_job_fails_or_only_tries(sheets: Sheets) -> None:
    sheets.jobs.sql("CREATE TABLE t (a TEXT UNIQUE)")
    sheets.grid.fill([["old"]])
    sheets.jobs.write("in.csv", "a\n1\n1\n")
    with pytest.raises(StepError, match="UNIQUE"):
        sheets.run(REPLACE + SAVE)
    sheets.jobs.write("in.csv", "a\n1\n")
    assert sheets.run(REPLACE + SAVE, rollback=True).outcome == "rolled_back"
    assert sheets.grid.values() == [["old"]]
    assert {request.split()[0] for request in sheets.server.requests()} == {"GET"}


def test_a_spreadsheet_out_of_reach_stops_the_job_before_it_does_anything(sheets: Sheets) -> None:
    sheets.jobs.sql("CREATE TABLE t (a TEXT)")
    sheets.jobs.write("in.csv", "a\n1\n")
    sheets.server.fail = lambda method, path: error(404, "Requested entity was not found.")
    steps = REPLACE.partition("  - id: write")
    with pytest.raises(StepError, match="step 'write': There is no spreadsheet"):
        sheets.run(steps[0] + SAVE + steps[1] + steps[2])
    assert sheets.jobs.rows("SELECT * FROM t") == []


def test_a_write_that_fails_after_commit_says_what_is_committed(sheets: Sheets) -> None:
    sheets.jobs.sql("CREATE TABLE t (a TEXT)")
    sheets.jobs.write("in.csv", "a\n1\n")
    sheets.server.fail = lambda method, path: error(403, "No permission.") if method == "PUT" else None
    with pytest.raises(DeliveriesPendingError) as caught:
        sheets.run(REPLACE + SAVE)
    assert "job.yaml:6:5: step 'write': The spreadsheet 1AbC-dEf_9 refuses the account" in str(caught.value)
    assert "The transaction was committed before. Share it with" in str(caught.value)
    assert sheets.jobs.rows("SELECT * FROM t") == [("1",)]
    with pytest.raises(StepError, match="refuses the account"):
        sheets.run(REPLACE)


def test_items_that_are_mappings_are_written_by_their_keys(sheets: Sheets) -> None:
    step = (
        "  - {id: w, type: sheets.write, mode: append, connection: book, batch: {from: [{a: 1, b: 2}, {b: 4, a: 3}]}}\n"
    )
    sheets.run(step)
    assert sheets.grid.values() == [["a", "b"], [1, 2], [3, 4]]


def test_an_id_or_an_address_is_a_spreadsheet() -> None:
    fields: dict[str, Any] = {"type": "google_sheet", "credentials_path": "k.json"}
    for text in (
        "1a-_Z",
        "https://docs.google.com/spreadsheets/d/1a-_Z/edit#gid=0",
        "https://docs.google.com/spreadsheets/u/0/d/1a-_Z",
    ):
        assert SheetsConnection.model_validate({**fields, "sheet_id": text}).spreadsheet_id == "1a-_Z"
    with pytest.raises(ValueError, match="neither an id nor the address"):
        SheetsConnection.model_validate({**fields, "spreadsheet_id": "https://example.com/d/1a"})
