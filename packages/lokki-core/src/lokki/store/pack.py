"""A list that feeds a map is a pack: one gzip member per batch in one object, and a manifest of where each member lies.

Input: items, one at a time. Output: the data object, then the manifest. It writes through a `Sink` and touches
nothing else.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import StoreError, StoreFormatError
from . import codec
from .codec import FORMAT_VERSION

if TYPE_CHECKING:
    from .protocol import Sink

_FIELDS = ("first", "count", "offset", "length")


class Row(NamedTuple):
    """One batch of a pack."""

    first: int
    """The index of its first item in the whole list."""
    count: int  # type: ignore[assignment]  # hides tuple.count on purpose
    """How many items it holds, at least 1."""
    offset: int
    """Where its member begins in the object, in bytes."""
    length: int
    """How long its member is, in bytes."""

    @property
    def end(self) -> int:
        """Where its member ends in the object, in bytes."""
        return self.offset + self.length

    def to_dict(self) -> dict[str, int]:
        """`{"v", "first", "count", "offset", "length"}`, as it stands in the manifest."""
        return {"v": FORMAT_VERSION, **self._asdict()}

    @classmethod
    def from_dict(cls, raw: object, *, url: str = "manifest row") -> Row:
        """The inverse of `to_dict`. Raises `StoreFormatError` for another version or ill-typed fields."""
        if not isinstance(raw, Mapping):
            raise _bad(url, f"a row of the manifest must be an object, not {raw!r}.")
        if raw.get("v") != FORMAT_VERSION or isinstance(raw["v"], bool):
            raise _wrong_version(url, raw.get("v"))
        return cls(*[_number(raw, name, url) for name in _FIELDS])


def _number(raw: Mapping[str, object], name: str, url: str) -> int:
    value = raw.get(name)
    least = 1 if name in ("count", "length") else 0
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise _bad(url, f"a row of the manifest has {name} = {value!r}.")
    return value


class PackRef(NamedTuple):
    """A sealed pack."""

    url: str
    """Where its data are."""
    manifest_url: str
    """Where its manifest is."""
    rows: Sequence[Row]
    """Its batches, in item order."""
    count: int  # type: ignore[assignment]  # hides tuple.count on purpose
    """How many items it holds."""


def dump_manifest(rows: Iterable[Row]) -> bytes:
    """The manifest: a bare JSON array, one object per row, always written the same way."""
    texts = [
        f'{{"v":{FORMAT_VERSION},"first":{first},"count":{count},"offset":{offset},"length":{length}}}'
        for first, count, offset, length in rows
    ]
    return f"[{','.join(texts)}]".encode("ascii")


def load_manifest(data: codec.Data, *, url: str) -> list[Row]:
    """The inverse of `dump_manifest`. Raises `StoreFormatError` for anything else, gaps between rows included."""
    import json  # noqa: PLC0415  # only where there is a manifest to read

    try:
        raw = json.loads(bytes(data))
    except ValueError as error:
        raise _bad(url, f"the manifest is no JSON ({error}).") from error
    if not isinstance(raw, list):
        raise _bad(url, "the manifest must be a list.")
    rows = [Row.from_dict(row, url=url) for row in raw]
    check_chain(rows, url=url)
    return rows


def check_chain(rows: Iterable[Row], *, url: str) -> tuple[int, int]:
    """(items, bytes) that `rows` cover. Raises `StoreFormatError` unless each begins where the last one ends."""
    items = size = 0
    for row in rows:
        if row.first != items or row.offset != size:
            raise _bad(url, f"the manifest has a gap or an overlap at item {items} (byte {size}).")
        items += row.count
        size += row.length
    return items, size


def _bad(url: str, message: str) -> StoreFormatError:
    return StoreFormatError(message, url=url, operation="read", hint="Run the step that wrote it again.")


def _wrong_version(url: str, found: object) -> StoreFormatError:
    message = f"this was written in format version {found!r}, but this lokki reads version {FORMAT_VERSION}."
    return StoreFormatError(message, url=url, operation="read", hint="Use the same version of lokki for all of a run.")


class PackWriter:
    """Writes a pack; a context manager. What is not sealed when the context ends is never visible.

    Items are pickled when they are appended and written when a batch is full, so memory holds one batch.
    For one thread at a time.
    """

    def __init__(
        self,
        open_sink: Callable[[], Sink],
        *,
        url: str,
        manifest_url: str,
        withdraw: Callable[[], None],
        publish: Callable[[bytes], None],
        max_items: int = 1,
        max_bytes: int | None = None,
    ) -> None:
        if max_items < 1 or (max_bytes is not None and max_bytes < 1):
            raise ValueError(f"a batch holds at least one item and byte, not {max_items} and {max_bytes}")
        self._sink = open_sink()
        self._url = url
        self._manifest_url = manifest_url
        self._withdraw = withdraw
        self._publish = publish
        self.max_items = max_items
        """The most items of a batch; may be raised while writing."""
        self._max_bytes = max_bytes
        self._batch: list[bytes] = []
        self._batch_bytes = 0
        self._rows: list[Row] = []
        self._count = 0
        self._size = 0
        self._open = True

    def __enter__(self) -> PackWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open:
            self._open = False
            self._sink.abort()

    def append(self, item: object) -> None:
        """Pickle `item` and add it; raises what pickle raises, and the pack is then as it was."""
        self.append_pickled(pickle.dumps(item, 5))

    def append_pickled(self, payload: bytes) -> None:
        """Add an item that is already one pickle. Raises `StoreError` when it cannot be written."""
        self._demand_open()
        size = self._batch_bytes + len(payload)
        if self._max_bytes is not None and self._batch and size > self._max_bytes:
            self._flush()
            size = len(payload)
        self._batch.append(payload)
        self._batch_bytes = size
        if len(self._batch) >= self.max_items:
            self._flush()

    def extend_pickled(self, payloads: Sequence[bytes]) -> None:
        """Add several items that are one pickle each. Raises `StoreError` when they cannot be written."""
        size = sum(map(len, payloads))
        fits = len(payloads) <= self.max_items and (self._max_bytes is None or size <= self._max_bytes)
        if self._batch or not fits:
            for payload in payloads:
                self.append_pickled(payload)
            return
        self._demand_open()
        self._batch, self._batch_bytes = list(payloads), size
        if len(payloads) == self.max_items:
            self._flush()

    def extend(self, items: Iterable[object]) -> None:
        """Add all `items`, consumed as a stream. After an error the pack can only be abandoned."""
        if self._max_bytes is not None:
            for item in items:
                self.append(item)
            return
        self._demand_open()
        dumps = pickle.dumps
        stream = iter(items)
        while payloads := [dumps(item, 5) for item in islice(stream, self.max_items - len(self._batch))]:
            self._batch += payloads
            if len(self._batch) >= self.max_items:
                self._flush()

    def seal(self) -> PackRef:
        """Complete the data, then write the manifest. Raises `StoreError` when either cannot be written."""
        self._demand_open()
        if self._batch or not self._rows:
            self._flush()
        self._withdraw()
        self._sink.commit()
        self._open = False
        self._publish(dump_manifest(self._rows))
        return PackRef(self._url, self._manifest_url, tuple(self._rows), self._count)

    def _demand_open(self) -> None:
        if not self._open:
            raise StoreError("the pack is sealed or abandoned.", url=self._url, operation="write")

    def _flush(self) -> None:
        """Write the batch as one member; an empty one is a member that no row names."""
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        member = codec.encode_items(batch)
        self._sink.write(member)
        if batch:
            self._rows.append(Row(self._count, len(batch), self._size, len(member)))
        self._count += len(batch)
        self._size += len(member)


def read_items(data: codec.Data, row: Row, *, url: str, what: str = "batch") -> list[Any]:
    """The items of the member `data` that `row` names. Raises `StoreFormatError` when it is not what the row says."""
    place = f"the {what} of items {row.first}..{row.first + row.count - 1} at byte {row.offset}"
    if len(data) != row.length:
        raise _bad(url, f"{place} is {len(data)} bytes long instead of {row.length}.")
    items: list[Any] = decoded(codec.decode_items, data, row.count, url=url, what=place)
    return items


def decoded(function: Callable[..., Any], *args: object, url: str, what: str = "the object") -> Any:
    """`function(*args)`, with whatever goes wrong in decoding raised as `StoreFormatError`."""
    try:
        return function(*args)
    except codec.MemberError as error:
        raise _bad(url, f"{what} {error}.") from error
    except MemoryError:
        raise
    except Exception as error:
        raise StoreFormatError(
            f"{what} cannot be unpickled ({type(error).__name__}: {error}).",
            url=url,
            operation="read",
            hint="Classes must still be importable under the module and name they had when they were stored.",
        ) from error
