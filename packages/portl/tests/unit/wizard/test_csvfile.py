"""How a CSV file is written, guessed from its first bytes."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portl.errors import SourceError
from portl.wizard.csvfile import DELIMITERS, described, parse


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_the_delimiter_is_found(delimiter: str) -> None:
    text = "a,b,c\n1,x y,2.5\n2,z,3\n".replace(",", delimiter)
    sheet = parse(text.encode(), complete=True)
    assert (sheet.delimiter, sheet.header) == (delimiter, True)
    assert [column.name for column in described(sheet, header=True).columns] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("stra\u00dfe;n\n\u00e4;1\n".encode(), "utf-8"),
        ("stra\u00dfe;n\n\u00e4;1\n".encode("utf-8-sig"), "utf-8"),
        ("stra\u00dfe;n\n\u00e4;1\n".encode("utf-16"), "utf-16"),
        ("stra\u00dfe;n\n\u00e4;1\n".encode("cp1252"), "cp1252"),
        (b"a;n\n\x81;1\n", "latin-1"),
    ],
)
def test_the_encoding_is_found(data: bytes, encoding: str) -> None:
    sheet = parse(data, complete=True)
    assert (sheet.encoding, len(sheet.rows[0])) == (encoding, 2)
    assert not sheet.rows[0][0].startswith("\ufeff")


def test_a_character_cut_in_two_does_not_change_the_encoding() -> None:
    data = "name\n\u00e4".encode()[:-1]
    assert parse(data, complete=False).encoding == "utf-8"
    assert parse(data, complete=True).encoding == "cp1252"


def test_the_last_row_of_a_cut_file_is_left_out() -> None:
    assert len(parse(b"a,b\n1,2\n3,", complete=False).rows) == 2
    assert len(parse(b"a,b\n1,2\n3,", complete=True).rows) == 3


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("1,Anna\n2,Bert\n", False),
        ("2026-01-01,x\n", False),
        ("id,name\n1,Anna\n", True),
        ("first_name,city\nAnna,Rome\n", True),
        ("Name,City\nAnna,Rome\n", None),
        ("Name,City\n", True),
    ],
)
def test_whether_there_is_a_header(text: str, header: bool | None) -> None:
    assert parse(text.encode(), complete=True).header is header


def test_columns_without_names_are_numbered() -> None:
    file = described(parse(b"1,Anna\n2,\n", complete=True), header=False)
    assert [(c.name, c.samples, c.gaps) for c in file.columns] == [
        ("column_1", ("1", "2"), False),
        ("column_2", ("Anna",), True),
    ]
    assert file.rows == 2


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (b"a,b\0\n", "this is no text file"),
        (b"a,b,a\nx,y,z\n", "the header names 'a' twice"),
        (b"a,,c\nx,y,z\n", "a column without a name"),
    ],
)
def test_what_cannot_be_read_is_told(data: bytes, why: str) -> None:
    with pytest.raises(SourceError, match=why):
        described(parse(data, complete=True), header=True)


@pytest.mark.parametrize(("encoding", "why"), [("nope", "is not known"), ("ascii", "the file is not ascii")])
def test_an_encoding_that_does_not_fit_is_told(encoding: str, why: str) -> None:
    with pytest.raises(SourceError, match=why):
        parse("\u00e4,b\n".encode(), complete=True, encoding=encoding)


CELLS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), max_size=8
)


@given(
    st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=20),
    st.sampled_from(DELIMITERS),
)
def test_a_file_that_says_its_delimiter_is_read_as_it_was_written(rows: list[list[str]], delimiter: str) -> None:
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter).writerows(rows)
    data = written.getvalue().encode()
    sheet = parse(data, complete=True, delimiter=delimiter, encoding="utf-8")
    expected = [tuple(row) for row in rows]
    expected[0] = (expected[0][0].removeprefix("\ufeff"), *expected[0][1:])
    assert list(sheet.rows) == expected


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_read_or_refused(data: bytes, complete: bool) -> None:
    try:
        sheet = parse(data, complete=complete)
        file = described(sheet, header=False)
    except SourceError:
        return
    assert len(file.columns) == len(sheet.rows[0])
