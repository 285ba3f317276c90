"""Runs kept in this process's memory, for tests and for `--store memory`."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from ..errors import ObjectMissingError
from . import urls
from .journal import JournalStore

if TYPE_CHECKING:
    from .codec import Data

_BASE = "memory:///"


class MemoryStore(JournalStore):
    """A store in a dictionary of bytes; threads may share it."""

    def __init__(self, *, flow_name: str | None = None) -> None:
        super().__init__(MemoryBlobs(), flow_name=flow_name)


class MemoryBlobs:
    """`JournalBlobs` in a dictionary."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes | bytearray] = {}
        self._lock = Lock()

    def url(self, key: str) -> str:
        """The `memory://` URL of `key`, percent-encoded."""
        return _BASE + urls.quote(key)

    def key(self, url: str) -> str:
        """The key of `url`. Raises `StoreUrlError` for any other scheme."""
        return urls.key_of(url, _BASE)

    def put(self, key: str, data: Data) -> None:
        """Store `data`, replacing what was there."""
        with self._lock:
            self._objects[key] = bytes(data)

    def create(self, key: str, data: Data) -> bool:
        """Store `data` if nothing is there."""
        with self._lock:
            if key in self._objects:
                return False
            self._objects[key] = bytes(data)
            return True

    def get(self, key: str) -> bytes:
        """All of the object."""
        return bytes(self._found(key))

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        """`length` bytes from `offset`, fewer where the object ends before."""
        return bytes(self._found(key)[offset : offset + length])

    def size(self, key: str) -> int | None:
        """Bytes of the object; None when there is none."""
        data = self._objects.get(key)
        return None if data is None else len(data)

    def open_sink(self, key: str) -> MemorySink:
        """Begin an object that is written bit by bit."""
        return MemorySink(self, key)

    def withdraw(self, key: str) -> None:
        """Remove the object, if there is one."""
        with self._lock:
            self._objects.pop(key, None)

    def open_log(self, key: str) -> MemoryLog:
        """Open a log to add to, made if need be."""
        with self._lock:
            data = self._objects.get(key, b"")
            if not isinstance(data, bytearray):
                data = self._objects[key] = bytearray(data)
        return MemoryLog(data)

    def open_reader(self, key: str) -> MemoryReader:
        """Open a log to read from."""
        return MemoryReader(self._found(key))

    def names(self, prefix: str) -> list[str]:
        """The names of the objects directly under `prefix`, in no order."""
        start = f"{prefix}/"
        with self._lock:
            names = [key.removeprefix(start) for key in self._objects if key.startswith(start)]
        return [name for name in names if "/" not in name]

    def _found(self, key: str) -> bytes | bytearray:
        data = self._objects.get(key)
        if data is None:
            raise ObjectMissingError("nothing is stored here.", url=self.url(key), operation="read")
        return data


class MemorySink:
    """`Sink` into a list of pieces."""

    def __init__(self, blobs: MemoryBlobs, key: str) -> None:
        self._blobs = blobs
        self._key = key
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Add `data` at the end."""
        self._pieces.append(data)

    def commit(self) -> None:
        """Make the object visible, whole."""
        self._blobs.put(self._key, b"".join(self._pieces))

    def abort(self) -> None:
        """Forget the object."""
        self._pieces.clear()


class MemoryLog:
    """`Log` in a bytearray."""

    def __init__(self, data: bytearray) -> None:
        self._data = data

    @property
    def size(self) -> int:
        """Bytes so far."""
        return len(self._data)

    def append(self, data: bytes) -> None:
        """Add `data`."""
        self._data += data

    def truncate(self, size: int) -> None:
        """Forget all but the first `size` bytes."""
        del self._data[size:]

    def close(self) -> None:
        """Nothing to close."""


class MemoryReader:
    """`Reader` of bytes."""

    def __init__(self, data: bytes | bytearray) -> None:
        self._data = data

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes from `offset`, fewer where the object ends before."""
        return bytes(self._data[offset : offset + length])

    def close(self) -> None:
        """Nothing to close."""
