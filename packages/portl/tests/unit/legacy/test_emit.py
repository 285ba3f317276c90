"""What is written as YAML reads back as the same data."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from portl.legacy.emit import emit
from portl.model.scalar import scalar
from portl.model.yaml import Path, load

TEXTS = st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(
    [
        "yes",
        "No",
        "null",
        "1",
        "1e3",
        "0o7",
        "- a",
        "a: b",
        "a #b",
        "---",
        "",
        " a",
        "a\nb",
        "a\n\n  b\nc",
        "{{ a }}",
        "|",
        "~",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | TEXTS
LEAVES = SCALARS | st.lists(SCALARS, max_size=3)
DATA = st.dictionaries(
    TEXTS,
    st.recursive(
        LEAVES,
        lambda inner: (
            st.dictionaries(TEXTS, inner, max_size=3)
            | st.lists(st.dictionaries(TEXTS, inner, min_size=1, max_size=3), max_size=3)
        ),
        max_leaves=6,
    ),
    min_size=1,
    max_size=4,
)


@given(DATA, TEXTS)
def test_data_survive(data: dict[str, Any], comment: str) -> None:
    comments: dict[Path, str] = {(name,): f"{name} {comment}" for name in data}
    text = emit(data, comments, comment)
    assert load(text, "x.yaml")[0] == data


@given(TEXTS)
def test_other_readers_see_the_same_texts(text: str) -> None:
    assert yaml.safe_load(f"a: {scalar(text)}")["a"] == text


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("abc", "abc"),
        ("./a/b.csv", "./a/b.csv"),
        ("yes", '"yes"'),
        ("12", '"12"'),
        (12, "12"),
        (None, "null"),
        (True, "true"),
    ],
)
def test_scalars(value: Any, written: str) -> None:
    assert scalar(value) == written


PLEASANT = """\
# head
name: x

steps:
  - id: a
    # why
    key: [b, c]
    sql: |-
      SELECT 1
        FROM t
    mapping:
      k: "{{ row.v }}"
"""


def test_it_is_pleasant() -> None:
    step = {"id": "a", "key": ["b", "c"], "sql": "SELECT 1\n  FROM t", "mapping": {"k": "{{ row.v }}"}}
    assert emit({"name": "x", "steps": [step]}, {("steps", 0, "key"): "why"}, "head") == PLEASANT
