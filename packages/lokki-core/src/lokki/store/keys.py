"""Where each thing of a run is kept: pure functions from names to keys.

    <flow>/runs/<run_id>/bindings.pkl.gz
                        /<name>.json
                        /<node>[/<path…>]/output.pkl.gz
                                         /partial.pkl.gz
                                         /map_manifest.json
                                         /error.json
                                         /journal/<part>.pkl.gz, <part>.idx

`path` is the first index of each enclosing batch, outermost first. Every function raises `StoreUrlError` for a part
that could leave its place.
"""

from __future__ import annotations

from ..errors import StoreUrlError

OUTPUT = "output.pkl.gz"
PARTIAL = "partial.pkl.gz"
MANIFEST = "map_manifest.json"
ERROR = "error.json"
BINDINGS = "bindings.pkl.gz"
JOURNAL = "journal"


def check_part(part: str) -> str:
    """Return `part` if it may stand between two slashes of a key.

    Refused are the empty part, slashes, control characters and whatever starts with a dot: `..`, and the names
    under which stores keep their unfinished business.
    """
    if not part or part[0] == "." or "/" in part or not part.isprintable():
        raise StoreUrlError(
            "this cannot be a part of a key.",
            url=repr(part),
            operation="name",
            hint="Use a name without slashes and control characters that does not start with a dot.",
        )
    return part


def run_prefix(flow: str, run_id: str) -> str:
    """`<flow>/runs/<run_id>`, without a slash at the end."""
    return f"{check_part(flow)}/runs/{check_part(run_id)}"


def node_prefix(flow: str, run_id: str, node: str, path: tuple[int, ...] = ()) -> str:
    """`<flow>/runs/<run_id>/<node>[/<path…>]`, without a slash at the end."""
    prefix = f"{run_prefix(flow, run_id)}/{check_part(node)}"
    return "/".join([prefix, *map(_index, path)]) if path else prefix


def _index(index: int) -> str:
    if type(index) is not int or index < 0:
        raise StoreUrlError("a path holds indices from 0.", url=repr(index), operation="name")
    return str(index)


def output_key(flow: str, run_id: str, node: str, path: tuple[int, ...] = ()) -> str:
    """The key of a step's result."""
    return f"{node_prefix(flow, run_id, node, path)}/{OUTPUT}"


def partial_key(flow: str, run_id: str, node: str, path: tuple[int, ...] = ()) -> str:
    """The key of what is done of a batch that is not finished."""
    return f"{node_prefix(flow, run_id, node, path)}/{PARTIAL}"


def manifest_key(flow: str, run_id: str, node: str, path: tuple[int, ...] = ()) -> str:
    """The key of the list of what a map will run over."""
    return f"{node_prefix(flow, run_id, node, path)}/{MANIFEST}"


def error_key(flow: str, run_id: str, node: str, path: tuple[int, ...] = ()) -> str:
    """The key of the record of why a step failed."""
    return f"{node_prefix(flow, run_id, node, path)}/{ERROR}"


def bindings_key(flow: str, run_id: str) -> str:
    """The key of what the flow body bound."""
    return f"{run_prefix(flow, run_id)}/{BINDINGS}"


def document_key(flow: str, run_id: str, name: str) -> str:
    """The key of a small document of the run; `name` ends in `.json`, as `run.json`."""
    if not name.endswith(".json"):
        raise StoreUrlError("a run's document must be called <name>.json.", url=repr(name), operation="name")
    return f"{run_prefix(flow, run_id)}/{check_part(name)}"


def journal_prefix(flow: str, run_id: str, node: str, path: tuple[int, ...] = ()) -> str:
    """Where the local workers' logs of a step's results lie, without a slash at the end."""
    return f"{node_prefix(flow, run_id, node, path)}/{JOURNAL}"
