"""MySQL 8.0 and MariaDB 10.6 and later, through PyMySQL."""

from .connector import MysqlConnector

__all__ = ["MysqlConnector"]
