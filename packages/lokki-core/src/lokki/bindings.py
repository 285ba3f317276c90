"""What a run's first process keeps of the evaluated flow body, so that all others need not evaluate it.

The local runner and the deployed runtime write and read the same record. Pure functions of data.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .errors import FlowDefinitionError
from .resolve import Call

if TYPE_CHECKING:
    from datetime import datetime

    from .resolve import Resolved

BINDINGS_VERSION = 1
"""The version of the record."""


def bindings_record(
    resolved: Resolved, params: Mapping[str, Any], implicit: Mapping[str, Any], started_at: datetime
) -> dict[str, Any]:
    """The record: `params` are all typed parameters, `implicit` those of them that the first step's arguments were."""
    calls = {node: (call.args, dict(call.kwargs)) for node, call in resolved.calls(implicit).items()}
    return {
        "v": BINDINGS_VERSION,
        "params": dict(params),
        "calls": calls,
        "started_at": started_at,
        "shape": resolved.graph.shape(),
    }


def check_kept(flow: str, record: Mapping[str, Any]) -> None:
    """Raise FlowDefinitionError for a bound argument that cannot be pickled, and so not reach other processes."""
    for node, (args, kwargs) in record["calls"].items():
        for name, value in [*enumerate(args, 1), *kwargs.items()]:
            try:
                pickle.dumps(value, 5)
            except Exception as error:  # pickling runs the author's code: anything may come
                kind = type(value).__name__
                raise FlowDefinitionError(
                    f"flow '{flow}': argument {name!r} of step '{node}', a {kind}, cannot be pickled: {error}.",
                    hint="Bind plain data, or an object of a class defined at module level.",
                ) from error


def calls_of(record: Mapping[str, Any]) -> dict[str, Call]:
    """{node: what its step is called with} from a record."""
    return {node: Call(args, kwargs) for node, (args, kwargs) in record["calls"].items()}


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two sets of parameters, a line each."""
    names = list(dict.fromkeys([*before, *now]))
    return [f"{n}: was {before.get(n)!r}, is {now.get(n)!r}" for n in names if before.get(n) != now.get(n)]


def shape_differences(before: Any, now: Any) -> list[str]:
    """What differs between two graph shapes, a line each, as `- old` and `+ new`."""
    import difflib  # noqa: PLC0415  # only a refusal needs it
    import json  # noqa: PLC0415  # see above

    old, new = (json.dumps(shape, indent=1).splitlines() for shape in (before, now))
    return [line for line in difflib.ndiff(old, new) if line[:1] in "+-"]
