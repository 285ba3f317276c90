"""Flow parameters: their types, and the one way text and JSON become values.

The command line, `invoke` and a deployed run's first task all convert here, so that they agree.
Pure; raises ParamError.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from enum import Enum
from typing import TYPE_CHECKING, Any

from .errors import ParamError
from .paramtypes import MISSING, ParamType, param_type, why
from .record import Record

if TYPE_CHECKING:
    from .graph import FlowGraph

__all__ = [
    "MAX_PARAMS_BYTES",
    "MAX_PARAMS_BYTES_BATCH",
    "MISSING",
    "Param",
    "ParamType",
    "check_size",
    "complete",
    "convert_json",
    "convert_text",
    "param_type",
    "params_limit_bytes",
    "to_json",
]

MAX_PARAMS_BYTES = 16 * 1024
"""The most a run's parameters may take as JSON."""

MAX_PARAMS_BYTES_BATCH = 4 * 1024
"""The same where the flow has a Batch step."""


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
            message = f"parameter '{self.name}': {shown} is not {self.type.label}{why(error)}."
            raise ParamError(message) from error


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


def params_limit_bytes(graph: FlowGraph) -> int:
    """The most that parameters of a flow may take as JSON."""
    has_batch = any(task.options.job_type == "batch" for task in graph.tasks())
    return MAX_PARAMS_BYTES_BATCH if has_batch else MAX_PARAMS_BYTES


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
