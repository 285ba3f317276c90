"""The end of a run: files and sheets that its steps have made ready come into their places.

Stage: pending files of a run → in place. What fails here after COMMIT cannot be rolled back any more.
"""

from __future__ import annotations

from ..context import RunContext
from ..errors import DeliveriesPendingError, PortlError
from ..logging import Event
from .failures import step_error


def place_all(context: RunContext) -> None:
    """Put everything into its place, in the order of the steps. Raises StepError; what it raised for stays pending."""
    while context.files:
        file = context.files[0]
        try:
            details = file.place()
        except PortlError as error:
            planned = next(step for step in context.plan.walk() if step.id == file.step_id)
            raise step_error(error, planned, context.plan, None, None) from error
        del context.files[0]
        if details:
            context.observer(Event("written", file.step_id, details=details))


def committed_before(error: PortlError) -> DeliveriesPendingError:
    """The error of a run whose transaction is committed already."""
    gap = "\n" if "\n" in error.message else " "
    return DeliveriesPendingError(f"{error.message}{gap}The transaction was committed before.", hint=error.hint)
