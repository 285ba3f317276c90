"""Queries with parameters: one row of them, many at once, or a stream of results.

Parameters stand in the statement as literals of their own types. A job's statement may not end its transaction, which
in MySQL every statement does that makes or changes tables.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from portl.connectors.operations import Column, QueryResult, Reading, Row, Rows, Sql
from portl.connectors.refusals import require_distinct, several_rows
from portl.connectors.strict import Unwritable
from portl.errors import DatabaseError, RowError

from .literals import plain, quoted_text
from .session import Done, Session
from .staging import refused

_COMMENT = re.compile(r"\s+|--\s[^\n]*\n?|#[^\n]*\n?|/\*(?![!M]).*?\*/|\(", re.S)
_COMMITS = re.compile(
    r"(ALTER|ANALYZE|BEGIN|CACHE|COMMIT|CREATE(?!\s+TEMPORARY)|DROP(?!\s+TEMPORARY)|FLUSH|GRANT|INSTALL|LOCK|OPTIMIZE|"
    r"RENAME|REPAIR|RESET|REVOKE|ROLLBACK|START|TRUNCATE|UNINSTALL|UNLOCK|XA)\b",
    re.I,
)
_WORD = re.compile(r"[A-Za-z]+")
_READS = frozenset({"SELECT", "SHOW"})
_UNPREPARED = "1295"


class Queries:
    """The queries of one transaction."""

    def __init__(self, session: Session, *, may_define: bool = False) -> None:
        self._session = session
        self._may_define = may_define

    def run(self, sql: Sql, row: Row, index: int = 0) -> Done:
        """Run a statement once. Raises RowError, DatabaseError."""
        word = "" if self._may_define else first_word(sql)
        self._session.wrote = self._session.wrote or word not in _READS
        try:
            done = self._session.run(bound(sql, row, index))
        except DatabaseError as error:
            error.sql = sql.text()
            raise
        if not self._may_define:
            self._session.require_open(sql.text())
        return done

    def read(self, sql: Sql, row: Row, chunk_rows: int) -> Reading:
        """See `Transaction.read`."""
        first_word(sql)
        try:
            stream = self._session.stream(bound(sql, row, 0))
        except DatabaseError as error:
            error.sql = sql.text()
            raise
        return Reading(stream.columns, stream.chunks(chunk_rows))

    def many(self, sql: Sql, rows: Rows, indexes: Sequence[int]) -> QueryResult:
        """See `Transaction.query`."""
        columns: tuple[str, ...] = ()
        found: list[Row | None] = []
        for row, index in zip(rows, indexes, strict=True):
            done = self._one(sql, row, index)
            if not columns:
                require_distinct(done.columns, sql.text())
                columns = done.columns
            if len(done.rows) > 1:
                raise several_rows(index, sql.text())
            found.append(done.rows[0] if done.rows else None)
        return QueryResult(columns, found)

    def _one(self, sql: Sql, row: Row, index: int) -> Done:
        try:
            return self.run(sql, row, index)
        except RowError as error:
            error.rows = (index,)
            raise

    def check(self, sql: Sql) -> None:
        """Let the server parse a statement and look up its names without running it."""
        first_word(sql)
        text = "".join(part if isinstance(part, str) else "?" for part in sql.parts)
        try:
            self._session.run(f"PREPARE portl_check FROM {quoted_text(text)}")
        except DatabaseError as error:
            if error.code == _UNPREPARED:
                return
            error.sql = sql.text()
            raise
        self._session.run("DEALLOCATE PREPARE portl_check")


def bound(sql: Sql, row: Row, index: int) -> str:
    """The statement with its values. Raises RowError for a value that has no literal."""
    if len(row) != sql.size:
        raise ValueError(f"{len(row)} values for {sql.size} places")
    texts = [_literal(value, sql.name(place), index) for place, value in enumerate(row)]
    return "".join(part if isinstance(part, str) else texts[part] for part in sql.parts)


def _literal(value: Any, name: str, index: int) -> str:
    try:
        return "NULL" if value is None else plain(value)
    except Unwritable as problem:
        raise refused(str(problem), Column(name, ""), index, value) from None


def first_word(sql: Sql) -> str:
    """What kind of statement it is. Raises DatabaseError for one that would end the transaction."""
    text = "".join(part if isinstance(part, str) else "?" for part in sql.parts)
    place = 0
    while found := _COMMENT.match(text, place):
        place = found.end()
    commits = _COMMITS.match(text, place)
    if commits:
        error = DatabaseError(
            f"{commits[1].upper()} ends the transaction in MySQL, and commits what was written before it.",
            hint="Make and change tables before the job runs, with a program of their own.",
        )
        error.sql = sql.text()
        raise error
    word = _WORD.match(text, place)
    return word[0].upper() if word else ""
