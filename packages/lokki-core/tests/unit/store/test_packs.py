"""Packs: what a map runs over, tried on each store."""

from __future__ import annotations

import gzip
import io
import json
import pickle
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lokki.errors import StoreError, StoreFormatError
from lokki.store import MemoryStore, base
from lokki.store.base import BaseStore
from lokki.store.pack import PackRef, Row, check_chain, dump_manifest, load_manifest

StoreMaker = Callable[..., BaseStore]
SHARED = settings(
    max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
ITEMS = st.lists(st.integers() | st.text(max_size=2000) | st.binary(max_size=2000), max_size=30)
LIMITS = {"max_items": st.integers(1, 12), "max_bytes": st.none() | st.integers(1, 3000)}


def raw(store: BaseStore, url: str) -> bytes:
    return bytes(store._blobs.get(store._blobs.key(url)))


def put_raw(store: BaseStore, url: str, data: bytes) -> None:
    store._blobs.put(store._blobs.key(url), data)


def packed(store: BaseStore, run_id: str, items: Iterable[object], **limits: Any) -> PackRef:
    with store.open_pack("flow", run_id, "source", **limits) as pack:
        pack.extend(items)
        return pack.seal()


def unpickled(data: bytes) -> list[Any]:
    stream = gzip.GzipFile(fileobj=io.BytesIO(data))
    found = []
    while True:
        try:
            found.append(pickle.load(stream))
        except EOFError:
            return found


@SHARED
@given(items=ITEMS, **LIMITS)
def test_a_pack_keeps_items_and_order(
    store: BaseStore, run_id: str, items: list[object], max_items: int, max_bytes: int | None
) -> None:
    ref = packed(store, run_id, iter(items), max_items=max_items, max_bytes=max_bytes)
    rows = store.read_manifest(ref.manifest_url)
    assert tuple(rows) == ref.rows
    assert ref.count == len(items) == sum(row.count for row in rows)
    assert all(1 <= row.count <= max_items for row in rows)
    assert list(store.iter_pack(ref.url, rows)) == items
    assert [item for row in rows for item in store.read_batch(ref.url, row)] == items
    data = raw(store, ref.url)
    assert unpickled(data) == items
    for row in rows:
        alone = unpickled(data[row.offset : row.end])
        assert alone == items[row.first : row.first + row.count]
        size = sum(len(pickle.dumps(item, 5)) for item in alone)
        assert row.count == 1 or max_bytes is None or size <= max_bytes


@SHARED
@given(items=ITEMS, **LIMITS)
def test_items_one_by_one_give_the_same_pack(
    run_id: str, items: list[object], max_items: int, max_bytes: int | None
) -> None:
    store = MemoryStore()
    at_once = packed(store, "a", items, max_items=max_items, max_bytes=max_bytes)
    with store.open_pack("flow", "b", "source", max_items=max_items, max_bytes=max_bytes) as pack:
        for position, item in enumerate(items):
            if position % 2:
                pack.append(item)
            else:
                pack.append_pickled(pickle.dumps(item, 5))
        single = pack.seal()
    with store.open_pack("flow", "c", "source", max_items=max_items, max_bytes=max_bytes) as pack:
        for item in items[:3]:
            pack.append(item)
        pack.extend(items[3:])
        mixed = pack.seal()
    with store.open_pack("flow", "d", "source", max_items=max_items, max_bytes=max_bytes) as pack:
        for start in range(0, len(items), 3):
            pack.extend_pickled([pickle.dumps(item, 5) for item in items[start : start + 3]])
        pickled = pack.seal()
    assert single.rows == at_once.rows == mixed.rows == pickled.rows
    assert len({raw(store, ref.url) for ref in (at_once, single, mixed, pickled)}) == 1


def test_the_manifest_is_a_bare_array_of_rows(store: BaseStore, run_id: str) -> None:
    ref = packed(store, run_id, "abc", max_items=2)
    first, second = ref.rows
    assert (
        raw(store, ref.manifest_url)
        == (
            f'[{{"v":1,"first":0,"count":2,"offset":0,"length":{first.length}}},'
            f'{{"v":1,"first":2,"count":1,"offset":{first.length},"length":{second.length}}}]'
        ).encode()
    )
    assert ref.url.endswith("/source/output.pkl.gz")
    assert ref.manifest_url.endswith("/source/map_manifest.json")
    assert ref.manifest_url == store.manifest_url("flow", run_id, "source")


def test_an_empty_pack_is_one_empty_member(store: BaseStore, run_id: str) -> None:
    ref = packed(store, run_id, [], max_items=5)
    assert (ref.rows, ref.count) == ((), 0)
    assert raw(store, ref.manifest_url) == b"[]"
    assert gzip.decompress(raw(store, ref.url)) == b""
    assert list(store.iter_pack(ref.url, store.read_manifest(ref.manifest_url))) == []
    put_raw(store, ref.url, b"")
    with pytest.raises(StoreFormatError, match="0 bytes long"):
        store.iter_pack(ref.url, [])


def test_generators_are_consumed_a_batch_at_a_time(store: BaseStore, run_id: str) -> None:
    members: list[int] = []

    def source() -> Iterator[int]:
        for number in range(10):
            members.append(len(pack._rows))
            yield number

    with store.open_pack("flow", run_id, "source", max_items=3) as pack:
        pack.extend(source())
        pack.seal()
    assert members == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]


