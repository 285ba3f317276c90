"""What an HTTP server answered: its body within bounds, and what an unexpected status means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Any

from portl.errors import RequestError, RetryClass
from portl.jsontext import loads

from .base import HttpRequest, Reply

SHOWN_CHARACTERS = 500
"""So much of an error's body is shown."""
BUSY = {408: "http_408", 425: "http_425", 429: "http_429"}
"""Statuses that say that nothing was done, and what `retry_on` calls them."""


def read_bounded(pieces: Iterable[bytes], limit: int, is_late: Callable[[], bool]) -> bytes:
    """All pieces together. Raises ValueError past `limit` bytes, TimeoutError when it is late."""
    read = bytearray()
    for piece in pieces:
        read += piece
        if len(read) > limit:
            raise ValueError(f"the answer is longer than max_response_bytes ({limit}).")
        if is_late():
            raise TimeoutError
    return bytes(read)


def body_of(headers: Mapping[str, str], content: bytes) -> Any:
    """JSON as values, other text as a string, anything else as bytes; None for an empty body."""
    if not content:
        return None
    message = Message()
    message["content-type"] = headers.get("content-type", "text/plain")
    kind = message.get_content_type()
    if kind == "application/json" or kind.endswith("+json"):
        try:
            return loads(content)
        except ValueError:
            pass  # some servers call anything JSON; the text says more than an error would
    try:
        return content.decode(message.get_content_charset() or "utf-8")
    except (UnicodeDecodeError, LookupError):
        return content


def unexpected(request: HttpRequest, reply: Reply, reason: str, shown: str, now: datetime) -> RequestError:
    """The error for a status that is not one of the expected."""
    retry_class, token = _judged(request, reply.status)
    error = RequestError(
        f"{shown} answered {reply.status}{f' {reason}' if reason else ''}{_excerpt(reply.body)}.",
        hint=_hint(request, reply),
        retry_class=retry_class,
        token=token,
        code=str(reply.status),
    )
    error.url = shown
    error.retry_after_s = retry_after_s(reply.headers.get("retry-after"), now)
    return error


def _judged(request: HttpRequest, status: int) -> tuple[RetryClass, str]:
    if status in BUSY:
        return RetryClass.NOTHING_HAPPENED, BUSY[status]
    if status == 409 and request.idempotency_key is not None:
        return RetryClass.NOTHING_HAPPENED, "http_409"
    if status >= 500:
        return RetryClass.MAYBE_EXECUTED, "http_5xx"
    return RetryClass.NEVER, ""


def _hint(request: HttpRequest, reply: Reply) -> str | None:
    if 300 <= reply.status < 400:
        return f"It redirects to {reply.headers.get('location', 'nowhere')}; portl calls only what the job names."
    if reply.status == 422 and request.idempotency_key is not None:
        return "The idempotency key may have come before with another body."
    return None


def _excerpt(body: Any) -> str:
    if body is None:
        return ""
    text = " ".join(str(body).split())
    return f": {text[:SHOWN_CHARACTERS]}{'…' if len(text) > SHOWN_CHARACTERS else ''}"


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for; None where it says nothing that can be understood."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value.strip())
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now.timestamp()
