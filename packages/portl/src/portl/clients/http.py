"""Calls of HTTP APIs. See `portl.clients.base.Client`.

Certificates are always verified. Redirects are not followed: a call goes where the job says. `timeout_ms` bounds the
whole call, the answer's body included.
"""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx

from portl.clock import SYSTEM_CLOCK, Clock
from portl.errors import ConnectionFailedError, ConnectorError, RequestError, RetryClass
from portl.jsontext import dumps
from portl.model.connections import HttpConnection
from portl.retry import Random, RetryPolicy, system_random

from .answers import body_of, read_bounded, unexpected
from .attempts import in_order, with_retries
from .base import HttpRequest, Reply
from .deadline import Deadlines
from .idempotency import body_with_key, header_value

IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})


class HttpClient:
    """Connects when the first call is made; keeps connections open between calls."""

    def __init__(
        self,
        name: str,
        config: HttpConnection,
        *,
        folder: str = ".",
        clock: Clock = SYSTEM_CLOCK,
        random: Random = system_random,
    ) -> None:
        self.name = name
        self._config = config
        self._folder = folder
        self._clock = clock
        self._random = random
        self._lock = threading.Lock()
        self._opened: httpx.Client | None = None
        self._deadlines = Deadlines(clock)

    def send(self, request: HttpRequest, retry: RetryPolicy = RetryPolicy()) -> Reply:  # noqa: B008  # frozen
        is_idempotent = request.method.upper() in IDEMPOTENT or request.idempotency_key is not None
        return with_retries(
            lambda: self._once(request), retry, is_idempotent=is_idempotent, clock=self._clock, random=self._random
        )

    def send_all(self, requests: Iterable[HttpRequest], retry: RetryPolicy = RetryPolicy()) -> Iterator[Reply]:  # noqa: B008  # frozen
        return in_order(lambda request: self.send(request, retry), requests, self._config.concurrency)

    def preview(self, request: HttpRequest) -> str:
        url = httpx.URL(self._url(request), params=_query(request) or None)
        return f"{request.method} {_without_user(str(url))}"

    def longest_s(self, request: HttpRequest) -> float:
        # The last piece of an answer may take another timeout after the deadline was looked at.
        return (self._config.connect_timeout_ms + 2 * (request.timeout_ms or self._config.timeout_ms)) / 1000

    def close(self) -> None:
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def _once(self, request: HttpRequest) -> Reply:
        shown = self.preview(request)
        timeout_s = (request.timeout_ms or self._config.timeout_ms) / 1000
        deadline = self._clock.monotonic() + timeout_s
        try:
            with self._deadlines.until(deadline), self._stream(request, timeout_s) as response:
                content = read_bounded(
                    response.iter_bytes(),
                    self._config.max_response_bytes,
                    lambda: self._clock.monotonic() >= deadline,
                )
        except httpx.HTTPError as error:
            raise self._failed(error, shown, timeout_s) from error
        except (httpx.InvalidURL, UnicodeEncodeError) as error:
            raise self._refused(f"{shown}: the request cannot be sent: {error}.", shown) from error
        except TimeoutError as error:
            raise self._timed_out(shown, timeout_s) from error
        except ValueError as error:
            raise self._refused(f"{shown}: {error}", shown) from error
        reply = Reply(response.status_code, body_of(response.headers, content), dict(response.headers))
        if not _is_expected(request, reply.status):
            raise unexpected(request, reply, response.reason_phrase, shown, self._clock.now())
        return reply

    def _stream(self, request: HttpRequest, timeout_s: float) -> Any:
        content, content_type = _content(body_with_key(request))
        headers = httpx.Headers({"User-Agent": "portl", **content_type})
        headers.update(self._own_headers())
        headers.update(request.headers)
        if request.idempotency_key is not None and request.idempotency_in == "header":
            quoted = self._config.idempotency_quoted
            headers[self._config.idempotency_header] = header_value(request.idempotency_key, quoted=quoted)
        connect_s = min(self._config.connect_timeout_ms / 1000, timeout_s)
        return self._client().stream(
            request.method,
            self._url(request),
            params=_query(request) or None,
            headers=headers,
            content=content,
            timeout=httpx.Timeout(timeout_s, connect=connect_s),
        )

    def _own_headers(self) -> dict[str, str]:
        headers = {name: "".join(value) for name, value in self._config.headers.items()}
        auth = self._config.auth
        if auth is not None and auth.bearer is not None:
            headers["Authorization"] = "Bearer " + "".join(auth.bearer)
        return headers

    def _client(self) -> httpx.Client:
        with self._lock:
            if self._opened is None:
                self._opened = httpx.Client(
                    auth=self._basic(),
                    follow_redirects=False,
                    limits=httpx.Limits(
                        max_connections=self._config.concurrency, max_keepalive_connections=self._config.concurrency
                    ),
                    verify=self._trust(),
                )
                self._deadlines.watch(self._opened)
            return self._opened

    def _basic(self) -> tuple[str, str] | None:
        auth = self._config.auth
        return None if auth is None or auth.user is None else (auth.user, "".join(auth.password or ""))

    def _trust(self) -> ssl.SSLContext:
        if self._config.ca_file is None:
            return _trusted()
        try:
            return ssl.create_default_context(cafile=os.path.join(self._folder, self._config.ca_file))
        except (OSError, ssl.SSLError) as error:
            raise RequestError(f"{self.name}: ca_file {self._config.ca_file} cannot be read: {error}.") from error

    def _url(self, request: HttpRequest) -> str:
        if "://" in request.path.split("?")[0] or request.path.startswith("//"):
            raise RequestError(
                f"{self.name}: the path {request.path!r} names another server.",
                hint="Give the server in the connection's base_url; a path begins with one slash.",
            )
        base = self._config.base_url.rstrip("/")
        return f"{base}/{request.path.lstrip('/')}" if request.path else base

    def _failed(self, error: httpx.HTTPError, shown: str, timeout_s: float) -> ConnectorError:
        if isinstance(error, httpx.ConnectTimeout | httpx.ConnectError | httpx.PoolTimeout | httpx.ProxyError):
            return self._not_connected(error, shown)
        if isinstance(error, httpx.TimeoutException):
            return self._timed_out(shown, timeout_s)
        if isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol | httpx.DecodingError):
            return self._refused(f"{shown}: the request or its answer is not valid HTTP: {error}.", shown)
        lost = RequestError(
            f"{shown}: the connection was lost before the answer was there: {error}.",
            retry_class=RetryClass.MAYBE_EXECUTED,
            token="connect",
        )
        lost.url = shown
        return lost

    def _not_connected(self, error: httpx.HTTPError, shown: str) -> ConnectorError:
        untrusted = "CERTIFICATE_VERIFY_FAILED" in str(error)
        return ConnectionFailedError(
            f"{shown}: no connection: {error}.",
            hint="The connection's ca_file names the certificates to trust." if untrusted else None,
            retry_class=RetryClass.NEVER if untrusted else RetryClass.NOTHING_HAPPENED,
            token="connect",
        )

    def _timed_out(self, shown: str, timeout_s: float) -> RequestError:
        error = RequestError(
            f"{shown}: no whole answer within {timeout_s:g} s.",
            hint="timeout_ms allows more.",
            retry_class=RetryClass.MAYBE_EXECUTED,
            token="timeout",
        )
        error.url = shown
        return error

    def _refused(self, message: str, shown: str) -> RequestError:
        error = RequestError(message)
        error.url = shown
        return error


