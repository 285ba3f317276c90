"""Worker processes: they receive places (a map, an item), never functions, and write their results themselves.

Works under fork, spawn and forkserver: a worker loads the flow file under its canonical name and finds its steps
there. A worker that dies costs the item it had one attempt; a fresh one takes over.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
from typing import TYPE_CHECKING, Any

from ..bindings import calls_of
from ..canonical import find_step, load_module
from ..clock import Clock
from ..errors import FlowDefinitionError, LokkiError
from ..record import Record
from ..store.local import LocalStore
from .events import Event
from .execution import Execution
from .work import Done, Worker

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from ..graph import FlowGraph
    from .events import Listener


class WorkerSpec(Record):
    """All a worker process needs to begin."""

    file: str
    """The flow file."""
    module: str
    """The flow's canonical module."""
    graph: FlowGraph
    root: str
    """The root of the local store."""
    run_id: str
    resuming: bool


class Request(Record):
    """A unit, by its place."""

    map: str
    """The map's name in the graph."""
    path: tuple[int, ...]
    first: int
    count: int
    position: int
    attempt: int
    suspect: bool


class WorkerDiedError(Exception):
    """A worker process ended in the middle of an item."""


class ProcessWorker:
    """The parent's side of one worker process."""

    def __init__(self, spec: WorkerSpec, number: int, listener: Listener) -> None:
        self._spec = spec
        self._number = number
        self._listener = listener
        self._process: Any = None
        self._connection: Connection[Any, Any] | None = None

    def start(self) -> None:
        """Begin the process; it loads the flow meanwhile."""
        context = multiprocessing.get_context()
        mine, its = context.Pipe()
        self._process = context.Process(target=_main, args=(its, mine, self._spec, self._number), daemon=True)
        self._process.start()
        its.close()
        self._connection = mine

    def do(self, request: Request) -> Done:
        """Have the process do a unit. Raises WorkerDiedError, or LokkiError where it could not begin at all."""
        connection = self._connection
        assert connection is not None  # noqa: S101  # start() comes first
        try:
            connection.send(request)
            while True:
                reply = connection.recv()
                if isinstance(reply, Event):
                    self._listener(reply)
                elif isinstance(reply, LokkiError):
                    raise reply
                else:
                    assert isinstance(reply, Done)  # noqa: S101  # the worker sends nothing else
                    if reply.error is not None:
                        reply.error.__cause__ = reply.cause
                    return reply
        except (EOFError, OSError) as error:
            raise WorkerDiedError(self._obituary()) from error

    def end(self) -> None:
        """End the process, if need be by force."""
        if self._connection is not None:
            self._connection.close()
        if self._process is not None and self._process.is_alive():
            self._process.terminate()
            self._process.join(0.5)
            if self._process.is_alive():
                self._process.kill()
                self._process.join()

    def _obituary(self) -> str:
        self._process.join(5)
        code = self._process.exitcode
        if code is not None and code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
            why = "; the machine may be out of memory" if -code == signal.SIGKILL else ""
            return f"the worker process was ended by {name}{why}"
        return f"the worker process exited with code {code}"


def _main(its: Connection[Any, Any], parents: Connection[Any, Any], spec: WorkerSpec, number: int) -> None:
    """A worker process's life."""
    parents.close()  # a forked copy of the parent's end would hide the parent's death
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    _die_with_parent()
    try:
        worker: Worker | LokkiError = _worker(its, spec, number)
    except LokkiError as error:
        worker = error
    except Exception as error:  # the flow file's own code runs here: anything may come
        worker = FlowDefinitionError(
            f"a worker process could not load the flow file {spec.file}: {type(error).__name__}: {error}.",
            hint="With --executor process the file is imported again; guard what must run once by __name__.",
        )
    while True:
        try:
            request = its.recv()
        except (EOFError, OSError):
            return
        its.send(_do(worker, request) if isinstance(worker, Worker) else worker)


def _do(worker: Worker, request: Request) -> Done | LokkiError:
    link = worker.execution.maps[request.map]
    how: dict[str, Any] = {"attempt": request.attempt, "suspect": request.suspect}
    if link.nested:
        done = worker.item(link, request.path, request.first, request.position, **how)
    else:
        done = worker.items(link, request.path, request.first, request.count, fan=_Unstoppable(), **how)
    if request.path:
        worker.execution.close_journals(link, request.path)  # there may be many maps inside items
    return _portable(done)


class _Unstoppable:
    """A worker process finishes what it was given."""

    stopped = False


def _portable(done: Done) -> Done:
    """The same, able to cross to the parent: an author's exception that cannot be pickled stays behind as text."""
    cause = done.error.__cause__ if done.error is not None else None
    try:
        pickle.loads(pickle.dumps(cause))  # noqa: S301  # pickled on this line
    except Exception:  # pickling runs the author's code: anything may come
        cause = None
    done.cause = cause
    return done


def _worker(its: Connection[Any, Any], spec: WorkerSpec, number: int) -> Worker:
    load_module(spec.module, spec.file)
    steps = {}
    for task in spec.graph.tasks():
        load_module(task.module, None)
        step = find_step(task.module, task.step)
        if step is None:
            raise FlowDefinitionError(f"step '{task.step}' was not found in module '{task.module}'.")
        steps[task.node] = step
    store = LocalStore(spec.root)
    record = store.read_bindings(spec.graph.name, spec.run_id)
    return Worker(
        Execution(
            store=store,
            graph=spec.graph,
            steps=steps,
            calls=calls_of(record),
            run_id=spec.run_id,
            started_at=record["started_at"],
            resuming=spec.resuming,
            part=f"p{number}",
            clock=Clock(),
            listener=its.send,
        )
    )


def _die_with_parent() -> None:
    """End this process as soon as the parent is gone, whatever step it is in."""
    parent = multiprocessing.parent_process()
    assert parent is not None  # noqa: S101  # this is a child

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, name="lokki-parent-watch", daemon=True).start()
