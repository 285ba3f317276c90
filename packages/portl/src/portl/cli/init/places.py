"""Asks where rows come from and go to, and looks there.

What cannot be reached is told, and asked for again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...connectors.operations import Table
from ...errors import CommandLineError, ConnectorError
from ...secrets import Masker, Secret
from ...wizard import csvfile, introspect, matching
from ...wizard.facts import CsvFile, Source, TableRows
from ...wizard.introspect import Database
from ...wizard.job import End
from ...wizard.places import CSV_ENDINGS, SCHEMES, SQLITE_ENDINGS, CsvPlace, DatabasePlace, parse
from .questions import Answers, Choice, Prompts

FILE, POSTGRES, MYSQL = "file", "postgresql", "mysql"
_EXAMPLES = {
    POSTGRES: "postgresql://user@localhost:5432/database",
    MYSQL: "mysql://user@localhost:3306/database",
}


@dataclass(frozen=True)
class Target:
    """What is written: a table, or a CSV file where `table` is None."""

    end: End
    name: str = ""
    table: Table | None = None


class PlaceQuestions:
    """The questions about both ends."""

    def __init__(self, answers: Answers, environment: Mapping[str, str], masker: Masker) -> None:
        self._answers = answers
        self._environment = environment
        self._masker = masker
        self.secrets: dict[str, str] = {}
        """`{variable: password}` of databases that wanted one."""

    def source(self) -> tuple[End, Source]:
        """Where rows come from, and what is known of them."""
        hint = "Name a CSV file or a database: --source products.csv"
        return self._answers.take(
            "source",
            lambda prompts: self._place(prompts, "Where do the rows come from?", reading=True),
            self._source,
            hint=hint,
            flags=lambda text: {"source": self._shown(text)},
        )

    def target(self, source: End, facts: Source) -> Target:
        """Where rows go."""
        hint = "Name a database or a CSV file: --destination postgresql://user@host/database"
        return self._answers.take(
            "destination",
            lambda prompts: self._place(prompts, "Where do they go?", reading=False),
            lambda text: self._target(text, source, facts),
            hint=hint,
            flags=lambda text: {"destination": self._shown(text)},
        )

    def _forget(self, *flags: str) -> None:
        """Forget what was answered about a place that was then given up."""
        for flag in flags:
            self._answers.taken.pop(flag, None)

    def _shown(self, text: str) -> str:
        return parse(text, self._environment).shown

    def _source(self, text: str) -> tuple[End, Source]:
        self._forget("source-table", "header", "delimiter", "encoding")
        place = parse(text, self._environment)
        if isinstance(place, CsvPlace):
            return End(place), self._file(place)
        database = self._database(place)
        name, table = self._table(database, "source-table", "Which table is read?", "")
        return _end(database), TableRows.of(name, table)

    def _target(self, text: str, source: End, facts: Source) -> Target:
        self._forget("table")
        place = parse(text, self._environment)
        if isinstance(place, CsvPlace):
            if place == source.place:
                raise CommandLineError(f"{place.path} is the file that is read.", hint="Name another one.")
            if not Path(place.path).parent.is_dir():
                raise CommandLineError(f"{place.path}: there is no folder {Path(place.path).parent}.")
            return Target(End(place))
        database = self._database(place)
        noun = facts.name if isinstance(facts, TableRows) else source.place.name
        name, table = self._table(database, "table", "Into which table?", noun, writes=True)
        if isinstance(facts, TableRows) and (facts.name, source.place) == (name, place):
            raise CommandLineError(f"{name} is the table that is read.", hint="Name another one.")
        return Target(_end(database), name, table)

    def _file(self, place: CsvPlace) -> CsvFile:
        given = self._answers.given
        delimiter, encoding = given.get("delimiter", ""), given.get("encoding", "")
        sheet = introspect.open_sheet(place.path, delimiter=_unescaped(delimiter), encoding=encoding)
        for name, value in (("delimiter", delimiter), ("encoding", encoding)):
            if value:
                self._answers.taken[name] = (value,)
        header = sheet.header
        if header is None or "header" in given:
            first = ", ".join(sheet.rows[0])
            header = self._answers.take(
                "header",
                lambda prompts: (
                    "yes" if prompts.confirm(f"Does the first line name the columns ({_cut(first)})?") else "no"
                ),
                lambda text: text == "yes",
                default="yes",
            )
        try:
            return csvfile.described(sheet, header=header)
        except Exception as error:
            raise type(error)(f"{place.path}: {error}") from error

    def _database(self, place: DatabasePlace) -> Database:
        """The database at `place`; where it wants a password, that is asked for."""
        if place.dsn is not None:
            self._masker.add(place.dsn)
        password = place.password
        if password is None and (found := self._environment.get(place.password_variable)) and place.settings:
            password = Secret(found)
        try:
            return self._opened(place, password)
        except ConnectorError as error:
            prompts = self._answers.prompts
            if place.variable or place.type == "sqlite" or not _wants_password(error):
                raise
            if prompts is None:
                hint = f"Set its password: export {place.password_variable}=…"
                raise type(error)(self._masker.text(error.message), hint=hint) from error
            self._answers.complain(error)
            return self._with_password(place, prompts, error)

    def _with_password(self, place: DatabasePlace, prompts: Prompts, refused: ConnectorError) -> Database:
        """The database, opened with the first password that it takes; an empty one gives up."""
        while typed := prompts.password("Its password (not written into the job)"):
            try:
                return self._opened(place, Secret(typed))
            except ConnectorError as error:
                if not _wants_password(error):
                    raise
                self._answers.complain(error)
        raise refused

    def _opened(self, place: DatabasePlace, password: Secret | None) -> Database:
        if password is not None:
            self._masker.add(password)
        database = introspect.open_database(place, password)
        if password is not None:
            self.secrets[place.password_variable] = password.reveal()
        if not database.tables:
            raise CommandLineError(f"{place.shown} has no table.", hint="Make one first, or name another database.")
        return database

    def _table(
        self, database: Database, flag: str, message: str, noun: str, *, writes: bool = False
    ) -> tuple[str, Table]:
        def look(name: str) -> tuple[str, Table]:
            table = database.table(name)
            if writes and table.kind == "view" and database.place.type == "sqlite":
                raise CommandLineError(f"{name} is a view, which SQLite does not write to.")
            if not table.columns:
                raise CommandLineError(f"{name} has no columns.")
            return name, table

        best = max(database.tables, key=lambda name: matching.likeness(name.rpartition(".")[2], noun))
        if len(database.tables) == 1 and self._answers.prompts is not None:
            self._answers.given.setdefault(flag, database.tables[0])
        only = database.tables[0] if len(database.tables) == 1 else None
        choices = [Choice(name, _printable(name)) for name in database.tables]
        hint = f"{database.place.shown} has: {', '.join(database.tables[:20])}."
        return self._answers.take(
            flag, lambda prompts: prompts.choose(message, choices, best), look, default=only, hint=hint
        )

    def _place(self, prompts: Prompts, message: str, *, reading: bool) -> str:
        choices = [*self._known(reading=reading)]
        choices.append(Choice(FILE, "another file (CSV or SQLite) …" if choices else "a file (CSV or SQLite) …"))
        choices.append(Choice(POSTGRES, "a PostgreSQL database …"))
        choices.append(Choice(MYSQL, "a MySQL or MariaDB database …"))
        default = choices[0].value
        chosen = prompts.choose(message, choices, default)
        if chosen == FILE:
            return prompts.path("Which file?")
        if chosen in _EXAMPLES:
            return prompts.text(f"Its address, as {_EXAMPLES[chosen]}:")
        return chosen

    def _known(self, *, reading: bool) -> list[Choice]:
        """Files of this folder and variables of the environment that may be meant."""
        try:
            names = sorted(path.name for path in Path().iterdir() if path.is_file())
        except OSError:
            names = []
        files = [name for name in names if name.lower().endswith(CSV_ENDINGS[:2])] if reading else []
        databases = [name for name in names if name.lower().endswith(SQLITE_ENDINGS)]
        variables = [
            Choice("${env:" + name + "}", f"the database in ${name}")
            for name, value in sorted(self._environment.items())
            if value.partition("://")[0] in SCHEMES
        ]
        return [Choice(name, _printable(name)) for name in (*files, *databases)] + variables


def _end(database: Database) -> End:
    return End(database.place, with_password=database.password is not None)


def _wants_password(error: ConnectorError) -> bool:
    """Whether the server refused somebody it does not know."""
    text = error.message.lower()
    return error.code in ("28P01", "28000", "1045") or "password" in text or "access denied" in text


def _unescaped(delimiter: str) -> str:
    return "\t" if delimiter in ("\\t", "tab") else delimiter


def _printable(name: str) -> str:
    """A name in one line; other characters as escapes."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in name)


def _cut(text: str) -> str:
    return _printable(text if len(text) <= 60 else f"{text[:57]}…")
