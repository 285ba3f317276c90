"""The deliveries that a run has committed: made at once, or left to `portl outbox drain`."""

from __future__ import annotations

from collections.abc import Callable

from ..clock import Clock
from ..context import Connections
from ..errors import DeliveriesPendingError, PortlError
from ..outbox import Delivery, Drainer, Queue
from ..outbox.base import DrainReport
from ..plan import JobPlan
from ..steps.calls import retry_policy


def deliver(
    plan: JobPlan, connections: Connections, clock: Clock, *, wait_s: float, on_delivery: Callable[[Delivery], None]
) -> DrainReport | None:
    """Make the job's deliveries, for `wait_s` seconds; None where this run has none to make.

    Raises DeliveriesPendingError where that cannot go on.
    """
    job = plan.file.job
    if not plan.uses_outbox or job.outbox.drain != "after_commit" or plan.connection is None:
        return None
    connector = connections.connector(plan.connection)
    drainer = Drainer(
        Queue(connector, job.name, table=job.outbox.table),
        connections.client,
        clock=clock,
        backoff=retry_policy(job.defaults.retry),
        on_delivery=on_delivery,
    )
    try:
        return drainer.run(wait_s=wait_s)
    except PortlError as error:
        raise DeliveriesPendingError(
            f"The transaction is committed, but its deliveries stopped: {error}",
            hint="Make them: portl outbox drain.",
        ) from error


def pending(report: DrainReport) -> DeliveriesPendingError:
    """The error of a run that leaves deliveries behind."""
    dead = f", {report.dead} given up" if report.dead else ""
    return DeliveriesPendingError(
        f"The transaction is committed, but of its deliveries {report.pending} are not made yet{dead}.",
        hint="Make them: portl outbox drain; look at them: portl outbox list.",
    )
