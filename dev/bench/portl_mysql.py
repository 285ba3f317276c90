"""As portl_contenders.py, for MySQL and MariaDB: chunks of 10,000 rows, INSERT … ON DUPLICATE KEY UPDATE … RETURNING.

    python portl_mysql.py URL FILE

It needs less of the server than portl does, and knows less: not which rows were there, not which changed, and where
another unique key is hit it changes another row.
"""

from __future__ import annotations

import sys
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from portl_contenders import COLUMNS, LISTED, rows

TABLE = """
CREATE TABLE bench_load (
    id bigint AUTO_INCREMENT PRIMARY KEY, num bigint, code varchar(100) NOT NULL, source varchar(100) NOT NULL,
    name text, price decimal(10, 2), qty integer, at datetime, flag boolean, UNIQUE (code, source)
)
"""
SET = ", ".join(f"{name} = VALUES({name})" for name in COLUMNS if name not in ("code", "source"))


def connected(url: str) -> Any:
    """A connection to the database of `url`."""
    import pymysql

    parts = urlsplit(url)
    return pymysql.connect(
        host=parts.hostname,
        port=parts.port or 3306,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=parts.path.lstrip("/"),
        unix_socket=dict(parse_qsl(parts.query)).get("unix_socket"),
        charset="utf8mb4",
        ssl_disabled=True,
    )


def values(chunk: list[list[str | None]]) -> list[tuple[Any, ...]]:
    """A chunk's rows as the table wants them."""
    flags = {"t": 1, "f": 0}
    return [(*row[:-1], flags[row[-1] or "f"]) for row in chunk]


def inserted(cursor: Any, chunk: list[tuple[Any, ...]], rest: str) -> list[Any]:
    """One statement for all rows; what it gives back."""
    one = f"({', '.join(['%s'] * len(COLUMNS))})"
    texts = [cursor.mogrify(one, row) for row in chunk]
    cursor.execute(f"INSERT INTO bench_load ({LISTED}) VALUES {', '.join(texts)}{rest}")
    return list(cursor.fetchall())


def prepare(url: str, file: str) -> None:
    """Make the table anew, with every second row of the file in it under another name."""
    connection = connected(url)
    with connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_load")
        cursor.execute(TABLE)
        for chunk in rows(file):
            half = [(*row[:3], "before", *row[4:]) for row in values(chunk) if int(row[0]) % 2 == 0]
            inserted(cursor, half, "")
        connection.commit()
        cursor.execute("ANALYZE TABLE bench_load")


def floor(url: str, file: str) -> int:
    """By hand."""
    ids: list[Any] = []
    connection = connected(url)
    with connection, connection.cursor() as cursor:
        for chunk in rows(file):
            ids = inserted(cursor, values(chunk), f" ON DUPLICATE KEY UPDATE {SET} RETURNING id")
        connection.commit()
    return len(ids)


if __name__ == "__main__":
    print(floor(*sys.argv[1:3]))
