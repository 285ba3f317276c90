"""Values as they come back from the server: JSON as what it means, dates as dates. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from pymysql.constants import FIELD_TYPE
from pymysql.converters import conversions, convert_date, convert_datetime, convert_timedelta

from portl.connectors.operations import Row, Table
from portl.jsontext import loads


class Reader:
    """Returned columns of a table."""

    def __init__(self, table: Table, names: Sequence[str]) -> None:
        self._names = tuple(names)
        self._json = [place for place, name in enumerate(names) if table.columns[name].kind == "json"]

    def columns(self, rows: Sequence[Row]) -> dict[str, list[Any]]:
        """`{column name: values}`."""
        if not rows:
            return {name: [] for name in self._names}
        lists = [list(values) for values in zip(*rows, strict=True)]
        for place in self._json:
            lists[place] = [loads(value) if isinstance(value, str) else value for value in lists[place]]
        return dict(zip(self._names, lists, strict=True))


def _time_of_day(text: str) -> time | timedelta | str:
    value = convert_timedelta(text)
    if isinstance(value, timedelta) and timedelta() <= value < timedelta(days=1):
        minutes, seconds = divmod(value.seconds, 60)
        return time(minutes // 60, minutes % 60, seconds, value.microseconds)
    return value


def decoders(unknown: list[str]) -> dict[Any, Any]:
    """PyMySQL's, by the type of a result's column. Dates that Python does not know go into `unknown`.

    They may not raise: PyMySQL would leave the rest of the answer unread.
    """

    def strict(convert: Callable[[str], Any], kind: type) -> Callable[[str], Any]:
        def converted(text: str) -> Any:
            value = convert(text)
            if isinstance(value, kind):
                return value
            unknown.append(text)
            return None

        return converted

    return {
        **conversions,
        FIELD_TYPE.DATE: strict(convert_date, date),
        FIELD_TYPE.DATETIME: strict(convert_datetime, datetime),
        FIELD_TYPE.TIMESTAMP: strict(convert_datetime, datetime),
        FIELD_TYPE.TIME: _time_of_day,
        FIELD_TYPE.JSON: loads,
    }
