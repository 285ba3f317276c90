"""Lets a whole HTTP call end by a moment, however slowly the other side drips: its headers, its TLS, its body.

Stage: under httpx2, around its sockets. httpx2's own timeouts are those of one reading each: a server that sends one
byte before each of them ends could hold a call for days.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore2
import httpx2 as httpx

from portl.clock import Clock

Ended = type[httpcore2.TimeoutException]


class Deadlines:
    """The moments by which the calls of a client's threads have to end."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._local = threading.local()

    @contextmanager
    def until(self, moment: float) -> Iterator[None]:
        """Let what this thread does on its sockets end by `moment`, a reading of the clock's `monotonic`."""
        self._local.moment = moment
        try:
            yield
        finally:
            self._local.moment = None

    def left(self, timeout: float | None, ended: Ended) -> float | None:
        """Seconds that a reading may take at most. Raises `ended` where none are left."""
        moment = getattr(self._local, "moment", None)
        if moment is None:
            return timeout
        seconds: float = moment - self._clock.monotonic()
        if seconds <= 0:
            raise ended("the call took too long")
        return seconds if timeout is None else min(timeout, seconds)

    def watch(self, client: httpx.Client) -> None:
        """Have all connections of a client, those through proxies too, keep to the deadlines.

        httpx2's pools take a backend for their sockets, but its client has no way to hand one on. A test with a server
        that drips its headers tells when this has to be done in another way.
        """
        for transport in (client._transport, *client._mounts.values()):
            pool: Any = getattr(transport, "_pool", None)
            if pool is not None:
                pool._network_backend = _Backend(pool._network_backend, self)


class _Backend(httpcore2.NetworkBackend):
    def __init__(self, inner: httpcore2.NetworkBackend, deadlines: Deadlines) -> None:
        self._inner = inner
        self._deadlines = deadlines

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        timeout = self._deadlines.left(timeout, httpcore2.ConnectTimeout)
        stream = self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        return _Stream(stream, self._deadlines.left)

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _Stream(httpcore2.NetworkStream):
    def __init__(self, inner: httpcore2.NetworkStream, left: Callable[[float | None, Ended], float | None]) -> None:
        self._inner = inner
        self._left = left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._left(timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._left(timeout, httpcore2.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        timeout = self._left(timeout, httpcore2.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, timeout), self._left)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
