"""Whatever bytes come: a value, or an error of portl's own. dev/fuzz/fuzz.py does the same for longer."""

from __future__ import annotations

import hostile
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

WORDS = st.sampled_from(
    [
        *"version: 2\n|steps:\n|  - {id: a, type: csv.read, path: a}\n|connections:\n|when: |batch: |- |: |[|]".split(
            "|"
        ),
        *'{from: "{{ steps.a.rows }}"}|  x: {type: sqlite, path: p}\n|${env:X}|{{ row.a }}|&a |*a|\n|  '.split("|"),
        *'{|}|"|!!str |\t|null|.nan|1e999'.split("|"),
    ]
)
YAML = st.lists(st.one_of(WORDS, st.text(max_size=5)), max_size=40).map(lambda words: "".join(words).encode())
LINES = st.lists(
    st.sampled_from(
        [b"a,b", b'"', b'""', b",", b"\r\n", b"\n", b"\r", b"\0", b"x", b"1", b"\xff", b"\xef\xbb\xbf", b" "]
    )
)
CSV = st.tuples(st.binary(min_size=3, max_size=3), LINES).map(lambda pair: pair[0] + b"".join(pair[1]))
PARTS = st.sampled_from(
    [
        *"row.code|row.n|row.list|row.map|[0]|.a|.items|(|)| + | * | ~ | if | else | not |1|'x'|none|[|]".split("|"),
        *"{|}|,|: | is |upper|replace('', 'x')|split('')|join| in |**|range(9)|to_date|md5".split("|"),
        *"json_path(row.map, '$')|_| and |9999999|%s".split("|"),
    ]
)
EXPRESSIONS = st.tuples(st.lists(PARTS, max_size=12), st.text(max_size=10)).map(
    lambda pair: "".join(pair[0]).encode() + b"\0" + pair[1].encode("utf-8", "replace")
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
).map(lambda value: b"\0" + hostile.as_json(value))


@settings(max_examples=150)
@given(st.one_of(YAML, st.binary(max_size=200)))
def test_a_job_file(data: bytes) -> None:
    hostile.job(data)


@settings(max_examples=300)
@given(st.one_of(CSV, st.binary(max_size=200)))
def test_a_csv_file(data: bytes) -> None:
    hostile.csv(data)


@settings(max_examples=200)
@given(st.one_of(EXPRESSIONS, st.binary(max_size=60)))
def test_an_expression(data: bytes) -> None:
    hostile.template(data)


@settings(max_examples=200)
@given(st.one_of(JSON, st.binary(max_size=200)))
def test_an_answer(data: bytes) -> None:
    hostile.answer(data)


@given(st.text().map(lambda text: text.encode("utf-8", "replace")))
def test_an_identifier(data: bytes) -> None:
    hostile.identifier(data)


@pytest.mark.parametrize(
    ("target", "data"),
    [
        ("csv", b'\x071\xff\xff\xff\xff\0\0\0\0\0\0\0\0",'),  # UTF-16 without its mark
        ("answer", b"s4\x1f"),  # a Retry-After that Python strips, and does not take for a number
        ("answer", b"\1Sun, 22222222222 Nov 2026 10:00:00 GMT"),
        ("answer", b"\0" + b"[" * 100_000),
        ("answer", b"!2e90666666666666666660000000000000000"),  # an exponent that no decimal has
    ],
)
def test_what_was_found_stays_mended(target: str, data: bytes) -> None:
    hostile.TARGETS[target](data)