def test_what_is_not_sealed_is_never_visible(store: BaseStore, run_id: str) -> None:

    def source() -> Iterator[int]:
        yield from range(3)
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        packed(store, run_id, source())
    with store.open_pack("flow", run_id, "source") as pack:
        pack.append(1)
    assert not store.exists(store.output_url("flow", run_id, "source"))
    assert not store.exists(store.manifest_url("flow", run_id, "source"))


def test_an_item_that_cannot_be_pickled_leaves_the_pack_as_it_was(store: BaseStore, run_id: str) -> None:
    with store.open_pack("flow", run_id, "source", max_items=2) as pack:
        pack.append(1)
        with pytest.raises((pickle.PicklingError, AttributeError)):
            pack.append(lambda: None)
        pack.append(2)
        ref = pack.seal()
    assert list(store.iter_pack(ref.url, ref.rows)) == [1, 2]


def test_a_sealed_pack_takes_nothing_more(store: BaseStore, run_id: str) -> None:
    with store.open_pack("flow", run_id, "source") as pack:
        pack.append(1)
        ref = pack.seal()
        attempts: list[Callable[[], object]] = [
            lambda: pack.append(2),
            lambda: pack.append_pickled(b"N."),
            lambda: pack.extend([2]),
            lambda: pack.extend_pickled([b"N."]),
            pack.seal,
        ]
        for attempt in attempts:
            with pytest.raises(StoreError, match="sealed or abandoned"):
                attempt()
    assert list(store.iter_pack(ref.url, ref.rows)) == [1]


@pytest.mark.parametrize(("max_items", "max_bytes"), [(0, None), (-1, None), (1, 0)])
def test_a_batch_holds_something(store: BaseStore, max_items: int, max_bytes: int | None) -> None:
    with pytest.raises(ValueError, match="at least one item"):
        store.open_pack("flow", "run", "source", max_items=max_items, max_bytes=max_bytes)


def test_one_batch_is_one_ranged_read(store: BaseStore, run_id: str) -> None:
    ref = packed(store, run_id, range(100), max_items=10)
    calls: list[tuple[str, tuple[Any, ...]]] = []
    store._blobs = Recorder(store._blobs, calls)
    assert store.read_batch(ref.url, ref.rows[3]) == list(range(30, 40))
    assert [name for name, _ in calls if name not in ("url", "key")] == ["get_range"]


class Recorder:
    def __init__(self, blobs: Any, calls: list[tuple[str, tuple[Any, ...]]]) -> None:
        self._blobs = blobs
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any) -> Any:
            self._calls.append((name, args))
            return getattr(self._blobs, name)(*args)

        return call


