"""The items that the steps of a run could not use: their files, and what is told of them.

Stage: at the end of a run. Moves the files of rejected rows into their places.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ..batch.dead_letters import DeadLetters
from ..batch.rejects import Rejects, reason
from ..context import RunContext
from ..errors import DeliveriesPendingError, PortlError
from .base import StepReport


def place_letters(context: RunContext) -> None:
    """Move the files of rejected rows into their places. Raises DeliveriesPendingError where one cannot be."""
    for file in context.files:
        if isinstance(file, DeadLetters):
            try:
                file.place()
            except PortlError as error:
                file.keep()
                raise DeliveriesPendingError(
                    f"The work of the run is done, but {error.message} They are in {file.written}.", hint=error.hint
                ) from error


def with_rejected(steps: Iterable[StepReport], context: RunContext) -> tuple[StepReport, ...]:
    """What each step did, with the number of items it left out."""
    return tuple(
        replace(step, details={**step.details, **numbers(context.rejects[step.step_id])})
        if step.step_id in context.rejects
        else step
        for step in steps
    )


def numbers(rejects: Rejects) -> dict[str, Any]:
    """How many items were left out, and where they are written; {} for none."""
    if not rejects.count:
        return {}
    file = {"rejected_file": str(rejects.letters.target)} if rejects.letters is not None else {}
    return {"rejected": rejects.count, **file}


def told(rejects: Rejects) -> dict[str, Any]:
    """What an event says about them: how many, where, and why the first."""
    return {**numbers(rejects), "first": " ".join(map(reason, rejects.first[0].errors))}
