"""Which cells of which spreadsheet a step means, and how often it asks."""

from __future__ import annotations

from dataclasses import dataclass

from ..clients.sheets import POLICY, Area, Sheet, SheetsClient
from ..context import RunContext
from ..errors import TemplateError
from ..plan import PlannedStep
from ..retry import RetryPolicy
from ..template.access import text
from .calls import retry_policy

CELLS_AT_ONCE = 50_000
ROWS_AT_ONCE = 10_000


@dataclass(frozen=True)
class Place:
    """A sheet, an area of it, and the way there."""

    client: SheetsClient
    policy: RetryPolicy
    sheet: Sheet
    area: Area
    """As the job says it; its open ends are those of the sheet."""

    @property
    def last_row(self) -> int:
        """The last row that the sheet has in the area."""
        return min(self.area.last_row or self.sheet.rows, self.sheet.rows)

    @property
    def last_column(self) -> int:
        """The last column that the sheet has in the area."""
        return min(self.area.last_column or self.sheet.columns, self.sheet.columns)

    def rows_at_once(self, columns: int) -> int:
        """How many rows one request carries."""
        return self.client.config.rows_per_request or max(1, min(ROWS_AT_ONCE, CELLS_AT_ONCE // max(columns, 1)))


def place_of(planned: PlannedStep, context: RunContext) -> Place:
    """Where the step works, by what the spreadsheet has at present. Raises RequestError, ConnectionFailedError."""
    client, policy = client_of(planned, context)
    sheet, area = client.book(policy).locate(*names_of(planned, context, client))
    return Place(client, policy, sheet, area)


def client_of(planned: PlannedStep, context: RunContext) -> tuple[SheetsClient, RetryPolicy]:
    """The step's spreadsheet, and its patience."""
    assert planned.connection is not None  # noqa: S101  # such steps have one
    defaults = context.plan.file.job.defaults
    retry = planned.step.retry or (defaults.retry if "retry" in defaults.model_fields_set else None)
    return context.connections.sheets(planned.connection), POLICY if retry is None else retry_policy(retry)


def names_of(planned: PlannedStep, context: RunContext, client: SheetsClient) -> tuple[str | None, str | None]:
    """The sheet and the range that the job names. Raises RowFailure, TemplateError."""
    found = []
    for name, default in (("sheet_name", client.config.sheet_name), ("range", client.config.range)):
        template = planned.templates.get(name)
        value = default if template is None else text(context.single(planned, template))
        if value == "":
            raise TemplateError(f"The {name} is empty.", hint="Leave it out for the default.")
        found.append(value)
    return found[0], found[1]
