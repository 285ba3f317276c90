"""`${env:NAME}` and `${env:NAME:-default}`: resolved after the file is parsed, so that no value changes its structure.

`$${` stands for `${`. Results are always text; a field's type turns them into numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..secrets import Secret

_REFERENCE = re.compile(
    r"\$\$\{|\$\{env:(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}|(?P<wrong>\$\{[^}]*\}?)"
)
_SECRET_NAME = re.compile(
    r"(^|_)(TOKEN|SECRET|SECRETS|PASSWORD|PASSWD|PASS|PWD|KEY|APIKEY|CREDENTIALS?|DSN|PRIVATE)(_|$)", re.IGNORECASE
)

Path = tuple[str | int, ...]


def names(value: Any) -> Iterator[str]:
    """The variables without a default that `value`, a tree of YAML values, refers to."""
    for text in _texts(value):
        yield from (match["name"] for match in _REFERENCE.finditer(text) if match["name"] and match["default"] is None)


def wrong(value: Any) -> Iterator[str]:
    """Every `${…}` in `value` that is no reference."""
    for text in _texts(value):
        yield from (match["wrong"] for match in _REFERENCE.finditer(text) if match["wrong"])


def resolve(text: str, environment: Mapping[str, str]) -> str:
    """`text` with its references replaced; a Secret where a variable's name says that it holds one.

    Raises KeyError with the name of a variable that is missing.
    """
    secret = False

    def replacement(match: re.Match[str]) -> str:
        nonlocal secret
        name = match["name"]
        if name is None:
            return "${" if match[0] == "$${" else match[0]
        secret = secret or _SECRET_NAME.search(name) is not None
        if match["default"] is not None:
            return environment.get(name) or match["default"]
        return environment[name]

    result = _REFERENCE.sub(replacement, text)
    return Secret(result) if secret else result


def mapped(value: Any, change: Callable[[str], str]) -> Any:
    """`value` with every string that holds a reference changed."""
    if isinstance(value, str):
        return change(value) if "${" in value else value
    if isinstance(value, dict):
        return {key: mapped(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [mapped(item, change) for item in value]
    return value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if "${" in value:
            yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
