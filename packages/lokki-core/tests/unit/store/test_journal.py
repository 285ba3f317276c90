"""The workers' journal: what is logged outlives anything that happens to the process."""

from __future__ import annotations

import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lokki import environment
from lokki.errors import StoreError, StoreFormatError, StoreUrlError
from lokki.failure import ItemFailure
from lokki.store import LocalStore, MemoryStore, keys
from lokki.store.journal import _RECORD_BYTES, JournalStore, JournalWriter
from lokki.store.results import Journal, JournalRow, resolve

FLOW = ("flow", "run", "step")
DATA = "flow/runs/run/step/journal/0.pkl.gz"
INDEX = "flow/runs/run/step/journal/0.idx"


def pickles(*values: object) -> list[bytes]:
    return [pickle.dumps(value, 5) for value in values]


def failure(index: int, message: str = "no") -> ItemFailure:
    return ItemFailure(index, "ValueError", message, "Traceback", "step", 3)


def content(store: JournalStore, key: str) -> bytes:
    return bytes(store._blobs.get(key))


def filled(store: JournalStore) -> None:
    with store.open_journal(*FLOW) as writer:
        writer.append(0, pickles("a", "b", "c"))
        writer.append_failure(3, failure(3))
        writer.append(4, pickles("e"))


def test_what_is_logged_is_read(journal_store: JournalStore) -> None:
    filled(journal_store)
    with journal_store.open_journal(*FLOW, part="1") as writer:
        writer.append(5, pickles("f", "g"))
    journal = journal_store.read_journal(*FLOW)
    assert list(journal.items()) == [(0, "a"), (1, "b"), (2, "c"), (4, "e"), (5, "f"), (6, "g")]
    assert list(journal.values()) == ["a", "b", "c", "e", "f", "g"]
    assert journal.count == 6
    assert journal.failures == {3: failure(3)}
    assert [row.first for row in journal.rows] == [0, 4, 5]
    assert journal.missing(9) == [(3, 1), (7, 2)]
    assert journal.missing(7) == [(3, 1)]
    assert journal.missing(4) == [(3, 1)]
    assert journal.missing(3) == []
    assert journal.missing(0) == []
    assert [journal.has(index) for index in range(-1, 8)] == [False, True, True, True, False, True, True, True, False]
    assert [journal.get(index) for index in (0, 2, 4, 6)] == ["a", "c", "e", "g"]
    assert journal.payloads(1, 2) == pickles("b", "c")
    assert journal.payloads(4, 3) == pickles("e", "f", "g")
    assert journal.payloads(1, 0) == []


@pytest.mark.parametrize(("first", "count", "absent"), [(3, 1, 3), (2, 2, 3), (0, 7, 3), (6, 2, 7), (99, 1, 99)])
def test_items_without_a_result_are_key_errors(
    journal_store: JournalStore, first: int, count: int, absent: int
) -> None:
    filled(journal_store)
    with journal_store.open_journal(*FLOW, part="1") as writer:
        writer.append(5, pickles("f", "g"))
    journal = journal_store.read_journal(*FLOW)
    with pytest.raises(KeyError, match=str(absent)):
        journal.payloads(first, count)
    with pytest.raises(KeyError, match="3"):
        journal.get(3)


def test_an_empty_journal(journal_store: JournalStore) -> None:
    writer = journal_store.open_journal(*FLOW)
    writer.append(0, [])
    writer.close()
    assert journal_store._blobs.names("flow/runs/run/step/journal") == [], "nothing is made before it is needed"
    journal = journal_store.read_journal(*FLOW)
    assert (list(journal.items()), journal.count, journal.failures, journal.missing(3)) == ([], 0, {}, [(0, 3)])
    with pytest.raises(KeyError):
        journal.get(0)


def test_paths_and_parts_are_apart(journal_store: JournalStore) -> None:
    for path in [(), (0,), (0, 1)]:
        with journal_store.open_journal(*FLOW, path=path) as writer:
            writer.append(0, pickles(path))
    for path in [(), (0,), (0, 1)]:
        assert journal_store.read_journal(*FLOW, path=path).get(0) == path
    for part in ("", "../x", ".hidden"):
        with pytest.raises(StoreUrlError):
            journal_store.open_journal(*FLOW, part=part)


def test_a_store_of_one_flow_reads_no_other_journal(tmp_path: os.PathLike[str]) -> None:
    filled(LocalStore(tmp_path))
    mine = LocalStore(tmp_path, flow_name="mine")
    with pytest.raises(StoreUrlError):
        mine.read_journal(*FLOW)
    with pytest.raises(StoreUrlError):
        mine.open_journal(*FLOW)


