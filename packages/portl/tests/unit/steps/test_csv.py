"""CSV files: typed, lazy, exact about places; written whole or not at all."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs import Place
from portl.errors import PortlError, SourceError, StepError
from portl.model.steps import CsvRead
from portl.steps.csv_rows import CsvRows, Layout


def _open(path: Path, text: str | bytes, **fields: Any) -> CsvRows:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    step = CsvRead.model_validate({"id": "read", "type": "csv.read", "path": "x", **fields})
    return CsvRows.open(
        Layout(
            path=path,
            shown="a.csv",
            step_id="read",
            columns=step.columns,
            has_header=step.has_header,
            delimiter=step.delimiter,
            quotechar=step.quotechar,
            encoding=step.encoding,
            null_values=tuple(step.null_values),
        )
    )


def test_columns_have_types(tmp_path: Path) -> None:
    rows = _open(
        tmp_path / "a.csv",
        'n,d,s,f,b,t,j\n1,2.50,"x, y",0.5,yes,01/02/2026,"{""a"": 1}"\n,,,,,,\n',
        columns={
            "n": "integer",
            "d": {"type": "decimal", "scale": 2},
            "f": "float",
            "b": "boolean",
            "t": {"type": "date", "format": "%d/%m/%Y"},
            "j": "json",
        },
    )
    assert list(rows.items()) == [
        (1, Decimal("2.50"), "x, y", 0.5, True, date(2026, 2, 1), {"a": 1}),
        (None,) * 7,
    ]
    assert rows.columns == ("n", "d", "s", "f", "b", "t", "j")


@pytest.mark.parametrize(
    ("fields", "values"),
    [
        ({}, [None, "NULL", "x"]),
        ({"null_values": []}, ["", "NULL", "x"]),
        ({"null_values": ["", "NULL"]}, [None, None, "x"]),
        ({"columns": {"a": {"null_values": ["NULL", "x"]}}}, ["", None, None]),
    ],
)
def test_texts_that_mean_null(tmp_path: Path, fields: dict[str, Any], values: list[Any]) -> None:
    rows = _open(tmp_path / "a.csv", "a,b\n,1\nNULL,1\nx,1\n", **fields)
    assert [a for a, _ in rows.items()] == values


@given(st.lists(st.tuples(st.text(alphabet='ab,"\n é', min_size=1), st.text(alphabet="xy\n", min_size=1)), max_size=8))
def test_places_are_those_of_the_values(
    tmp_path_factory: pytest.TempPathFactory, values: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    quoted = [",".join('"' + field.replace('"', '""') + '"' for field in row) for row in values]
    text = "a,b\n" + "".join(f"{line}\n" for line in quoted)
    rows = _open(path, text)
    assert list(rows.items()) == values
    lines = text.split("\n")
    for index in range(len(values)):
        for number, name in enumerate("ab"):
            _, line, column = rows.locate(index, name).split(":")
            rest = "\n".join([lines[int(line) - 1][int(column) - 1 :], *lines[int(line) :]])
            assert rest.startswith('"' + values[index][number].replace('"', '""'))


def test_empty_lines_are_no_rows(tmp_path: Path) -> None:
    rows = _open(tmp_path / "a.csv", "a\n1\n\n2\n\n", columns={"a": "integer"})
    assert list(rows.items()) == [(1,), (2,)]
    assert rows.locate(1) == "a.csv:4"
    assert rows.locate(9) == "a.csv:6"


def test_the_file_is_read_lazily_and_again(tmp_path: Path) -> None:
    rows = _open(tmp_path / "a.csv", "a\n" + "".join(f"{n}\n" for n in range(12_000)) + "x\n", columns={"a": "integer"})
    stream = rows.items()
    assert [next(stream) for _ in range(5000)][-1] == (4999,)
    with pytest.raises(SourceError, match=r"a\.csv:12002:1: column 'a': 'x' is not a whole number"):
        list(rows.items())


def test_a_header_may_be_missing(tmp_path: Path) -> None:
    rows = _open(tmp_path / "a.csv", "1;2\n", has_header=False, delimiter=";", columns={"a": "integer", "b": "string"})
    assert list(rows) == [{"a": 1, "b": "2"}]
    assert rows.locate(0, "b") == "a.csv:1:3"


def test_other_encodings_and_marks(tmp_path: Path) -> None:
    assert list(_open(tmp_path / "a.csv", "a\né\n".encode("latin-1"), encoding="latin-1").items()) == [("é",)]
    assert _open(tmp_path / "a.csv", b"\xef\xbb\xbfa\n1\n", encoding="utf-8-sig").columns == ("a",)


@pytest.mark.parametrize(
    ("text", "fields", "what"),
    [
        ("", {}, "a.csv: the file is empty; it has no header."),
        ("a,a\n", {}, "a.csv:1: the header names 'a' twice."),
        ("a,\n", {}, "a.csv:1: the header has a column without a name."),
        ("name\n", {"columns": {"nmae": "string"}}, "has no column 'nmae'. Did you mean 'name'?"),
        ("a\n", {"columns": {"zzz": "string"}}, "has no column 'zzz'. It has: a."),
        ("a,b\n1\n", {}, "a.csv:2: the row has 1 fields, not 2."),
        ("a\n1,2\n", {}, "a.csv:2: the row has 2 fields, not 1."),
        (
            "a,b\n1,\n",
            {"columns": {"b": {"required": True}}},
            "a.csv:2:3: column 'b': it is required, but the field is empty.",
        ),
        (
            "a\n1.234\n",
            {"columns": {"a": {"type": "decimal", "scale": 2}}},
            "a.csv:2:1: column 'a': '1.234' is not a number",
        ),
        ('a\n"x"y\n', {}, "a.csv:2:1: this is no CSV"),
        (b"a\nx\xff\n", {}, "a.csv:2:2: the file is not utf-8."),
        ("a\n1\n", {"encoding": "klingon"}, "a.csv: the encoding 'klingon' is not known."),
    ],
)
def test_a_file_that_is_wrong(tmp_path: Path, text: str | bytes, fields: dict[str, Any], what: str) -> None:
    with pytest.raises(SourceError) as caught:
        list(_open(tmp_path / "a.csv", text, **fields).items())
    assert what in str(caught.value)


def test_a_file_that_changes_is_refused(tmp_path: Path) -> None:
    rows = _open(tmp_path / "a.csv", "a\n1\n")
    (tmp_path / "a.csv").write_text("a\n1\n2\n")
    with pytest.raises(SourceError, match="the file has changed while the job runs"):
        list(rows.items())


def test_a_required_typed_column(tmp_path: Path) -> None:
    rows = _open(
        tmp_path / "a.csv", "a,b\n1,x\n", columns={"a": {"type": "integer", "required": True}, "b": {"required": True}}
    )
    assert list(rows.items()) == [(1, "x")]


WRITE = """\
steps:
  - {id: read, type: csv.read, path: in.csv}
  - id: write
    type: csv.write
    path: "{{ run.params.name }}.csv"
    batch: { from: "{{ steps.read.rows }}", as: row }