def test_long_packs_are_read_some_batches_at_a_time(
    store: BaseStore, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = packed(store, run_id, range(100), max_items=3)
    monkeypatch.setattr(base, "_READ_BYTES", 3 * ref.rows[0].length)
    calls: list[tuple[str, tuple[Any, ...]]] = []
    store._blobs = Recorder(store._blobs, calls)
    assert list(store.iter_pack(ref.url, ref.rows)) == list(range(100))
    ranges = [args[1:] for name, args in calls if name == "get_range"]
    assert len(ranges) >= 11
    assert [start for start, _ in ranges[1:]] == [start + length for start, length in ranges[:-1]]
    monkeypatch.setattr(base, "_READ_BYTES", 1)
    assert list(store.iter_pack(ref.url, ref.rows)) == list(range(100))


def test_truncation_anywhere_is_an_error(store: BaseStore, run_id: str) -> None:
    ref = packed(store, run_id, ["a", "b", "c" * 40], max_items=1)
    data = raw(store, ref.url)
    between = [row.end for row in ref.rows]
    sizes = range(len(data)) if isinstance(store, MemoryStore) else [0, 1, *between[:-1], len(data) - 1]
    for size in sizes:
        put_raw(store, ref.url, data[:size])
        with pytest.raises(StoreFormatError, match=rf"{size} bytes long, but its manifest names {len(data)}"):
            store.iter_pack(ref.url, ref.rows)
        for row in ref.rows:
            if row.end > size:
                with pytest.raises(StoreFormatError, match=rf"items {row.first}\.\.{row.first} at byte {row.offset}"):
                    store.read_batch(ref.url, row)
            else:
                assert len(store.read_batch(ref.url, row)) == 1
    put_raw(store, ref.url, data + b"\0")
    with pytest.raises(StoreFormatError, match="bytes long"):
        store.iter_pack(ref.url, ref.rows)


def test_every_damaged_byte_is_noticed_or_harmless() -> None:
    store = MemoryStore()
    items = ["a", "b" * 700, list(range(200)), None, 1.5]
    ref = packed(store, "run", items, max_items=2)
    data = raw(store, ref.url)
    for position in range(len(data)):
        for flip in (1, 4, 0x80, 0xFF):
            damaged = bytearray(data)
            damaged[position] ^= flip
            put_raw(store, ref.url, bytes(damaged))
            try:
                found = list(store.iter_pack(ref.url, ref.rows))
            except StoreFormatError:
                continue
            assert found == items, (position, flip)


def test_a_row_that_lies_is_an_error(store: BaseStore, run_id: str) -> None:
    ref = packed(store, run_id, range(6), max_items=2)
    middle = ref.rows[1]
    lies = [
        middle._replace(count=1),
        middle._replace(count=3),
        middle._replace(offset=middle.offset + 1),
        middle._replace(length=middle.length - 1),
        middle._replace(length=middle.length + 1),
        middle._replace(length=middle.length * 2),
        middle._replace(offset=ref.rows[2].end + 50),
    ]
    for lie in lies:
        with pytest.raises(StoreFormatError):
            store.read_batch(ref.url, lie)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no JSON"),
        ('[{"v":1', "no JSON"),
        ("{}", "must be a list"),
        ("[1]", "must be an object"),
        ('[{"first":0,"count":1,"offset":0,"length":9}]', "format version None, but this lokki reads version 1"),
        ('[{"v":2,"first":0,"count":1,"offset":0,"length":9}]', "format version 2, but this lokki reads version 1"),
        ('[{"v":true,"first":0,"count":1,"offset":0,"length":9}]', "format version True"),
        ('[{"v":1,"first":0,"count":1,"offset":0}]', "length = None"),
        ('[{"v":1,"first":0,"count":1,"offset":0,"length":"9"}]', "length = '9'"),
        ('[{"v":1,"first":0,"count":1,"offset":0,"length":9.0}]', "length = 9.0"),
        ('[{"v":1,"first":0,"count":true,"offset":0,"length":9}]', "count = True"),
        ('[{"v":1,"first":0,"count":0,"offset":0,"length":9}]', "count = 0"),
        ('[{"v":1,"first":0,"count":1,"offset":0,"length":0}]', "length = 0"),
        ('[{"v":1,"first":-1,"count":1,"offset":0,"length":9}]', "first = -1"),
        ('[{"v":1,"first":0,"count":1,"offset":-1,"length":9}]', "offset = -1"),
        ('[{"v":1,"first":1,"count":1,"offset":0,"length":9}]', "gap or an overlap at item 0"),
        ('[{"v":1,"first":0,"count":1,"offset":5,"length":9}]', "gap or an overlap at item 0"),
        (
            '[{"v":1,"first":0,"count":1,"offset":0,"length":9},{"v":1,"first":0,"count":1,"offset":9,"length":9}]',
            r"gap or an overlap at item 1 \(byte 9\)",
        ),
    ],
)
def test_a_manifest_of_another_kind_is_refused(store: BaseStore, run_id: str, text: str, complaint: str) -> None:
    url = store.write_manifest("flow", run_id, "source", [])
    put_raw(store, url, text.encode())
    with pytest.raises(StoreFormatError, match=complaint) as caught:
        store.read_manifest(url)
    assert caught.value.url == url


def test_rows_that_do_not_join_are_refused(store: BaseStore, run_id: str) -> None:
    ref = packed(store, run_id, range(6), max_items=2)
    with pytest.raises(StoreFormatError, match="gap or an overlap"):
        store.iter_pack(ref.url, ref.rows[1:])
    with pytest.raises(StoreFormatError, match="its manifest names"):
        store.iter_pack(ref.url, ref.rows[:-1])


def test_rows_travel_as_dictionaries() -> None:
    row = Row(3, 2, 100, 50)
    assert row.to_dict() == {"v": 1, "first": 3, "count": 2, "offset": 100, "length": 50}
    assert Row.from_dict(json.loads(json.dumps(row.to_dict()))) == row
    assert row.end == 150
    assert check_chain([Row(0, 2, 0, 10), Row(2, 1, 10, 5)], url="x") == (3, 15)
    assert load_manifest(dump_manifest([Row(0, 2, 0, 10)]), url="x") == [Row(0, 2, 0, 10)]


def test_a_new_pack_never_stands_beside_an_old_manifest(run_id: str) -> None:
    store = MemoryStore()
    packed(store, run_id, range(6), max_items=2)
    seen: list[bool] = []
    with store.open_pack("flow", run_id, "source") as pack:
        pack.append("new")
        commit = pack._sink.commit
        manifest = store.manifest_url("flow", run_id, "source")

        def watched() -> None:
            seen.append(store.exists(manifest))
            commit()
            seen.append(store.exists(manifest))

        pack._sink.commit = watched  # type: ignore[method-assign]  # a fault injected
        ref = pack.seal()
    assert seen == [False, False]
    assert list(store.iter_pack(ref.url, store.read_manifest(ref.manifest_url))) == ["new"]
