"""Databases for portl's tests: PostgreSQL 18 out of a wheel, Debian's PostgreSQL and MariaDB, SQLite."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from databases import (
    MysqlPlace,
    Place,
    PostgresPlace,
    ServerPlace,
    SqlitePlace,
    debian_programs,
    debian_server,
    mariadb_programs,
    mariadb_server,
    wheel_server,
)
from jobs import Place as Jobs

_numbers = itertools.count(1)


@contextmanager
def _short_folder() -> Iterator[Path]:
    """A folder whose path is short enough for a Unix socket, and which other users may enter."""
    folder = Path(tempfile.mkdtemp(prefix="portl-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_18() -> Iterator[str]:
    """The dsn of a PostgreSQL 18."""
    with _short_folder() as folder, wheel_server(folder) as dsn:
        yield dsn


@pytest.fixture(scope="session")
def postgres_15() -> Iterator[str]:
    """The dsn of Debian's PostgreSQL; skipped where it is not installed."""
    programs = debian_programs()
    if programs is None:
        pytest.skip("Debian's PostgreSQL is not installed: .ci/postgres installs it")
    with _short_folder() as folder, debian_server(programs, folder) as dsn:
        yield dsn


@pytest.fixture(scope="session")
def mariadb() -> Iterator[str]:
    """The Unix socket of Debian's MariaDB; skipped where it is not installed."""
    programs = mariadb_programs()
    if programs is None:
        pytest.skip("Debian's MariaDB is not installed: .ci/mariadb installs it")
    with _short_folder() as folder, mariadb_server(programs, folder) as socket:
        yield socket


def _database(socket: str) -> Iterator[MysqlPlace]:
    place = MysqlPlace(socket, f"test_{next(_numbers)}")
    server = MysqlPlace(socket, "mysql")
    server.run(f"CREATE DATABASE {place.database}")
    yield place
    place.close()
    server.run("SET lock_wait_timeout = 20", f"DROP DATABASE {place.database}")


@pytest.fixture
def mysql(mariadb: str) -> Iterator[MysqlPlace]:
    """A database of a MariaDB."""
    yield from _database(mariadb)


def _schema(dsn: str) -> Iterator[PostgresPlace]:
    name = f"test_{next(_numbers)}"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}".encode())
        version = connection.info.server_version
    separator = "&" if "?" in dsn else "?"
    place = PostgresPlace(f"{dsn}{separator}options=-csearch_path%3D{name}", version)
    yield place
    place.close()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SET lock_timeout = '20s'")  # a session that a test left open is that test's failure
        connection.execute(f"DROP SCHEMA {name} CASCADE".encode())


@pytest.fixture(params=["postgres_18", "postgres_15"])
def postgres(request: pytest.FixtureRequest) -> Iterator[PostgresPlace]:
    """A schema of a PostgreSQL, of each version."""
    yield from _schema(request.getfixturevalue(request.param))


@pytest.fixture(params=["postgres_18", "postgres_15", "mysql"])
def server_place(request: pytest.FixtureRequest) -> Iterator[ServerPlace]:
    """A database that is a server's, of each kind and version."""
    if request.param == "mysql":
        yield request.getfixturevalue("mysql")
    else:
        yield from _schema(request.getfixturevalue(request.param))


@pytest.fixture(params=["postgres_18", "mysql"])
def new_server(request: pytest.FixtureRequest) -> Iterator[ServerPlace]:
    """A database of the newest server of each kind."""
    if request.param == "mysql":
        yield request.getfixturevalue("mysql")
    else:
        yield from _schema(request.getfixturevalue(request.param))


@pytest.fixture
def new_postgres(postgres_18: str) -> Iterator[PostgresPlace]:
    """A schema of a PostgreSQL 18."""
    yield from _schema(postgres_18)


@pytest.fixture
def old_postgres(postgres_15: str) -> Iterator[PostgresPlace]:
    """A schema of Debian's PostgreSQL, which is built with everything."""
    yield from _schema(postgres_15)


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[SqlitePlace]:
    """A SQLite file."""
    place = SqlitePlace(tmp_path / "test.db")
    yield place
    place.close()


@pytest.fixture(params=["postgres_18", "postgres_15", "mysql", "sqlite"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """A database of each kind and version."""
    if request.param in ("sqlite", "mysql"):
        yield request.getfixturevalue(request.param)
    else:
        yield from _schema(request.getfixturevalue(request.param))


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    """A folder with an empty SQLite database, in which jobs run."""
    return Jobs(tmp_path)
