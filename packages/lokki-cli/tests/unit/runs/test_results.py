"""Values as JSON and in files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lokki_cli.errors import CommandLineError, OperationError
from lokki_cli.ops.results import as_json, plain_or_text, save


class Size(Enum):
    SMALL = 1


@dataclass
class Bird:
    name: str
    size: Size
    seen: date


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Bird("owl", Size.SMALL, date(2026, 1, 2)), {"name": "owl", "size": "SMALL", "seen": "2026-01-02"}),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        ((1, [2]), [1, [2]]),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset("a"), ["a"]),
        (None, None),
    ],
)
def test_values_become_plain(value: Any, plain: Any) -> None:
    assert json.loads(as_json(value)) == plain
    assert plain_or_text(value) == plain


@pytest.mark.parametrize("value", [object(), float("nan"), {(1, 2): 3}, b"bytes", Bird])
def test_what_json_cannot_carry(value: Any) -> None:
    with pytest.raises(OperationError, match=r"the result is nothing JSON can carry: .* Use --save FILE\.pkl\."):
        as_json(value)
    assert plain_or_text(value) == str(value)


plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(plain_values)
def test_plain_values_stay_as_they_are(value: Any) -> None:
    assert json.loads(as_json(value)) == value


def test_text_and_bytes_go_into_any_file(tmp_path: Path) -> None:
    save("a,b\n", str(tmp_path / "x.csv"))
    save(b"\x89PNG", str(tmp_path / "x.png"))
    assert (tmp_path / "x.csv").read_bytes() == b"a,b\n"
    assert (tmp_path / "x.png").read_bytes() == b"\x89PNG"
    with pytest.raises(CommandLineError, match="its ending tells no format"):
        save(3, str(tmp_path / "x.csv"))
    assert (tmp_path / "x.csv").read_bytes() == b"a,b\n"
    save(3, str(tmp_path / "x.txt"))
    assert (tmp_path / "x.txt").read_bytes() == b"3\n"
