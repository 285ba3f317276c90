"""Which connection each step uses, and in which phase it runs.

Stage: a job's steps and connections → the transaction's connection, phases, and mistakes. Touches nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from ..model.load import JobFile
from .model import Phase

DATABASES = frozenset({"postgres", "sqlite", "mysql"})
READ_ONLY = frozenset({"db.read", "db.query_one"})
SHEETS = frozenset({"sheets.read", "sheets.write"})
_ALSO = {"google_sheet": "google_sheets"}

Mistake = tuple[str | None, str, str]
"""The field it is in (None: the step), a sentence, a hint."""


def kinds(file: JobFile) -> dict[str, str]:
    """`{connection: type}`, as far as the file says one."""
    pairs = {name: raw.get("type") for name, raw in file.connections.items() if isinstance(raw, dict)}
    return {name: _ALSO.get(kind, kind) for name, kind in pairs.items() if isinstance(kind, str)}


def transaction_connection(file: JobFile) -> tuple[str | None, str | None]:
    """The connection of the job's transaction, and what is wrong where it cannot be told."""
    known = kinds(file)
    named = file.job.transaction.connection
    if named is not None:
        if named not in file.connections:
            return None, f"There is no connection '{named}'."
        if known.get(named) not in DATABASES:
            return None, f"The connection '{named}' is no database."
        return named, None
    databases = [name for name, kind in known.items() if kind in DATABASES]
    if len(databases) == 1:
        return databases[0], None
    written = {step.connection for step, _ in file.walk() if step.DATABASE and step.type not in READ_ONLY}
    if len(written - {None}) == 1 and None not in written:
        return next(iter(written)), None
    if databases and any(uses_database(step) for step in file.job.steps):
        return None, f"The job has several databases: {', '.join(databases)}."
    return None, None


def connection_of(step: Any, transaction: str | None) -> str | None:
    """The connection that `step` works with."""
    named: str | None = getattr(step, "connection", None)
    return named or (transaction if step.DATABASE else None)


def mistakes_of(step: Any, file: JobFile, transaction: str | None) -> Iterator[Mistake]:
    """What is wrong with a step's connection."""
    name, known = connection_of(step, transaction), kinds(file)
    if name is None:
        if step.DATABASE:
            yield None, "The step has no database.", "Name one: connection: …; and describe it in connections."
        return
    if name not in file.connections:
        close = get_close_matches(name, list(file.connections), n=1)
        hint = f"Did you mean '{close[0]}'?" if close else f"There are: {', '.join(file.connections) or 'none'}."
        yield "connection", f"There is no connection '{name}'.", hint
        return
    wanted = _wanted(step)
    if name in known and wanted and known[name] not in wanted:
        yield (
            "connection",
            f"'{name}' is a {known[name]} connection.",
            f"'{step.type}' needs: {' or '.join(sorted(wanted))}.",
        )
    if (
        step.DATABASE
        and step.type not in READ_ONLY
        and file.job.transaction.scope == "db"
        and transaction is not None
        and name != transaction
    ):
        hint = "One transaction covers one database; write the other with a job of its own, or set scope: none."
        yield "connection", f"The transaction is on '{transaction}', this step writes to '{name}'.", hint


def _wanted(step: Any) -> frozenset[str]:
    if step.DATABASE:
        return DATABASES
    if step.type == "lambda.invoke":
        return frozenset({"aws_lambda"})
    if step.type == "outbox.enqueue":
        return frozenset({"http", "aws_lambda"})
    if step.type in SHEETS:
        return frozenset({"google_sheets"})
    return frozenset({"http"}) if step.type == "api.call" else frozenset()


def uses_outbox(step: Any) -> bool:
    """Whether `step`, or one inside it, writes deliveries."""
    own = step.type == "outbox.enqueue" or (step.type == "api.call" and step.delivery == "after_commit")
    return own or any(uses_outbox(child) for child in step.children())


def uses_database(step: Any) -> bool:
    """Whether `step`, or one inside it, works in the transaction."""
    return step.DATABASE or uses_outbox(step) or any(uses_database(child) for child in step.children())


def phases(steps: list[Any], transaction: str | None) -> list[Phase]:
    """The phase of each of the job's outermost steps."""
    inside = [
        place
        for place, step in enumerate(steps)
        if uses_database(step)
        and not (step.type in READ_ONLY and step.connection is not None and step.connection != transaction)
    ]
    if not inside:
        return [Phase.BEFORE] * len(steps)
    first, last = inside[0], inside[-1]
    return [
        Phase.BEFORE if place < first else Phase.AFTER if place > last else Phase.TRANSACTION
        for place in range(len(steps))
    ]


def _may_be_repeated(step: Any) -> bool:
    """Whether a call of an API may stand in the transaction."""
    keyed = step.delivery == "after_commit" or step.idempotency_key is not None
    return keyed or step.unsafe or step.method in ("GET", "HEAD")


def phase_mistakes(step: Any, phase: Phase) -> Iterator[Mistake]:
    """What may not happen in `phase`."""
    if getattr(step, "phase", None) == "before_transaction" and phase is not Phase.BEFORE:
        hint = "Move it before the first step on the database."
        yield "phase", f"The step runs {phase.value}, because a database step comes before it.", hint
    if phase is not Phase.TRANSACTION:
        return
    if step.type == "api.call" and not _may_be_repeated(step):
        hint = "Give it idempotency_key, or delivery: after_commit, or unsafe: true."
        yield None, "The call is made inside the transaction, which may be run again or rolled back.", hint
    if step.type == "lambda.invoke" and not step.idempotent:
        hint = "Move it before the first step on the database, or say idempotent: true."
        yield None, "The function is invoked inside the transaction, which may be run again or rolled back.", hint
