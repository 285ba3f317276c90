"""Reads one mapping of a legacy file key by key, and tells what is wrong with it: all at once, each with its place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from ..errors import Finding
from ..model.yaml import Path, SourceMap

_VARIABLE = re.compile(r"(?<!\$)\$\{(?!env:)([A-Za-z_][A-Za-z0-9_]*)")


class Section:
    """A mapping that is read. What nobody asked for is told by `finish`."""

    def __init__(self, data: Mapping[str, Any], path: Path, source: SourceMap, found: list[Finding]) -> None:
        self.data = data
        self.path = path
        self.places: dict[str, Path] = {}
        """`{name asked for: place of its value}`, for what is there."""
        self._source = source
        self._found = found
        self._known: list[str] = []

    def take(self, *names: str) -> Any:
        """The value under the first of `names`, its spellings; None where there is none."""
        self._known += names
        there = [name for name in names if name in self.data]
        for name in there[1:]:
            self.tell((name,), f"'{there[0]}' and '{name}' mean the same.", "Remove one of them.", key=True)
        if not there or self.data[there[0]] is None:
            return None
        self.places[names[0]] = (*self.path, there[0])
        return self.data[there[0]]

    def text(self, *names: str, required: str = "") -> str | None:
        """A text; `required` says what it is for. `${NAME}` becomes `${env:NAME}`."""
        value = self.take(*names)
        if value is None:
            if required:
                self.tell((), f"'{names[0]}' is missing.", required, key=True)
            return None
        if isinstance(value, str):
            return _VARIABLE.sub(r"${env:\1", value)
        hint = "Quote it." if isinstance(value, int | float) else ""
        self.wrong(names[0], "text", value, hint)
        return None

    def number(self, *names: str, low: int, high: int) -> int | None:
        """A whole number."""
        value = self.take(*names)
        if value is None or (type(value) is int and low <= value <= high):
            return value
        self.wrong(names[0], f"a whole number from {low} to {high:,}", value)
        return None

    def flag(self, *names: str) -> bool | None:
        """True or false."""
        value = self.take(*names)
        if value is None or isinstance(value, bool):
            return value
        self.wrong(names[0], "true or false", value)
        return None

    def choice(self, name: str, known: Mapping[str, str], *, required: bool = False) -> str | None:
        """One of the words `known`, as what it stands for."""
        value = self.text(name, required=f"It is one of: {', '.join(known)}." if required else "")
        if value is None or value in known:
            return None if value is None else known[value]
        self.tell((name,), f"There is no {name} '{value}'.", closest(value, list(known)))
        return None

    def finish(self) -> None:
        """Tell every key that nobody asked for."""
        for name in self.data:
            if name not in self._known:
                self.tell((name,), f"'{name}' is not known here.", closest(name, self._known), key=True)

    def wrong(self, name: str, expected: str, value: Any, hint: str = "") -> None:
        """Tell that the value asked for as `name` is of another kind."""
        place = self.places[name]
        self.tell(place[len(self.path) :], f"'{place[-1]}' has to be {expected}, not {shown(value)}.", hint)

    def tell(self, inside: Path, what: str, hint: str = "", *, key: bool = False) -> None:
        """Tell what is wrong at `inside` this mapping; with `key`, at the key rather than at its value."""
        path = (*self.path, *inside)
        mark = self._source.key(path) if key else self._source.mark(path)
        self._found.append(Finding(self._source.file, mark.line, mark.column, what, hint))


def closest(name: str, known: Sequence[str]) -> str:
    """A hint with the most similar of `known`, or all of them."""
    close = get_close_matches(name, known, n=1) or [word for word in known if word.lower() == name.lower()]
    return f"Did you mean '{close[0]}'?" if close else f"There are: {', '.join(known)}."


def shown(value: Any) -> str:
    """A value in a message."""
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    words = {True: "true", False: "false"}
    return words[value] if isinstance(value, bool) else f"'{str(value)[:60]}'"