@cache
def _trusted() -> ssl.SSLContext:
    """The usual certificates; reading them takes longer than many a call, so that clients share them."""
    return httpx.create_ssl_context()


def _is_expected(request: HttpRequest, status: int) -> bool:
    return status in request.expect_status if request.expect_status else 200 <= status < 300


def _content(body: Any) -> tuple[bytes | None, dict[str, str]]:
    """The body's bytes, and the header that says what they are. Raises RequestError."""
    if body is None:
        return None, {}
    if isinstance(body, bytes):
        return body, {"Content-Type": "application/octet-stream"}
    if isinstance(body, str):
        return body.encode(), {"Content-Type": "text/plain; charset=utf-8"}
    try:
        return dumps(body).encode(), {"Content-Type": "application/json"}
    except ValueError as error:
        raise RequestError(f"the body is not JSON: {error}.") from error


def _query(request: HttpRequest) -> list[tuple[str, str | int | float | bool | None]]:
    pairs: list[tuple[str, str | int | float | bool | None]] = []
    for name, value in request.query.items():
        items = value if isinstance(value, list | tuple) else (value,)
        pairs += [(name, item if isinstance(item, str) else _plain(item)) for item in items if item is not None]
    return pairs


def _plain(value: Any) -> str:
    text = dumps(value)
    return text[1:-1] if text.startswith('"') else text


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
