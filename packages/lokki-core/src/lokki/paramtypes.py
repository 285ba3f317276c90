"""The annotations that parameters of a flow may have, and how text and JSON become values of them. Pure."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Callable
from datetime import date, datetime
from enum import Enum
from typing import Any, Literal, Union

from .record import Record

MISSING: Any = object()


class ParamType(Record):
    """One supported annotation: what it is called and how values become it."""

    label: str
    """What a message and `--help` call it: `int`, `date (YYYY-MM-DD)`."""
    from_json: Callable[[Any], Any]
    """A JSON value to a Python value; raises ValueError or TypeError."""
    from_text: Callable[[str], Any]
    """Text of a command line to a Python value; raises ValueError or TypeError."""


def param_type(annotation: Any, default: Any = MISSING) -> ParamType | None:
    """How values of an annotated parameter are read; None for an annotation lokki cannot convert to.

    An unannotated parameter takes the type of its default, or any JSON value (text that is not JSON stays text).
    """
    if annotation in (MISSING, Any, object):
        return _from_default(default)
    simple = _SIMPLE.get(annotation) if isinstance(annotation, type) else None
    if simple is not None:
        return simple
    origin = typing.get_origin(annotation)
    if origin in (Union, types.UnionType):
        return _union(typing.get_args(annotation))
    if origin is Literal:
        return _literal(typing.get_args(annotation))
    if origin is typing.Annotated:
        return param_type(typing.get_args(annotation)[0], default)
    if origin in (list, dict):
        return _collection(origin, typing.get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _enum(annotation)
    return None


def why(error: Exception) -> str:
    """What an error of a conversion adds to a message: its text, where that helps the reader."""
    return f" ({error})" if isinstance(error, Reason) else ""


class Reason(ValueError):
    """A ValueError whose text helps the reader."""


def _from_default(default: Any) -> ParamType | None:
    if default is MISSING or default is None:
        return _ANY
    known = param_type(type(default))
    return known or _ANY


def _int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    return value


def _int_text(text: str) -> int:
    return int(text.strip())


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return float(value)


def _float_text(text: str) -> float:
    value = float(text)
    if value != value or value in (float("inf"), float("-inf")):
        raise Reason("JSON cannot carry it")
    return value


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _bool_text(text: str) -> bool:
    known = {"true": True, "yes": True, "1": True, "on": True, "false": False, "no": False, "0": False, "off": False}
    try:
        return known[text.strip().lower()]
    except KeyError:
        raise Reason("say true or false") from None


def _exact(kind: type) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if not isinstance(value, kind):
            raise TypeError
        return value

    return check


def _date(value: Any) -> date:
    if isinstance(value, datetime):
        raise TypeError
    return value if isinstance(value, date) else date.fromisoformat(_exact(str)(value))


def _datetime(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(_exact(str)(value))


def _none(value: Any) -> None:
    if value is not None:
        raise TypeError


def _none_text(text: str) -> None:
    if text.strip().lower() not in ("none", "null", ""):
        raise ValueError


def _json_text(text: str) -> Any:
    return json.loads(text)


def _any_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _same(value: Any) -> Any:
    return value


_ANY = ParamType("any value", _same, _any_text)
_SIMPLE: dict[type, ParamType] = {
    int: ParamType("int", _int, _int_text),
    float: ParamType("float", _float, _float_text),
    bool: ParamType("bool", _bool, _bool_text),
    str: ParamType("str", _exact(str), _same),
    list: ParamType("list (as JSON)", _exact(list), lambda text: _exact(list)(_json_text(text))),
    dict: ParamType("dict (as JSON)", _exact(dict), lambda text: _exact(dict)(_json_text(text))),
    date: ParamType("date (YYYY-MM-DD)", _date, date.fromisoformat),
    datetime: ParamType("datetime (ISO 8601)", _datetime, datetime.fromisoformat),
    type(None): ParamType("null", _none, _none_text),
}


def _union(members: tuple[Any, ...]) -> ParamType | None:
    kinds = [param_type(member) for member in members]
    if any(kind is None for kind in kinds):
        return None
    known = [kind for kind in kinds if kind is not None]
    ordered = sorted(known, key=lambda kind: kind is _SIMPLE[str])  # text fits str, so str comes last
    return ParamType(
        " or ".join(kind.label for kind in known),
        _first_fit([kind.from_json for kind in known]),
        _first_fit([kind.from_text for kind in ordered]),
    )


def _first_fit(converters: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        for one in converters:
            try:
                return one(value)
            except (TypeError, ValueError, OverflowError):
                continue
        raise ValueError

    return convert


def _literal(choices: tuple[Any, ...]) -> ParamType:
    by_text = {str(choice): choice for choice in choices}

    def check(value: Any) -> Any:
        for choice in choices:
            if choice == value and type(choice) is type(value):
                return choice
        raise ValueError

    def text(given: str) -> Any:
        if given not in by_text:
            raise ValueError
        return by_text[given]

    return ParamType("one of " + ", ".join(repr(choice) for choice in choices), check, text)


def _enum(kind: type[Enum]) -> ParamType:
    def check(value: Any) -> Enum:
        if isinstance(value, kind):
            return value
        if isinstance(value, str) and value in kind.__members__:
            return kind[value]
        return kind(value)

    def text(given: str) -> Enum:
        for member in kind:
            if given in (member.name, str(member.value)):
                return member
        raise ValueError

    return ParamType("one of " + ", ".join(kind.__members__), check, text)


def _collection(origin: type[Any], inner: tuple[Any, ...]) -> ParamType | None:
    if not inner:  # typing.List and typing.Dict as they are
        return _SIMPLE[origin]
    if origin is dict and inner[0] is not str:
        return None
    member = param_type(inner[-1])
    if member is None:
        return None

    def check(value: Any) -> Any:
        if not isinstance(value, origin):
            raise TypeError
        if isinstance(value, dict):
            return {key: member.from_json(one) for key, one in value.items()}
        return [member.from_json(one) for one in value]

    label = f"{origin.__name__} of {member.label} (as JSON)"
    return ParamType(label, check, lambda text: check(_json_text(text)))
