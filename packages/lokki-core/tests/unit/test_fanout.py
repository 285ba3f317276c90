"""A step's result as a pack: batches of the wanted size, whatever kind of iterable it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lokki import fanout, step
from lokki.chain import TaskUse
from lokki.clock import SYSTEM_CLOCK
from lokki.errors import ResultError
from lokki.fanout import AUTO_CHILDREN, fan_out
from lokki.invoke import Invoker
from lokki.resolve import Call
from lokki.store.memory import MemoryStore
from lokki.store.pack import PackRef, PackWriter


@step
def source() -> list[int]:
    return []


USE = source.links[0]
assert isinstance(USE, TaskUse)
INVOKER = Invoker(USE.step, "source", Call(), flow="f", run_id="r", started_at=SYSTEM_CLOCK.now())


def packed(result: object, batch_size: Any) -> tuple[PackRef, list[Any]]:
    store = MemoryStore()

    def open_pack(most: int) -> PackWriter:
        return store.open_pack("f", "r", "source", max_items=most)

    ref = fan_out(result, INVOKER, batch_size, open_pack)
    return ref, list(store.iter_pack(ref.url, ref.rows))


def stream(count: int) -> Iterator[int]:
    yield from range(count)


@given(st.integers(0, 300), st.integers(1, 50), st.booleans())
def test_batches_have_the_given_size(count: int, size: int, lazy: bool) -> None:
    ref, items = packed(stream(count) if lazy else list(range(count)), size)
    assert items == list(range(count))
    assert [row.count for row in ref.rows[:-1]] == [size] * (len(ref.rows) - 1)
    assert ref.count == count


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2500])
def test_auto_makes_no_more_than_a_thousand_batches(count: int) -> None:
    for result in (list(range(count)), stream(count)):
        ref, items = packed(result, "auto")
        assert items == list(range(count))
        assert len(ref.rows) <= AUTO_CHILDREN
        assert {row.count for row in ref.rows[:-1]} <= {-(-count // AUTO_CHILDREN)}


@pytest.mark.parametrize(("held", "count"), [(1_000, 20_000), (1_000, 1_001), (100, 20_000)])
def test_auto_lets_the_batches_of_a_long_stream_grow(held: int, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "_HELD_ITEMS", held)
    ref, items = packed(stream(count), "auto")
    assert items == list(range(count))
    sizes = [row.count for row in ref.rows[:-1]]
    assert sizes == sorted(sizes)
    assert len(sizes) < 1.5 * AUTO_CHILDREN


def test_auto_holds_back_no_more_than_some_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "_HELD_BYTES", 100)
    ref, items = packed(stream(700), "auto")
    assert (len(items), ref.rows[0].count) == (700, 1)


@pytest.mark.parametrize(
    ("result", "complaint"),
    [
        ("text", "returned a str"),
        (b"bytes", "returned a bytes"),
        ({"a": 1}, r"returned a dict. Return list\(d.items\(\)\)"),
        (None, r"returned nothing \(None\)"),
        (5, "returned a int, which has no items"),
        ([1, lambda: 2], "item 1: its result, a function, cannot be pickled"),
    ],
)
def test_what_cannot_be_fanned_out_is_said(result: object, complaint: str) -> None:
    with pytest.raises(ResultError, match=complaint):
        packed(result, 10)
