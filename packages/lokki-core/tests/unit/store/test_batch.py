"""What is kept of a deployed batch, and how a map's results are gathered from batches."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lokki.errors import MapFailedError, ObjectMissingError, StoreFormatError
from lokki.failure import ItemFailure
from lokki.graph import MapLink, MapOptions, TaskEntry
from lokki.store.batch import Batch, read_output, read_partial, write_output, write_partial
from lokki.store.collect import MapResults, prefetched
from lokki.store.local import LocalStore
from lokki.store.memory import MemoryStore
from lokki.store.pack import Row
from lokki.store.protocol import TransientStore

PLACE = ("flow", "run", "node")
SAVED = datetime(2026, 11, 22, 7, 30, tzinfo=UTC)


def failure(index: int) -> ItemFailure:
    return ItemFailure(index, "ValueError", f"bad {index}", "Traceback…", "node", 2)


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """Any mix of items that are done, failed, waiting, and tried before."""
    first, fates = draw(st.integers(0, 10**6)), draw(st.lists(st.sampled_from("dfwt"), min_size=1, max_size=40))
    placed = list(enumerate(fates, first))
    values = st.none() | st.integers() | st.text() | st.binary(max_size=2000)
    return Batch(
        first,
        len(fates),
        {index: pickle.dumps(draw(values)) for index, fate in placed if fate == "d"},
        {index: failure(index) for index, fate in placed if fate == "f"},
        {index: draw(st.integers(1, 5)) for index, fate in placed if fate == "t"},
        SAVED,
    )


@given(batches())
def test_a_batch_survives_its_record(batch: Batch) -> None:
    assert Batch.from_record(pickle.loads(pickle.dumps(batch.to_record()))) == batch


@given(batches())
def test_each_item_is_done_failed_or_missing(batch: Batch) -> None:
    assert sorted([*batch.payloads, *batch.failures, *batch.missing()]) == list(batch.indices)
    assert batch.sealed == (not batch.missing())
    assert list(batch.values()) == [pickle.loads(batch.payloads[i]) for i in sorted(batch.payloads)]


@given(batches())
def test_only_a_sealed_batch_becomes_an_output(batch: Batch) -> None:
    store = MemoryStore()
    if batch.sealed:
        url = write_output(store, *PLACE, batch, path=(3,))
        assert url == store.output_url(*PLACE, path=(3,))
        assert read_output(store, url).payloads == batch.payloads
    else:
        with pytest.raises(ValueError, match="not finished"):
            write_output(store, *PLACE, batch, path=(3,))


@given(batches(), batches())
def test_partial_progress_is_never_taken_for_an_output(one: Batch, other: Batch) -> None:
    store = MemoryStore()
    assert read_partial(store, *PLACE, path=(3,)) is None
    for batch in (one, other):
        write_partial(store, *PLACE, batch, path=(3,))
    found = read_partial(store, *PLACE, path=(3,))
    assert found is not None
    assert found.to_record() == other.to_record()
    assert not store.exists(store.output_url(*PLACE, path=(3,)))


@pytest.fixture(params=["memory", "local"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> TransientStore:
    return MemoryStore(flow_name="flow") if request.param == "memory" else LocalStore(tmp_path, flow_name="flow")


def test_an_unfinished_record_under_an_outputs_key_is_refused(store: TransientStore) -> None:
    url = store.write(*PLACE, Batch(0, 2, {0: pickle.dumps(1)}).to_record(), path=(0,))
    with pytest.raises(StoreFormatError, match="not finished"):
        read_output(store, url)


GOOD = Batch(0, 2, {0: pickle.dumps(1)}, {1: failure(1)}).to_record()


@pytest.mark.parametrize(
    ("record", "complaint"),
    [
        (GOOD | {"v": 2}, "should be a batch of version 1, but is 2"),
        ([1], "but is 'a list'"),
        ({"v": 1}, "malformed"),
        (GOOD | {"results": 5}, "malformed"),
        (GOOD | {"count": 3}, "does not account"),
        (GOOD | {"sealed": False}, "does not account"),
        (GOOD | {"failures": {0: failure(0), 1: failure(1)}}, "does not account"),
        (GOOD | {"failures": {7: failure(7)}}, "does not account"),
    ],
)
def test_what_is_no_batch_is_refused(store: TransientStore, record: Any, complaint: str) -> None:
    with pytest.raises(StoreFormatError, match=complaint):
        read_output(store, store.write(*PLACE, record, path=(0,)))


def test_one_damaged_item_is_named(store: TransientStore) -> None:
    batch = read_output(store, store.write(*PLACE, Batch(5, 1, {5: b"nonsense"}).to_record(), path=(5,)))
    with pytest.raises(StoreFormatError, match="item 5 cannot be unpickled"):
        batch.value(5)


# Gathering


def task(node: str) -> TaskEntry:
    return TaskEntry(node, node, "m")


def leaf(percent: float = 0, *, name: str = "b", source: str = "a") -> MapLink:
    return MapLink(name, source, MapOptions(tolerated_failure_percentage=percent), (task(name), task(f"{name}2")), None)


def results(store: TransientStore, link: MapLink, path: tuple[int, ...] = ()) -> MapResults:
    return MapResults(store, "flow", "run", link, path)


def fill(store: TransientStore, link: MapLink, path: tuple[int, ...], *batches: Batch | int) -> None:
    """Write a manifest, and those batches that are not just a count."""
    position, rows = 0, []
    for batch in batches:
        count = batch if isinstance(batch, int) else batch.count
        rows.append(Row(position, count, position, count))
        if isinstance(batch, Batch):
            last = link.body[-1]
            assert isinstance(last, TaskEntry)
            write_output(store, "flow", "run", last.node, batch, path=(*path, position))
        position += count
    store.write_manifest("flow", "run", link.source, rows, path=path)


def done(first: int, *values: Any, failed: int = 0) -> Batch:
    payloads = {index: pickle.dumps(value) for index, value in enumerate(values, first)}
    after = range(first + len(values), first + len(values) + failed)
    return Batch(first, len(values) + failed, payloads, {index: failure(index) for index in after})


def test_results_come_in_item_order(store: TransientStore) -> None:
    fill(store, leaf(), (), done(0, "a", "b"), done(2, "c"), done(3, "d", "e"))
    assert list(results(store, leaf()).values()) == ["a", "b", "c", "d", "e"]


def test_an_empty_map_has_no_results(store: TransientStore) -> None:
    fill(store, leaf(10), ())
    assert list(results(store, leaf(10)).values()) == []


def test_tolerated_failures_are_left_out_and_told(store: TransientStore) -> None:
    link = leaf(40)
    fill(store, link, (), done(0, "a", failed=1), done(2, "c", "d", failed=1))
    gathered = results(store, link)
    assert gathered.judge(gathered.rows()) == [failure(1), failure(4)]
    assert list(gathered.values()) == ["a", "c", "d"]


def test_too_many_failures_fail_the_map(store: TransientStore) -> None:
    link = leaf(39)
    fill(store, link, (), done(0, "a", failed=1), done(2, "c", "d", failed=1))
    with pytest.raises(MapFailedError, match=r"2 of 5 items failed, more than the 39 % it tolerates") as caught:
        list(results(store, link).values())
    assert (caught.value.total, len(caught.value.failures)) == (5, 2)


def test_a_batch_without_a_result_counts_all_its_items(store: TransientStore) -> None:
    link = leaf(50)
    fill(store, link, (), done(0, "a", "b"), 2)
    failures = results(store, link).judge(results(store, link).rows())
    assert [(f.index, f.error_type, f.step) for f in failures] == [(2, "NoResult", "b"), (3, "NoResult", "b")]
    assert "ran out of memory" in failures[0].message


def test_a_lost_batch_is_explained_by_its_error_record(store: TransientStore) -> None:
    link = leaf(50)
    fill(store, link, (), done(0, "a"), 1)
    record = {"error_type": "KeyError", "error_message": "'x'", "traceback": "T", "attempts": 3, "message": "long"}
    store.write_error("flow", "run", "b", record, path=(1,))
    assert results(store, link).judge(results(store, link).rows()) == [ItemFailure(1, "KeyError", "'x'", "T", "b", 3)]


def test_without_tolerance_a_missing_batch_is_an_error(store: TransientStore) -> None:
    fill(store, leaf(), (), done(0, "a"), 1)
    with pytest.raises(ObjectMissingError):
        list(results(store, leaf()).values())


def test_a_batch_of_other_items_is_refused(store: TransientStore) -> None:
    fill(store, leaf(50), (), done(0, "a", "b"))
    store.write_manifest("flow", "run", "a", [Row(0, 3, 0, 1)])
    with pytest.raises(StoreFormatError, match=r"holds items 0\+2, but the manifest says 0\+3"):
        list(results(store, leaf(50)).values())


def nested(percent: float, inner: MapLink, *more: TaskEntry) -> MapLink:
    return MapLink("a", "s", MapOptions(tolerated_failure_percentage=percent), (task("a"), inner, *more), None)


def test_a_nested_open_map_gives_a_list_per_item(store: TransientStore) -> None:
    outer = nested(0, leaf())
    fill(store, outer, (), 1, 1)
    fill(store, leaf(), (0,), done(0, 1, 2), done(2, 3))
    fill(store, leaf(), (1,))
    assert list(results(store, outer).values()) == [[1, 2, 3], []]


def test_a_nested_map_whose_body_goes_on_gives_its_last_steps_result(store: TransientStore) -> None:
    inner = MapLink("b", "a", MapOptions(), (task("b"),), task("merge"))
    for outer, last in ((nested(0, inner), "merge"), (nested(0, inner, task("final")), "final")):
        store.write_manifest("flow", "run", "s", [Row(0, 1, 0, 1), Row(1, 1, 1, 1)])
        for index in (0, 1):
            store.write("flow", "run", last, f"{last} {index}", path=(index,))
        assert list(results(store, outer).values()) == [f"{last} 0", f"{last} 1"]


def test_an_item_fails_when_its_inner_map_failed_too_often_or_never_ran(store: TransientStore) -> None:
    outer = nested(70, leaf(10))
    store.write_manifest("flow", "run", "s", [Row(i, 1, i, 1) for i in range(3)])
    fill(store, leaf(), (0,), done(0, 1, 2))
    fill(store, leaf(), (1,), done(0, 1, failed=1))
    gathered = results(store, outer)
    failures = gathered.judge(gathered.rows())
    assert [(f.index, f.error_type) for f in failures] == [(1, "MapFailedError"), (2, "NoResult")]
    assert "(inside item 1): 1 of 2 items failed" in failures[0].message
    assert list(gathered.values()) == [[1, 2]]


def test_an_inner_aggregations_error_explains_a_lost_item(store: TransientStore) -> None:
    inner = MapLink("b", "a", MapOptions(), (task("b"),), task("merge"))
    outer = nested(100, inner)
    store.write_manifest("flow", "run", "s", [Row(0, 1, 0, 1)])
    store.write_error("flow", "run", "merge", {"error_type": "E", "message": "m"}, path=(0,))
    assert results(store, outer).judge(results(store, outer).rows()) == [ItemFailure(0, "E", "m", "", "merge", 1)]


def test_fetching_ahead_is_bounded_ordered_and_ends_with_the_reader() -> None:
    taken: list[int] = []

    def keys() -> Iterator[int]:
        for key in range(1000):
            taken.append(key)
            yield key

    values = prefetched(lambda key: key * 2, keys(), workers=3, ahead=5)
    assert [next(values) for _ in range(10)] == list(range(0, 20, 2))
    assert len(taken) <= 16
    values.close()  # type: ignore[attr-defined]  # it is a generator
    assert len(taken) <= 16


def test_an_error_comes_at_its_place() -> None:
    values = prefetched(lambda key: 1 // key, [1, 0, 1])
    assert next(values) == 1
    with pytest.raises(ZeroDivisionError):
        next(values)
