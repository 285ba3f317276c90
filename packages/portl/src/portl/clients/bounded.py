"""Bounds what botocore reads of an answer: its size, and how long it may take, errors included.

Stage: between botocore and urllib3. botocore itself reads the body of an error whole, whatever its length.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from portl.clock import Clock

PIECE = 65_536


class TooLongError(Exception):
    """The answer is longer than it may be."""


class TooLateError(Exception):
    """The answer takes longer than it may."""


class BoundedSession:
    """In place of botocore's HTTP session; hands requests to it, and bounds the bodies that come back."""

    def __init__(self, inner: Any, limit: int, seconds: float, clock: Clock) -> None:
        self._inner = inner
        self._limit = limit
        self._seconds = seconds
        self._clock = clock

    def send(self, request: Any) -> Any:
        """The response, its body unread."""
        until = self._clock.monotonic() + self._seconds
        response = self._inner.send(request)
        response.raw = _Body(response.raw, self._limit, until, self._clock)
        return response

    def close(self) -> None:
        """Close its connections."""
        self._inner.close()


class _Body:
    """A body that refuses to be read past its bounds; pieces come as they arrive, however small they are."""

    def __init__(self, inner: Any, limit: int, until: float, clock: Clock) -> None:
        self._inner = inner
        self._limit = limit
        self._left = limit
        self._until = until
        self._clock = clock

    def read(self, amount: int | None = None) -> bytes:
        """At most `amount` bytes, or all that is left. Raises TooLongError, TooLateError."""
        return self._piece(amount) if amount is not None else b"".join(self.stream())

    def stream(self, amount: int = PIECE) -> Iterator[bytes]:
        """The body in pieces. Raises as `read`."""
        while piece := self._piece(amount):
            yield piece

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def _piece(self, amount: int) -> bytes:
        if self._clock.monotonic() >= self._until:
            self._inner.close()
            raise TooLateError
        piece: bytes = self._inner.read1(min(amount, PIECE))
        self._left -= len(piece)
        if self._left < 0:
            self._inner.close()
            raise TooLongError(f"the answer is longer than max_response_bytes ({self._limit})")
        return piece
