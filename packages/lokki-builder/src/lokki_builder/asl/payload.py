"""What a state machine says to a step: events, and the keys and URLs they name. Pure.

The state carries `{"flow": {"run_id", "params"}}`; inside a map also `path`, the indices of the enclosing
batches as text (`0/64`), and `row`, the manifest row of the child. An event is `lokki.wire.LambdaEvent` as a dict:

    {"v": 1, "flow": {"run_id", "params"}, "node", "path", "input", "attempt"}

`input` is

    null                                       the flow's first task
    the URL of the upstream's output           a task after a task; in a map without a map inside, the batch's output
    the manifest row                           the first step of a map's body
    the URL of the manifest of the map's source  an aggregation, and `<map name>.collect`

How many maps stand around a state is known when it is written, so a path is never formatted where it would be
empty, and no key holds a double slash. `attempt` is the state's retry count; a Batch job's is 0, because its event is
made in a state before and only submissions are retried.
"""

from __future__ import annotations

from dataclasses import dataclass

from lokki.store.keys import MANIFEST, OUTPUT, node_prefix
from lokki.wire import WIRE_VERSION

from .model import BUCKET, FLOW_NAME, State

MAP_RESULTS = "map_results"
"""Where below a map's first node Step Functions keeps its record of the children."""

Input = State
"""`{"input": None}` or `{"input.$": <path or intrinsic function>}`."""

NO_INPUT: Input = {"input": None}
ROW_INPUT: Input = {"input.$": "$.row"}


@dataclass(frozen=True)
class Place:
    """Where a state stands."""

    depth: int = 0
    """How many maps are around it; 0 at the top."""

    @property
    def path(self) -> State:
        """The `path` of an event: `{"path": ""}` at the top, the state's own inside maps."""
        return {"path.$": "$.path"} if self.depth else {"path": ""}

    @property
    def child_path(self) -> str:
        """The path of a child of a map that stands here: one index more."""
        if self.depth:
            return "States.Format('{}/{}', $.path, $$.Map.Item.Value.first)"
        return "States.Format('{}', $$.Map.Item.Value.first)"

    def inside(self) -> Place:
        """The place of a body's states of a map that stands here."""
        return Place(self.depth + 1)

    def format(self, node: str, name: str, before: str = "") -> str:
        """The intrinsic that makes `<before><flow>/runs/<run id>/<node>[/<path>]/<name>`."""
        prefix = node_prefix(f"${{{FLOW_NAME}}}", "{}", node)
        path, arguments = ("/{}", "$.flow.run_id, $.path") if self.depth else ("", "$.flow.run_id")
        return f"States.Format('{before}{prefix}{path}/{name}', {arguments})"


def output_input(node: str, place: Place) -> Input:
    """The `input` of what runs after `node`."""
    return {"input.$": place.format(node, OUTPUT, _BUCKET_URL)}


def manifest_input(source: str, place: Place) -> Input:
    """The `input` of what aggregates or judges the map over the result of `source`."""
    return {"input.$": place.format(source, MANIFEST, _BUCKET_URL)}


def manifest_key(source: str, place: Place) -> str:
    """The intrinsic that makes the key of the manifest a map at `place` runs over."""
    return place.format(source, MANIFEST)


def results_prefix(name: str, place: Place) -> str:
    """The intrinsic that makes the prefix of Step Functions' own record of the map `name`."""
    return place.format(name, MAP_RESULTS)


def event(node: str, place: Place, given: Input, attempt: State) -> State:
    """The event of `node`, as the `Parameters` that make it."""
    return {"v": WIRE_VERSION, "flow.$": "$.flow", "node": node, **place.path, **given, **attempt}


def child_input(place: Place) -> State:
    """The `ItemSelector` of a map at `place`: the state its children begin with."""
    return {"flow.$": "$.flow", "path.$": place.child_path, "row.$": "$$.Map.Item.Value"}


_BUCKET_URL = f"s3://${{{BUCKET}}}/"