"""


def test_rows_are_written_as_they_are(jobs: Place) -> None:
    jobs.write("in.csv", 'a,b\n1,"x, ""y"""\n,z\n')
    jobs.run(WRITE, name="out")
    assert jobs.read("out.csv") == [["a", "b"], ["1", 'x, "y"'], ["", "z"]]


def test_values_have_their_texts(jobs: Place) -> None:
    jobs.write("in.csv", "a\n1\n")
    jobs.run(
        WRITE
        + "    header: false\n    delimiter: ';'\n    null_value: '-'\n    mapping: {a: null, b: true, c: 1.5, d: [1], "
        + 'e: "{{ row.a }}"}\n',
        name="out",
    )
    assert (jobs.folder / "out.csv").read_text() == "-;true;1.5;[1];1\n"


def test_mappings_are_written_by_their_keys(jobs: Place) -> None:
    text = "steps:\n  - {id: w, type: csv.write, path: o.csv, batch: {from: [{a: 1, b: 2}, {b: 4, a: 3}]}}\n"
    jobs.run(text)
    assert jobs.read("o.csv") == [["a", "b"], ["1", "2"], ["3", "4"]]
    for items, what in (("[5]", "The items are no mappings."), ("[{a: 1}, {b: 1}]", "have different keys: a, b.")):
        with pytest.raises(StepError, match=what):
            jobs.run(f"steps:\n  - {{id: w, type: csv.write, path: p.csv, batch: {{from: {items}}}}}\n")
        assert not (jobs.folder / "p.csv").exists()


def test_a_failed_job_leaves_the_old_file_and_no_other(jobs: Place) -> None:
    jobs.write("in.csv", "a\n1\n0\n")
    jobs.write("out.csv", "old\n")
    with pytest.raises(StepError, match=r"step 'write', item 1 \(in\.csv:3:1\): .* divides by zero"):
        jobs.run(WRITE + '    mapping: {a: "{{ 1 / (row.a | int) }}"}\n', name="out")
    assert sorted(path.name for path in jobs.folder.iterdir()) == ["in.csv", "out.csv"]
    assert jobs.read("out.csv") == [["old"]]


@pytest.mark.parametrize(
    ("extra", "what"),
    [("", "cannot be written: No such file"), ("    encoding: klingon\n", "cannot be written: unknown encoding")],
)
def test_a_file_that_cannot_be_written(jobs: Place, extra: str, what: str) -> None:
    jobs.write("in.csv", "a\n1\n")
    with pytest.raises(PortlError, match=what):
        jobs.run(WRITE + extra, name="out" if extra else "nowhere/out")


def test_characters_the_encoding_lacks(jobs: Place) -> None:
    jobs.write("in.csv", "a\né\n")
    with pytest.raises(PortlError, match="cannot be written"):
        jobs.run(WRITE + "    encoding: ascii\n", name="out")


def test_a_target_that_is_a_folder(jobs: Place) -> None:
    jobs.write("in.csv", "a\n1\n")
    (jobs.folder / "out.csv").mkdir()
    with pytest.raises(StepError, match=r"job\.yaml:7:11: step 'write': .*out\.csv: the file cannot be put in place"):
        jobs.run(WRITE, name="out")
    assert sorted(path.name for path in jobs.folder.iterdir()) == ["in.csv", "out.csv"]


def test_a_file_that_is_missing(jobs: Place) -> None:
    with pytest.raises(StepError, match=r"job\.yaml:4:38: step 'read': in\.csv: the file cannot be read: No such file"):
        jobs.run(WRITE, name="out")


def test_a_wrong_value_names_the_column_in_the_job(jobs: Place) -> None:
    jobs.write("in.csv", "a\nx\n")
    with pytest.raises(StepError) as caught:
        jobs.run(WRITE.replace("path: in.csv}", "path: in.csv, columns: {a: integer}}"), name="out")
    assert str(caught.value).startswith(
        "job.yaml:4:59: step 'read': in.csv:2:1: column 'a': 'x' is not a whole number."
    )
    assert caught.value.step_id == "read"
