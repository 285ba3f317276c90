"""Steps in a transaction that may be run again: the database's errors reach the loop, the steps' errors come out.

Stage: a body of steps + a connector → its result, committed. Touches that database.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..clock import Clock
from ..connectors.base import Connector, Transaction
from ..connectors.replay import run_phase
from ..errors import ConnectorError, PortlError
from ..retry import RetryPolicy


def run_steps(
    connector: Connector, body: Callable[[Transaction], Any], *, clock: Clock, retry: RetryPolicy, **settings: Any
) -> Any:
    """What `body` gives, committed; the body is called again where the database undid it.

    `settings` are those of `run_phase`. Raises StepError, OutcomeUnknownError and other errors of the connector.
    """
    try:
        return run_phase(connector, _unwrapped(body), clock=clock, retry=retry, **settings)
    except _Carrier as carrier:
        raise carrier.error from carrier.error.__cause__
    except ConnectorError as error:
        raise getattr(error, "step_error", error) from error


class _Carrier(Exception):
    """Brings an error of a step through the replay loop untouched."""

    def __init__(self, error: PortlError) -> None:
        super().__init__(str(error))
        self.error = error


def _unwrapped(body: Callable[[Transaction], Any]) -> Callable[[Transaction], Any]:
    """`body`, raising the database's own error where that may be replayed, so that the loop around it sees it."""

    def run(transaction: Transaction) -> Any:
        try:
            return body(transaction)
        except PortlError as error:
            cause = error.__cause__
            if isinstance(cause, ConnectorError):
                cause.step_error = error  # type: ignore[attr-defined]  # told if it is not replayed
                raise cause from error
            raise _Carrier(error) from error

    return run
