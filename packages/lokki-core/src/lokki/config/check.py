"""Judging a whole configuration: unknown keys and wrong values, all of them at once.

Input: the merged tables and who set what; output: {dotted key: value} and the mistakes. No I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from lokki.errors import ConfigError

from . import values
from .schema import KEYS, TABLES

Origin = Callable[[str], str]
"""From a dotted name to who set it."""


def check(tree: Mapping[str, object], origin: Origin) -> tuple[dict[str, object], list[ConfigError]]:
    """The values that `tree` sets and everything that is wrong with it, in its order."""
    found: dict[str, object] = {}
    mistakes: list[ConfigError] = []
    _check_table(tree, "", origin, found, mistakes)
    return found, mistakes


def _check_table(
    tree: Mapping[str, object], prefix: str, origin: Origin, found: dict[str, object], mistakes: list[ConfigError]
) -> None:
    """Check the table whose keys begin with `prefix`, adding to `found` and `mistakes`."""
    for name, value in tree.items():
        path = f"{prefix}{name}"
        if "." in name or not (path in KEYS or path in TABLES):
            mistakes.append(unknown_key(path, origin(path)))
        elif path in KEYS:
            found[path] = values.in_its_case(KEYS[path], value)
            mistakes += _wrong_value(path, found[path], origin)
        elif isinstance(value, Mapping):
            _check_table(value, f"{path}.", origin, found, mistakes)
        else:
            mistakes.append(ConfigError("must be a table.", key=path, origin=origin(path), hint=_keys_of(path)))


def _wrong_value(path: str, value: object, origin: Origin) -> list[ConfigError]:
    return [
        ConfigError(finding.message, key=place, origin=_origin_inside(path, place, origin), hint=finding.hint)
        for finding in values.findings(KEYS[path], value)
        for place in [f"{path}{finding.inside}"]
    ]


def _origin_inside(path: str, place: str, origin: Origin) -> str:
    """Who set `place`: itself where it is an entry of a table, else the whole value at `path`."""
    return origin(place) if place.startswith(f"{path}.") else origin(path)


def from_text(path: str, value: object) -> object:
    """`value`, converted when it is a text and the key at `path` wants something else."""
    return values.from_text(KEYS[path], value) if isinstance(value, str) and path in KEYS else value


def unknown_key(path: str, origin: str | None) -> ConfigError:
    """The error for a key nobody knows, with the closest one there is."""
    return ConfigError("is not a known key.", key=path, origin=origin, hint=_hint_for(path))


def closest(name: str, known: Iterable[str]) -> str:
    """A hint that names the one in `known` whose last word is most like that of `name`, or all of them."""
    import difflib  # noqa: PLC0415  # only for a mistake

    last_words = {each.rpartition(".")[2]: each for each in known}
    near = difflib.get_close_matches(name.rpartition(".")[2].lower(), last_words, n=1)
    return f"Did you mean {last_words[near[0]]}?" if near else f"Known here: {', '.join(last_words.values())}."


def _hint_for(path: str) -> str:
    """Keys with the same last word in other tables, else the closest of the same table, else of all."""
    if path in KEYS:
        return "Write it without quotes, or under its table."
    table, _, last = path.rpartition(".")
    namesakes = [name for name in KEYS if name.rpartition(".")[2] == last]
    if namesakes:
        return f"Did you mean {' or '.join(namesakes)}?"
    siblings = [name for name in (*KEYS, *TABLES) if name.rpartition(".")[0] == table]
    return closest(path, siblings or KEYS)


def _keys_of(table: str) -> str:
    return f"Known here: {', '.join(name for name in KEYS if name.startswith(f'{table}.'))}."
