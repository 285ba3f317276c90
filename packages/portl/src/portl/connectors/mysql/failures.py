"""PyMySQL's errors as portl's: what happened, what may be tried again, and which row it was.

Stage: around every call of PyMySQL. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pymysql

from portl.errors import (
    ConnectionFailedError,
    ConnectorError,
    DatabaseError,
    RetryClass,
    RowError,
    SchemaError,
)

LOST = frozenset({0, 1053, 1077, 1079, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 2006, 2013, 2055, 3169, 4031})
"""Errors after which the connection is gone, and with it the transaction."""
DUPLICATE = "1062"
_TRANSACTION_GONE = {1213: "deadlock", 1020: "serialization", 1205: "", 3572: "", 1614: "", 1047: "connect"}
_NOTHING_HAPPENED = {1040, 1203, 1226, 2002, 2003, 2005}
_SCHEMA = {1049, 1054, 1072, 1091, 1109, 1146}
_ROW = {
    1022, 1048, 1062, 1216, 1217, 1264, 1265, 1292, 1364, 1365, 1366, 1367, 1369, 1406, 1411, 1416, 1451, 1452,
    1525, 1557, 1586, 1644, 1690, 1761, 1762, 3140, 3156, 3819, 4025, 4078,
}  # fmt: skip
_CHECK = {3819, 4025}
_PLACE = re.compile(r"column (?:`[^`]*`\.`[^`]*`\.)?[`'](?P<name>.+?)[`'](?: at row (?P<row>\d+))?")
_DUPLICATE = re.compile(r"for key '(?:.*\.)?(.*)'")


@contextmanager
def translated(sql: str = "") -> Iterator[None]:
    """Errors of PyMySQL inside the block leave it as errors of portl."""
    try:
        yield
    except pymysql.MySQLError as error:
        raise from_database(error, sql) from error
    except OSError as error:
        raise _lost(str(error), 2013) from error


def number_of(error: BaseException) -> int:
    """The server's or client's number of an error; 0 where there is none."""
    first = error.args[0] if error.args else 0
    return first if isinstance(first, int) else 0


def connection_failed(name: str, error: Exception) -> ConnectorError:
    """A connection that was not made. What the server refused for good is not worth another attempt."""
    number = number_of(error)
    refused = number not in LOST and number not in _NOTHING_HAPPENED
    hint = None
    if "cryptography" in str(error):
        hint = "The server wants an encrypted connection for this password: ssl_mode: required."
    return ConnectionFailedError(
        f"{name}: no connection to the database: {_text(error)}",
        hint=hint,
        retry_class=RetryClass.NEVER if refused else RetryClass.NOTHING_HAPPENED,
        token="" if refused else "connect",
        code=str(number or ""),
    )


def from_database(error: pymysql.MySQLError, sql: str = "") -> ConnectorError:
    """`error`, which a statement of a transaction gave."""
    number, text = number_of(error), _text(error)
    if number in LOST and isinstance(error, pymysql.OperationalError | pymysql.InterfaceError | pymysql.InternalError):
        return _lost(text, number)
    result: DatabaseError
    if number in _SCHEMA:
        result = SchemaError(text, code=str(number))
    elif number in _ROW:
        result = RowError(_explained(number, text), code=str(number))
        place = _PLACE.search(text)
        result.column = place["name"] if place else ""
    else:
        result = DatabaseError(text, code=str(number or ""), **_repeatable(number))
    result.sql = sql
    return result


def _explained(number: int, text: str) -> str:
    return f"a CHECK does not hold: {text}" if number in _CHECK else text


def _lost(text: str, number: int) -> ConnectionFailedError:
    return ConnectionFailedError(
        f"the connection to the database is lost: {text if text.endswith('.') else text + '.'}",
        retry_class=RetryClass.TRANSACTION_GONE,
        token="connect",
        code=str(number or ""),
    )


def _repeatable(number: int) -> dict[str, Any]:
    if number in _TRANSACTION_GONE:
        return {"retry_class": RetryClass.TRANSACTION_GONE, "token": _TRANSACTION_GONE[number]}
    if number in _NOTHING_HAPPENED:
        return {"retry_class": RetryClass.NOTHING_HAPPENED, "token": "connect"}
    return {}


def _text(error: Exception) -> str:
    """The server's message as a sentence."""
    text = str(error.args[1]) if len(error.args) > 1 else str(error)
    text = " ".join(text.split())
    return text if text.endswith(".") else f"{text}."


def row_in(error: ConnectorError) -> int | None:
    """Which row of a statement's rows an error names, from 0; None for none."""
    place = _PLACE.search(error.message)
    return int(place["row"]) - 1 if place and place["row"] else None


def is_row_fault(error: ConnectorError) -> bool:
    """Whether one row of a chunk is to blame: a value, a constraint, a trigger."""
    return isinstance(error, RowError) and error.retry_class is RetryClass.NEVER
