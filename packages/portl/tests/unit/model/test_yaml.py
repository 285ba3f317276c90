"""YAML 1.2's core schema, bounded, with places."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portl.errors import JobSpecError
from portl.model.yaml import MAX_DEPTH, load


def _load(text: str) -> Any:
    data, _, findings = load(text, "job.yaml")
    assert findings == []
    return data


def _told(text: str) -> str:
    with pytest.raises(JobSpecError) as caught:
        load(text, "job.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("on", "on"),
        ("yes", "yes"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("22:22", "22:22"),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("2026-01-01", "2026-01-01"),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("'10'", "10"),
        ('"true"', "true"),
        ("!!str 10", "10"),
        ("! 10", "10"),
        ("!!int 10", 10),
        ("<<", "<<"),
    ],
)
def test_a_scalar_means_what_yaml_1_2_says(text: str, value: Any) -> None:
    found = _load(f"a: {text}")["a"]
    assert (found, type(found)) == (value, type(value))


def test_keys_are_text() -> None:
    assert _load("on: 1\n5: 2\ntrue: 3\nnull: 4\n") == {"on": 1, "5": 2, "true": 3, "null": 4}


def test_places_are_those_of_keys_and_values() -> None:
    _, source, _ = load("a:\n  - b: 1\n    c: two\n", "job.yaml")
    assert source.where(("a", 0, "c")) == "job.yaml:3:8"
    assert source.key(("a", 0, "c")).column == 5
    assert source.where(("a", 7, "x")) == "job.yaml:2:3"
    assert source.inside(("a", 0, "c"), "wo").column == 9
    assert source.inside(("a", 0, "c"), "not there").column == 8


def test_duplicate_keys_are_all_told_and_the_first_is_kept() -> None:
    data, _, findings = load("a: 1\na: 2\nb: {c: 1, c: 2}\n", "job.yaml")
    assert data == {"a": 1, "b": {"c": 1}}
    assert [str(item) for item in findings] == [
        "job.yaml:2:1: The key 'a' stands here a second time; the first is in line 1. Remove one of them.",
        "job.yaml:3:11: The key 'c' stands here a second time; the first is in line 3. Remove one of them.",
    ]


def test_aliases_repeat_a_value() -> None:
    assert _load("a: &x {b: [1, 2]}\nc: *x\n") == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}}


LAUGHS = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (LAUGHS, "more than 100,000 values"),
        ("&a [*a]", "no anchor '&a'"),
        ("a: *b", "no anchor '&b'"),
        ("[" * 100_000, f"more than {MAX_DEPTH} levels"),
        ("a: {" * 60, f"more than {MAX_DEPTH} levels"),
        ("x" * 1_000_001, "larger than 1,000,000 bytes"),
        ("a: 1\n---\nb: 2\n", "job.yaml:2:1: The file has a second document."),
        ("a: \x07", "job.yaml:1:4: There is a character that YAML does not allow."),
        ("a: {host: ${env:X}}", 'Quote a value with ${…} in it: "${env:NAME}".'),
        ("a: {b: {{ c }}, d", "Quote a value that begins with {{"),
        ("a: %x", "Quote a value that begins with this character."),
        ("a:\n\tb: 1", "Indent with spaces"),
        ("a: b: c", "job.yaml:1:5: This is not YAML"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(text: str, what: str) -> None:
    assert what in _told(text)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a: {{ b }}", "A key has to be a plain text. Quote the value"),
        ("a: !!timestamp 2026-01-01", "The tag 'tag:yaml.org,2002:timestamp' is not known."),
        ("a: !!int x", "This is no int."),
        ("a: " + "9" * 5000, "The number is too long."),
    ],
)
def test_small_mistakes_leave_the_rest_readable(text: str, what: str) -> None:
    _, _, findings = load(text, "job.yaml")
    assert what in str(findings[0])


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    with suppress(JobSpecError):
        load(text, "job.yaml")


KEYS = st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126))
VALUES = st.none() | st.booleans() | st.integers() | KEYS


@given(st.recursive(VALUES, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=20))
def test_json_is_yaml(value: Any) -> None:
    assert _load(json.dumps(value)) == value
