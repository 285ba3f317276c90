"""How names are made from names: flows, nodes and the module a flow file is known by.

Pure functions of strings; no I/O.
"""

from __future__ import annotations

import re

MAX_RUN_ID = 80


def flow_name(function_name: str) -> str:
    """The name of a flow: its function's, snake_case to kebab-case (`birds_flow` → `birds-flow`)."""
    return re.sub(r"_+", "-", function_name).strip("-").lower() or function_name


def is_run_id(text: str) -> bool:
    """Whether `text` may name a run: at most 80 of letters, digits, `.`, `_`, `-`, not starting with a mark."""
    return len(text) <= MAX_RUN_ID and bool(re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z", text))


class NodeNames:
    """Gives each use of a step its name in the graph: `clean`, then `clean_2`, `clean_3`, …

    Names that steps really bear are kept for their first use, so a step called `clean_2` is never
    confused with the second use of `clean`.
    """

    def __init__(self, step_names: list[str]) -> None:
        self._reserved = set(step_names)
        self._given: set[str] = set()

    def give(self, step_name: str) -> str:
        """The name of the next use of `step_name`."""
        name = step_name
        count = 1
        while name in self._given or (count > 1 and name in self._reserved):
            count += 1
            name = f"{step_name}_{count}"
        self._given.add(name)
        return name
