"""portl's own two tables: made on request, in a transaction of their own; no other table is ever changed."""

from __future__ import annotations

from portl.connectors import Connector, Sql, Transaction, TransactionOptions
from portl.errors import SchemaError

from .dialects import dialect_of, ledger_table, outbox_table

OUTBOX = "portl_outbox"
LEDGER = "portl_runs"

_OUTBOX_COLUMNS = frozenset(
    "id dedup_key content_hash job step connection ordering_key request state attempts max_attempts next_attempt_at "
    "locked_by locked_until last_error created_at delivered_at".split()
)
LEDGER_COLUMNS = frozenset(
    "run_id job run_key job_hash input_hash started_at finished_at outcome seconds rows_written limited error".split()
)


def create_tables(connector: Connector, *, outbox: str = OUTBOX, ledger: str = LEDGER) -> None:
    """Make both tables where they are missing. Raises DatabaseError; SchemaError for a table that is not portl's."""
    dialect = dialect_of(connector.dialect)
    with connector.begin(TransactionOptions(definitions=True)) as transaction:
        if dialect.lock:
            transaction.execute(Sql((dialect.lock,)))
        _create(transaction, outbox, outbox_table(dialect, outbox), _OUTBOX_COLUMNS)
        _create(transaction, ledger, ledger_table(dialect, ledger), LEDGER_COLUMNS)
        transaction.commit()


def _create(transaction: Transaction, name: str, statements: list[str], columns: frozenset[str]) -> None:
    """Make one table, or see that the one which is there is portl's."""
    if _is_there(transaction, name):
        _require_own(transaction, name, columns)
        return
    for statement in statements:
        transaction.execute(Sql((statement,)))


def missing_tables(transaction: Transaction, *names: str) -> list[str]:
    """Those of `names` that the database does not have."""
    return [name for name in names if not _is_there(transaction, name)]


def _is_there(transaction: Transaction, name: str) -> bool:
    try:
        transaction.table(name)
    except SchemaError:
        return False
    return True


def _require_own(transaction: Transaction, name: str, columns: frozenset[str]) -> None:
    missing = columns - set(transaction.table(name).columns)
    if missing:
        raise SchemaError(
            f"{name} is there, but is not a table that portl made: it has no column {min(missing)}.",
            hint="Rename it." if name == LEDGER else "Give another name with outbox.table.",
        )
