"""PostgreSQL 13 and later, through psycopg 3."""

from .connector import PostgresConnector

__all__ = ["PostgresConnector"]
