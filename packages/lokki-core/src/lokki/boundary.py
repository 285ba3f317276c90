"""Where errors become text and exit codes: every command line goes through `guarded`.

0 is success, 1 a failed run or operation, 2 wrong input, 3 a bug of ours, 130 an interruption.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import NoReturn

from .errors import FlowDefinitionError, LokkiError, MapFailedError, StepFailedError

BUG = 3
INTERRUPTED = 130

_LAST_WAIT_S = 0.2
"""Worker threads that have nothing left to do end within this time; the process then ends as others do."""


def guarded(action: Callable[[], int], *, debug: bool, resume_hint: Callable[[], str | None] = lambda: None) -> int:
    """Run `action` and return its exit code; what it raises is told on stderr.

    `resume_hint` says how to go on with the run at hand, if there is one.
    """
    try:
        return action()
    except LokkiError as error:
        if debug:
            _print_traceback()
        _say(explain(error))
        _say(resume_hint())
        return error.exit_code
    except KeyboardInterrupt:
        _say("interrupted.")
        _say(resume_hint())
        return INTERRUPTED
    except BrokenPipeError:
        return 1
    except Exception as error:  # whatever gets here is a mistake of ours, and the user must be told so
        if debug:
            _print_traceback()
        _say(f"lokki has a bug: {type(error).__name__}: {error}\nPlease report it with the output of --debug.")
        return BUG


def write_out(text: str) -> None:
    """Write `text` to stdout, now. Raises LokkiError where it cannot be written, BrokenPipeError where nobody reads."""
    try:
        try:
            sys.stdout.write(text)
        except UnicodeEncodeError as error:
            sys.stdout.write(text.encode(error.encoding, "backslashreplace").decode(error.encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise LokkiError(f"stdout cannot be written to: {error.strerror}.") from error


def open_closed_streams() -> None:
    """Give a process that was started with a closed stdout or stderr one that goes nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  # open until the end


def end_process(code: int) -> NoReturn:
    """End the process; by force where worker threads still are inside a step, which nothing else can end."""
    try:
        sys.stdout.flush()
    except OSError:  # told before, or nobody reads
        code = code or 1
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    import threading  # noqa: PLC0415  # `run` has it loaded

    workers = [thread for thread in threading.enumerate() if thread.name.startswith("lokki-worker")]
    for thread in workers:
        thread.join(_LAST_WAIT_S / len(workers))
    if any(thread.is_alive() for thread in workers):
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def explain(error: LokkiError) -> str:
    """The message of an error as a user reads it, with the author's own traceback where a step failed."""
    traceback = error.traceback if isinstance(error, StepFailedError) else ""
    if isinstance(error, MapFailedError) and error.failures:
        traceback = error.failures[0].traceback
    cause = error.__cause__
    if isinstance(error, FlowDefinitionError) and error.where and cause is not None:
        traceback = _own_code(cause)
    return f"error: {error}" + (f"\n{traceback.rstrip()}" if traceback else "")


def _own_code(cause: BaseException) -> str:
    """The traceback of an exception from the author's own code; nothing where the code is ours."""
    from .describe import author_traceback  # noqa: PLC0415  # only errors need it

    text = author_traceback(cause)
    return text if "\n  File " in f"\n{text}" else ""  # a SyntaxError's begins with it


def _say(text: str | None) -> None:
    if text:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


def _print_traceback() -> None:
    import traceback  # noqa: PLC0415  # only --debug needs it

    traceback.print_exc()
