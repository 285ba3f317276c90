"""Flow parameters on the command line: options made from the flow's signature, `--param` and `--params`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import ParamError
from ..params import Param, convert_json, convert_text

if TYPE_CHECKING:
    import argparse

    from ..resolve import Resolved

_PREFIX = "param:"


def add_parameters(parser: argparse.ArgumentParser, params: Mapping[str, Param]) -> None:
    """Give `parser` an option for each parameter, and `--param` and `--params`."""
    from argparse import SUPPRESS  # noqa: PLC0415  # whoever has a parser has it loaded

    group = parser.add_argument_group("parameters of the flow")
    for param in params.values():
        names = sorted({f"--{param.name.replace('_', '-')}", f"--{param.name}"}, reverse=True)
        default = "required" if param.required else f"default: {param.default!r}"
        text = f"{param.type.label} ({default})".replace("%", "%%")
        settings: dict[str, Any] = {"dest": _PREFIX + param.name, "metavar": "VALUE", "help": text}
        if param.type.label == "bool":
            group.add_argument(*names, nargs="?", const="true", **settings)
            no = [f"--no-{name.removeprefix('--')}" for name in names if f"no_{param.name}" not in params]
            if not no:  # it is another parameter's name
                continue
            group.add_argument(*no, action="store_const", const="false", dest=_PREFIX + param.name, help=SUPPRESS)
        else:
            group.add_argument(*names, **settings)
    group.add_argument("--param", action="append", metavar="NAME=VALUE", help="any parameter, also of the first step")
    group.add_argument("--params", metavar="FILE", help="JSON object of parameters; - reads stdin; options win over it")


class ParameterOptions(Protocol):
    """What a parser that went through `add_parameters` finds."""

    params: str | None
    param: list[str] | None


class Given:
    """The parameters a command line gives, before and after the flow body is evaluated."""

    def __init__(self, known: Mapping[str, Param], options: ParameterOptions, rest: Sequence[str]) -> None:
        """Raises ParamError for a bad file, an unreadable word or a value that does not fit its type."""
        from_file = _read_file(options.params)
        texts: dict[str, str | None] = {
            name.removeprefix(_PREFIX): value
            for name, value in vars(options).items()
            if name.startswith(_PREFIX) and value is not None
        }
        texts |= dict(_split(pair) for pair in options.param or ()) | _loose_options(rest)
        self._other_json = {n: v for n, v in from_file.items() if n not in known}
        self._other_text = {n: v for n, v in texts.items() if n not in known}
        self.values = _convert(
            known,
            {n: v for n, v in from_file.items() if n in known},
            {n: v for n, v in texts.items() if n in known},
        )
        """{flow parameter: value}, for those given."""
        self._known = known

    def implicit(self, resolved: Resolved) -> dict[str, Any]:
        """{argument of the first step: value}. Raises ParamError for names that are neither's."""
        return _convert({**self._known, **resolved.implicit}, self._other_json, self._other_text)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was given."""
        return not (self.values or self._other_json or self._other_text)


def _convert(
    known: Mapping[str, Param], from_json: Mapping[str, Any], texts: Mapping[str, str | None]
) -> dict[str, Any]:
    """Typed values of both; texts win. Raises ParamError that names every mistake."""
    errors: list[str] = []
    spelled: dict[str, str] = {}
    for name, text in texts.items():
        try:
            spelled |= {name: text} if text is not None else _flag(known, name)
        except ParamError as error:
            errors.append(str(error))
    values: dict[str, Any] = {}
    for convert, given in ((convert_json, from_json), (convert_text, spelled)):
        try:
            values |= convert(known, given)
        except ParamError as error:
            errors.append(str(error))
    if errors:
        raise ParamError("\n".join(errors))
    return values


def _flag(known: Mapping[str, Param], name: str) -> dict[str, str]:
    """What `--name` says where no value follows: true, or with `no_` before the name of a parameter, false."""
    for parameter, text in ((name, "true"), (name.removeprefix("no_"), "false")):
        if parameter in known and known[parameter].type.label == "bool":
            return {parameter: text}
    shown = name.replace("_", "-")
    raise ParamError(f"there is no option '--{shown}', or its value is missing.", hint="See --help.")


def _read_file(path: str | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        text = sys.stdin.read() if path == "-" else _text_of(path)
        data = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise ParamError(f"--params {path}: {error}.", hint="It must be a file with one JSON object.") from error
    if not isinstance(data, dict):
        raise ParamError(f"--params {path}: it holds a {type(data).__name__}.", hint="It must hold one JSON object.")
    return data


def _text_of(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def _split(pair: str) -> tuple[str, str]:
    name, equals, value = pair.partition("=")
    if not equals or not name:
        raise ParamError(f"--param {pair}: it is written NAME=VALUE.")
    return name, value


def _loose_options(rest: Sequence[str]) -> dict[str, str | None]:
    """`--limit 5`, `--limit=5` and `--fast` of parameters that only the flow body tells: {name: text or None}."""
    found: dict[str, str | None] = {}
    words = list(rest)
    while words:
        word = words.pop(0)
        if not word.startswith("--") or word == "--":
            raise ParamError(f"'{word}' is not understood.", hint="Parameters are given as --name VALUE.")
        name, equals, value = word[2:].partition("=")
        has_value = bool(equals) or bool(words and not words[0].startswith("--"))
        found[name.replace("-", "_")] = value if equals else words.pop(0) if has_value else None
    return found
