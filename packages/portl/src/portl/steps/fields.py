"""What a step makes of each item: the entries of its mapping, and the columns of its source that pass through.

Stage: a planned step + the columns of its source → columns with their templates. Touches nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from ..connectors.identifiers import closest
from ..connectors.refusals import missing_value
from ..errors import RowError, TemplateError
from ..plan import PlannedStep
from ..template.check import references
from ..template.syntax import Template, expressions, parse_expression
from .base import pairs

Field = tuple[str, Template]
"""A column that is written, and what its values are made by."""


def fields_of(planned: PlannedStep, columns: Sequence[str] | None) -> list[Field]:
    """The columns that a step writes. `columns` are those of its source; None where it has none.

    Raises TemplateError where columns are to pass through and the source has none.
    """
    if planned.step.type == "db.update":
        return [*pairs(planned.templates["set"]), *pairs(planned.templates["where"])]
    mapped = pairs(planned.templates["mapping"]) if "mapping" in planned.templates else []
    through = planned.step.pass_through
    if through is None:
        return mapped
    if columns is None:
        raise TemplateError(
            "The items have no columns that could pass through.", hint="Say what to write: mapping: {column: …}."
        )
    for word, names in (("except", through.leave_out), ("rename", through.rename)):
        for name in names:
            if name not in columns:
                what = f"{word} names '{name}', which the source does not have."
                raise TemplateError(what, hint=closest(name, columns))
    written = {name for name, _ in mapped}
    kept = {name: through.rename.get(name, name) for name in columns if name not in through.leave_out}
    return [*passed(planned, {name: new for name, new in kept.items() if new not in written}), *mapped]


def passed(planned: PlannedStep, columns: Mapping[str, str]) -> list[Field]:
    """Columns of the source as they are; `columns` says under which names. Raises TemplateError for a name twice."""
    assert planned.batch is not None  # noqa: S101  # the plan refuses a step without one
    found: dict[str, str] = {}
    for name, new in columns.items():
        if new in found:
            raise TemplateError(f"The columns '{found[new]}' and '{name}' both go into '{new}'.", hint="Use except.")
        found[new] = name
    return [(new, parse_expression(f"{planned.batch.alias}[{name!r}]")) for new, name in found.items()]


def source_columns(planned: PlannedStep, template: Template) -> set[str]:
    """The columns of the item that `template` refers to by name."""
    alias = planned.batch.alias if planned.batch is not None else None
    return {
        reference.path[1]
        for expression in expressions(template)
        for reference in references(expression)
        if len(reference.path) > 1 and reference.path[0] == alias
    }


def require_fields(planned: PlannedStep, columns: Sequence[str]) -> None:
    """Raises TemplateError where `required` names a column that is not written."""
    for name in planned.step.required:
        if name not in columns:
            raise TemplateError(f"required names '{name}', which is not written.", hint=closest(name, columns))


def needed_by_step(planned: PlannedStep) -> dict[str, Callable[[int], RowError]]:
    """The columns that `required` names, and the error for a null in each."""
    return {name: partial(missing_value, name, demanded="it is required") for name in planned.step.required}
