"""Reads `lokki-flow.json`, which the builder puts beside the flow's files.

Input: the task root. Output: `Deployment`. Reads one file.
"""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

from lokki.graph import FlowGraph
from lokki.wire import check_wire_version

from .errors import DeploymentError

FILE = "lokki-flow.json"


class Deployment(NamedTuple):
    """What was built."""

    flow: str
    """The name the flow is deployed under unless the environment says another."""
    module: str
    """The module the flow function is defined in."""
    file: str
    """The path of that module."""
    function: str
    """The flow function's name."""
    graph: FlowGraph
    """The graph the state machine was built of."""
    shape: str
    """Its shape's hash."""


def read_deployment(task_root: str) -> Deployment:
    """What was built. Raises WireError for another version and DeploymentError for a file that cannot be used."""
    path = os.path.join(task_root, FILE)
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
    except OSError as error:
        raise DeploymentError(f"{path}: the file cannot be read ({error.strerror}).", hint=_HINT) from error
    except ValueError as error:
        raise DeploymentError(f"{path}: this is no JSON ({error}).", hint=_HINT) from error
    if not isinstance(data, dict):
        raise DeploymentError(f"{path}: an object is needed.", hint=_HINT)
    check_wire_version(data.get("wire"), FILE)
    try:
        return _deployment(task_root, data)
    except Exception as error:  # whatever is wrong with the data, the file is of no use
        raise DeploymentError(f"{path}: this does not describe a flow ({error!r}).", hint=_HINT) from error


_HINT = "Build the flow again; the builder writes this file."


def _deployment(task_root: str, data: dict[str, Any]) -> Deployment:
    graph = FlowGraph.from_dict(data["graph"])
    next(graph.tasks())
    file = os.path.join(task_root, data["file"])
    return Deployment(data["flow"], data["module"], file, data["function"], graph, data["shape"])
