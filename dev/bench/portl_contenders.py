"""Loads a CSV file into a table, with half of the keys there already, and gets the ids back; by hand.

    python portl_contenders.py DSN FILE

It is what a careful programmer writes: the csv module, chunks of 10,000 rows copied into a temporary
table, INSERT … ON CONFLICT … RETURNING.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any

COLUMNS = ("num", "code", "source", "name", "price", "qty", "at", "flag")
LISTED = ", ".join(COLUMNS)
TABLE = """
CREATE TABLE bench_load (
    id bigserial PRIMARY KEY, num bigint, code text NOT NULL, source text NOT NULL, name text, price numeric(10, 2),
    qty integer, at timestamp, flag boolean, UNIQUE (code, source)
)
"""
SET = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS if name not in ("code", "source"))
UPSERT = f"INSERT INTO bench_load ({LISTED}) SELECT {LISTED} FROM staged ORDER BY code, source"
CHUNK = 10_000


def prepare(dsn: str, file: str) -> None:
    """Make the table anew, with every second row of the file in it under another name."""
    import psycopg

    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS bench_load")
        connection.execute(TABLE.encode())
        connection.execute("CREATE TEMPORARY TABLE whole (LIKE bench_load)")
        connection.execute("ALTER TABLE whole ALTER id DROP NOT NULL")
        statement = f"COPY whole ({LISTED}) FROM STDIN (FORMAT csv, HEADER)".encode()
        with open(file, "rb") as source, connection.cursor() as cursor, cursor.copy(statement) as copy:
            while data := source.read(1 << 20):
                copy.write(data)
        names = LISTED.replace("name", "'before'", 1)
        half = f"INSERT INTO bench_load ({LISTED}) SELECT {names} FROM whole WHERE num % 2 = 0"
        connection.execute(half.encode())
        connection.execute("VACUUM ANALYZE bench_load")


def rows(file: str) -> Iterator[list[list[str | None]]]:
    """Chunks of the file's rows; empty fields are None."""
    with open(file, encoding="utf-8", newline="") as source:
        reader = csv.reader(source)
        next(reader)
        while chunk := list(islice(reader, CHUNK)):
            yield [[field or None for field in row] for row in chunk]


def floor(dsn: str, file: str) -> int:
    """By hand."""
    import psycopg

    ids: list[Any] = []
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE staged ON COMMIT DROP AS SELECT {LISTED} FROM bench_load LIMIT 0".encode()
        )
        for chunk in rows(file):
            cursor.execute("TRUNCATE staged")
            with cursor.copy("COPY staged FROM STDIN") as copy:
                for row in chunk:
                    copy.write_row(row)
            statement = f"{UPSERT} ON CONFLICT (code, source) DO UPDATE SET {SET} RETURNING id, xmax = 0"
            ids = cursor.execute(statement.encode()).fetchall()
        connection.commit()
    return len(ids)


if __name__ == "__main__":
    print(floor(*sys.argv[1:3]))
