"""Databases: one interface, one module or package for each."""

from .base import Connector, Transaction, Writer
from .operations import (
    Change,
    Column,
    Insert,
    QueryResult,
    Reading,
    Sql,
    Table,
    TransactionOptions,
    Upsert,
    Witness,
    WriteResult,
)

__all__ = [
    "Change",
    "Column",
    "Connector",
    "Insert",
    "QueryResult",
    "Reading",
    "Sql",
    "Table",
    "Transaction",
    "TransactionOptions",
    "Upsert",
    "Witness",
    "WriteResult",
    "Writer",
]
