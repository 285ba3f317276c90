"""psycopg's errors as portl's: what happened, what may be tried again, and which row it was.

Stage: around every call of psycopg. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from portl.connectors.blame import with_row
from portl.connectors.operations import Column, Row
from portl.connectors.refusals import null_key
from portl.errors import (
    ConnectionFailedError,
    ConnectorError,
    DatabaseError,
    RetryClass,
    RowError,
    SchemaError,
)

_TRANSACTION_GONE = {"40001": "serialization", "40P01": "deadlock", "55P03": "", "57P01": "connect", "57P02": "connect"}
_NOTHING_HAPPENED = ("57P03", "53300", "08001", "08004")
_SCHEMA = ("42703", "42P01", "42P10", "3F000", "55000")
_NOT_YET = re.compile(
    "starting up|shutting down|too many|connection slots|recovery mode|not yet accepting|not accepting", re.I
)


@contextmanager
def translated(sql: str = "") -> Iterator[None]:
    """Errors of psycopg inside the block leave it as errors of portl."""
    try:
        yield
    except psycopg.Error as error:
        raise from_database(error, sql) from error


def connection_failed(name: str, error: psycopg.Error) -> ConnectorError:
    """A connection that was not made. What the server refused for good is not worth another attempt."""
    text = " ".join(str(error).split())
    refused = "FATAL" in text and not _NOT_YET.search(text)
    return ConnectionFailedError(
        f"{name}: no connection to the database: {text}.",
        retry_class=RetryClass.NEVER if refused else RetryClass.NOTHING_HAPPENED,
        token="" if refused else "connect",
        code=error.sqlstate or "",
    )


def from_database(error: psycopg.Error, sql: str = "") -> ConnectorError:
    """`error`, which a statement of a transaction gave."""
    code = error.sqlstate or ""
    if not code or code.startswith("08"):
        return _without_code(error, code)
    if code in _SCHEMA:
        result: DatabaseError = SchemaError(_text(error), hint=error.diag.message_hint, code=code)
    elif code[:2] in ("22", "23"):
        result = RowError(_text(error), hint=error.diag.message_hint, code=code)
        result.column = error.diag.column_name or ""
    else:
        result = DatabaseError(_text(error), hint=error.diag.message_hint, code=code, **_repeatable(code))
    result.sql = sql
    return result


def _without_code(error: psycopg.Error, code: str) -> ConnectorError:
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return ConnectionFailedError(
            f"the connection to the database is lost: {' '.join(str(error).split())}.",
            retry_class=RetryClass.TRANSACTION_GONE,
            token="connect",
            code=code,
        )
    return DatabaseError(_sentence(str(error)))


def _repeatable(code: str) -> dict[str, Any]:
    if code in _TRANSACTION_GONE:
        return {"retry_class": RetryClass.TRANSACTION_GONE, "token": _TRANSACTION_GONE[code]}
    if code in _NOTHING_HAPPENED:
        return {"retry_class": RetryClass.NOTHING_HAPPENED, "token": "connect"}
    return {}


def _text(error: psycopg.Error) -> str:
    """The server's message and detail as sentences."""
    parts = (error.diag.message_primary or str(error), error.diag.message_detail or "")
    return " ".join(_sentence(part) for part in parts if part)


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text if text.endswith(".") else f"{text}."


def is_row_fault(error: ConnectorError) -> bool:
    """Whether one row of a chunk is to blame: a value, a constraint, a trigger, a policy."""
    return error.retry_class is RetryClass.NEVER and (
        error.code[:2] in ("22", "23", "P0", "44") or error.code == "42501"
    )


def from_copy(
    error: psycopg.Error,
    staging: str,
    rows: Sequence[Row],
    columns: Sequence[Column],
    indexes: Sequence[int],
    key: Sequence[str],
) -> ConnectorError:
    """The error of a COPY of `rows` into the table `staging`, with row, column and value from the server's context."""
    plain = from_database(error)
    found = re.search(re.escape(staging) + r"\D+(\d+)(.*)", error.diag.context or "", re.S)
    if not found or plain.retry_class is not RetryClass.NEVER:
        return plain
    position = int(found[1]) - 1
    if position >= len(rows):
        return plain
    column = error.diag.column_name or _named_in(found[2].split("\n")[0], columns) or _with_nul(rows[position], columns)
    if error.sqlstate == "23502" and column in key:
        return null_key(column, indexes[position])
    plain_row = with_row(plain, indexes[position], rows[position], columns)
    plain_row.column = column
    plain_row.value = next((v for c, v in zip(columns, rows[position], strict=True) if c.name == column), None)
    if column:
        plain_row.message = f"column {column}: {plain_row.message}"
    return plain_row


def _with_nul(row: Row, columns: Sequence[Column]) -> str:
    """The column whose value holds a NUL byte, which no text in PostgreSQL does; "" for none."""
    return next((c.name for c, value in zip(columns, row, strict=True) if isinstance(value, str) and "\0" in value), "")


def _named_in(context: str, columns: Sequence[Column]) -> str:
    """The column that a context as `, column price: "abc"` names; the longest, where several fit."""
    names = [column.name for column in columns if f" {column.name}:" in context or f" {column.name} " in context]
    return max(names, key=len, default="")
