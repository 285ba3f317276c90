"""One psycopg connection inside one open transaction: statements in, rows out, errors translated.

Stage: below the writers. Statements are complete texts; values reach the server through COPY, or as bound parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import psycopg

from portl.connectors.operations import Row
from portl.errors import ConnectorError

from .failures import translated

ResultT = TypeVar("ResultT")

SAVEPOINT = "portl_chunk"


class Session:
    """Statements on one connection."""

    def __init__(self, connection: psycopg.Connection[Row], version: int) -> None:
        self.connection = connection
        self.version = version
        """As 150004 for 15.4."""
        self._names = 0
        self._merge_join = ""

    def new_name(self, what: str) -> str:
        """A name for a temporary table that this transaction has not used."""
        self._names += 1
        return f"portl_{what}_{self._names}"

    def run(self, *statements: str) -> list[Row]:
        """Run statements without parameters in one round trip; the rows of the last that gives any."""
        text = ";\n".join(statements)
        with translated(text), self.connection.cursor() as cursor:
            cursor.execute(text.encode())
            rows: list[Row] = []
            while True:
                if cursor.description is not None:
                    rows = cursor.fetchall()
                if not cursor.nextset():
                    return rows

    def fetch(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """The rows of one query of portl's own, with `%s` for its parameters. Raises DatabaseError."""
        with translated(sql):
            return self.connection.execute(sql.encode(), values).fetchall()

    def protected(self, *statements: str) -> list[Row]:
        """As `run`, between a savepoint and its release. After an error, `undo` goes back to the savepoint."""
        return self.run(f"SAVEPOINT {SAVEPOINT}", *statements, f"RELEASE SAVEPOINT {SAVEPOINT}")

    def matching(self, statement: str) -> list[Row]:
        """As `protected`, for a statement that matches a temporary table with what it wrote.

        The planner has no statistics of either and would sort both; hashing is twice as fast.
        """
        if not self._merge_join:
            self._merge_join = self.fetch("SELECT current_setting('enable_mergejoin')")[0][0]
        return self.protected(
            "SET LOCAL enable_mergejoin = off", statement, f"SET LOCAL enable_mergejoin = {self._merge_join}"
        )

    def undo(self) -> None:
        """Back to the savepoint of the statement that failed; it is gone afterwards."""
        self.run(f"ROLLBACK TO SAVEPOINT {SAVEPOINT}", f"RELEASE SAVEPOINT {SAVEPOINT}")

    def attempt(self, action: Callable[[], ResultT]) -> ResultT | ConnectorError:
        """What `action` gives, or its error with its effects undone."""
        self.run("SAVEPOINT portl_attempt")
        try:
            result = action()
        except ConnectorError as error:
            self.run("ROLLBACK TO SAVEPOINT portl_attempt", "RELEASE SAVEPOINT portl_attempt")
            return error
        self.run("RELEASE SAVEPOINT portl_attempt")
        return result
