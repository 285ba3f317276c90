"""Errors as records: whole for the store, trimmed for Step Functions. Pure.

Step Functions cuts a cause at 32,768 characters, which would leave no JSON. The cause is the JSON of Lambda's answer,
and the text of our errors is JSON inside it, so what counts is its length after being encoded twice.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping
from typing import Any

from lokki.describe import author_traceback
from lokki.errors import LokkiError, MapFailedError, StepFailedError
from lokki.failure import ItemFailure
from lokki.retry import exception_name

from .errors import DiskFullError

CAUSE_CHARS = 28_000
"""The most characters of an error's text as it stands in a cause, both encodings included."""

STORED_CHARS = 1_000_000
"""The most characters of a text that are kept in `error.json`."""

_LEAST_CHARS = 100

FAILURES_SHOWN = 20
"""Failed items of a map that are named in its error."""


def error_record(error: BaseException) -> dict[str, Any]:
    """What is known of `error` as plain JSON.

    `error_type` and `error_message` are the author's exception, `message` says where it happened and what to do.
    """
    cause = _cause(error)
    record: dict[str, Any] = {
        "error_type": exception_name(type(cause)),
        "error_message": _kept(_text(cause)),
        "message": _kept(_text(error)),
        "traceback": _kept(_traceback(error)),
    }
    if is_disk_full(cause):
        record["error_type"] = exception_name(DiskFullError)
        record["message"] += f". {_DISK_HINT}"
    if isinstance(error, StepFailedError):
        record |= {"index": error.index, "attempts": error.attempts}
    if isinstance(error, MapFailedError):
        record["failed"] = len(error.failures)
        record["failures"] = [dict(vars(failure)) for failure in error.failures[:FAILURES_SHOWN]]
    return record


def cause_text(record: Mapping[str, Any]) -> str:
    """`record` as JSON that fits into a cause: the failures go first, then the middle of long texts."""
    short = {name: value for name, value in record.items() if name != "failures"}
    limit = CAUSE_CHARS
    text = json.dumps(short)
    while len(json.dumps(text)) > CAUSE_CHARS and limit > _LEAST_CHARS:
        limit //= 2
        short = {name: _shortened(value, limit) for name, value in short.items()}
        text = json.dumps(short)
    return text


def is_disk_full(error: BaseException | None) -> bool:
    """Whether `error`, or what it came from, is the system saying that no space is left."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__ or error.__context__
    return False


_DISK_HINT = "Delete temporary files, write less, or give the step more room: @step(ephemeral_storage_mb=...)."


def _cause(error: BaseException) -> BaseException:
    return error.__cause__ if isinstance(error, StepFailedError) and error.__cause__ is not None else error


def _traceback(error: BaseException) -> str:
    if isinstance(error, StepFailedError):
        return error.traceback
    if isinstance(error, LokkiError) and error.__cause__ is None:
        return ""
    return author_traceback(error.__cause__ if isinstance(error, LokkiError) and error.__cause__ else error)


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # an author's __str__ may raise anything
        return f"<{type(error).__name__} that cannot be shown>"


def _kept(text: str) -> str:
    clean = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return _middle_out(clean, STORED_CHARS)


def _shortened(value: Any, limit: int) -> Any:
    return _middle_out(value, limit) if isinstance(value, str) else value


def _middle_out(value: str, limit: int) -> str:
    if len(value) <= limit:
        return value
    head = limit // 3
    tail = limit - head
    return f"{value[:head]}\n… {len(value) - limit:,} characters left out …\n{value[-tail:]}"


def failure_of(error: LokkiError, index: int, node: str) -> ItemFailure:
    """What is kept of an item that failed for good."""
    record = error_record(error)
    attempts = getattr(error, "attempts", 1)
    return ItemFailure(index, record["error_type"], record["error_message"], record["traceback"], node, attempts)
