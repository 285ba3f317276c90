"""Items that a step cannot use: counted, the first of them kept for messages, all of them written down if the job asks.

Stage: beside a step's work. Touches one temporary file per step, through `portl.batch.dead_letters`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..errors import PortlError, Refused, RowsRefusedError
from ..model.steps import OnError
from .dead_letters import DeadLetters

SHOWN = 20
"""So many are told."""


class Rejects:
    """Those of one step of one run. Not frozen: items are added while the step works."""

    def __init__(self, step_id: str, policy: OnError, letters: DeadLetters | None = None) -> None:
        self.step_id = step_id
        self.letters = letters
        self.count = 0
        self.first: list[Refused] = []
        self._limit = 0 if policy.action == "fail" else policy.max_errors
        self._tells_limit = policy.action != "fail"
        self._last = -1

    @property
    def failing(self) -> bool:
        """Whether the job is to fail when everything is looked at; nothing is written any more."""
        return self._limit is not None and self.count > self._limit

    @property
    def asks_why(self) -> bool:
        """Whether anybody will be told what is wrong with the next item; else it is only counted."""
        return len(self.first) < SHOWN or (self.letters is not None and not self.failing)

    def add(
        self,
        index: int,
        errors: Sequence[PortlError],
        place: Callable[[], str],
        values: Callable[[], Sequence[Any]],
    ) -> None:
        """Note an item; one that was noted when the source was gone through before is known.

        `errors` are needed where it `asks_why`. `place` gives where the item comes from, `values` what was in it; asked
        for only where the item is written down.
        """
        if index <= self._last:
            return
        self._last = index
        self.count += 1
        if len(self.first) < SHOWN:
            self.first.append(Refused(index, tuple(errors)))
        if self.letters is not None and not self.failing:
            reasons = " ".join(dict.fromkeys(map(reason, errors)))
            self.letters.write(values(), place(), reasons)

    def check(self) -> None:
        """Raises RowsRefusedError where there are more than the job allows."""
        if self.failing:
            raise RowsRefusedError(self.count, self.first, limit=self._limit if self._tells_limit else None)


def reason(error: PortlError) -> str:
    """What is wrong, without where."""
    expression = getattr(error, "expression", "")
    return f"{{{{ {expression} }}}}: {error.message}" if expression else error.message
