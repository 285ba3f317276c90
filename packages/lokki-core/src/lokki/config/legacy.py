"""Older spellings: keys that were renamed, and the version-1 `lokki.yml`.

Pure functions of plain dicts: each returns the tables in today's words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lokki.errors import ConfigError

from .check import closest
from .merge import deep_merge, nest
from .schema import KEYS

V1_KEYS = {key.v1: path for path, key in KEYS.items() if key.v1}
"""{dotted key of lokki.yml: today's key}"""


def rename_older(tree: Mapping[str, object], path: str) -> tuple[dict[str, object], list[str]]:
    """The tables of a `lokki.toml` at `path` with older names replaced, and a warning for each."""
    renamed, warnings = dict(tree), []
    for name, key in KEYS.items():
        table, _, new = name.rpartition(".")
        below = renamed.get(table)
        if key.older and isinstance(below, Mapping) and key.older in below:
            entries = dict(below)
            entries[new] = entries.get(new, entries[key.older])
            ignored = "and is ignored beside it" if new in below else "and should be renamed"
            del entries[key.older]
            renamed[table] = entries
            warnings.append(f"{path}: {table}.{key.older} is now called {name} {ignored}.")
    return renamed, warnings


def from_v1(document: Mapping[object, object], path: str) -> tuple[dict[str, object], list[ConfigError]]:
    """The tables a version-1 document means, and what in it means nothing."""
    tree: dict[str, object] = {}
    problems = []
    for name, value in _v1_entries(document):
        if name in V1_KEYS:
            tree = deep_merge(tree, nest(V1_KEYS[name], value))
        else:
            problems.append(_unknown(name, path))
    return tree, problems


def _v1_entries(document: Mapping[object, object]) -> Iterator[tuple[str, object]]:
    """Every set key of a version-1 document with its dotted name; an empty one in YAML is not set."""
    groups = {name.partition(".")[0] for name in V1_KEYS if "." in name}
    for name, value in document.items():
        if name in groups and isinstance(value, Mapping):
            yield from ((f"{name}.{inner}", entry) for inner, entry in value.items() if entry is not None)
        elif value is not None:
            yield str(name), value


def _unknown(name: str, path: str) -> ConfigError:
    if any(known.startswith(f"{name}.") for known in V1_KEYS):
        return ConfigError("must be a table.", key=name, origin=f"file {path}")
    if name in KEYS or name.partition(".")[0] in {known.partition(".")[0] for known in KEYS}:
        hint = "Newer keys are read from lokki.toml."
    else:
        hint = closest(name, V1_KEYS)
    return ConfigError("is not a known key.", key=name, origin=f"file {path}", hint=hint)
