"""Where errors become text and exit codes.

0 done; 1 failed and rolled back; 2 wrong job or command line; 3 the outcome of COMMIT is unknown; 4 committed, but not
everything after it is done; 70 a bug of portl's; 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from ..errors import PortlError
from ..secrets import Masker
from . import ui

BUG = 70
INTERRUPTED = 130


def guarded(action: Callable[[], int], masker: Masker, *, debug: bool) -> int:
    """Run `action` and return its exit code; what it raises is told on stderr, without secrets."""
    try:
        return action()
    except PortlError as error:
        ui.error(masker.text(describe(error)))
        if debug:
            ui.trace(masker)
        return error.exit_code
    except KeyboardInterrupt as interrupted:
        ui.error(str(interrupted) or "interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        sys.stdout = None  # nobody reads it, and the interpreter would flush it
        return 1
    except Exception as error:
        ui.error(masker.text(f"a bug of portl's: {type(error).__name__}: {error}. Run it with --debug and report it."))
        if debug:
            ui.trace(masker)
        return BUG


def describe(error: PortlError) -> str:
    """The error's message, and under it what the step worked on."""
    rendered = str(getattr(error, "rendered", "") or "")
    return f"{error}\n  at: {' '.join(rendered.split())}" if rendered else str(error)