def test_a_result_outdoes_a_failure_and_the_last_failure_counts(journal_store: JournalStore) -> None:
    with journal_store.open_journal(*FLOW, part="2") as writer:
        writer.append_failure(1, failure(1, "first"))
        writer.append_failure(0, failure(0))
        writer.append_failure(1, failure(1, "second"))
        writer.append_failure(2, failure(2))
    with journal_store.open_journal(*FLOW, part="10") as writer:
        writer.append(2, pickles("in the end"))
        writer.append_failure(0, failure(0, "later part"))
    journal = journal_store.read_journal(*FLOW)
    assert list(journal.failures) == [0, 1]
    assert journal.failures[0].message == "later part"
    assert journal.failures[1].message == "second"
    assert journal.get(2) == "in the end"


def test_of_items_recorded_twice_the_first_part_wins(journal_store: JournalStore) -> None:
    for part, first, values in [("10", 0, "ABCDEF"), ("2", 2, "cd"), ("2", 3, "xe"), ("9", 5, "fg")]:
        with journal_store.open_journal(*FLOW, part=part) as writer:
            writer.append(first, pickles(*values))
    journal = journal_store.read_journal(*FLOW)
    assert "".join(journal.values()) == "ABcdefg"
    assert "".join(value for _, value in journal.items()) == "ABcdefg"
    assert "".join(journal.get(index) for index in range(7)) == "ABcdefg"
    assert b"".join(journal.payloads(1, 5)) == b"".join(pickles(*"Bcdef"))
    assert journal.count == 7


ROWS = st.lists(st.tuples(st.integers(0, 25), st.integers(1, 8)), max_size=12)


@given(ROWS)
def test_overlaps_are_resolved_item_by_item(spans: list[tuple[int, int]]) -> None:
    found = [JournalRow(first, count, f"part{rank}", 0, 1, 0, count) for rank, (first, count) in enumerate(spans)]
    expected: dict[int, str] = {}
    for row in found:
        for index in range(row.first, row.end):
            expected.setdefault(index, row.part)
    rows = resolve(found)
    assert [row.first for row in rows] == sorted(row.first for row in rows)
    assert {index: row.part for row in rows for index in range(row.first, row.end)} == expected
    assert sum(row.count for row in rows) == len(expected)
    for row in rows:
        original = next(other for other in found if other.part == row.part)
        assert row.first - row.skip == original.first
        assert row.skip + row.count <= row.held == original.count


def test_a_writer_continues_what_an_earlier_one_wrote(journal_store: JournalStore) -> None:
    filled(journal_store)
    with journal_store.open_journal(*FLOW) as writer:
        writer.append(5, pickles("f"))
        writer.close()
        writer.append(6, pickles("g"))
    assert "".join(journal_store.read_journal(*FLOW).values()) == "abcefg"


EXPECTED = {0: "a", 1: "b", 2: "c", 4: "e"}


def test_any_crash_leaves_right_values_and_a_journal_to_continue() -> None:
    whole = MemoryStore()
    filled(whole)
    data, index = content(whole, DATA), content(whole, INDEX)
    ends = [0, *(end for _, end in _members(index))]
    data_sizes = sorted({max(0, min(len(data), end + step)) for end in ends for step in (-1, 0, 1)})
    for index_size in range(len(index) + 1):
        for data_size in data_sizes:
            store = MemoryStore()
            store._blobs.put(DATA, data[:data_size])
            store._blobs.put(INDEX, index[:index_size])
            _check_crashed(store, data_size, index_size, ends)


def _members(index: bytes) -> list[tuple[int, int]]:
    records = [struct.unpack_from("<BBQIQQ", index, at) for at in range(0, len(index), _RECORD_BYTES)]
    return [(record[4], record[4] + record[5]) for record in records]


