"""Flow parameters: their types, and the one way text and JSON become values.

The command line, `invoke` and a deployed run's first task all convert here, so that they agree.
Pure; raises ParamError.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any, Literal, Union

from .errors import ParamError
from .record import Record

MAX_PARAMS_BYTES = 16 * 1024
"""The most a run's parameters may take as JSON."""

MAX_PARAMS_BYTES_BATCH = 4 * 1024
"""The same where the flow has a Batch step."""

MISSING: Any = object()


class ParamType(Record):
    """One supported annotation: what it is called and how values become it."""

    label: str
    """What a message and `--help` call it: `int`, `date (YYYY-MM-DD)`."""
    from_json: Callable[[Any], Any]
    """A JSON value to a Python value; raises ValueError or TypeError."""
    from_text: Callable[[str], Any]
    """Text of a command line to a Python value; raises ValueError or TypeError."""


class Param(Record):
    """A parameter of a flow."""

    name: str
    type: ParamType
    default: Any = MISSING
    """MISSING where the parameter is required."""
    implicit: bool = False
    """Whether it is an argument bound to the first step, not one of the flow function."""

    @property
    def required(self) -> bool:
        """Whether a run cannot start without it."""
        return self.default is MISSING

    def text(self, text: str) -> Any:
        """The value that `text` stands for on a command line. Raises ParamError."""
        return self._convert(self.type.from_text, text)

    def json(self, value: Any) -> Any:
        """The value that a JSON value stands for. Raises ParamError."""
        return self._convert(self.type.from_json, value)

    def _convert(self, convert: Callable[[Any], Any], value: Any) -> Any:
        try:
            return convert(value)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            shown = repr(value) if len(repr(value)) <= 80 else repr(value)[:77] + "..."
            message = f"parameter '{self.name}': {shown} is not {self.type.label}{_why(error)}."
            raise ParamError(message) from error


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


def convert_json(params: Mapping[str, Param], given: Mapping[str, Any]) -> dict[str, Any]:
    """JSON values to typed ones, for those given.

    Raises ParamError naming every unknown or mistaken parameter.
    """
    return _convert_all(params, given, lambda param, value: param.json(value))


def convert_text(params: Mapping[str, Param], given: Mapping[str, str]) -> dict[str, Any]:
    """Command-line text to typed values, for those given. Raises ParamError naming every mistake."""
    return _convert_all(params, given, lambda param, value: param.text(value))


def complete(flow: str, params: Mapping[str, Param], given: Mapping[str, Any]) -> dict[str, Any]:
    """Typed values for all of `params`: given or default, in declaration order. Raises ParamError for missing ones."""
    missing = [name for name, param in params.items() if param.required and name not in given]
    if missing:
        names = ", ".join(f"'{name}'" for name in missing)
        options = " ".join(f"--{name.replace('_', '-')} VALUE" for name in missing)
        raise ParamError(
            f"flow '{flow}' needs {'a value' if len(missing) == 1 else 'values'} for {names}.",
            hint=f"Give {options}, or a JSON file with --params.",
        )
    return {name: given.get(name, param.default) for name, param in params.items()}


def to_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """Typed values as plain JSON that `convert_json` restores. Raises ParamError for a value JSON cannot carry."""
    plain = {}
    for name, value in values.items():
        try:
            plain[name] = json.loads(json.dumps(_plain(value), allow_nan=False))
        except (TypeError, ValueError, RecursionError) as error:
            raise ParamError(
                f"parameter '{name}': a {type(value).__name__} cannot be passed as a parameter ({error}).",
                hint="Parameters are what JSON can carry, dates and Enums.",
            ) from error
    return plain


def check_size(values: Mapping[str, Any], limit_bytes: int = MAX_PARAMS_BYTES) -> None:
    """Raise ParamError where the parameters take more than `limit_bytes` as JSON."""
    size = len(json.dumps(to_json(values), separators=(",", ":")).encode())
    if size > limit_bytes:
        raise ParamError(
            f"the parameters take {size:,} bytes as JSON; {limit_bytes:,} are allowed.",
            hint="Put large input into a file or table and pass its place.",
        )


def _convert_all(
    params: Mapping[str, Param], given: Mapping[str, Any], convert: Callable[[Param, Any], Any]
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    errors: list[str] = []
    for name, value in given.items():
        if name not in params:
            errors.append(_unknown(name, params))
            continue
        try:
            values[name] = convert(params[name], value)
        except ParamError as error:
            errors.append(str(error))
    if errors:
        raise ParamError("\n".join(errors))
    return values


def _unknown(name: str, params: Mapping[str, Param]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415  # only a mistake needs it

    close = get_close_matches(name, list(params), n=1)
    known = f"Did you mean '{close[0]}'?" if close else f"It has: {', '.join(params) or 'none'}."
    return f"there is no parameter '{name}'. {known}"


def _why(error: Exception) -> str:
    return f" ({error})" if isinstance(error, _Reason) else ""


class _Reason(ValueError):
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
        raise _Reason("JSON cannot carry it")
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
        raise _Reason("say true or false") from None


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


def _plain(value: Any) -> Any:
    """`value` with names in the place of Enums (also of those that are text or numbers) and text in that of dates."""
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {_key(key): _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _key(key: Any) -> str:
    if not isinstance(key, str) or isinstance(key, Enum):
        raise TypeError(f"the keys of a dict are text in JSON, not {key!r}")
    return key
