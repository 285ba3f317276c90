"""`python flow.py run`: run the flow on this machine and print its result."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from .. import environment
from ..boundary import guarded, write_out
from ..config import Option, load_config
from ..errors import LokkiError
from ..logging import HumanLog, JsonLog, terminal_width
from ..params import Param
from ..resolve import flow_params, resolve
from ..runner.local import LocalRunner, RunResult
from .parameters import Given, add_parameters

if TYPE_CHECKING:
    import argparse

    from ..config import LokkiConfig
    from ..decorators import Flow
    from ..runner.events import Event, Listener


def run_command(flow: Flow[Any], words: Sequence[str]) -> int:
    """Run `flow` as the command line says and print its result. Returns the exit code; raises LokkiError."""
    known = flow_params(flow)
    options, rest = _parse(flow, known, words)
    given = Given(known, options, rest)
    config = load_config(os.path.dirname(os.path.abspath(flow.fn.__code__.co_filename)), overrides=_overrides(options))
    run = _Run(flow, options, given, config)
    return guarded(run, debug=options.debug, resume_hint=run.resume_hint)


class _Run:
    """One run on behalf of a command line."""

    def __init__(self, flow: Flow[Any], options: Options, given: Given, config: LokkiConfig) -> None:
        self._flow = flow
        self._options = options
        self._given = given
        self._config = config
        self._run_id: str | None = None

    def __call__(self) -> int:
        with ExitStack() as stack:
            _only_results_on_stdout(stack)
            listener = _listener(self._config, stack)
            for warning in self._config.warnings:
                sys.stderr.write(f"warning: {warning}\n")
            result = self._go(self._remembering(listener))
        show_result(result.value)
        return 0

    def resume_hint(self) -> str | None:
        """How to go on with this run, where anything of it is kept."""
        if self._run_id is None or self._config.local.store_type == "memory":
            return None
        import shlex  # noqa: PLC0415  # only a run that failed needs it

        return f"Go on with: python {shlex.quote(sys.argv[0])} run --resume {self._run_id}"

    def _go(self, listener: Listener) -> RunResult:
        local = self._config.local
        runner = LocalRunner(
            store_type="memory" if local.store_type == "memory" else "local",
            executor="process" if local.executor == "process" else "thread",
            workers=local.workers,
            keep_runs=local.keep_runs,
            listener=listener,
        )
        options = self._options
        if options.resume is not None:
            return runner.resume(self._flow, options.resume, self._given.values, implicit=self._given.implicit)
        return runner.run(self._flow, self._given.values, run_id=options.run_id, implicit=self._given.implicit)

    def _remembering(self, listener: Listener) -> Listener:
        def remember(event: Event) -> None:
            self._run_id = event.run_id
            listener(event)

        return remember


def show_result(value: Any) -> None:
    """Print a flow's result: text as it is, nothing for None, anything else as Python shows it."""
    if value is not None:
        write_out(f"{value}\n")


class Options:
    """What `run` is told beside parameters, as it is when nothing is said."""

    resume: str | None = None
    run_id: str | None = None
    executor: str | None = None
    workers: int | None = None
    store: str | None = None
    debug = False
    params: str | None = None
    param: list[str] | None = None


def _parse(flow: Flow[Any], known: Mapping[str, Param], words: Sequence[str]) -> tuple[Options, list[str]]:
    """The options, and the words that only the flow body can explain."""
    options = Options()
    if not words:  # the most common case, without the 10 ms that a parser costs
        return options, []
    asks_help = "-h" in words or "--help" in words
    parser = _parser(flow, {**known, **(_implicit_for_help(flow, known) if asks_help else {})})
    _, rest = parser.parse_known_args(list(words), namespace=options)
    return options, rest


def _parser(flow: Flow[Any], params: Mapping[str, Param]) -> argparse.ArgumentParser:
    import argparse  # noqa: PLC0415  # see _parse

    script = os.path.basename(sys.argv[0]) or "flow.py"
    parser = argparse.ArgumentParser(
        prog=f"python {script} run",
        description=f"Run the flow '{flow.name}' on this machine.\nIts result is printed, logs go to stderr."
        + (f"\n\n{flow.__doc__}" if flow.__doc__ else ""),
        epilog=f"examples:\n  python {script} run\n  python {script} run --resume RUN_ID\n"
        f"  python {script} run --params params.json --executor process",
        formatter_class=partial(argparse.RawDescriptionHelpFormatter, width=terminal_width()),  # it saves 5 ms
        allow_abbrev=False,
    )
    parser.add_argument("--resume", metavar="RUN_ID", help="go on with a run: only what has not succeeded")
    parser.add_argument("--run-id", metavar="RUN_ID", help="the new run's name (default: made from the time)")
    parser.add_argument("--executor", choices=("thread", "process"), help="what runs the items of a map")
    parser.add_argument("--workers", type=int, metavar="N", help="how many items run at once")
    parser.add_argument("--store", choices=("local", "memory"), help="where results are kept; memory keeps nothing")
    parser.add_argument("--debug", action="store_true", help="show lokki's own traceback of an error")
    add_parameters(parser, params)
    return parser


def _implicit_for_help(flow: Flow[Any], known: Mapping[str, Param]) -> dict[str, Param]:
    """Arguments of the first step that may be given too, where the flow body can be evaluated without parameters."""
    if any(param.required for param in known.values()):
        return {}
    with suppress(LokkiError):
        return dict(resolve(flow, {name: param.default for name, param in known.items()}).implicit)
    return {}


def _overrides(options: Options) -> dict[str, object]:
    return {
        "local.store_type": Option(options.store, "--store"),
        "local.executor": Option(options.executor, "--executor"),
        "local.workers": Option(options.workers, "--workers"),
    }


def _only_results_on_stdout(stack: ExitStack) -> None:
    """Until the stack ends, send what steps print (also by other programs) to stderr."""
    sys.stdout.flush()
    saved = os.dup(1)
    os.dup2(2, 1)
    stack.callback(_restore_stdout, saved)


def _restore_stdout(saved: int) -> None:
    sys.stdout.flush()
    os.dup2(saved, 1)
    os.close(saved)


def _listener(config: LokkiConfig, stack: ExitStack) -> Listener:
    logging = config.logging
    if logging.format == "json":
        return JsonLog(_to_stderr, level=logging.level, progress_interval=logging.progress_interval)
    if sys.stderr.isatty() and environment.get("TERM") != "dumb":
        return _live_listener(logging.level, stack)
    return HumanLog(
        _to_stderr,
        level=logging.level,
        progress_interval=logging.progress_interval,
        show_timestamps=logging.show_timestamps,
    )


def _live_listener(level: str, stack: ExitStack) -> Listener:
    from ..live import LiveDisplay, PrintAbove  # noqa: PLC0415  # only a terminal needs it

    terminal = sys.stderr
    display = LiveDisplay(terminal, level=level, color=environment.get("NO_COLOR") is None)
    before = sys.stdout, sys.stderr

    def restore() -> None:
        sys.stdout, sys.stderr = before
        out.finish()
        err.finish()
        display.close()

    out, err = PrintAbove(display, 1), PrintAbove(display, 2)
    sys.stdout = out  # it has what print and logging need
    sys.stderr = err
    stack.callback(restore)
    return display


def _to_stderr(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
