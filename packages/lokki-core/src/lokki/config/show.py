"""The configuration for people and for JSON: every key, its value and where it came from, secrets hidden.

Input: a LokkiConfig; output: texts. No I/O.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from . import redact
from .merge import deep_merge, nest
from .schema import KEYS, LokkiConfig
from .table import plain_values, values_in

_GAP = "  "


def describe(config: LokkiConfig) -> list[tuple[str, str, str]]:
    """`(key, value, origin)` for every key, in the order of the documentation; each entry of a table has a row.

    Values are written as in JSON, None as `none`. Entries whose name looks like a secret's and passwords in URLs are
    hidden.
    """
    return [
        (name, rendered, config.origin(name))
        for path, value in values_in(config)
        for name, rendered in _rows(path, value)
    ]


def render(config: LokkiConfig, width: int = 80) -> str:
    """What `describe` says as aligned text, one key a line, at most `width` characters wide where words allow.

    A row that does not fit goes on, indented, in the lines below it. No newline at the end.
    """
    rows = describe(config)
    keys = max(len(key) for key, _, _ in rows)
    rendered = min(max(len(value) for _, value, _ in rows), max(width // 3, 1))
    return "\n".join(line for row in rows for line in _lines(row, keys, rendered, width))


def to_dict(config: LokkiConfig, *, hide: bool = True) -> dict[str, object]:
    """The configuration as nested plain dicts, ready for JSON, with the keys of `lokki.toml`.

    `hide`: False leaves secrets and passwords readable.
    """
    tree: dict[str, object] = {}
    for path, value in plain_values(config).items():
        tree = deep_merge(tree, nest(path, _hidden(path, value) if hide else value))
    return tree


def _rows(path: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        yield from ((f"{path}.{name}", _text(entry)) for name, entry in _hidden_entries(path, value).items())
    else:
        yield path, _text(_hidden(path, value))


def _text(value: object) -> str:
    return "none" if value is None else json.dumps(value, ensure_ascii=False)


def _hidden(path: str, value: object) -> object:
    """`value` without what must not be printed."""
    if isinstance(value, str):
        return redact.without_password(value)
    if isinstance(value, list | tuple):
        return [_hidden(path, item) for item in value]
    return _hidden_entries(path, value) if isinstance(value, Mapping) else value


def _hidden_entries(path: str, entries: Mapping[str, object]) -> dict[str, object]:
    by_name = KEYS[path].redact
    return {
        name: redact.shown(name, entry) if by_name and isinstance(entry, str) else _hidden(path, entry)
        for name, entry in entries.items()
    }


def _lines(row: tuple[str, str, str], keys: int, values: int, width: int) -> Iterator[str]:
    """The line of a row, or its lines: what does not fit beside its neighbour goes below, indented."""
    key, value, origin = row
    line = f"{key:<{keys}}{_GAP}{value:<{values}}{_GAP}{origin}"
    if len(value) <= values and len(line) <= width:
        yield line
        return
    first = f"{key:<{keys}}{_GAP}{value}"
    beside = len(first) <= width
    yield first if beside else key
    yield from _wrapped([] if beside else [value], width)
    yield from _wrapped([origin], width)


def _wrapped(texts: list[str], width: int) -> Iterator[str]:
    import textwrap  # noqa: PLC0415  # only for what is too wide

    for text in texts:
        yield from textwrap.wrap(
            text, max(width, 20), initial_indent=" " * 4, subsequent_indent=" " * 4,
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