def _check_crashed(store: MemoryStore, data_size: int, index_size: int, ends: list[int]) -> None:
    survivors = min(index_size // _RECORD_BYTES, max(at for at, end in enumerate(ends) if end <= data_size))
    journal = store.read_journal(*FLOW)
    found = dict(journal.items())
    assert found.items() <= EXPECTED.items()
    assert len(found) == [0, 3, 3, 4][survivors]
    assert list(journal.failures) == ([3] if survivors >= 2 else [])
    with store.open_journal(*FLOW) as writer:
        writer.append(7, pickles("h"))
    assert dict(store.read_journal(*FLOW).items()) == {**found, 7: "h"}
    assert len(content(store, INDEX)) == (survivors + 1) * _RECORD_BYTES
    assert content(store, DATA)[: ends[survivors]] == b"" or len(content(store, DATA)) > ends[survivors]


def test_every_damaged_byte_is_noticed_or_harmless() -> None:
    whole = MemoryStore()
    filled(whole)
    for key in (DATA, INDEX):
        healthy = content(whole, key)
        for position in range(len(healthy)):
            for flip in (1, 0x80, 0xFF):
                damaged = bytearray(healthy)
                damaged[position] ^= flip
                whole._blobs.put(key, bytes(damaged))
                try:
                    journal = whole.read_journal(*FLOW)
                    found = dict(journal.items())
                except StoreFormatError:
                    continue
                assert found.items() <= EXPECTED.items(), (key, position, flip)
                assert key == INDEX or found == EXPECTED
        whole._blobs.put(key, healthy)


def test_a_damaged_member_is_named(journal_store: JournalStore) -> None:
    with journal_store.open_journal(*FLOW) as writer:
        writer.append(0, pickles("a"))
        writer.append(1, pickles("b"))
    data = bytearray(content(journal_store, DATA))
    offset = journal_store.read_journal(*FLOW).rows[1].offset
    data[offset + 20] ^= 0xFF
    journal_store._blobs.put(DATA, bytes(data))
    journal = journal_store.read_journal(*FLOW)
    assert journal.get(0) == "a"
    attempts: list[Callable[[Journal], object]] = [
        lambda journal: list(journal.values()),
        lambda journal: list(journal.items()),
        lambda journal: journal.get(1),
        lambda journal: journal.payloads(1, 1),
    ]
    for attempt in attempts:
        with pytest.raises(StoreFormatError, match=rf"0\.pkl\.gz: the member at byte {offset} ") as caught:
            attempt(journal)
        assert caught.value.url == journal_store._blobs.url(DATA)


def test_data_lost_after_the_index_was_read(journal_store: JournalStore) -> None:
    filled(journal_store)
    journal = journal_store.read_journal(*FLOW)
    journal_store._blobs.put(DATA, content(journal_store, DATA)[:-1])
    with pytest.raises(StoreFormatError, match="truncated"):
        journal.get(4)


def test_a_class_that_is_gone_is_said_to_be(journal_store: JournalStore) -> None:
    with journal_store.open_journal(*FLOW) as writer:
        writer.append(0, [b"cno_such_module_anywhere\nname\n."])
    journal = journal_store.read_journal(*FLOW)
    for attempt in (lambda: journal.get(0), lambda: list(journal.values())):
        with pytest.raises(StoreFormatError, match="cannot be unpickled"):
            attempt()
    assert journal.payloads(0, 1) == [b"cno_such_module_anywhere\nname\n."]


def test_another_format_version_is_refused(journal_store: JournalStore) -> None:
    filled(journal_store)
    body = struct.pack("<BBQIQQ", 2, 1, 0, 1, 0, 10)
    journal_store._blobs.put(INDEX, body + struct.pack("<I", zlib.crc32(body)))
    with pytest.raises(StoreFormatError, match="format version 2, but this lokki reads 1"):
        journal_store.read_journal(*FLOW)
    with pytest.raises(StoreFormatError, match="format version 2"):
        journal_store.open_journal(*FLOW).append(0, pickles("a"))


def test_a_record_that_does_not_join_ends_the_journal(journal_store: JournalStore) -> None:
    filled(journal_store)
    index = content(journal_store, INDEX)
    journal_store._blobs.put(INDEX, index[:_RECORD_BYTES] + index[2 * _RECORD_BYTES :])
    assert list(journal_store.read_journal(*FLOW).values()) == ["a", "b", "c"]
    with journal_store.open_journal(*FLOW) as writer:
        writer.append(3, pickles("d"))
    assert list(journal_store.read_journal(*FLOW).values()) == ["a", "b", "c", "d"]


def test_threads_share_a_writer(journal_store: JournalStore) -> None:
    with journal_store.open_journal(*FLOW) as writer:

        def log(worker: int) -> None:
            for turn in range(50):
                first = (turn * 4 + worker) * 3
                writer.append(first, pickles(first, first + 1, first + 2))

        threads = [threading.Thread(target=log, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert list(journal_store.read_journal(*FLOW).values()) == list(range(600))


def test_a_reader_sees_what_a_writer_has_finished(journal_store: JournalStore) -> None:
    with journal_store.open_journal(*FLOW) as writer:
        for index in range(5):
            writer.append(index, pickles(index))
            assert list(journal_store.read_journal(*FLOW).values()) == list(range(index + 1))


class Disk:
    """Stands for `os.write` on a disk with a number of bytes left."""

    def __init__(self, room: int, most: int = 1 << 30) -> None:
        self.room = room
        self.most = most

    def write(self, fd: int, data: Any) -> int:
        if not self.room:
            raise OSError(28, "No space left on device")
        written = self._write(fd, memoryview(data)[: min(self.room, self.most)])
        self.room -= written
        return written

    _write = staticmethod(os.write)


def test_a_full_disk_loses_nothing_that_was_logged(tmp_path: os.PathLike[str], monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore(tmp_path)
    filled(store)
    before = content(store, DATA), content(store, INDEX)
    member = len(before[0]) - store.read_journal(*FLOW).rows[-1].offset
    for room in range(member + _RECORD_BYTES):
        writer = store.open_journal(*FLOW)
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", Disk(room, most=7).write)
            with pytest.raises(StoreError, match="no space left on the device") as caught:
                writer.append(5, pickles("f"))
            assert "journal/0" in caught.value.url
        assert (content(store, DATA), content(store, INDEX)) == before
        writer.close()
    with store.open_journal(*FLOW) as writer, monkeypatch.context() as patch:
        patch.setattr(os, "write", Disk(1000, most=3).write)
        writer.append(5, pickles("f"))
    assert "".join(store.read_journal(*FLOW).values()) == "abcef"


def test_a_writer_goes_on_after_the_disk_was_full(tmp_path: os.PathLike[str], monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore(tmp_path)
    with store.open_journal(*FLOW) as writer:
        writer.append(0, pickles("a"))
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", Disk(3).write)

            def broken(fd: int, size: int) -> None:
                raise OSError(5, "Input/output error")

            patch.setattr(os, "ftruncate", broken)
            with pytest.raises(StoreError):
                writer.append(1, pickles("lost"))
        assert list(store.read_journal(*FLOW).values()) == ["a"]
        writer.append(1, pickles("b"))
    assert list(store.read_journal(*FLOW).values()) == ["a", "b"]


KILLED = """
import os, pickle, sys
from lokki.store import LocalStore

writer = LocalStore(sys.argv[1]).open_journal("flow", "run", "step")
for index in range(10**9):
    writer.append(index * 3, [pickle.dumps((index, "x" * 50), 5)] * 3)
    if index == 20:
        sys.stdout.write("ready\\n")
        sys.stdout.flush()
"""


def test_a_killed_writer_leaves_only_whole_items(tmp_path: os.PathLike[str]) -> None:
    variables = {**environment.variables(), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", KILLED, os.fspath(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=variables) as process:
        assert process.stdout
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    store = LocalStore(tmp_path)
    journal = store.read_journal(*FLOW)
    assert journal.count >= 63
    assert journal.missing(journal.count) == []
    assert all(value == (index // 3, "x" * 50) for index, value in journal.items())
    with store.open_journal(*FLOW) as writer:
        writer.append(journal.count, pickles("next"))
    assert store.read_journal(*FLOW).get(journal.count) == "next"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("01"), st.integers(0, 40), st.integers(1, 9)), max_size=12))
def test_the_journal_is_the_first_record_of_each_item(entries: list[tuple[str, int, int]]) -> None:
    store = MemoryStore()
    writers: dict[str, JournalWriter] = {part: store.open_journal(*FLOW, part=part) for part in "01"}
    expected: dict[int, object] = {}
    for number, (part, first, count) in enumerate(entries):
        writers[part].append(first, pickles(*[(number, index) for index in range(first, first + count)]))
    for part in "01":
        for number, (other, first, count) in enumerate(entries):
            for index in range(first, first + count) if part == other else ():
                expected.setdefault(index, (number, index))
    journal = store.read_journal(*FLOW)
    assert list(journal.items()) == sorted(expected.items())
    assert journal.count == len(expected)
    gaps = [index for first, count in journal.missing(60) for index in range(first, first + count)]
    assert gaps == [index for index in range(60) if index not in expected]
    for index in range(60):
        assert journal.has(index) == (index in expected)


def test_no_file_stays_open(tmp_path: os.PathLike[str]) -> None:
    store = LocalStore(tmp_path)
    before = sorted(os.listdir("/dev/fd"))
    filled(store)
    journal = store.read_journal(*FLOW)
    list(journal.values())
    unfinished = journal.items()
    next(unfinished)
    unfinished.close()  # type: ignore[attr-defined]  # of a generator
    with pytest.raises(KeyError):
        journal.payloads(0, 9)
    assert sorted(os.listdir("/dev/fd")) == before


def test_the_files_lie_where_the_layout_says(tmp_path: os.PathLike[str]) -> None:
    store = LocalStore(tmp_path)
    filled(store)
    folder = os.path.join(tmp_path, keys.journal_prefix(*FLOW))
    assert sorted(os.listdir(folder)) == ["0.idx", "0.pkl.gz"]
