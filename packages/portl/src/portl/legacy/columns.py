"""Which column of the destination gets what: the mapping, the columns that keep their names, the transformations.

Stage: `LegacyJob` + `Facts` → `Assignment`s and the key, and mistakes. Touches nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..errors import Finding
from ..model.yaml import Path
from .facts import Facts
from .model import LegacyJob, Transformation
from .section import closest

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
"""Names that may stand behind a point."""
_TIME = re.compile(r"%-?[HIMSfpzZXcT]")
_FILTERS = {"lowercase": "lower", "uppercase": "upper", "trim": "trim", "parse_number": "to_decimal"}


@dataclass
class Assignment:
    """A column of the destination and what goes into it. Not frozen: transformations are added."""

    column: str
    source: str
    path: Path
    """Where the file says so; () for a column that keeps its name."""
    transformations: list[Transformation] = field(default_factory=list)

    @property
    def expression(self) -> str:
        """In the words of steps jobs."""
        value = f"row.{self.source}" if _NAME.fullmatch(self.source) else f"row[{quoted(self.source)}]"
        return "{{ " + " | ".join([value, *map(_filter, self.transformations)]) + " }}"


def quoted(text: str) -> str:
    """`text` as a literal of an expression."""
    return repr(text)


def _filter(change: Transformation) -> str:
    if change.operation != "parse_date":
        return _FILTERS[change.operation]
    if change.format is None:
        return "to_date"
    function = "to_datetime" if _TIME.search(change.format) else "to_date"
    return f"{function}({quoted(change.format)})"


@dataclass
class Columns:
    """What the job writes. Not frozen: it is worked out."""

    job: LegacyJob
    facts: Facts
    assignments: list[Assignment] = field(default_factory=list)
    key: tuple[str, ...] | None = None
    """None where no key is needed, or only the database knows it."""
    found: list[Finding] = field(default_factory=list)


def columns_of(job: LegacyJob, facts: Facts) -> Columns:
    """What the job writes, with every mistake that can be told by now."""
    columns = Columns(job, facts)
    _assign(columns)
    _transform(columns)
    _refuse_twins(columns)
    if not columns.assignments and facts.columns is not None:
        _tell(columns, job.mapping_path, "The mapping leaves out every column.", "")
        return columns
    if facts.table is not None:
        _require_columns(columns)
    if job.destination.is_database and job.conflict != "fail":
        columns.key = job.key if job.key is not None else _asked(columns)
        _check_key(columns)
    return columns


def _assign(columns: Columns) -> None:
    job, known = columns.job, columns.facts.columns
    for name, target in job.mapping.items():
        if known is not None and name not in known:
            hint = closest(name, known)
            if target in known:
                hint = f"A mapping reads: column of the source: column of the destination. {hint}"
            _tell(columns, (*job.mapping_path, name), f"The source has no column '{name}'.", hint, key=True)
    for name in _named(job) if known is None else known:
        target = job.mapping.get(name, name)
        if target is not None:
            path = (*job.mapping_path, name) if name in job.mapping else ()
            columns.assignments.append(Assignment(target, name, path))


def _named(job: LegacyJob) -> list[str]:
    """The columns of the source that the file names: all that is known without a look at the source."""
    targets = {target for target in job.mapping.values() if target is not None}
    others = (change.column for change in job.transformations if change.column not in targets)
    return list(dict.fromkeys([*job.mapping, *others]))


def _transform(columns: Columns) -> None:
    job = columns.job
    by_source = {assignment.source: assignment for assignment in columns.assignments}
    by_column = {assignment.column: assignment for assignment in columns.assignments}
    for change in job.transformations:
        assignment = by_source.get(change.column) or by_column.get(change.column)
        if assignment is not None:
            assignment.transformations.append(change)
        elif change.column not in job.mapping:
            hint = closest(change.column, list({**by_source, **by_column}))
            _tell(columns, (*change.path, "column"), f"There is no column '{change.column}'.", hint)


def _refuse_twins(columns: Columns) -> None:
    first: dict[str, Assignment] = {}
    for one in columns.assignments:
        other = first.setdefault(one.column, one)
        if other is one:
            continue
        loose = one if not one.path else other
        path = one.path or other.path or ("source",)
        hint = f"Leave one of them out: mapping: {{{loose.source}: null}}." if not loose.path else "Map one of them."
        what = f"'{other.source}' and '{one.source}' of the source both go into '{one.column}'."
        _tell(columns, path, what, hint)


def _require_columns(columns: Columns) -> None:
    table = columns.facts.table
    assert table is not None  # noqa: S101  # asked for with a table only
    for one in columns.assignments:
        known = table.columns.get(one.column)
        if known is None:
            hint = closest(one.column, list(table.columns))
            if not one.path:
                hint += f" Or leave it out: mapping: {{{one.source}: null}}."
            what = f"{table.shown} has no column '{one.column}'."
            _tell(columns, one.path or columns.job.mapping_path or ("destination",), what, hint)
        elif not known.writable:
            hint = f"Leave it out: mapping: {{{one.source}: null}}."
            what = f"The database computes the column '{one.column}' of {table.shown} itself."
            _tell(columns, one.path or columns.job.mapping_path or ("destination",), what, hint)


def _asked(columns: Columns) -> tuple[str, ...] | None:
    """The key that the table says: the primary key if it is written, else the only unique index that is."""
    table = columns.facts.table
    if table is None:
        return None
    written = {assignment.column for assignment in columns.assignments}
    known = columns.facts.columns is not None
    usable = [unique for unique in table.unique if unique and (not known or written.issuperset(unique))]
    if table.primary_key and table.primary_key in usable:
        return table.primary_key
    if len(usable) == 1:
        return usable[0]
    shown = [f"({', '.join(unique)})" for unique in usable or table.unique]
    word = columns.job.conflict
    if usable:
        what = f"conflict: {word} needs a key, and {table.shown} has several: {', '.join(shown)}."
        hint = f"Say which: key: [{', '.join(usable[0])}]."
    elif table.unique:
        what = f"conflict: {word} needs a key, and the job writes none of {table.shown}'s: {', '.join(shown)}."
        hint = "Map the columns of one of them."
    else:
        what = f"conflict: {word} needs a key, but {table.shown} has neither a primary key nor a unique index."
        hint = "Add one to the table; or say conflict: fail, which only inserts."
    _tell(columns, ("conflict",), what, hint)
    return None


def _check_key(columns: Columns) -> None:
    """Tell what is wrong with a key that the file names."""
    job, table = columns.job, columns.facts.table
    if job.key is None:
        return
    written = [assignment.column for assignment in columns.assignments]
    for name in job.key if columns.facts.columns is not None else ():
        if name not in written:
            _tell(columns, ("key",), f"The job writes no column '{name}', which is in key.", closest(name, written))
    if table is not None and table.kind != "view" and not any(set(unique) == set(job.key) for unique in table.unique):
        shown = [f"({', '.join(unique)})" for unique in table.unique]
        hint = f"It has: {', '.join(shown)}." if shown else "It has none at all."
        _tell(columns, ("key",), f"{table.shown} has no unique index on exactly ({', '.join(job.key)}).", hint)


def _tell(columns: Columns, path: Sequence[str | int], what: str, hint: str, *, key: bool = False) -> None:
    source = columns.job.document.source
    mark = source.key(tuple(path)) if key else source.mark(tuple(path))
    columns.found.append(Finding(source.file, mark.line, mark.column, what, hint))
