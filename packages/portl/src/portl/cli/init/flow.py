"""The dialogue from the first question to the file. The same for people and for flags; see `questions`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...errors import PortlError
from ...model import variables
from ...model.load import parse_job
from ...model.resolve import resolve
from ...plan import JobPlan, plan_job
from ...secrets import Masker
from ...wizard.columntypes import Reading
from ...wizard.facts import CsvFile, Source
from ...wizard.job import Decisions, End, parts_of
from ...wizard.matching import Link
from ...wizard.naming import name_of
from ...wizard.places import CsvPlace
from . import output
from .columns import ColumnQuestions
from .output import Output
from .places import PlaceQuestions, Target
from .questions import Answers
from .screen import Screen


@dataclass(frozen=True)
class Flags:
    """What the command line says of columns and of the file, beside the single answers."""

    name: str = ""
    chosen: Mapping[str, str] | None = None
    """`{column of the destination: column of the source, or ""}`."""
    fixed: Mapping[str, str] | None = None
    """`{column of the destination: value or expression}`."""
    types: Mapping[str, str] | None = None
    """`{column of the source: type}`."""
    existing: str = ""
    """What becomes of a file that is there: overwrite, append, or "" to ask."""


@dataclass(frozen=True)
class Made:
    """A job that may be written."""

    output: Output
    text: str
    plan: JobPlan
    notes: tuple[str, ...]


class Dialogue:
    """One `portl init`."""

    def __init__(
        self, answers: Answers, flags: Flags, environment: Mapping[str, str], masker: Masker, screen: Screen | None
    ) -> None:
        self._answers = answers
        self._flags = flags
        self._environment = environment
        self._screen = screen
        self._places = PlaceQuestions(answers, environment, masker)

    def decide(self) -> Decisions:
        """Find out and ask everything about the job itself."""
        source, facts = self._places.source()
        if self._screen is not None:
            self._screen.source(source.place.shown, facts)
        target = self._places.target(source, facts)
        flags = self._flags
        questions = ColumnQuestions(self._answers, facts, flags.chosen or {}, flags.fixed or {})
        if target.table is None:
            links = questions.copied()
            readings = questions.readings(links, None, flags.types or {})
            return self._decisions(source, facts, target, links, (), "fail", readings)
        links = questions.mapped(target.table, lambda shown: self._show(shown, target, facts))
        readings = questions.readings(links, target.table, flags.types or {})
        key = questions.key(links, target.table)
        return self._decisions(source, facts, target, links, key, questions.conflict(key), readings)

    def _decisions(
        self,
        source: End,
        facts: Source,
        target: Target,
        links: Sequence[Link],
        key: Sequence[str],
        conflict: Any,
        readings: Mapping[str, Reading],
    ) -> Decisions:
        name = self._flags.name or name_of(target.name, target.end.place.name)
        if self._flags.name:
            self._answers.taken["name"] = (name,)
        needed = frozenset(_needed(facts, links, key if conflict != "fail" else (), target))
        return Decisions(
            name, source, facts, target.end, target.name, tuple(links), tuple(key), conflict, readings, needed
        )

    def _show(self, links: Sequence[Link], target: Target, facts: Source) -> None:
        if self._screen is not None and target.table is not None:
            used = {link.source for link in links}
            self._screen.mapping(
                target.name, links, target.table, [c.name for c in facts.columns if c.name not in used]
            )

    def make(self, decisions: Decisions) -> Made:
        """The job of these decisions, checked. Raises CancelledError, CommandLineError, JobSpecError."""
        out = output.ask(self._answers, f"{name_of(decisions.name, 'job')}.yaml", self._flags.existing)
        parts = parts_of(decisions, out.folder, out.existing())
        text = out.text(parts)
        plan = plan_job(parse_job(text.removeprefix("\ufeff"), out.path, Path(out.folder)))
        missing = sorted(set(variables.names(list(parts.connections.values()))) - set(self._environment))
        notes = [*_remarks(decisions), *(f"Set {name} before you run it: export {name}=…" for name in missing)]
        return Made(out, text, plan, tuple(notes))

    def try_out(self, made: Made) -> tuple[list[str], list[str]]:
        """A dry run with the databases' own eyes: the first items of each step, and what would fail."""
        from ...engine.preview import preview  # noqa: PLC0415  # only for people
        from ..plans import lines  # noqa: PLC0415  # as above

        environment = {**self._environment, **self._places.secrets}
        plan = made.plan
        try:
            resolved = resolve(plan.file, environment, {}, plan.implicit_params, complete=False)
            tried = preview(plan, resolved, check=True, sample=2)
        except PortlError as error:
            return [], [str(error)]
        short = replace(tried, steps=tuple(replace(step, statements=()) for step in tried.steps))
        return list(lines(short)), list(tried.errors)


def _needed(facts: Source, links: Sequence[Link], key: Sequence[str], target: Target) -> Iterator[str]:
    """Columns of a file that may not be empty, because the table wants a value."""
    if not isinstance(facts, CsvFile) or target.table is None:
        return
    for link in links:
        column = target.table.columns[link.target]
        if link.source is not None and (not column.nullable or link.target in key):
            yield link.source


def _remarks(decisions: Decisions) -> Iterator[str]:
    """What the samples say about the first run."""
    if not decisions.key and decisions.table:
        yield f"The mapping covers no unique index of {decisions.table}: a second run inserts the same rows again."
    if not isinstance(decisions.facts, CsvFile) or not isinstance(decisions.source.place, CsvPlace):
        return
    if not decisions.facts.rows:
        yield f"{decisions.source.place.path} has no rows yet; the types are those of the table."
    for column in decisions.facts.columns:
        reading = decisions.readings.get(column.name)
        if reading is not None and reading.misfit:
            yield f"{column.name}: '{reading.misfit}' is no {reading.type}; the run will stop there."
        if column.gaps and column.name in decisions.required:
            yield f"{column.name}: some fields are empty, and the table wants a value; the run will stop there."
