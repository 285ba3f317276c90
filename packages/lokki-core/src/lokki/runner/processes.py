"""Worker processes: they receive places (a map, an item), never functions, and write their results themselves.

Works under fork, spawn and forkserver: a worker loads the flow file under its canonical name and finds its steps
there. A worker that dies costs the item it had one attempt; a fresh one takes over.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
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

    def __init__(self, message: str, passed: int, retry: Event | None) -> None:
        super().__init__(message)
        self.passed = passed
        """Items of its unit that it had come to an end with."""
        self._retry = retry

    def attempt_at(self, node: str, index: int) -> int:
        """Which attempt of a step on an item it was at, as far as it told."""
        retry = self._retry
        told = retry is not None and (retry.step, retry.index) == (node, index)
        return (retry.attempt or 0) + 1 if retry is not None and told else 1


class ProcessWorker:
    """The parent's side of one worker process."""

    def __init__(self, spec: WorkerSpec, number: int, listener: Listener) -> None:
        self._spec = spec
        self._number = number
        self._listener = listener
        self._process: Any = None
        self._passed: Any = None
        """Memory shared with the process: how many items of its unit it has come to an end with."""
        self._connection: Connection[Any, Any] | None = None

    def start(self, method: str | None = None) -> None:
        """Begin the process; it loads the flow meanwhile. `method` is how; None leaves it to the author and Python.

        Once threads run, forking could copy a lock that nobody will ever release, so a replacement is spawned.
        """
        context: Any = multiprocessing.get_context(method)
        if context.get_start_method() != "fork":
            from multiprocessing.resource_tracker import ensure_running  # noqa: PLC0415  # fork needs none

            ensure_running()  # the first time it lets interrupts through
        with _STARTING, _without_interrupts():
            mine, its = context.Pipe()
            self._passed = context.RawArray("Q", 1)
            arguments = (its, mine, self._passed, self._spec, self._number)
            self._process = context.Process(target=_main, args=arguments, daemon=True)
            self._process.start()
            its.close()
        self._connection = mine

    def do(self, request: Request) -> Done:
        """Have the process do a unit. Raises WorkerDiedError, or LokkiError where it could not begin at all."""
        self._passed[0] = 0
        retry: Event | None = None
        reply = self._answer(request, None)
        while isinstance(reply, Event):
            retry = reply if reply.kind == "step_retry" else retry
            self._listener(reply)
            reply = self._answer(None, retry)
        if isinstance(reply, LokkiError):
            raise reply
        if reply.error is not None:
            reply.error.__cause__ = reply.cause
        return reply

    def _answer(self, request: Request | None, retry: Event | None) -> Event | LokkiError | Done:
        """The next thing the process says, after `request` if there is one."""
        connection = self._connection
        assert connection is not None  # noqa: S101  # start() comes first
        try:
            if request is not None:
                connection.send(request)
            answer: Event | LokkiError | Done = connection.recv()
        except (EOFError, OSError) as error:
            raise WorkerDiedError(self._obituary(), self._passed[0], retry) from error
        return answer

    def terminate(self) -> None:
        """Ask the process to end."""
        if self._process is not None and self._process.is_alive():
            self._process.terminate()

    def end(self) -> None:
        """Wait for the end that `terminate` asked for, then end the process by force."""
        if self._process is not None:
            self._process.join(0.5)
            if self._process.is_alive():
                self._process.kill()
                self._process.join()
        if self._connection is not None:
            self._connection.close()

    def _obituary(self) -> str:
        self._process.join(5)
        code = self._process.exitcode
        if code is not None and code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
            why = "; the machine may be out of memory" if -code == signal.SIGKILL else ""
            return f"the worker process was ended by {name}{why}"
        return f"the worker process exited with code {code}"


_STARTING = threading.Lock()
"""Held while a process starts: another one forked meanwhile would inherit its end of the pipe, and hide its death."""


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Keep Ctrl-C waiting, in this thread and in the processes it starts."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _main(its: Connection[Any, Any], parents: Connection[Any, Any], passed: Any, spec: WorkerSpec, number: int) -> None:
    """A worker process's life."""
    parents.close()  # a forked copy of the parent's end would hide the parent's death
    # The parent decides what Ctrl-C means; a handler, because programs that steps start would inherit SIG_IGN.
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        worker: Worker | LokkiError = _worker(its, spec, number)
    except LokkiError as error:
        worker = error
    except Exception as error:  # the flow file's own code runs here: anything may come
        worker = FlowDefinitionError(
            f"a worker process could not load the flow file {spec.file}: {type(error).__name__}: {error}.",
            hint="With --executor process the file is imported again; guard what must run once by __name__.",
        )
    _die_with_parent()  # not before the flow is loaded: no other thread runs while its modules are imported
    while True:
        try:
            request = its.recv()
        except (EOFError, OSError):
            return
        answer = _do(worker, request, passed) if isinstance(worker, Worker) else worker
        for stream in (sys.stdout, sys.stderr):  # this process ends without warning
            if stream is not None:
                stream.flush()
        its.send(answer)


def _do(worker: Worker, request: Request, passed: Any) -> Done:
    link = worker.execution.maps[request.map]
    how: dict[str, Any] = {"attempt": request.attempt, "suspect": request.suspect}
    if link.nested:
        done = worker.item(link, request.path, request.first, request.position, **how)
    else:
        done = worker.items(link, request.path, request.first, request.count, fan=_Counted(passed), **how)
    if request.path:
        worker.execution.close_journals(link, request.path)  # there may be many maps inside items
    return _portable(done)


class _Counted:
    """A worker process finishes what it was given, and counts the items where its parent sees it."""

    def __init__(self, passed: Any) -> None:
        self._passed = passed

    @property
    def stopped(self) -> bool:
        """Asked after each item."""
        self._passed[0] += 1
        return False


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
