"""The SQL of portl's own two tables, for each database. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from portl.connectors import Sql
from portl.connectors.identifiers import quote
from portl.errors import DatabaseError

STATES = ("pending", "delivered", "dead")


@dataclass(frozen=True)
class Dialect:
    """What differs between databases."""

    identity: str
    """Type of a column that numbers its rows."""
    moment: str
    """Type of a moment."""
    now: str
    later: str
    """The moment `{}` seconds from now; `{}` is replaced by a place for the number."""
    seconds_until: str
    """How far the moment `{}` is away."""
    skip_locked: str
    lock: str
    """A statement that lets only one program create tables at a time; "" where that is so anyway."""
    mark: str = '"'
    """What stands around names."""
    key: str = "text"
    """Type of a text of at most `{}` characters that an index may be on."""
    long: str = "text"
    """Type of a text of any length."""
    partial: bool = True
    """Whether an index may leave rows out."""
    returning: bool = True
    """Whether UPDATE gives rows back."""
    options: str = ""
    """What stands behind a table's columns."""


_SQLITE_NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"

DIALECTS = {
    "postgres": Dialect(
        identity="bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        moment="timestamptz",
        now="clock_timestamp()",
        later="clock_timestamp() + make_interval(secs => {}::float8)",
        seconds_until="extract(epoch FROM {} - clock_timestamp())::float8",
        skip_locked=" FOR UPDATE SKIP LOCKED",
        lock="SELECT pg_advisory_xact_lock(7300516285460219)",
    ),
    "sqlite": Dialect(
        identity="integer PRIMARY KEY AUTOINCREMENT",
        moment="text",
        now=_SQLITE_NOW,
        later="strftime('%Y-%m-%dT%H:%M:%fZ', 'now', {} || ' seconds')",
        seconds_until="(julianday({}) - julianday('now')) * 86400.0",
        skip_locked="",
        lock="",
    ),
    "mysql": Dialect(
        identity="bigint AUTO_INCREMENT PRIMARY KEY",
        moment="datetime(6)",
        now="utc_timestamp(6)",
        later="utc_timestamp(6) + INTERVAL CAST({} AS decimal(20, 6)) SECOND",
        seconds_until="timestampdiff(MICROSECOND, utc_timestamp(6), {}) / 1000000.0",
        skip_locked=" FOR UPDATE SKIP LOCKED",
        lock="",
        mark="`",
        key="varchar({})",
        long="longtext",
        partial=False,
        returning=False,
        options=" ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    ),
}


def dialect_of(name: str) -> Dialect:
    """Raises DatabaseError for a database that cannot hold the tables yet."""
    if name not in DIALECTS:
        raise DatabaseError(f"the outbox cannot be kept in {name}.")
    return DIALECTS[name]


def with_places(text: str) -> Sql:
    """A statement of portl's own, whose values stand as `{0}`, `{1}`, …"""
    pieces = re.split(r"\{(\d+)\}", text)
    return Sql(tuple(int(piece) if place % 2 else piece for place, piece in enumerate(pieces)))


def spelt(table: str, dialect: Dialect) -> str:
    """`table` or `schema.table`, quoted."""
    return ".".join(quote(part, dialect.mark) for part in table.split("."))


def index_name(table: str, what: str, dialect: Dialect) -> str:
    """A quoted name for an index of `table`."""
    return quote(f"{table.rpartition('.')[2]}_{what}", dialect.mark)


def outbox_table(dialect: Dialect, table: str) -> list[str]:
    """Statements that make the outbox where it is missing."""
    name, key, moment = spelt(table, dialect), dialect.key.format, dialect.moment
    states = ", ".join(f"'{state}'" for state in STATES)
    due, by_key = index_name(table, "due", dialect), index_name(table, "key", dialect)
    inside = "" if dialect.partial else f",\n  KEY {due} (job, state, id),\n  KEY {by_key} (job, ordering_key, id)"
    create = f"""CREATE TABLE IF NOT EXISTS {name} (
  id {dialect.identity},
  dedup_key {key(700)} NOT NULL UNIQUE,
  content_hash {key(100)} NOT NULL,
  job {key(190)} NOT NULL,
  step {key(190)} NOT NULL,
  connection {key(190)} NOT NULL,
  ordering_key {key(500)},
  request {dialect.long} NOT NULL,
  state {key(20)} NOT NULL DEFAULT 'pending' CHECK (state IN ({states})),
  attempts integer NOT NULL DEFAULT 0,
  max_attempts integer NOT NULL,
  next_attempt_at {moment} NOT NULL DEFAULT ({dialect.now}),
  locked_by {key(100)},
  locked_until {moment},
  last_error {dialect.long},
  created_at {moment} NOT NULL DEFAULT ({dialect.now}),
  delivered_at {moment}{inside}
){dialect.options}"""
    if not dialect.partial:
        return [create]
    return [
        create,
        f"CREATE INDEX IF NOT EXISTS {due} ON {name} (job, id) WHERE state = 'pending'",
        f"CREATE INDEX IF NOT EXISTS {by_key} ON {name} (job, ordering_key, id) WHERE state = 'pending'",
    ]


def ledger_table(dialect: Dialect, table: str) -> list[str]:
    """Statements that make the ledger of runs where it is missing."""
    key = dialect.key.format
    return [
        f"""CREATE TABLE IF NOT EXISTS {spelt(table, dialect)} (
  run_id {key(100)} PRIMARY KEY,
  job {key(190)} NOT NULL,
  run_key {key(500)},
  job_hash {key(100)} NOT NULL,
  input_hash {key(100)},
  started_at {dialect.moment} NOT NULL,
  finished_at {dialect.moment} NOT NULL DEFAULT ({dialect.now}),
  outcome {key(20)} NOT NULL,
  seconds double precision,
  rows_written bigint,
  limited integer,
  error {dialect.long},
  UNIQUE (job, run_key)
){dialect.options}"""
    ]


CLAIMED = "id, dedup_key, connection, request, attempts, max_attempts, ordering_key, job, step"


def due(dialect: Dialect, table: str, job: str, limit: str, columns: str = "id") -> str:
    """Locks due rows of a job. A row is due when its time has come, nobody holds it, and no earlier row of its
    ordering key waits."""
    name = spelt(table, dialect)
    return f"""SELECT {", ".join(f"o.{column}" for column in columns.split(", "))} FROM {name} AS o
   WHERE o.job = {job} AND o.state = 'pending' AND o.next_attempt_at <= {dialect.now}
     AND (o.locked_until IS NULL OR o.locked_until <= {dialect.now})
     AND NOT EXISTS (SELECT 1 FROM {name} AS e WHERE e.job = o.job AND e.ordering_key = o.ordering_key
                        AND e.state = 'pending' AND e.id < o.id)
   ORDER BY o.id LIMIT {limit}{dialect.skip_locked}"""


def hold(dialect: Dialect, table: str, lease: str, worker: str, rows: str) -> str:
    """Gives rows to a worker for a time."""
    return (
        f"UPDATE {spelt(table, dialect)} SET attempts = attempts + 1, locked_by = {worker},"
        f" locked_until = {dialect.later.format(lease)} WHERE id IN ({rows})"
    )


def claim(dialect: Dialect, table: str, places: tuple[str, str, str, str]) -> str:
    """Takes due rows of a job for a worker. `places` are those of job, limit, lease in seconds and worker."""
    job, limit, lease, worker = places
    return (
        f"WITH due AS MATERIALIZED ({due(dialect, table, job, limit)})\n"
        f"{hold(dialect, table, lease, worker, 'SELECT id FROM due')}\nRETURNING {CLAIMED}"
    )
