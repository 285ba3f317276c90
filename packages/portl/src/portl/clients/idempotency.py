"""Where an idempotency key stands in a request: a header, or a field of the body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portl.errors import RequestError

from .base import HttpRequest


def header_value(key: str, *, quoted: bool) -> str:
    """The key as a header's value. Raises RequestError for characters that headers do not carry."""
    if not key or not key.isascii() or not key.isprintable():
        raise RequestError(
            f"the idempotency key {key!r} cannot be sent in a header.",
            hint="Make it of printable ASCII characters, or send it with idempotency_in: body.<field>.",
        )
    if not quoted:
        return key
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def body_with_key(request: HttpRequest) -> Any:
    """The request's body, with the key in its field where that is its place. Raises RequestError."""
    place, _, field = request.idempotency_in.partition(".")
    if request.idempotency_key is None or place != "body":
        return request.body
    if request.body is not None and not isinstance(request.body, Mapping):
        raise RequestError(f"idempotency_in: {request.idempotency_in} needs a body that is a mapping.")
    return _with(request.body or {}, field.split("."), request.idempotency_key)


def _with(body: Mapping[str, Any], path: list[str], key: str) -> dict[str, Any]:
    name, *rest = path
    if not rest:
        return {**body, name: key}
    inner = body.get(name) or {}
    if not isinstance(inner, Mapping):
        raise RequestError(f"the idempotency key has no place in the body: {name} is not a mapping.")
    return {**body, name: _with(inner, rest, key)}
