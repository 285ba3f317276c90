"""What a deployed map keeps of one batch of items: their results, and which of them failed.

Input and output: a `Batch` and the record that is stored of it. Nothing is read or written but through a store.

The record is one gzip-compressed pickle, a dict of `v`, `first`, `count`, `sealed`, `results` (one pickle per item in
item order, None where there is none), `failures` ({index: ItemFailure}), `attempts` ({index: failed attempts so far})
and `saved_at`. A sealed batch accounts for every item and lies under `output.pkl.gz`; an unfinished one lies under
`partial.pkl.gz` beside it, so that neither can be taken for the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import ObjectMissingError, StoreFormatError
from ..failure import ItemFailure
from ..record import Record
from . import codec
from .pack import decoded

if TYPE_CHECKING:
    from datetime import datetime

    from .protocol import TransientStore

BATCH_VERSION = 1
"""The version of the record."""


class Batch(Record):
    """Consecutive items of a map's source and what became of them."""

    first: int
    """The index of the first item in the map's source."""
    count: int
    """How many items there are."""
    payloads: Mapping[int, bytes] = {}  # nobody writes to a Mapping
    """{index: pickled result} of the items that succeeded."""
    failures: Mapping[int, ItemFailure] = {}  # nobody writes to a Mapping
    """{index: failure} of the items that failed for good."""
    attempts: Mapping[int, int] = {}  # nobody writes to a Mapping
    """{index: attempts that failed} of items that are to be tried again."""
    saved_at: datetime | None = None
    """When this was stored, in UTC; None where nobody said."""
    url: str = "batch"
    """Where it was read, for messages."""

    @property
    def indices(self) -> range:
        """The indices of all items."""
        return range(self.first, self.first + self.count)

    @property
    def sealed(self) -> bool:
        """Whether every item has either succeeded or failed for good."""
        return len(self.payloads) + len(self.failures) == self.count

    def missing(self) -> list[int]:
        """The indices of the items that are neither done nor failed."""
        return [index for index in self.indices if index not in self.payloads and index not in self.failures]

    def value(self, index: int) -> Any:
        """The result of an item that succeeded. Raises `StoreFormatError` where it cannot be unpickled."""
        return decoded(codec.loads, self.payloads[index], url=self.url, what=f"item {index}")

    def values(self) -> Iterator[Any]:
        """The results of those that succeeded, in item order, unpickled one by one."""
        return (self.value(index) for index in self.indices if index in self.payloads)

    def to_record(self) -> dict[str, Any]:
        """What is stored."""
        return {
            "v": BATCH_VERSION,
            "first": self.first,
            "count": self.count,
            "sealed": self.sealed,
            "results": [self.payloads.get(index) for index in self.indices],
            "failures": dict(self.failures),
            "attempts": dict(self.attempts),
            "saved_at": self.saved_at,
        }

    @classmethod
    def from_record(cls, record: Any, *, url: str = "batch") -> Batch:
        """The inverse of `to_record`. Raises `StoreFormatError` for another version or for what is no batch."""
        if not isinstance(record, Mapping) or record.get("v") != BATCH_VERSION:
            found = record.get("v") if isinstance(record, Mapping) else f"a {type(record).__name__}"
            raise _bad(url, f"this should be a batch of version {BATCH_VERSION}, but is {found!r}.")
        try:
            batch = cls(
                record["first"],
                record["count"],
                {i: payload for i, payload in enumerate(record["results"], record["first"]) if payload is not None},
                dict(record["failures"]),
                dict(record["attempts"]),
                record["saved_at"],
                url,
            )
            fine = len(record["results"]) == batch.count and batch._accounts_once() and record["sealed"] == batch.sealed
        except (KeyError, TypeError, ValueError) as error:
            raise _bad(url, f"the batch is malformed ({error!r}).") from error
        if not fine:
            raise _bad(url, "the batch does not account for its items.")
        return batch

    def _accounts_once(self) -> bool:
        named = [*self.payloads, *self.failures]
        return len(set(named)) == len(named) and set(named) <= set(self.indices)


def write_output(
    store: TransientStore, flow: str, run_id: str, node: str, batch: Batch, *, path: tuple[int, ...]
) -> str:
    """Store a sealed batch and return its URL. Raises ValueError for an unfinished one."""
    if not batch.sealed:
        raise ValueError(f"items {batch.missing()} of the batch are not finished")
    return store.write(flow, run_id, node, batch.to_record(), path=path)


def write_partial(
    store: TransientStore, flow: str, run_id: str, node: str, batch: Batch, *, path: tuple[int, ...]
) -> str:
    """Store what is done of a batch, for the process that goes on with it, and return its URL."""
    return store.write_partial(flow, run_id, node, batch.to_record(), path=path)


def read_output(store: TransientStore, url: str) -> Batch:
    """The sealed batch at `url`. Raises `ObjectMissingError`, and `StoreFormatError` for an unfinished one."""
    batch = Batch.from_record(store.read(url), url=url)
    if not batch.sealed:
        raise _bad(url, "the batch is not finished.")
    return batch


def read_partial(store: TransientStore, flow: str, run_id: str, node: str, *, path: tuple[int, ...]) -> Batch | None:
    """What is done of a batch; None when nothing is stored."""
    url = store.partial_url(flow, run_id, node, path=path)
    try:
        return Batch.from_record(store.read(url), url=url)
    except ObjectMissingError:
        return None


def _bad(url: str, message: str) -> StoreFormatError:
    return StoreFormatError(message, url=url, operation="read", hint="Run the step that wrote it again.")
