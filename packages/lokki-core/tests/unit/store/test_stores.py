"""What every store promises, tried on each."""

from __future__ import annotations

import gzip
import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lokki.errors import ObjectMissingError, StoreError, StoreFormatError, StoreUrlError
from lokki.store import MemoryStore, TransientStore
from lokki.store.base import BaseStore
from lokki.store.pack import Row

StoreMaker = Callable[..., BaseStore]
SHARED = settings(
    max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def raw(store: BaseStore, url: str) -> bytes:
    return bytes(store._blobs.get(store._blobs.key(url)))


def put_raw(store: BaseStore, url: str, data: bytes) -> None:
    store._blobs.put(store._blobs.key(url), data)


def test_a_store_is_a_transient_store(store: BaseStore) -> None:
    checked: TransientStore = store
    assert checked is store


@SHARED
@given(value=VALUES)
def test_what_is_written_is_read(store: BaseStore, run_id: str, value: object) -> None:
    url = store.write("flow", run_id, "step", value)
    assert url == store.output_url("flow", run_id, "step")
    assert store.read(url) == value
    assert pickle.loads(gzip.decompress(raw(store, url))) == value
    assert pickle.loads(store.read_pickled(url)) == value


def test_pickles_go_in_and_out_as_they_are(store: BaseStore, run_id: str) -> None:
    payload = pickle.dumps({"a": 1}, 2)
    url = store.write_pickled("flow", run_id, "step", payload)
    assert store.read_pickled(url) == payload
    assert store.read(url) == {"a": 1}


def test_large_values(store: BaseStore, run_id: str) -> None:
    value = [bytes(range(256)) * 40_000, "text" * 100_000]
    assert store.read(store.write("flow", run_id, "step", value)) == value


def test_writing_again_replaces(store: BaseStore, run_id: str) -> None:
    store.write("flow", run_id, "step", "old")
    assert store.read(store.write("flow", run_id, "step", "new")) == "new"


def test_each_path_is_a_place_of_its_own(store: BaseStore, run_id: str) -> None:
    paths: list[tuple[int, ...]] = [(), (0,), (1,), (0, 0), (10,)]
    places = {store.write("flow", run_id, "step", path, path=path): path for path in paths}
    assert len(places) == len(paths)
    assert {url: store.read(url) for url in places} == places


def test_what_is_done_of_a_batch_lies_beside_its_result(store: BaseStore, run_id: str) -> None:
    url = store.write_partial("flow", run_id, "step", {0: "a"}, path=(64,))
    assert url == store.partial_url("flow", run_id, "step", path=(64,))
    assert url.endswith("/step/64/partial.pkl.gz")
    assert store.read(url) == {0: "a"}
    assert not store.exists(store.output_url("flow", run_id, "step", path=(64,)))


@pytest.mark.parametrize("name", ["größe", "日本", "a b", "100%", "what?", "no#1", "%2e%2e", "a+b&c=d", "[x]~*"])
def test_names_of_any_script(make_store: StoreMaker, run_id: str, name: str) -> None:
    store = make_store(flow_name=name)
    url = store.write(name, run_id, name, "value", path=(3,))
    assert store.read(url) == "value"
    assert store.exists(url)


def test_existence(store: BaseStore, run_id: str) -> None:
    url = store.output_url("flow", run_id, "step")
    assert not store.exists(url)
    store.write("flow", run_id, "step", None)
    assert store.exists(url)
    assert not store.exists(store.manifest_url("flow", run_id, "step"))


def test_what_is_missing_is_named(store: BaseStore, run_id: str) -> None:
    output, manifest = store.output_url("flow", run_id, "step"), store.manifest_url("flow", run_id, "step")
    row = Row(0, 1, 0, 30)
    attempts: list[Callable[[], object]] = [
        lambda: store.read(output),
        lambda: store.read_pickled(output),
        lambda: store.read_manifest(manifest),
        lambda: store.read_batch(output, row),
        lambda: store.iter_pack(output, [row]),
        lambda: store.iter_pack(output, []),
        lambda: store.read_bindings("flow", run_id),
    ]
    for attempt in attempts:
        with pytest.raises(ObjectMissingError, match="nothing is stored here") as caught:
            attempt()
        assert caught.value.url.startswith(output.rsplit("/", 2)[0])
        assert caught.value.operation == "read"


def test_unpicklable_values_leave_nothing(store: BaseStore, run_id: str) -> None:
    with pytest.raises((pickle.PicklingError, AttributeError)):
        store.write("flow", run_id, "step", lambda: None)
    assert not store.exists(store.output_url("flow", run_id, "step"))


def test_errors_are_records(store: BaseStore, run_id: str) -> None:
    assert store.read_error("flow", run_id, "step") is None
    record = {"type": "ValueError", "message": "größe \ud800", "attempts": 3}
    url = store.write_error("flow", run_id, "step", record, path=(2,))
    assert url.endswith("/step/2/error.json")
    assert store.read_error("flow", run_id, "step", path=(2,)) == record
    assert store.read_error("flow", run_id, "step") is None


def test_documents_of_a_run(store: BaseStore, run_id: str) -> None:
    assert store.read_json("flow", run_id, "run.json") is None
    url = store.write_json("flow", run_id, "run.json", {"status": "running"})
    store.write_json("flow", run_id, "run.json", {"status": "ok"})
    assert store.read_json("flow", run_id, "run.json") == {"status": "ok"}
    put_raw(store, url, b"{not json")
    with pytest.raises(StoreFormatError, match="no JSON"):
        store.read_json("flow", run_id, "run.json")
    put_raw(store, store.write_error("flow", run_id, "step", {}), b"[]")
    assert store.read_error("flow", run_id, "step") is None


def test_bindings_are_stored_once(store: BaseStore, run_id: str) -> None:
    assert store.create_bindings("flow", run_id, {"first": 1})
    assert not store.create_bindings("flow", run_id, {"second": 2})
    assert store.read_bindings("flow", run_id) == {"first": 1}


def test_of_concurrent_bindings_one_wins(store: BaseStore, run_id: str) -> None:
    barrier = threading.Barrier(8)
    won: list[int] = []

    def create(number: int) -> None:
        barrier.wait()
        if store.create_bindings("flow", run_id, number):
            won.append(number)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [store.read_bindings("flow", run_id)]


class Payload:
    """Says so when it is unpickled."""

    unpickled = False

    def __setstate__(self, state: object) -> None:
        Payload.unpickled = True


def foreign_urls(store: BaseStore) -> list[str]:
    good = store.output_url("flow", "run", "step")
    base = good.removesuffix("flow/runs/run/step/output.pkl.gz")
    return [
        "",
        "flow/runs/run/step/output.pkl.gz",
        "http://example.org/flow/runs/run/step/output.pkl.gz",
        "s3://elsewhere/flow/runs/run/step/output.pkl.gz",
        "file:///etc/passwd",
        "file://localhost/etc/passwd",
        base.rstrip("/") + "-2/flow/runs/run/step/output.pkl.gz",
        base,
        f"{base}/etc/passwd",
        f"{base}flow//runs",
        f"{base}flow/runs/",
        f"{base}../flow/runs/run/step/output.pkl.gz",
        f"{base}flow/../../x",
        f"{base}flow/runs/run/../../../other/x",
        f"{base}flow/%2e%2e/%2e%2e/x",
        f"{base}flow/%2E%2E/x",
        f"{base}flow%2Fruns/x",
        f"{base}flow/runs/run/./x",
        f"{base}flow/runs/.deleted-run/x",
        f"{base}flow/runs/run/step/.output.pkl.gz.1.tmp",
        f"{base}%66low/runs/run/step/output.pkl.gz",
        f"{base}flow/runs/run/a\0b",
        f"{base}flow/runs/run/a%00b",
        f"{good}?versionId=1",
        f"{good}#fragment",
        good.upper(),
    ]


def test_urls_elsewhere_are_refused_before_anything_is_read(make_store: StoreMaker) -> None:
    store = make_store()
    store.write("flow", "run", "step", Payload())
    for url in foreign_urls(store):
        for attempt in (store.read, store.read_pickled, store.exists, store.read_manifest):
            with pytest.raises(StoreUrlError) as caught:
                attempt(url)
            assert isinstance(caught.value, ValueError)
        with pytest.raises(StoreUrlError):
            store.read_batch(url, Row(0, 1, 0, 10))
        with pytest.raises(StoreUrlError):
            store.iter_pack(url, [])
    assert not Payload.unpickled


def test_a_store_of_one_flow_touches_no_other(make_store: StoreMaker, run_id: str) -> None:
    anyone, mine = make_store(), make_store(flow_name="mine")
    mine.write("mine", run_id, "step", 1)
    foreign = [anyone.write(flow, run_id, "step", Payload()) for flow in ("other", "mine-2")]
    for url in foreign:
        with pytest.raises(StoreUrlError, match="another flow than 'mine'"):
            mine.read(url)
    attempts: list[Callable[[], object]] = [
        lambda: mine.write("other", run_id, "step", 1),
        lambda: mine.open_pack("other", run_id, "step"),
        lambda: mine.create_bindings("other", run_id, 1),
        lambda: mine.read_bindings("other", run_id),
        lambda: mine.write_json("other", run_id, "run.json", 1),
        lambda: mine.read_json("other", run_id, "run.json"),
        lambda: mine.read_error("other", run_id, "step"),
        lambda: mine.write_manifest("other", run_id, "step", []),
    ]
    for attempt in attempts:
        with pytest.raises(StoreUrlError, match="another flow"):
            attempt()
    assert not Payload.unpickled


def test_an_object_is_exactly_one_pickle_in_one_member(store: BaseStore, run_id: str) -> None:
    url = store.write("flow", run_id, "step", ["value"])
    whole = raw(store, url)
    one = pickle.dumps(["value"])
    broken = [whole[:size] for size in range(len(whole))]
    broken += [whole + whole, whole + b"\0", gzip.compress(one + one), gzip.compress(b""), gzip.compress(one[:-1])]
    if not isinstance(store, MemoryStore):
        broken = broken[::6] + broken[-5:]
    for data in broken:
        put_raw(store, url, data)
        with pytest.raises(StoreFormatError) as caught:
            store.read(url)
        assert caught.value.url == url
        assert caught.value.hint


def test_classes_that_are_gone_are_said_to_be(store: BaseStore, run_id: str) -> None:
    url = store.write_pickled("flow", run_id, "step", b"cno_such_module_anywhere\nname\n.")
    with pytest.raises(StoreFormatError, match=r"cannot be unpickled \(ModuleNotFoundError.*importable") as caught:
        store.read(url)
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


class Greedy:
    def __setstate__(self, state: object) -> None:
        raise MemoryError


def test_lack_of_memory_is_no_damage(store: BaseStore, run_id: str) -> None:
    greedy: Any = Greedy()
    greedy.size = 1
    url = store.write("flow", run_id, "step", greedy)
    with pytest.raises(MemoryError):
        store.read(url)


def test_any_error_of_a_store_is_a_store_error(store: BaseStore, run_id: str) -> None:
    with pytest.raises(StoreError):
        store.read(store.output_url("flow", run_id, "step"))
