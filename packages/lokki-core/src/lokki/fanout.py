"""A step's result as the pack that a map runs over: the same rules on a laptop and deployed.

Input: what the step returned. Output: items in a `PackWriter`. Runs the author's generators.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from .invoke import ResultError

if TYPE_CHECKING:
    from .store.pack import PackWriter

MEMBER_ITEMS = 64
"""Items of a local map's source that share a gzip member; also the most that wait in memory to be added together."""

MEMBER_BYTES = 256 * 1024
"""Pickled bytes after which such a member is full."""


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


def write_items(pack: PackWriter, items: Iterator[Any], pickled: Callable[[Any, int], bytes]) -> None:
    """Add all `items` to a pack as they come, a few at a time in memory."""
    index = 0
    few = 1
    while chunk := list(islice(items, few)):
        payloads = [pickled(item, index + place) for place, item in enumerate(chunk)]
        for payload in payloads:
            pack.append_pickled(payload)
        index += len(chunk)
        size = sum(map(len, payloads))
        few = min(few * 2, MEMBER_ITEMS) if size < MEMBER_BYTES // 8 else 1
