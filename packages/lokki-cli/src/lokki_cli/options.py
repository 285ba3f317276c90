"""Flow parameters as click options: `--limit 5`, `--fast`, `--no-fast`, `--param NAME=VALUE`, `--params FILE`.

Input: `lokki.params`. Output: options for click, and from what they found `lokki.commands.parameters.Given`, which
converts and checks as `run` does. A parameter that bears the name of a command's own option is given with `--param`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import click
from lokki.commands.parameters import Given
from lokki.params import Param

_FOUND = "lokki_cli.options.found"
"""Where a click context keeps what was given: {option: text, or texts for `--param`}."""


class ParameterOption(click.Option):
    """An option that gives flow parameters; commands do not receive it as an argument."""


def parameter_options(params: Mapping[str, Param], taken: Collection[str]) -> list[ParameterOption]:
    """An option for each parameter, and `--param` and `--params`; `taken` are the command's own spellings."""
    found = [option for param in params.values() for option in _options(param, params, taken)]
    return [*found, *_general()]


def given(context: click.Context, known: Mapping[str, Param], rest: Sequence[str]) -> Given:
    """What was given; `rest` are words that only the flow's body can explain. Raises ParamError with all mistakes."""
    found = context.meta.get(_FOUND, {})
    pairs = [f"{name}={text}" for name, text in found.items() if name in known]
    return Given(known, SimpleNamespace(params=found.get("--params"), param=[*pairs, *found.get("--param", ())]), rest)


def _options(param: Param, params: Mapping[str, Param], taken: Collection[str]) -> Iterator[ParameterOption]:
    spellings = _spellings(param.name, taken)
    if not spellings:
        return
    default = "required" if param.required else f"default: {param.default!r}"
    settings: dict[str, Any] = {"metavar": "VALUE", "help": f"{param.type.label} ({default})"}
    if param.type.label != "bool":
        yield _option(param.name, spellings, **settings)
        return
    yield _option(param.name, spellings, is_flag=False, flag_value="true", **settings)
    no = _spellings(f"no_{param.name}", taken)
    if no and f"no_{param.name}" not in params:
        yield _option(param.name, no, is_flag=True, flag_value="false", default=None, hidden=True)


def _general() -> list[ParameterOption]:
    pair = "Any parameter, also of the first step."
    file = "JSON object of parameters; - reads stdin. Options win over it."
    return [
        _option("--param", ["--param"], metavar="NAME=VALUE", multiple=True, help=pair),
        _option("--params", ["--params"], metavar="FILE", help=file),
    ]


def _spellings(name: str, taken: Collection[str]) -> list[str]:
    """`--begin-date` and `--begin_date`, as far as the command has no such options of its own."""
    both = dict.fromkeys([f"--{name.replace('_', '-')}", f"--{name}"])
    return [spelling for spelling in both if spelling not in taken]


def _option(key: str, spellings: list[str], **settings: Any) -> ParameterOption:
    def keep(context: click.Context, option: click.Parameter, value: Any) -> None:
        if value not in (None, ()):
            context.meta.setdefault(_FOUND, {})[key] = value

    return ParameterOption(spellings, expose_value=False, callback=keep, type=click.UNPROCESSED, **settings)
