"""A step's result as the pack that a map runs over: the same rules on a laptop and deployed.

Input: what the step returned. Output: items in a `PackWriter`. Runs the author's generators.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sized
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from .errors import ResultError
from .invoke import Invoker, pickled

if TYPE_CHECKING:
    from .store.pack import PackRef, PackWriter

MEMBER_ITEMS = 64
"""Items of a local map's source that share a gzip member; also the most that wait in memory to be added together."""

MEMBER_BYTES = 256 * 1024
"""Pickled bytes after which such a member is full."""


AUTO_CHILDREN = 1_000
"""What `batch_size="auto"` aims at: no more batches than this."""

_HELD_ITEMS = 100_000
_HELD_BYTES = 32 * 1024 * 1024
_SEEN_CHILDREN = 500
_GROWN_CHILDREN = 250


def fan_out(
    result: object, invoker: Invoker, batch_size: int | Literal["auto"], open_pack: Callable[[int], PackWriter]
) -> PackRef:
    """Write `result` as a pack of batches of `batch_size` and seal it.

    `open_pack` is given the most items of a batch. Raises ResultError for what cannot be fanned out or pickled.
    """
    items = iterable_of(result, invoker.node)
    if batch_size != "auto":
        return _write(open_pack(batch_size), items, invoker)
    if isinstance(result, Sized):
        return _write(open_pack(_share(len(result), AUTO_CHILDREN)), items, invoker)
    return _fan_out_stream(items, invoker, open_pack)


def _write(pack: PackWriter, items: Iterator[Any], invoker: Invoker) -> PackRef:
    with pack:
        write_items(pack, items, invoker)
        return pack.seal()


def _fan_out_stream(items: Iterator[Any], invoker: Invoker, open_pack: Callable[[int], PackWriter]) -> PackRef:
    """`auto` for items that nobody has counted: hold back what fits, then let batches grow with what has come."""
    held: list[bytes] = []
    size = 0
    for item in islice(items, _HELD_ITEMS):
        held.append(pickled(item, invoker, len(held)))
        size += len(held[-1])
        if size >= _HELD_BYTES:
            break
    following = next(items, _END)
    children = AUTO_CHILDREN if following is _END else _SEEN_CHILDREN
    with open_pack(_share(len(held), children)) as pack:
        count = len(held)
        for payload in held:
            pack.append_pickled(payload)
        held.clear()
        while following is not _END:
            pack.append_pickled(pickled(following, invoker, count))
            count += 1
            pack.max_items = max(pack.max_items, _share(count, _GROWN_CHILDREN))
            following = next(items, _END)
        return pack.seal()


_END = object()


def _share(items: int, children: int) -> int:
    """The items of each of `children` batches, rounded up; at least 1."""
    return max(1, -(-items // children))


def iterable_of(result: object, node: str) -> Iterator[Any]:
    """The items a map's source returned. Raises ResultError for what cannot be fanned out."""
    if isinstance(result, str | bytes | bytearray | dict) or result is None:
        kind = "nothing (None)" if result is None else f"a {type(result).__name__}"
        hint = "Return list(d.items()) or list(d)." if isinstance(result, dict) else "Return a list of items."
        raise ResultError(f"step '{node}' feeds a map but returned {kind}.", hint=hint)
    try:
        return iter(result)  # type: ignore[call-overload, no-any-return]  # what has no iterator raises TypeError
    except TypeError:
        raise ResultError(
            f"step '{node}' feeds a map but returned a {type(result).__name__}, which has no items.",
            hint="Return a list of items.",
        ) from None


def write_items(pack: PackWriter, items: Iterator[Any], invoker: Invoker) -> None:
    """Add all `items` to a pack as they come, a few at a time in memory. Raises ResultError."""
    index = 0
    few = 1
    while chunk := list(islice(items, few)):
        payloads = _pickled_items(chunk, index, invoker)
        pack.extend_pickled(payloads)
        index += len(chunk)
        size = sum(map(len, payloads))
        few = min(few * 2, MEMBER_ITEMS) if size < MEMBER_BYTES // 8 else 1


def _pickled_items(items: list[Any], first: int, invoker: Invoker) -> list[bytes]:
    dumps = pickle.dumps
    try:
        return [dumps(item, 5) for item in items]
    except Exception:  # pickling runs the author's code: anything may come; once more, to tell which item it was
        return [pickled(item, invoker, first + place) for place, item in enumerate(items)]
