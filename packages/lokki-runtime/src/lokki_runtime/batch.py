"""AWS Batch's door: one event from `LOKKI_EVENT`, worked through in this container.

Input: the environment. Output: the exit code; the reply is only logged, because keys are known. SIGTERM saves what is
done and ends the container.
"""

from __future__ import annotations

import json
import signal
from types import FrameType
from typing import Any

from lokki.errors import WireError
from lokki.wire import WIRE_VERSION

from .errors import Outcome, Terminated
from .execute import execute
from .runtime import Runtime
from .settings import Settings

SUCCEEDED, FAILED = 0, 1


def run_batch(runtime: Runtime | None = None) -> int:
    """Work through the event; 0 where its result is stored, 1 where an error is."""
    runtime = runtime or Runtime(Settings.from_environment(), container=True)
    previous = signal.signal(signal.SIGTERM, _stop)
    try:
        execute(_event(runtime.settings), runtime)
    except (Outcome, Terminated):  # logged and stored already
        return FAILED
    except WireError as error:
        runtime.log.error("step_failure", error_type="WireError", message=str(error))
        return FAILED
    finally:
        signal.signal(signal.SIGTERM, previous or signal.SIG_DFL)
    return SUCCEEDED


def _event(settings: Settings) -> Any:
    if settings.event is None:
        raise WireError("LOKKI_EVENT is not set.", expected=WIRE_VERSION, found=None)
    try:
        return json.loads(settings.event)
    except ValueError as error:
        raise WireError(f"LOKKI_EVENT is no JSON ({error}).", expected=WIRE_VERSION, found=settings.event) from error


def _stop(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Terminated("the container was told to stop (SIGTERM)")
