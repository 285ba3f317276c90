"""Plans a job: checks every reference and decides everything that needs no data.

Stage: `JobFile` → `JobPlan`, or all mistakes at once. Touches nothing.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import Finding
from ..model.load import JobFile
from ..model.yaml import Path
from ..template.check import references
from ..template.syntax import Expr, Literal, Template
from . import connections
from .model import BatchPlan, JobPlan, Phase, PlannedStep
from .scopes import Place, Seen, clashes, unknown
from .templates import Parsed, add_condition, add_value, templates_of


def plan_job(file: JobFile) -> JobPlan:
    """The plan of a job. Raises JobSpecError with every mistake, those of the file's structure too."""
    builder = _Builder(file)
    plan = builder.plan()
    file.raise_findings(builder.findings)
    return plan


@dataclass
class _Builder:
    file: JobFile
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seen: Seen = field(default_factory=Seen)
    passes: dict[str, int] = field(default_factory=dict)
    connection: str | None = None

    def plan(self) -> JobPlan:
        job = self.file.job
        self.seen.broken = self.file.broken
        self.seen.later = frozenset(step.id for step, _ in self.file.walk())
        self.connection = self._transaction()
        phases = connections.phases(job.steps, self.connection)
        drafts = [
            self._step(step, ("steps", place), phase, None)
            for step, place, phase in zip(job.steps, self.file.places, phases, strict=True)
        ]
        run_key = self._run_key()
        outbox = any(connections.uses_outbox(step) for step in job.steps)
        self._outbox(outbox)
        return JobPlan(
            file=self.file,
            steps=tuple(self._kept(draft) for draft in drafts),
            connection=self.connection,
            passes=self.passes,
            implicit_params=frozenset(self.seen.params - set(job.params)),
            uses_outbox=outbox,
            run_key=run_key,
            notes=(*self.file.notes, *self.notes),
        )

    def _transaction(self) -> str | None:
        name, wrong = connections.transaction_connection(self.file)
        if wrong is not None:
            hint = "Name one of them: transaction: {connection: …}."
            self._tell(("transaction", "connection"), wrong, hint)
        return name

    def _step(self, step: Any, path: Path, phase: Phase, around: BatchPlan | None) -> PlannedStep:
        parsed = templates_of(step, path, self.file.source)
        batch = self._batch(step, path, around, parsed)
        items = dict(self.seen.items.get(batch.source, {})) if batch else {}
        names = dict(self.seen.names)
        self._names(step, path, batch, phase)
        self._references(parsed, Place(batch.alias if batch else None, items))
        self.findings += parsed.findings
        if batch is not None:
            self.passes[batch.source] = self.passes.get(batch.source, 0) + 1
        children = [
            tuple(
                self._step(child, (*path, key, place), phase, batch)
                for place, child in enumerate(getattr(step, attribute, ()))
            )
            for key, attribute in (("then", "then"), ("else", "otherwise"))
        ]
        self._remember(step, batch)
        return PlannedStep(
            step=step,
            path=path,
            phase=phase,
            connection=connections.connection_of(step, self.connection),
            batch=batch,
            templates=parsed.fields,
            sql=parsed.sql,
            items=items,
            names=names,
            keeps=False,
            then=children[0],
            otherwise=children[1],
        )

    def _batch(self, step: Any, path: Path, around: BatchPlan | None, parsed: Parsed) -> BatchPlan | None:
        own = step.batch
        if own is None:
            if around is None:
                for what in _needs_batch(step):
                    self._tell(path, what, "Give it a batch: batch: {from: …}.")
            return None if around is None else _inherited(around)
        if around is not None:
            hint = "It works on the items of the conditional around it; remove its batch."
            self._tell((*path, "batch"), "A step inside a batch cannot have a batch of its own.", hint)
            return _inherited(around)
        separate = Parsed()
        add_condition(separate, "from", own.source, (*path, "batch", "from"), self.file.source)
        self._references(separate, Place(None, {}))
        self.findings += separate.findings
        template = separate.fields.get("from", Literal([]))
        return BatchPlan(_name_of(template, path), template, own.alias, own.size)

    def _names(self, step: Any, path: Path, batch: BatchPlan | None, phase: Phase) -> None:
        own_alias = batch.alias if batch and not batch.inherited else None
        for name, what, hint in clashes(step, batch.source if batch else None, own_alias, self.seen):
            self._tell((*path, name), what, hint)
        mistakes = [
            *connections.mistakes_of(step, self.file, self.connection),
            *connections.phase_mistakes(step, phase),
        ]
        for field_name, what, hint in mistakes:
            self._tell((*path, field_name) if field_name else path, what, hint)
        if phase is Phase.TRANSACTION and (step.type == "lambda.invoke" or _calls_now(step)):
            where = self.file.source.where(path)
            self.notes.append(f"{where}: The step '{step.id}' calls while the transaction holds its locks.")
        if step.type in ("csv.read", "csv.write") and _leads_out(step.path):
            where = self.file.source.where((*path, "path"))
            self.notes.append(f"{where}: The path {step.path} leads out of the job's folder.")

    def _references(self, parsed: Parsed, place: Place) -> None:
        for expression, path in parsed.expressions:
            for reference in references(expression):
                wrong = unknown(reference, place, self.seen)
                if wrong is not None:
                    self.findings.append(self.file.source.finding(path, *wrong, snippet=expression.text))

    def _remember(self, step: Any, batch: BatchPlan | None) -> None:
        self.seen.order.append(step.id)
        self.seen.steps[step.id] = step
        if step.save_as:
            self.seen.names[step.save_as] = step.id
            if batch is not None:
                self.seen.items.setdefault(batch.source, {})[step.save_as] = step.id

    def _kept(self, draft: PlannedStep) -> PlannedStep:
        return replace(
            draft,
            keeps=draft.id in self.seen.used,
            then=tuple(map(self._kept, draft.then)),
            otherwise=tuple(map(self._kept, draft.otherwise)),
        )

    def _run_key(self) -> Template | None:
        if self.file.job.run_key is None:
            return None
        parsed = Parsed()
        add_value(parsed, "run_key", self.file.job.run_key, ("run_key",), self.file.source)
        self._references(parsed, Place(None, {}))
        self.findings += parsed.findings
        if self.connection is None and not self.findings:
            self._tell(("run_key",), "The job has a run_key, but no database to record it in.", "Add a connection.")
        return parsed.fields.get("run_key")

    def _outbox(self, used: bool) -> None:
        job = self.file.job
        named = job.outbox.connection
        if named is not None and named != self.connection:
            what = f"The outbox is on '{named}', the transaction on '{self.connection}'."
            self._tell(("outbox", "connection"), what, "They have to be the same connection.")
        if used and self.connection is None and not self.findings:
            self._tell(("steps",), "The deliveries after commit need a database for the outbox.", "Add a connection.")
        if used and job.transaction.scope == "none":
            self._tell(("transaction", "scope"), "Deliveries after commit need scope: db.", "")

    def _tell(self, path: Sequence[str | int], what: str, hint: str) -> None:
        self.findings.append(self.file.source.finding(tuple(path), what, hint))


def _inherited(around: BatchPlan) -> BatchPlan:
    return BatchPlan(around.source, around.template, around.alias, around.size, inherited=True)


def _name_of(template: Template, path: Path) -> str:
    """Equal for batches that go through the same items."""
    return "".join(template.text.split()) if isinstance(template, Expr) else "/".join(map(str, path))


def _needs_batch(step: Any) -> Iterator[str]:
    """Why the step cannot do without items."""
    if step.type in ("csv.write", "sheets.write"):
        yield "The step has nothing to write."
    elif getattr(step, "pass_through", None) is not None:
        yield "The step has no source whose columns could pass through."
    on_error = getattr(step, "on_error", None)
    if step.type != "csv.read" and on_error is not None and on_error.action != "fail":
        yield "The step has no items that on_error could leave out."


def _leads_out(path: str) -> bool:
    """Whether a path leads out of the job's folder, as far as its text says."""
    return posixpath.isabs(path) or posixpath.normpath(path).split("/")[0] == ".."


def _calls_now(step: Any) -> bool:
    return bool(step.type == "api.call" and step.delivery == "now")
