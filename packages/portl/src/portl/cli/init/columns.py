"""Asks what belongs where: the mapping, types that the data do not tell, the key, rows that are there already."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...connectors.identifiers import closest
from ...connectors.operations import Column, Table
from ...errors import CommandLineError
from ...template.syntax import parse_text
from ...wizard import columntypes, matching
from ...wizard.columntypes import Reading
from ...wizard.facts import CsvFile, Source
from ...wizard.job import literal
from ...wizard.matching import Link
from .questions import Answers, Choice

_VALUE, _NOTHING = "\0value", "\0nothing"
_EXAMPLES = {"date": "2026-02-01", "datetime": "2026-02-01 12:30"}
CONFLICTS = {
    "overwrite": "update it",
    "merge": "update it, but keep its values where the source has none",
    "skip": "leave it as it is",
    "fail": "stop with an error",
}


class ColumnQuestions:
    """The questions about columns."""

    def __init__(self, answers: Answers, source: Source, chosen: Mapping[str, str], fixed: Mapping[str, str]) -> None:
        self._answers = answers
        self._source = source
        self._names = [column.name for column in source.columns]
        self._chosen = chosen
        self._fixed = fixed

    def copied(self) -> tuple[Link, ...]:
        """Links for a file; () where every column is copied under its own name."""
        plain = matching.identical(self._source)
        links = {link.target: link for link in plain}
        for target, source in self._chosen.items():
            links.pop(target, None)
            if source:
                links[target] = Link(target, self._known(source), "chosen")
        for target, text in self._fixed.items():
            links[target] = Link(target, None, "value", value(text, None))
        if not links:
            raise CommandLineError("no column is left that could be written.")
        return () if tuple(links.values()) == plain else tuple(links.values())

    def mapped(self, table: Table, show: Callable[[Sequence[Link]], None]) -> tuple[Link, ...]:
        """Links for a table: proposed, changed by flags, completed and confirmed by a person."""
        links = {link.target: link for link in matching.propose(self._source, table)}
        for target, source in self._chosen.items():
            self._change(links, table, target, source)
        for target, text in self._fixed.items():
            self._fix(links, table, target, text)
        self._complete(links, table)
        prompts = self._answers.prompts
        while prompts is not None:
            show(_ordered(links, table))
            if not links:
                self._change_one(links, table)
            elif (
                prompts.choose(
                    "Is this mapping right?", [Choice("yes", "yes"), Choice("no", "change a column …")], "yes"
                )
                == "yes"
            ):
                break
            else:
                self._change_one(links, table)
        if not links:
            raise CommandLineError(
                f"no column of the source is like one of {table.shown}.", hint="Say which: --map COLUMN=SOURCE"
            )
        return _ordered(links, table)

    def _change(self, links: dict[str, Link], table: Table, target: str, source: str) -> None:
        column = _writable(table, target)
        links.pop(column.name, None)
        if source:
            links[column.name] = Link(column.name, self._known(source), "chosen")
        self._note("map", f"{target}=", f"{target}={source}")

    def _fix(self, links: dict[str, Link], table: Table, target: str, text: str) -> None:
        column = _writable(table, target)
        links[column.name] = Link(column.name, None, "value", value(text, column))
        self._note("set", f"{target}=", f"{target}={text}")

    def _note(self, flag: str, prefix: str, answer: str) -> None:
        """Remember an answer instead of an earlier one for the same column."""
        taken = self._answers.taken
        for name in ("map", "set"):
            taken[name] = tuple(item for item in taken.get(name, ()) if not item.startswith(prefix))
            if not taken[name]:
                del taken[name]
        taken[flag] = (*taken.get(flag, ()), answer)

    def _known(self, name: str) -> str:
        if name not in self._names:
            raise CommandLineError(f"the source has no column '{name}'.", hint=closest(name, self._names))
        return name

    def _complete(self, links: dict[str, Link], table: Table) -> None:
        """Give every column a value that needs one."""
        open_ = [name for name in matching.required(table) if name not in links]
        if open_ and self._answers.prompts is None:
            shown = ", ".join(f"{name} ({table.columns[name].type})" for name in open_)
            hint = f"Say --map {open_[0]}=SOURCE or --set {open_[0]}=VALUE. The source has: {', '.join(self._names)}."
            raise CommandLineError(
                f"{table.shown} needs a value for {shown}, and no column of the source fits.", hint=hint
            )
        for name in open_:
            self._ask(links, table, name, needed=True)

    def _change_one(self, links: dict[str, Link], table: Table) -> None:
        prompts = self._answers.prompts
        assert prompts is not None  # noqa: S101  # only people change a mapping
        names = [column.name for column in table.columns.values() if column.writable]
        choices = [Choice(name, f"{name} ← {_origin(links.get(name))}") for name in names]
        name = prompts.choose("Which column?", choices, names[0])
        self._ask(links, table, name, needed=name in matching.required(table))

    def _ask(self, links: dict[str, Link], table: Table, name: str, *, needed: bool) -> None:
        """Ask where one column gets its value from."""
        prompts = self._answers.prompts
        assert prompts is not None  # noqa: S101  # as above
        column = table.columns[name]
        used = {link.source for link in links.values()}
        free = sorted(self._names, key=lambda other: (other in used, -matching.likeness(other, name)))
        choices = [Choice(other, f"{other} (used already)" if other in used else other) for other in free]
        choices.append(Choice(_VALUE, "a fixed value, or an expression …"))
        if not needed:
            choices.append(Choice(_NOTHING, "nothing: it keeps its default"))
        shown = f"{name} ({column.type})" if column.type else name
        missing = needed and name not in links
        message = f"{shown} needs a value. From where?" if missing else f"Where does {shown} come from?"
        now = links.get(name)
        default = _VALUE if needed and now is None else (now.source if now and now.source else choices[0].value)
        answer = prompts.choose(message, choices, default)
        if answer == _VALUE:
            self._ask_value(links, table, name)
        else:
            self._change(links, table, name, "" if answer == _NOTHING else answer)

    def _ask_value(self, links: dict[str, Link], table: Table, name: str) -> None:
        def parse(text: str) -> str:
            if not text:
                raise CommandLineError("that is no value.", hint=f"--set {name}= says that an empty text is meant.")
            value(text, table.columns[name])
            return text

        text = self._answers.take(
            f"value of {name}",
            lambda prompts: prompts.text(f"Value of {name}, or {{{{ expression }}}}:"),
            parse,
            flags=lambda text: {},
        )
        self._fix(links, table, name, text)

    def readings(self, links: Sequence[Link], table: Table | None, types: Mapping[str, str]) -> dict[str, Reading]:
        """How each column of a file is read that is written to a table."""
        for name in types:
            self._known(name)
        if not isinstance(self._source, CsvFile):
            if types:
                raise CommandLineError("--type is for columns of CSV files; a database knows its types.")
            return {}
        found: dict[str, Reading] = {}
        for name, text in types.items():
            found[name] = _given(name, text)
            self._answers.taken["type"] = (*self._answers.taken.get("type", ()), f"{name}={text}")
        samples = {column.name: column.samples for column in self._source.columns}
        for link in links if table is not None else ():
            if link.source is not None and link.source not in found:
                assert table is not None  # noqa: S101  # said above
                proposal = columntypes.reading(table.columns[link.target].type, samples[link.source])
                found[link.source] = self._sure(link.source, proposal, samples[link.source])
        return found

    def _sure(self, name: str, proposal: Reading, samples: Sequence[str]) -> Reading:
        """The proposal, or what a person says where the samples do not tell."""
        if not proposal.formats:
            return proposal
        example = next((text for text in samples if text.strip()), "")
        choices = [Choice(form, f"{_spoken(proposal.type, example, form)}   ({form})") for form in proposal.formats]
        hint = f"Which is meant? Say --type {name}={proposal.type}:{choices[0].value} or …:{choices[1].value}"

        def parse(text: str) -> Reading:
            return _given(name, f"{proposal.type}:{text}")

        answer = self._answers.take(
            f"type of {name}",
            lambda prompts: prompts.choose(f"In {name}, what is {example}?", choices, choices[0].value),
            parse,
            missing=f"In {name}, {example} can be read in several ways.",
            hint=hint,
            flags=lambda text: {},
        )
        self._answers.taken["type"] = (*self._answers.taken.get("type", ()), f"{name}={answer.type}:{answer.format}")
        return answer

    def key(self, links: Sequence[Link], table: Table) -> tuple[str, ...]:
        """Columns that identify a row; () where no unique index is among the columns that are written."""
        written = {link.target for link in links}
        usable = [unique for unique in table.unique if set(unique) <= written]

        def parse(text: str) -> tuple[str, ...]:
            named = {name.strip() for name in text.split(",")}
            for unique in usable:
                if set(unique) in (named, {text}):
                    return unique
            there = "; ".join(", ".join(unique) for unique in usable)
            hint = f"There are: {there}." if there else "Map the columns of a unique index, or leave --key out."
            raise CommandLineError(f"{table.shown} has no unique index on ({text}) that is written.", hint=hint)

        if "key" not in self._answers.given and len(usable) < 2:
            return usable[0] if usable else ()
        natural = [unique for unique in usable if not any(table.columns[name].has_default for name in unique)]
        best = ",".join((natural or usable or [()])[0])
        choices = [Choice(",".join(unique), ", ".join(unique)) for unique in usable]
        return self._answers.take(
            "key",
            lambda prompts: prompts.choose("Which columns tell a row from all others?", choices, best),
            parse,
            default=best,
        )

    def conflict(self, key: Sequence[str]) -> str:
        """What happens to rows that are there already."""

        def parse(text: str) -> str:
            if not key and text != "fail":
                hint = (
                    "The mapping covers no unique index, so rows that are there cannot be found; say --conflict fail."
                )
                raise CommandLineError(f"--conflict {text} needs a key.", hint=hint)
            return text

        if not key and "conflict" not in self._answers.given:
            return "fail"
        message = f"When a row with the same {', '.join(key)} is there already?"
        choices = [Choice(name, title) for name, title in CONFLICTS.items()]
        return self._answers.take(
            "conflict", lambda prompts: prompts.choose(message, choices, "overwrite"), parse, default="overwrite"
        )


def value(text: str, column: Column | None) -> Any:
    """A fixed value as the job writes it: an expression, or a value of the column's kind. Raises TemplateError."""
    if "{{" in text:
        parse_text(text)
        return text
    kind = columntypes.kind_of(column.type) if column is not None else "text"
    if kind == "integer" and text.lstrip("-").isdecimal() and text.isascii() and len(text) < 19:
        return int(text)
    if kind == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if kind not in ("text", "other") and not columntypes.fits(kind, text):
        raise CommandLineError(f"'{text}' is no {kind}.", hint="Expressions stand in braces: {{ now() }}.")
    return literal(text)


def _writable(table: Table, name: str) -> Column:
    names = [column.name for column in table.columns.values() if column.writable]
    if name not in names:
        what = "cannot be written" if name in table.columns else "is not there"
        raise CommandLineError(f"{table.shown}: the column {name} {what}.", hint=closest(name, names))
    return table.columns[name]


def _ordered(links: Mapping[str, Link], table: Table) -> tuple[Link, ...]:
    return tuple(links[name] for name in table.columns if name in links)


def _origin(link: Link | None) -> str:
    if link is None:
        return "nothing"
    return link.source if link.source is not None else str(link.value)


def _given(name: str, text: str) -> Reading:
    try:
        return columntypes.given(text)
    except ValueError as error:
        raise CommandLineError(f"--type {name}={text}: {error}.") from None


def _spoken(kind: str, text: str, form: str) -> str:
    """A date, so that nobody takes the day for the month."""
    from ... import convert  # noqa: PLC0415  # only where a date is ambiguous

    if kind == "date":
        day = convert.to_date(text, form)
        return f"{day.day} {day:%B %Y}"
    moment = convert.to_datetime(text, form)
    return f"{moment.day} {moment:%B %Y, %H:%M}"
