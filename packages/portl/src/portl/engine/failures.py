"""Says where a step failed: the job's line, the step, the item, and the line of the file the item came from.

Stage: any error of a step → `StepError`. Reads a source file again to find the line; touches nothing else.
"""

from __future__ import annotations

from ..batch.items import Items
from ..errors import (
    ConnectorError,
    DatabaseError,
    PortlError,
    RequestError,
    RowError,
    RowsRefusedError,
    SourceError,
    StepError,
    TemplateError,
)
from ..model.yaml import Path
from ..plan import JobPlan, PlannedStep
from ..steps.base import pairs
from ..steps.fields import source_columns
from ..template.rows import Chunk, RowFailure
from ..template.syntax import Template

_MAPPINGS = ("mapping", "set", "where")


def step_error(
    error: PortlError, planned: PlannedStep, plan: JobPlan, items: Items | None, chunk: Chunk | None
) -> PortlError:
    """`error` with everything that is known about where it happened."""
    if isinstance(error, StepError):
        return error
    if isinstance(error, SourceError):
        return _of_source(error, planned, plan)
    if isinstance(error, RowsRefusedError):
        return _of_refused(error, planned, plan, items)
    indexes = _indexes(error, chunk)
    column = error.column if isinstance(error, RowError | RowFailure) else ""
    subject = f"step '{planned.id}'"
    if items is not None and indexes:
        names = [_item(items, index, _source_column(planned, column, items)) for index in indexes]
        subject += f", {' and '.join(names)}"
    result = StepError(
        f"{subject}: {_message(error)}",
        step_id=planned.id,
        idx=indexes[0] if items is not None and indexes else None,
        where=_where(error, planned, plan, column),
        rendered=_rendered(error),
        hint=error.hint,
    )
    result.__cause__ = error
    return result


def _of_source(error: SourceError, planned: PlannedStep, plan: JobPlan) -> StepError:
    """A source is read while another step works; the mistake is that of the step that reads."""
    reader = next((step for step in plan.walk() if step.id == error.step_id), planned)
    path: Path = (*reader.path, "columns", error.column) if error.column else (*reader.path, "path")
    result = StepError(
        f"step '{reader.id}': {error.message}", step_id=reader.id, where=plan.file.source.where(path), hint=error.hint
    )
    result.__cause__ = error
    return result


def _of_refused(error: RowsRefusedError, planned: PlannedStep, plan: JobPlan, items: Items | None) -> PortlError:
    """All items that cannot be used, the first of them each in a line."""
    first = error.first[0].errors[0]
    if error.limit is None and error.count == len(error.first[0].errors) == 1:
        return step_error(first, planned, plan, items, None)
    places = items.source.locator() if items is not None else None
    lines = []
    for refused in error.first:
        for single in refused.errors:
            column = _source_column(planned, getattr(single, "column", ""), items) if items is not None else None
            place = places.at(refused.index, column) if places is not None else ""
            lines.append(f"\n  item {refused.index}{f' ({place})' if place else ''}: {_message(single)}")
    result = StepError(
        f"step '{planned.id}': {error.summary('item')}{''.join(lines)}{error.more()}",
        step_id=planned.id,
        idx=error.first[0].index,
        where=_where(first, planned, plan, getattr(first, "column", "")),
        hint=first.hint,
    )
    result.__cause__ = error
    return result


def _indexes(error: PortlError, chunk: Chunk | None) -> tuple[int, ...]:
    if isinstance(error, RowFailure) and error.index is not None:
        return (error.index,)
    if isinstance(error, RowFailure) and chunk is not None:
        return (chunk.indexes[error.place],)
    if isinstance(error, RowError):
        return error.rows
    if isinstance(error, ConnectorError) and error.index is not None and chunk is not None:
        return (chunk.indexes[error.index],)
    return ()


def _item(items: Items, index: int, column: str | None) -> str:
    place = items.source.locate(index, column)
    return f"item {index}{f' ({place})' if place else ''}"


def _source_column(planned: PlannedStep, column: str, items: Items) -> str | None:
    """The column of the source that the table's `column` is made from, if it is a single one."""
    if items.source.columns is None or not column:
        return None
    template = _template_of(planned, column)
    if template is None:
        through = getattr(planned.step, "pass_through", None)
        renamed = {new: old for old, new in through.rename.items()} if through is not None else {}
        column = renamed.get(column, column)
        return column if column in items.source.columns else None
    used = source_columns(planned, template)
    return used.pop() if len(used) == 1 else None


def _template_of(planned: PlannedStep, column: str) -> Template | None:
    for name in _MAPPINGS:
        if name in planned.templates:
            found = dict(pairs(planned.templates[name])).get(column)
            if found is not None:
                return found
    return None


def _where(error: PortlError, planned: PlannedStep, plan: JobPlan, column: str) -> str:
    source = plan.file.source
    if isinstance(error, TemplateError):
        return plan.where(planned, snippet=error.expression)
    for name in _MAPPINGS:
        if column and (*planned.path, name, column) in source.values:
            return source.where((*planned.path, name, column))
    return source.where(planned.path)


def _message(error: PortlError) -> str:
    if isinstance(error, TemplateError) and error.expression:
        return f"{{{{ {error.expression} }}}}: {error.message}"
    return error.message


def _rendered(error: PortlError) -> str:
    if isinstance(error, DatabaseError):
        return error.sql
    return error.url if isinstance(error, RequestError) else ""
