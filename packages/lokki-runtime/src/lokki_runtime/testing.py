"""A state machine in this process, for tests: it drives `execute` as Step Functions drives functions.

    machine = StateMachine(root, store)
    machine.run({"limit": 5})
    machine.result()

Events are those of a generated definition, and so are the retriers: one for the step's policy (LokkiRetryable and kills
together), one for LokkiContinue, one for AWS's own errors. `fault` may end an invocation as AWS would: by `Killed`
before or in the middle of it, by `Throttled` before it, by `AnswerLost` after it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lokki.canonical import find_flow, load_module
from lokki.clock import SYSTEM_CLOCK, Clock
from lokki.graph import Chain, FlowGraph, MapLink, TaskEntry, result_node
from lokki.retry import RetryConfig
from lokki.store.collect import MapResults
from lokki.store.memory import MemoryBlobs
from lokki.store.protocol import TransientStore
from lokki.wire import WIRE_VERSION, FlowContext, LambdaEvent

from .deployment import FILE, read_deployment
from .errors import LokkiContinue, LokkiRetryable, Outcome
from .execute import execute
from .logs import Log
from .program import FlowProgram
from .roles import COLLECT, roles_of
from .runtime import Runtime
from .settings import Settings

if TYPE_CHECKING:
    from lokki.store.codec import Data

TRANSIENT_RETRIES = 10
"""How often the machine tries again after AWS's own errors."""

CONTINUE_RETRIES = 1_000
"""How often it goes on with a batch."""


class Killed(KeyboardInterrupt):
    """The function was ended from outside. Nothing it does afterwards may count: see `MortalBlobs`."""


class MortalBlobs(MemoryBlobs):
    """A medium that stops taking anything once `dead` is set, as the world does for a process that was killed."""

    dead = False
    writes = 0
    """How many objects have been stored."""
    dies_after: int | None = None
    """The process is killed right after this many writes; None for never."""

    def put(self, key: str, data: Data) -> None:
        """Store `data`, or raise Killed."""
        self._live()
        super().put(key, data)
        self._count()

    def create(self, key: str, data: Data) -> bool:
        """Store `data` if nothing is there, or raise Killed."""
        self._live()
        done = super().create(key, data)
        self._count()
        return done

    def _live(self) -> None:
        if self.dead:
            raise Killed("a dead process writes nothing")

    def _count(self) -> None:
        self.writes += 1
        if self.writes == self.dies_after:
            self.dead = True
            raise Killed("after a write")


class Throttled(Exception):
    """The function was not started."""


class AnswerLost(Exception):
    """The function ran, but its answer did not arrive."""


class ExecutionFailed(Exception):
    """The execution failed. `__cause__` is what ended it."""


Fault = Callable[[LambdaEvent], None]
"""Called before and after each invocation; raises to end it."""


def nothing(event: LambdaEvent) -> None:
    """No fault."""


def write_deployment(root: Path, module: str, function: str, *, params: Mapping[str, Any] | None = None) -> FlowGraph:
    """Put `lokki-flow.json` beside the flow file `<module>.py` in `root`, as the builder does."""
    file = f"{module}.py"
    flow = find_flow(load_module(module, str(root / file)), function)
    assert flow is not None, f"{file} has no flow {function}"  # noqa: S101  # a test's own mistake
    graph = flow(**(params or {}))
    data = {
        "wire": WIRE_VERSION,
        "flow": graph.name,
        "module": module,
        "file": file,
        "function": function,
        "graph": graph.to_dict(),
        "shape": graph.shape_hash(),
    }
    (root / FILE).write_text(dumps(data), encoding="utf-8")
    return graph


