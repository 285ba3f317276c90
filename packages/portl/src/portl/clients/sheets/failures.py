"""What it means when Google Sheets refuses a request."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from portl.clients.answers import BUSY, SHOWN_CHARACTERS, retry_after_s
from portl.clients.base import Reply
from portl.errors import RequestError, RetryClass

API_PAGE = "https://console.cloud.google.com/apis/library/sheets.googleapis.com"


def refused(reply: Reply, shown: str, spreadsheet: str, email: str, now: datetime) -> RequestError:
    """The error for an answer that is no success."""
    said = _said(reply.body)
    what, hint = _explained(reply.status, said, spreadsheet, email)
    error = RequestError(
        f"{what}{f': {said}' if said else ''}.",
        hint=hint,
        retry_class=_class_of(reply.status),
        token=BUSY.get(reply.status, "http_5xx" if reply.status >= 500 else ""),
        code=str(reply.status),
    )
    error.url = shown
    error.retry_after_s = retry_after_s(reply.headers.get("retry-after"), now)
    return error


def _explained(status: int, said: str, spreadsheet: str, email: str) -> tuple[str, str | None]:
    """A sentence without its full stop, and a hint."""
    if status == 403 and ("has not been used" in said or "is disabled" in said):
        return (
            "Google Sheets refuses the request",
            f"Enable the Google Sheets API for the account's project: {API_PAGE}.",
        )
    if status == 403:
        hint = f"Share it with {email}: as a viewer to read, as an editor to write."
        return f"The spreadsheet {spreadsheet} refuses the account {email}", hint
    if status == 404:
        hint = f"Look at spreadsheet_id, and share the spreadsheet with {email}."
        return f"There is no spreadsheet {spreadsheet} that {email} could see", hint
    if status == 401:
        return f"Google Sheets does not accept the token of {email}", "Is its key still valid?"
    if status == 429:
        return "Google Sheets' quota is used up", "requests_per_minute of the connection lets portl ask less often."
    if 300 <= status < 400:
        return f"Google Sheets redirects ({status})", "Look at the connection's endpoint; portl follows no redirects."
    return f"The spreadsheet {spreadsheet} answered {status}", None


def _class_of(status: int) -> RetryClass:
    if status in BUSY:
        return RetryClass.NOTHING_HAPPENED
    return RetryClass.MAYBE_EXECUTED if status >= 500 else RetryClass.NEVER


def _said(body: Any) -> str:
    """The server's own message, in one line, without its full stop."""
    error = body.get("error") if isinstance(body, dict) else None
    text = error.get("message") if isinstance(error, dict) else body if isinstance(body, str) else None
    line = " ".join(str(text or "").split()).rstrip(".")
    return f"{line[:SHOWN_CHARACTERS]}{'…' if len(line) > SHOWN_CHARACTERS else ''}"
