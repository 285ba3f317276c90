"""Rows between steps: the same in memory and on disk, aligned, and lazy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portl.batch import rows as module
from portl.batch.items import Items, Selection, selected
from portl.batch.rows import Aligned, Kept, ListRows, Rows, Spool
from portl.template.rows import Chunk

CHUNKS = st.lists(st.lists(st.tuples(st.integers(), st.text(max_size=3))))


class Counted(Rows):
    """Rows that count how often somebody goes through them."""

    columns = ("a",)

    def __init__(self, count: int) -> None:
        self.count = count
        self.passes = 0

    def chunks(self) -> Iterator[list[Any]]:
        self.passes += 1
        for first in range(0, self.count, 10):
            yield [(number,) for number in range(first, min(first + 10, self.count))]

    def locate(self, index: int, column: str | None = None) -> str:
        return f"file:{index}"


@given(CHUNKS)
def test_a_spool_gives_back_what_was_added(chunks: list[list[tuple[int, str]]]) -> None:
    spool = Spool(("n", "t"))
    for chunk in chunks:
        spool.append(chunk)
    rows = [row for chunk in chunks for row in chunk]
    assert list(spool.items()) == rows
    assert len(spool) == len(rows)
    assert list(spool) == [{"n": n, "t": t} for n, t in rows]
    assert [spool[index] for index in range(len(rows))] == list(spool)
    if rows:
        assert spool[-1] == {"n": rows[-1][0], "t": rows[-1][1]}
    for index in (len(rows), -len(rows) - 1):
        with pytest.raises(IndexError):
            spool[index]


def test_a_large_spool_lies_in_a_file_and_two_may_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IN_MEMORY", 100)
    spool = Spool()
    for number in range(50):
        spool.append([number] * 20)
    first, second = spool.items(), spool.items()
    assert [next(first) for _ in range(500)] == [number // 20 for number in range(500)]
    assert list(second) == [number // 20 for number in range(1000)]
    assert next(first) == 25
    assert spool._file.name is not None


def test_rows_that_many_want_are_read_once() -> None:
    source = Counted(25)
    kept = Kept(source)
    started = kept.items()
    next(started)
    assert [list(kept.items()) for _ in range(3)] == [[(number,) for number in range(25)]] * 3
    assert source.passes == 2
    assert (len(kept), kept[3], kept.locate(4)) == (25, {"a": 3}, "file:4")
    assert Kept(Counted(25))[-1] == {"a": 24}
    with pytest.raises(IndexError):
        Kept(Counted(2))[2]


def test_lists_are_rows_too() -> None:
    rows = ListRows([{"a": 1}, 2])
    assert (list(rows), len(rows), rows[1], rows.locate(0)) == ([{"a": 1}, 2], 2, 2, "")
    rows.origin = Counted(5)
    assert rows.locate(3) == "file:3"


@given(st.lists(st.booleans(), max_size=50))
def test_results_are_aligned_with_their_source(flags: list[bool]) -> None:
    dense = [index for index, flag in enumerate(flags) if flag]
    aligned = Aligned(ListRows(dense), bytearray(flags))
    expected = [index if flag else None for index, flag in enumerate(flags)]
    assert list(aligned) == expected
    assert [aligned[index] for index in range(len(flags))] == expected
    assert len(aligned) == len(flags)
    mask = bytearray(not flag for flag in flags)
    assert list(aligned.within(mask)) == [None] * mask.count(1)
    assert list(aligned.within(aligned.mask)) == dense
    with pytest.raises(IndexError):
        aligned[len(flags)]


def test_results_for_all_items() -> None:
    aligned = Aligned(ListRows([1, 2, 3]), None)
    assert (list(aligned), aligned[-1], len(aligned)) == ([1, 2, 3], 3, 3)
    assert list(aligned.within(bytearray([1, 0, 1]))) == [1, 3]
    assert not aligned.nullable


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 7))
def test_items_come_in_chunks_with_their_results(flags: list[bool], size: int) -> None:
    source = ListRows([(number,) for number in range(len(flags))], ("n",))
    mask = bytearray(flags)
    results = {
        "all": Aligned(ListRows([number * 10 for number in range(len(flags))]), None),
        "same": Aligned(ListRows([number for number, flag in enumerate(flags) if flag]), mask),
    }
    items = Items(source, "row", mask, results)
    chunks = list(items.chunks([("item", "all"), ("item", "same"), ("idx",)], size))
    wanted = [number for number, flag in enumerate(flags) if flag]
    assert [index for chunk in chunks for index in chunk.indexes] == wanted
    assert [row for chunk in chunks for row in chunk.of(("row",))] == [(number,) for number in wanted]
    assert [value for chunk in chunks for value in chunk.of(("item", "all"))] == [number * 10 for number in wanted]
    assert [value for chunk in chunks for value in chunk.of(("item", "same"))] == wanted
    assert all(0 < len(chunk) <= size for chunk in chunks)


def test_what_is_known_of_the_items() -> None:
    mask = bytearray([1])
    results = {
        "same": Aligned(ListRows([(1,)], ("id",)), mask),
        "other": Aligned(ListRows([(1,)], ("id",)), bytearray([1])),
    }
    variables = Items(ListRows([1]), "doc", mask, results).variables()
    assert not variables["item", "same"].nullable
    assert variables["item", "other"].nullable
    assert variables["doc",].columns is None


@given(st.lists(st.tuples(st.booleans(), st.booleans())))
def test_a_selection_within_a_selection(flags: list[tuple[bool, bool]]) -> None:
    outer = Selection(None)
    outer.add(range(len(flags)), [flag for flag, _ in flags])
    inner = Selection(outer.mask)
    indexes = [index for index, (flag, _) in enumerate(flags) if flag]
    inner.add(indexes, [flags[index][1] for index in indexes])
    assert list(inner.mask) == [int(both and flag) for flag, both in flags]
    assert outer.everything == all(flag for flag, _ in flags)


def test_chosen_items_of_a_chunk() -> None:
    chunk = Chunk(range(3), {("row",): ["a", "b", "c"]})
    assert selected(chunk, [True] * 3) is chunk
    some = selected(chunk, [True, False, True])
    assert (list(some.indexes), list(some.of(("row",)))) == ([0, 2], ["a", "c"])