@dataclass
class StateMachine:
    """One deployed flow and its executions."""

    root: Path
    """The task root: the flow's files and `lokki-flow.json`."""
    store: TransientStore
    flow_name: str | None = None
    """The deployed name; None for the one in `lokki-flow.json`."""
    clock: Clock = SYSTEM_CLOCK
    remaining_s: Callable[[], Callable[[], float]] | None = None
    """Makes, for each invocation, what tells its remaining seconds; None for no deadline."""
    before: Fault = nothing
    after: Fault = nothing
    run_id: str = "run-1"
    events: list[dict[str, Any]] = field(default_factory=list)
    """Every event of every invocation, in order."""
    replies: list[dict[str, Any]] = field(default_factory=list)
    """Every reply, in order."""
    lines: list[str] = field(default_factory=list)
    """What was logged."""

    def __post_init__(self) -> None:
        self.graph = read_deployment(str(self.root)).graph
        self.name = self.flow_name or self.graph.name
        self._params: Mapping[str, Any] = {}
        self._roles = roles_of(self.graph)

    def run(self, params: Mapping[str, Any] | None = None) -> None:
        """One execution over the run; a second one resumes it. Raises ExecutionFailed."""
        self._params = params or {}
        self._chain(self.graph.chain, (), None)

    def result(self) -> Any:
        """The result of the flow."""
        last = result_node(self.graph.chain)
        if isinstance(last, TaskEntry):
            return self.store.read(self.url(last.node, ()))
        return list(MapResults(self.store, self.name, self.run_id, last, ()).values())

    def url(self, node: str, path: tuple[int, ...]) -> str:
        """Where the result of `node` lies."""
        return self.store.output_url(self.name, self.run_id, node, path=path)

    def runtime(self, node: str) -> Runtime:
        """A fresh function for `node`."""
        task = self._roles[node].task
        settings = Settings(str(self.root), self.name, node, bucket="bucket", wire_version=str(WIRE_VERSION))
        return Runtime(
            settings,
            store=self.store,
            program=FlowProgram(read_deployment(str(self.root)), str(self.root)),
            clock=self.clock,
            log=Log(clock=self.clock, write=self.lines.append),
            container=task is not None and task.options.job_type == "batch",
        )

    def invoke(self, node: str, path: tuple[int, ...], given: Any, attempt: int = 0) -> dict[str, Any]:
        """One invocation. Raises what the function or a fault raises."""
        event = LambdaEvent(FlowContext(self.run_id, self._params), node, path, given, attempt)
        self.events.append(event.to_dict())
        self.before(event)
        try:
            remaining_s = self.remaining_s() if self.remaining_s else None
            reply = execute(event.to_dict(), self.runtime(node), remaining_s=remaining_s)
        except Outcome:
            self.after(event)
            raise
        finally:
            self._revive()
        self.after(event)
        self.replies.append(reply)
        return reply

    def _revive(self) -> None:
        """The next invocation is another process."""
        blobs = getattr(self.store, "_blobs", None)
        if isinstance(blobs, MortalBlobs):
            blobs.dead = False

    def _chain(self, chain: Chain, path: tuple[int, ...], row: Mapping[str, Any] | None) -> None:
        given: Any = row
        for link in chain:
            if isinstance(link, TaskEntry):
                self._task(link.node, path, given)
                given = self.url(link.node, path)
                continue
            given = self.store.manifest_url(self.name, self.run_id, link.source, path=path)
            self._map(link, path, given)
            if link.agg is not None:
                self._task(link.agg.node, path, given)
                given = self.url(link.agg.node, path)
            elif link.options.tolerated_failure_percentage:
                self._task(f"{link.name}{COLLECT}", path, given)

    def _map(self, link: MapLink, path: tuple[int, ...], manifest_url: str) -> None:
        for row in self.store.read_manifest(manifest_url):
            try:
                self._chain(link.body, (*path, row.first), row.to_dict())
            except ExecutionFailed:
                if not link.options.tolerated_failure_percentage:
                    raise

    def _task(self, node: str, path: tuple[int, ...], given: Any) -> None:
        counts = {"policy": 0, "continue": 0, "transient": 0}
        limits = {"policy": self._policy(node).retries, "continue": CONTINUE_RETRIES, "transient": TRANSIENT_RETRIES}
        while True:
            try:
                self.invoke(node, path, given, sum(counts.values()))
            except (Outcome, Killed, Throttled, AnswerLost) as error:
                retrier = _retrier(error)
                if retrier is None or counts[retrier] >= limits[retrier]:
                    raise ExecutionFailed(f"{node} at {path}: {error}") from error
                counts[retrier] += 1
            else:
                return

    def _policy(self, node: str) -> RetryConfig:
        task = self._roles[node].task
        return task.options.retry if task is not None else RetryConfig()


def _retrier(error: BaseException) -> str | None:
    """Which retrier of a generated definition counts `error`."""
    if isinstance(error, LokkiRetryable | Killed):
        return "policy"
    if isinstance(error, LokkiContinue):
        return "continue"
    return "transient" if isinstance(error, Throttled | AnswerLost) else None
