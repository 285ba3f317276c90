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


def spelt(table: str) -> str:
    """`table` or `schema.table`, quoted."""
    return ".".join(quote(part) for part in table.split("."))


def index_name(table: str, what: str) -> str:
    """A quoted name for an index of `table`."""
    return quote(f"{table.rpartition('.')[2]}_{what}")


def outbox_table(dialect: Dialect, table: str) -> list[str]:
    """Statements that make the outbox where it is missing."""
    name = spelt(table)
    by_key = "(job, ordering_key, id) WHERE state = 'pending'"
    states = ", ".join(f"'{state}'" for state in STATES)
    return [
        f"""CREATE TABLE IF NOT EXISTS {name} (
  id {dialect.identity},
  dedup_key text NOT NULL UNIQUE,
  content_hash text NOT NULL,
  job text NOT NULL,
  step text NOT NULL,
  connection text NOT NULL,
  ordering_key text,
  request text NOT NULL,
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ({states})),
  attempts integer NOT NULL DEFAULT 0,
  max_attempts integer NOT NULL,
  next_attempt_at {dialect.moment} NOT NULL DEFAULT ({dialect.now}),
  locked_by text,
  locked_until {dialect.moment},
  last_error text,
  created_at {dialect.moment} NOT NULL DEFAULT ({dialect.now}),
  delivered_at {dialect.moment}
)""",
        f"CREATE INDEX IF NOT EXISTS {index_name(table, 'due')} ON {name} (job, id) WHERE state = 'pending'",
        f"CREATE INDEX IF NOT EXISTS {index_name(table, 'key')} ON {name} {by_key}",
    ]


def ledger_table(dialect: Dialect, table: str) -> list[str]:
    """Statements that make the ledger of runs where it is missing."""
    name = spelt(table)
    return [
        f"""CREATE TABLE IF NOT EXISTS {name} (
  run_id text PRIMARY KEY,
  job text NOT NULL,
  run_key text,
  job_hash text NOT NULL,
  input_hash text,
  started_at {dialect.moment} NOT NULL,
  finished_at {dialect.moment} NOT NULL DEFAULT ({dialect.now}),
  outcome text NOT NULL,
  seconds double precision,
  rows_written bigint,
  limited integer,
  error text,
  UNIQUE (job, run_key)
)"""
    ]


def claim(dialect: Dialect, table: str, places: tuple[str, str, str, str]) -> str:
    """Takes due rows of a job for a worker. `places` are those of job, limit, lease in seconds and worker.

    A row is due when its time has come, nobody holds it, and no earlier row of its ordering key waits.
    """
    name, (job, limit, lease, worker) = spelt(table), places
    return f"""WITH due AS MATERIALIZED (
  SELECT o.id FROM {name} AS o
   WHERE o.job = {job} AND o.state = 'pending' AND o.next_attempt_at <= {dialect.now}
     AND (o.locked_until IS NULL OR o.locked_until <= {dialect.now})
     AND NOT EXISTS (SELECT 1 FROM {name} AS e WHERE e.job = o.job AND e.ordering_key = o.ordering_key
                        AND e.state = 'pending' AND e.id < o.id)
   ORDER BY o.id LIMIT {limit}{dialect.skip_locked})
UPDATE {name} SET attempts = attempts + 1, locked_by = {worker}, locked_until = {dialect.later.format(lease)}
 WHERE id IN (SELECT id FROM due)
RETURNING id, dedup_key, connection, request, attempts, max_attempts, ordering_key, job, step"""
