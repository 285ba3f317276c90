"""Requests as the text that waits in the outbox, and back. Nothing of a connection but its name is ever in it."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from typing import Any

from portl.clients.base import HttpRequest, LambdaRequest, Request
from portl.errors import RequestError
from portl.jsontext import dumps, loads

from .base import OutboxRow

_KINDS: dict[str, type[HttpRequest] | type[LambdaRequest]] = {"http": HttpRequest, "aws_lambda": LambdaRequest}


def to_text(request: Request) -> str:
    """The request as JSON. Raises RequestError for a body that is not JSON or text."""
    kind = next(name for name, cls in _KINDS.items() if isinstance(request, cls))
    content = {field.name: getattr(request, field.name) for field in fields(request)}
    try:
        return dumps({"kind": kind, **content})
    except ValueError as error:
        raise RequestError(f"the request cannot wait in the outbox: {error}.") from error


def from_text(text: str) -> Request:
    """The request again. Raises RequestError for a text that a newer portl wrote."""
    content: dict[str, Any] = loads(text, exact=True)
    try:
        cls = _KINDS[content.pop("kind")]
        if "expect_status" in content:
            content["expect_status"] = tuple(content["expect_status"])
        return cls(**content)
    except (KeyError, TypeError) as error:
        raise RequestError(f"the outbox holds a request that this portl does not understand: {error}.") from error


def content_hash(row: OutboxRow, text: str) -> str:
    """What has to be equal when two rows have the same key; `text` is the row's request."""
    content = dumps([row.connection, row.ordering_key, text])
    return hashlib.sha256(content.encode()).hexdigest()
