"""`csv.read`: opens a file, and reads its rows whenever somebody goes through them."""

from __future__ import annotations

from ..batch.dead_letters import Dialect
from ..batch.rows import CHUNK
from ..context import RunContext
from ..plan import PlannedStep
from .csv_rows import CsvRows, Layout, reading
from .paths import file_of


def open_rows(planned: PlannedStep, context: RunContext) -> CsvRows:
    """The rows of the step's file. Raises SourceError where it cannot be read or has other columns."""
    step = planned.step
    path, name = file_of(planned, context)
    layout = Layout(
        path=path,
        shown=name,
        step_id=planned.id,
        columns=step.columns,
        has_header=step.has_header,
        delimiter=step.delimiter,
        quotechar=step.quotechar,
        encoding=reading(step.encoding),
        null_values=tuple(step.null_values),
        chunk_rows=min(CHUNK, context.limit or CHUNK),
    )
    dialect = Dialect(layout.delimiter, layout.quotechar, layout.encoding)
    return CsvRows.open(layout, context.rejects_of(planned, dialect))
