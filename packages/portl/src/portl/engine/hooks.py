"""The job's hooks: when each program runs, what it is told, and what becomes of its failure.

Stage: moments of a run → programs, events. A hook before the job or around a batch stops the job when it fails; one
after the job cannot undo what is committed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from .. import environment
from ..clock import Clock
from ..context import RunContext
from ..errors import DeliveriesPendingError, Finding, HookError, JobSpecError, PortlError
from ..logging import Event
from ..model.hooks import EVENTS, Hook
from ..plan import JobPlan, PlannedStep
from ..secrets import Masker
from .base import StepReport

NAMES = frozenset(
    f"PORTL_{name}"
    for name in "EVENT JOB JOB_FILE RUN_ID STEP BATCH_INDEX ROWS ATTEMPT OUTCOME ERROR INSERTED UPDATED".split()
)
"""The variables that hooks get; none of them comes from a portl around this one."""


class HookRunner:
    """The hooks of one run. Not frozen: it remembers whether the run has begun."""

    def __init__(self, context: RunContext, masker: Masker, clock: Clock, *, left_out: bool) -> None:
        self._context = context
        self._hooks = context.plan.file.job.hooks
        self._masker = masker
        self._clock = clock
        self._left_out = left_out
        """Whether nothing is started: a dry run."""
        self._begun = False
        self.attempt = 1
        """Which attempt of the transaction is under way."""

    def before_job(self) -> None:
        """Look at every hook, then run the first. Raises JobSpecError where one cannot be started, HookError."""
        found = list(mistakes(self._context.plan))
        if found:
            raise JobSpecError(found)
        self._begun = True
        self._run("before_job", self._hooks.before_job, {})

    def after_job(self, steps: tuple[StepReport, ...]) -> None:
        """Run the last hook of a run that did everything, once. Raises DeliveriesPendingError where it fails."""
        if not self._begun:
            return
        self._begun = False
        try:
            self._run("after_job", self._hooks.after_job, {"OUTCOME": "done", **_written(steps)})
        except HookError as error:
            raise DeliveriesPendingError(f"The job is done, but {error.message}", hint=error.hint) from error

    def after_failure(self, outcome: str, error: BaseException) -> None:
        """Run the last hook of a run that failed, if it is to run always. What it does wrong itself is told only."""
        hook = self._hooks.after_job
        if not self._begun or hook is None or not hook.always:
            return
        try:
            self._run("after_job", hook, {"OUTCOME": outcome, "ERROR": self._masker.text(str(error))})
        except PortlError as own:
            self._tell("hook_failed", "after_job", "warning", error=str(own))

    def before_batch(self, planned: PlannedStep, number: int, rows: int) -> None:
        """Raises HookError."""
        if self._hooks.before_batch is not None:
            self._batch("before_batch", self._hooks.before_batch, planned, number, rows)

    def after_batch(self, planned: PlannedStep, number: int, rows: int) -> None:
        """Raises HookError."""
        if self._hooks.after_batch is not None:
            self._batch("after_batch", self._hooks.after_batch, planned, number, rows)

    def _batch(self, event: str, hook: Hook, planned: PlannedStep, number: int, rows: int) -> None:
        facts = {"STEP": planned.id, "BATCH_INDEX": str(number), "ROWS": str(rows), "ATTEMPT": str(self.attempt)}
        self._run(event, hook, facts)

    def _run(self, event: str, hook: Hook | None, facts: Mapping[str, str]) -> None:
        if hook is None:
            return
        if self._left_out:
            self._tell("hook_left_out", event, "debug" if facts.get("STEP") else "info")
            return
        from .programs import Mistake, located, run_program  # noqa: PLC0415  # most jobs have no hooks

        plan = self._context.plan
        variables = {name: value for name, value in environment.variables().items() if name not in NAMES}
        variables |= {f"PORTL_{name}": value for name, value in self._facts(event, facts)}
        command = located(hook.run, plan.file.folder, variables.get("PATH"))
        try:
            if isinstance(command, Mistake):
                raise HookError(command.what, hint=command.hint)
            start = self._clock.monotonic()
            run_program(
                command,
                folder=plan.file.folder,
                variables=variables,
                timeout_s=hook.timeout_ms / 1000,
                tell=lambda line: self._tell("hook_output", event, line=line),
                clock=self._clock,
            )
        except HookError as error:
            where = plan.file.source.where(("hooks", event))
            when = f"step '{facts['STEP']}', batch {facts['BATCH_INDEX']}: " if "STEP" in facts else ""
            message = f"{where}: {when}the hook {event} failed: {self._masker.text(error.message)}"
            raise HookError(message, hint=error.hint) from error
        seconds = round(self._clock.monotonic() - start, 3)
        self._tell("hook_completed", event, "debug" if facts.get("STEP") else "info", seconds=seconds)

    def _facts(self, event: str, facts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        context = self._context
        yield "EVENT", event
        yield "JOB", context.plan.file.job.name
        yield "JOB_FILE", os.path.abspath(context.plan.file.source.file)
        yield "RUN_ID", context.run_id
        yield from facts.items()

    def _tell(self, event: str, hook: str, level: Any = "info", **details: Any) -> None:
        self._context.observer(Event(event, level=level, details={"hook": hook, **details}))


def mistakes(plan: JobPlan) -> Iterator[Finding]:
    """Every hook of the job that could not be started."""
    hooks = [(name, getattr(plan.file.job.hooks, name)) for name in EVENTS]
    for name, hook in hooks:
        if hook is None:
            continue
        from .programs import Mistake, located  # noqa: PLC0415  # most jobs have no hooks

        found = located(hook.run, plan.file.folder, environment.variables().get("PATH"))
        if isinstance(found, Mistake):
            yield plan.file.source.finding(("hooks", name), found.what, found.hint)


def _written(steps: tuple[StepReport, ...]) -> dict[str, str]:
    """What the steps have written, all together."""
    return {
        name.upper(): str(sum(int(step.details.get(name, 0)) for step in steps)) for name in ("inserted", "updated")
    }
