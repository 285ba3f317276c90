"""portl's own tables, as a run needs them."""

from __future__ import annotations

from ..clock import Clock
from ..connectors.base import Connector
from ..connectors.replay import run_phase
from ..errors import SchemaError
from ..outbox import LEDGER, create_tables, missing_tables
from ..plan import JobPlan


def require_tables(
    plan: JobPlan, connector: Connector, clock: Clock, *, with_ledger: bool, may_create: bool
) -> list[str]:
    """Make portl's own tables where they are missing, if that is allowed and the job wants it; gives their names.

    Raises SchemaError for one that is missing.
    """
    outbox = plan.file.job.outbox
    wanted = [outbox.table] if plan.uses_outbox else []
    wanted += [LEDGER] if with_ledger else []
    if not wanted:
        return []
    missing = run_phase(connector, lambda transaction: missing_tables(transaction, *wanted), clock=clock)
    if missing and not (outbox.create and may_create):
        hint = f"Make it: portl outbox init {plan.file.source.file}; or let the job do it: outbox: {{create: true}}."
        raise SchemaError(f"{connector.name}: portl's own table {missing[0]} is not there.", hint=hint)
    if missing:
        create_tables(connector, outbox=outbox.table)
    return missing
