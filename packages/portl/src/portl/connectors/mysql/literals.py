"""Values as MySQL's literals: what a column's type says goes in, everything else is refused. Pure.

MySQL itself would round 1.5 in an integer column, take 01/02/03 for a date, and a number in an ENUM for a position.
Moments with a zone are written in UTC, which is the session's zone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from pymysql.converters import escape_string

from portl.connectors.operations import Column, Kind
from portl.connectors.strict import (
    DAY,
    HOUR,
    INSTANT,
    Unwritable,
    boolean,
    decimal,
    finite,
    form,
    integer,
    json_text,
    parsed,
    shown,
    text,
)

Literal = Callable[[Any], str]
WHERE = "MySQL"
DIGITS = 65
"""Of a DECIMAL."""
_PLAIN = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
"""What can be written as it is: nearly all numbers of files."""
_MEMBER = re.compile(r"'((?:[^']|'')*)'")
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "integer", "bigint", "year"), "integer"),
    **dict.fromkeys(("decimal", "numeric", "float", "double", "real"), "number"),
    **dict.fromkeys(("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"), "text"),
    **dict.fromkeys(("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"), "blob"),
    "json": "json",
}


def kind_of(data_type: str) -> Kind:
    """The family of one of MySQL's types, named without its length."""
    return _KINDS.get(data_type.lower(), "")


def literal(column: Column) -> Literal:
    """A function that makes a literal of the column's values that are not None. It raises Unwritable."""
    declared = column.type.lower()
    if declared == "tinyint(1)":
        return _boolean
    if declared.startswith("enum("):
        return _member_of(declared, column.type)
    by_word = _BY_WORD.get(re.split(r"[ (]", declared)[0])
    return by_word or _BY_KIND.get(column.kind, plain)


def plain(value: Any) -> str:
    """A value for a parameter, or a column whose type nothing is known of."""
    if isinstance(value, str):
        return quoted_text(value)
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, bytes | bytearray | memoryview):
        return _bytes(value)
    if isinstance(value, dict | list | tuple):
        return quoted_text(json_text(value))
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, timedelta):
        return _duration(value)
    return _number(value) if isinstance(value, float | Decimal) else quoted_text(form(value, WHERE))


def quoted_text(value: str) -> str:
    """Text as a literal."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Unwritable(f"{shown(value)} is not Unicode text") from None
    return f"'{escape_string(value)}'"


def _integer(value: Any) -> str:
    if type(value) is str and value.isascii() and value.isdecimal():
        return value
    return str(integer(value))


def _boolean(value: Any) -> str:
    if isinstance(value, str) and not value.strip().lstrip("+-").isdigit():
        return str(boolean(value))
    return _integer(value)


def _number(value: Any) -> str:
    if type(value) is str and _PLAIN.fullmatch(value):
        return value
    if isinstance(value, float):
        number = repr(finite(value, WHERE))
        return number if "e" in number else f"{number}e0"
    if isinstance(value, str | Decimal | int) and not isinstance(value, bool):
        exact = decimal(Decimal(value) if isinstance(value, int) else value)
        if exact.is_finite():
            return _exact(exact)
    raise Unwritable(f"{shown(value)} is not a number")


def _exact(number: Decimal) -> str:
    """MySQL would make the largest number it knows of one with more digits."""
    text = format(number, "f") if abs(number.adjusted()) <= DIGITS else ""
    if not text or len(text.strip("-").partition(".")[0]) > DIGITS:
        raise Unwritable(f"{number} has more than {DIGITS} digits")
    return text


def _double(value: Any) -> str:
    if isinstance(value, str | Decimal):
        number = decimal(value)
        value = float(number) if number.is_finite() else value
    return _number(value)


def _text(value: Any) -> str:
    if type(value) is str:
        return quoted_text(value)
    return quoted_text(text(value, WHERE))


def _blob(value: Any) -> str:
    return _text(value) if isinstance(value, str) else _bytes(value)


def _bytes(value: Any) -> str:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise Unwritable(f"{shown(value)} is not bytes")
    return f"x'{bytes(value).hex()}'"


def _bits(value: Any) -> str:
    return _bytes(value) if isinstance(value, bytes | bytearray | memoryview) else _boolean(value)


def _json(value: Any) -> str:
    return quoted_text(json_text(value))


def _moment(value: datetime) -> str:
    naive = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
    return f"'{naive.isoformat(' ')}'"


def _instant(value: Any) -> str:
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, date):
        return f"'{value.isoformat()}'"
    return _moment(parsed(value, lambda text: datetime.fromisoformat(text.strip()), INSTANT))


def _day(value: Any) -> str:
    if isinstance(value, date) and not isinstance(value, datetime):
        return f"'{value.isoformat()}'"
    return f"'{parsed(value, lambda text: date.fromisoformat(text.strip()), DAY).isoformat()}'"


def _hour(value: Any) -> str:
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, time):
        return f"'{value.replace(tzinfo=None).isoformat()}'"
    return f"'{parsed(value, lambda text: time.fromisoformat(text.strip()), HOUR).isoformat()}'"


def _duration(value: timedelta) -> str:
    sign, value = ("-", -value) if value < timedelta() else ("", value)
    seconds = value.days * 86400 + value.seconds
    return f"'{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{value.microseconds:06}'"


def _member_of(declared: str, spelt: str) -> Literal:
    members = {member.replace("''", "'") for member in _MEMBER.findall(declared)}

    def member(value: Any) -> str:
        name = text(value, WHERE)
        if name.lower() not in members:
            raise Unwritable(f"{shown(value)} is none of {spelt}")
        return quoted_text(name)

    return member


_BY_KIND: dict[Kind, Literal] = {
    "integer": _integer,
    "number": _number,
    "text": _text,
    "blob": _blob,
    "json": _json,
}
_BY_WORD: dict[str, Literal] = {
    "date": _day,
    "datetime": _instant,
    "timestamp": _instant,
    "time": _hour,
    "bit": _bits,
    **dict.fromkeys(("float", "double", "real"), _double),
}
