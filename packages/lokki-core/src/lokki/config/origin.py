"""Where each value came from.

Stage: while sources are laid over each other, `Layers` notes who set what; `origin_of` answers from those notes.
"""

from __future__ import annotations

from collections.abc import Mapping

from .check import unknown_key
from .merge import deep_merge, leaves
from .schema import KEYS

DEFAULT = "default"


class Layers:
    """Sources laid over each other, the later above."""

    def __init__(self) -> None:
        self.tree: dict[str, object] = {}
        """What all of them say together."""
        self.origins: dict[str, str] = {}
        """{dotted name: who set it last}, lowest source first."""

    def lay(self, tree: Mapping[str, object], origin: str) -> None:
        """Put `tree`, which came from `origin`, above everything there is."""
        self.tree = deep_merge(self.tree, tree)
        set_now = dict.fromkeys(leaves(tree), origin)
        set_before = {path: source for path, source in self.origins.items() if path not in set_now}
        remaining = set(leaves(self.tree))
        self.origins = {path: source for path, source in (set_before | set_now).items() if path in remaining}


def source_of(origins: Mapping[str, str], path: str) -> str:
    """Who set `path` or, where that is a table, what is in it, joined in order; `default` when nobody did."""
    if path in origins:
        return origins[path]
    inside = [origin for name, origin in origins.items() if name.startswith(f"{path}.")]
    return ", ".join(dict.fromkeys(inside)) or DEFAULT


def origin_of(origins: Mapping[str, str], path: str) -> str:
    """`source_of` for a key there is, or an entry of one; ConfigError for any other `path`."""
    if path in origins or path in KEYS:
        return source_of(origins, path)
    raise unknown_key(path, None)
