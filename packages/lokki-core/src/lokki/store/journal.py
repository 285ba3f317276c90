"""What local workers log while a map runs: results that outlive a kill, in files that only grow.

Each worker writes a part of its own: `<part>.pkl.gz` holds gzip members of consecutive items, exactly like a pack;
`<part>.idx` holds one fixed-size, checksummed record per member, written after it. Whatever a kill tore at the end of
either is ignored by readers and cut off by the next writer. Failed items are members of their own.
"""

from __future__ import annotations

import struct
import zlib
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from ..errors import ObjectMissingError, StoreFormatError
from . import codec, keys
from .base import BaseStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..failure import ItemFailure
    from .codec import Data
    from .protocol import JournalBlobs, Log
    from .results import Journal

_BODY = struct.Struct("<BBQIQQ")
_CHECKSUM = struct.Struct("<I")
_RECORD_BYTES = _BODY.size + _CHECKSUM.size
_ITEMS, _FAILURE = 1, 2
DATA_SUFFIX = ".pkl.gz"
INDEX_SUFFIX = ".idx"


class Record(NamedTuple):
    """One member of a part: where it lies and what it holds."""

    kind: int
    first: int
    """The index of its first item in the map's source."""
    count: int  # type: ignore[assignment]  # hides tuple.count on purpose
    offset: int
    """Where the member begins, in bytes."""
    length: int
    """How long the member is, in bytes."""

    @property
    def is_failure(self) -> bool:
        """Whether the member holds the failure of item `first` instead of results."""
        return self.kind == _FAILURE

    def to_bytes(self) -> bytes:
        """The record as it stands in the index."""
        body = _BODY.pack(codec.FORMAT_VERSION, *self)
        return body + _CHECKSUM.pack(zlib.crc32(body))


def read_index(data: Data, data_bytes: int, *, url: str) -> list[Record]:
    """The records in `data` up to the first that is torn, or names bytes beyond the `data_bytes` there are.

    Raises `StoreFormatError` for a whole record of another format version.
    """
    records: list[Record] = []
    end = 0
    for start in range(0, len(data) - _RECORD_BYTES + 1, _RECORD_BYTES):
        body = bytes(data[start : start + _BODY.size])
        if _CHECKSUM.unpack_from(data, start + _BODY.size)[0] != zlib.crc32(body):
            break
        version, *fields = _BODY.unpack(body)
        if version != codec.FORMAT_VERSION:
            message = f"this was written in format version {version}, but this lokki reads {codec.FORMAT_VERSION}."
            raise StoreFormatError(message, url=url, operation="read", hint="Start a new run.")
        record = Record(*fields)
        if record.offset != end or record.offset + record.length > data_bytes:
            break
        end += record.length
        records.append(record)
    return records


def load_records(blobs: JournalBlobs, prefix: str, part: str) -> list[Record]:
    """The records of a part, oldest first; none where it does not exist yet."""
    index_key = f"{prefix}/{part}{INDEX_SUFFIX}"
    try:
        index = blobs.get(index_key)
    except ObjectMissingError:
        return []
    return read_index(index, blobs.size(f"{prefix}/{part}{DATA_SUFFIX}") or 0, url=blobs.url(index_key))


class JournalWriter:
    """Logs the results of one worker. Threads may share it; two writers of one part at a time may not.

    Nothing is created before the first addition. When an addition returns, it outlives the end of the process.
    """

    def __init__(self, blobs: JournalBlobs, prefix: str, part: str) -> None:
        self._blobs = blobs
        self._prefix = prefix
        self._part = part
        self._lock = Lock()
        self._logs: tuple[Log, Log] | None = None

    def __enter__(self) -> JournalWriter:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def append(self, first: int, payloads: Sequence[bytes]) -> None:
        """Log the pickled results of the items `first`, `first + 1`, …; of none, nothing.

        Raises `StoreError` when they cannot be written; the log then ends where it did before.
        """
        if payloads:
            self._add(_ITEMS, first, len(payloads), codec.encode_items(payloads))

    def append_failure(self, index: int, failure: ItemFailure) -> None:
        """Log that item `index` failed for good. Raises `StoreError` when it cannot be written."""
        self._add(_FAILURE, index, 1, codec.encode(failure))

    def close(self) -> None:
        """Let go of the files; a later addition opens them again."""
        with self._lock:
            self._let_go()

    def _add(self, kind: int, first: int, count: int, member: bytes) -> None:
        with self._lock:
            data, index = self._logs = self._logs or self._open()
            record = Record(kind, first, count, data.size, len(member))
            try:
                data.append(member)
                index.append(record.to_bytes())
            except BaseException:
                with suppress(Exception):
                    data.truncate(record.offset)
                self._let_go()
                raise

    def _open(self) -> tuple[Log, Log]:
        """Both logs, cut back to their last whole record."""
        records = load_records(self._blobs, self._prefix, self._part)
        data = self._blobs.open_log(f"{self._prefix}/{self._part}{DATA_SUFFIX}")
        index = self._blobs.open_log(f"{self._prefix}/{self._part}{INDEX_SUFFIX}")
        index.truncate(len(records) * _RECORD_BYTES)
        data.truncate(records[-1].offset + records[-1].length if records else 0)
        return data, index

    def _let_go(self) -> None:
        for log in self._logs or ():
            log.close()
        self._logs = None


class JournalStore(BaseStore):
    """A store of this machine, that can also keep the logs of local workers."""

    _blobs: JournalBlobs

    def __init__(self, blobs: JournalBlobs, *, flow_name: str | None = None) -> None:
        super().__init__(blobs, flow_name=flow_name)

    def open_journal(
        self, flow: str, run_id: str, step: str, *, path: tuple[int, ...] = (), part: str = "0"
    ) -> JournalWriter:
        """The log of the worker `part` for the results of `step`; continues what an earlier process wrote."""
        prefix = self._own(keys.journal_prefix(flow, run_id, step, path))
        return JournalWriter(self._blobs, prefix, keys.check_part(part))

    def read_journal(self, flow: str, run_id: str, step: str, *, path: tuple[int, ...] = ()) -> Journal:
        """All that has been logged for `step` until now, by whatever worker. Raises `StoreError`."""
        from .results import Journal  # noqa: PLC0415  # only for those who read

        prefix = self._own(keys.journal_prefix(flow, run_id, step, path))
        return Journal.load(self._blobs, prefix, self._parts(prefix))

    def _parts(self, prefix: str) -> Iterator[str]:
        """The names of the parts under `prefix`: `2` before `10`."""
        names = [name.removesuffix(INDEX_SUFFIX) for name in self._blobs.names(prefix) if name.endswith(INDEX_SUFFIX)]
        return iter(sorted(names, key=lambda part: (len(part), part)))
