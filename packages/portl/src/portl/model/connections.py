"""The connections of a job. `${env:NAME}` and `${env:NAME:-default}` may stand in any of their strings.

Fields that hold a secret are listed in each class's `SECRET`; their values become `portl.secrets.Secret`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AliasChoices, Field, PositiveInt, field_validator, model_validator

from .base import Part


class PostgresConnection(Part):
    """A PostgreSQL database."""

    SECRET: ClassVar[frozenset[str]] = frozenset({"dsn", "password"})

    type: Literal["postgres"]
    dsn: str | None = None
    """`postgresql://user:password@host:port/database` or libpq's `key=value` form; instead of the single fields."""
    host: str | None = None
    """Host name, address or the folder of a Unix socket."""
    port: int | None = Field(default=None, ge=1, le=65535)
    """TCP port; 5432 where it is not given."""
    database: str | None = None
    """Name of the database."""
    user: str | None = Field(default=None, validation_alias=AliasChoices("user", "username"))
    """Role to log in as."""
    password: str | None = None
    """Its password; write `${env:NAME}`."""
    sslmode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] | None = None
    """libpq's sslmode."""
    sslrootcert: str | None = None
    """File with the certificates that are trusted."""
    connect_timeout_ms: PositiveInt = 10_000
    """Milliseconds until a connection attempt fails."""
    statement_timeout_ms: PositiveInt | None = None
    """Milliseconds until the server ends a statement; none where it is not given."""
    lock_timeout_ms: PositiveInt | None = None
    """Milliseconds a statement waits for a lock; no limit where it is not given."""
    outcome_timeout_ms: PositiveInt = 30_000
    """Milliseconds that the server is asked what became of a COMMIT whose answer was lost; then nobody can tell."""
    application_name: str = "portl"
    """How the server's statistics name this connection."""

    @model_validator(mode="after")
    def _one_way(self) -> PostgresConnection:
        single = [name for name in ("host", "port", "database", "user", "password") if getattr(self, name) is not None]
        if self.dsn is not None and single:
            raise ValueError(f"dsn and {single[0]} exclude each other")
        if self.dsn is None and self.database is None:
            raise ValueError("database or dsn is missing")
        return self


class SqliteConnection(Part):
    """A SQLite database in a file."""

    SECRET: ClassVar[frozenset[str]] = frozenset()

    type: Literal["sqlite"]
    path: str
    """The file, relative to the job file; made when it is missing unless `create` is false."""
    create: bool = True
    """Whether a missing file is made."""
    busy_timeout_ms: PositiveInt = 10_000
    """Milliseconds to wait for another writer."""


class MysqlConnection(Part):
    """A MySQL or MariaDB database: MySQL 8.0, MariaDB 10.6 or later."""

    SECRET: ClassVar[frozenset[str]] = frozenset({"url", "password"})

    type: Literal["mysql"]
    url: str | None = None
    """`mysql://user:password@host:port/database`, special characters as `%XX`, also with `?unix_socket=/path`. Instead
    of the single fields."""
    host: str | None = None
    """Host name or address; `localhost` where nothing else is given."""
    port: int | None = Field(default=None, ge=1, le=65535)
    """TCP port; 3306 where it is not given."""
    unix_socket: str | None = None
    """Path of the server's Unix socket; instead of `host`."""
    database: str | None = None
    """Name of the database."""
    user: str | None = Field(default=None, validation_alias=AliasChoices("user", "username"))
    """User to log in as."""
    password: str | None = None
    """Its password; write `${env:NAME}`."""
    ssl_mode: Literal["disabled", "preferred", "required", "verify_ca", "verify_identity"] = "preferred"
    """As in MySQL's own programs: `preferred` encrypts where the server can, `verify_identity` also checks its name."""
    ssl_ca: str | None = None
    """File with the certificates that are trusted, instead of the system's; for `verify_ca` and `verify_identity`."""
    ssl_cert: str | None = None
    """File with the client's own certificate."""
    ssl_key: str | None = None
    """File with the key of `ssl_cert`."""
    connect_timeout_ms: PositiveInt = 10_000
    """Milliseconds until a connection attempt fails."""
    statement_timeout_ms: PositiveInt | None = None
    """Milliseconds until the server ends a statement (MySQL: a query); none where it is not given."""
    lock_timeout_ms: PositiveInt | None = None
    """Milliseconds a statement waits for a lock, in whole seconds; the server's own limit where it is not given."""
    outcome_timeout_ms: PositiveInt = 30_000
    """Milliseconds the server is asked what became of a COMMIT whose answer was lost."""

    @model_validator(mode="after")
    def _one_way(self) -> MysqlConnection:
        names = ("host", "port", "unix_socket", "database", "user", "password")
        single = [name for name in names if getattr(self, name) is not None]
        if self.url is not None and single and single != ["unix_socket"]:
            raise ValueError(f"url and {single[0]} exclude each other")
        if self.url is None and self.database is None:
            raise ValueError("database or url is missing")
        if self.unix_socket is not None and (self.host is not None or self.port is not None):
            raise ValueError("unix_socket and host exclude each other")
        if self.ssl_ca is not None and not self.ssl_mode.startswith("verify"):
            raise ValueError("ssl_ca needs ssl_mode: verify_ca or verify_identity")
        return self


class LambdaConnection(Part):
    """An AWS Lambda function. Needs the extra `aws`."""

    SECRET: ClassVar[frozenset[str]] = frozenset({"secret_access_key", "session_token"})

    type: Literal["aws_lambda"]
    function: str = Field(validation_alias=AliasChoices("function", "function_name"))
    """Name or ARN of the function."""
    qualifier: str | None = None
    """Version or alias; the latest where it is not given."""
    region: str | None = None
    """AWS region; that of the AWS configuration where it is not given."""
    endpoint_url: str | None = None
    """Another endpoint than AWS's, for tests."""
    profile: str | None = None
    """Profile of the AWS configuration."""
    access_key_id: str | None = None
    """Instead of the AWS configuration's credentials."""
    secret_access_key: str | None = None
    """Belongs to `access_key_id`."""
    session_token: str | None = None
    """Belongs to `access_key_id`, where the credentials are temporary."""
    timeout_ms: PositiveInt = 60_000
    """Milliseconds to wait for the function's answer; more than the function's own timeout."""
    connect_timeout_ms: PositiveInt = 5_000
    """Milliseconds until a connection attempt fails."""
    concurrency: PositiveInt = 4
    """Calls under way at the same time."""
    max_response_bytes: PositiveInt = 10_485_760
    """A longer answer fails the step."""


class HttpAuth(Part):
    """How HTTP calls authenticate: `bearer`, or `user` and `password`."""

    SECRET: ClassVar[frozenset[str]] = frozenset({"bearer", "password"})

    bearer: str | None = None
    """Token of `Authorization: Bearer`."""
    user: str | None = None
    """User name of basic authentication."""
    password: str | None = None
    """Password of basic authentication."""

    @model_validator(mode="after")
    def _one_way(self) -> HttpAuth:
        if (self.bearer is None) == (self.user is None):
            raise ValueError("give either bearer, or user and password")
        return self


class HttpConnection(Part):
    """An HTTP API."""

    SECRET: ClassVar[frozenset[str]] = frozenset({"headers"})

    type: Literal["http"]
    base_url: str
    """`http://` or `https://`, to which the paths of steps are appended."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Sent with each call. Their values are treated as secrets."""
    auth: HttpAuth | None = None
    """Authentication."""
    timeout_ms: PositiveInt = 30_000
    """Milliseconds to wait for an answer."""
    connect_timeout_ms: PositiveInt = 5_000
    """Milliseconds until a connection attempt fails."""
    concurrency: PositiveInt = 4
    """Calls under way at the same time."""
    ca_file: str | None = None
    """File with the certificates that are trusted, instead of the system's. Certificates are always verified."""
    idempotency_header: str = "Idempotency-Key"
    """Header that carries a step's `idempotency_key`."""
    idempotency_quoted: bool = False
    """Whether the key is sent in quotes, as the IETF draft writes it, or bare, as most APIs want it."""
    max_response_bytes: PositiveInt = 10_485_760
    """A longer answer fails the step."""


class SheetsConnection(Part):
    """A spreadsheet in Google Sheets. Needs the extra `sheets`."""

    SECRET: ClassVar[frozenset[str]] = frozenset()

    type: Literal["google_sheets", "google_sheet"]
    spreadsheet_id: str = Field(validation_alias=AliasChoices("spreadsheet_id", "sheet_id"))
    """The long word in the spreadsheet's address, or the whole address."""
    credentials_path: str
    """The service account's key file (JSON), relative to the job file. The spreadsheet has to be shared with it."""
    sheet_name: str | None = Field(default=None, validation_alias=AliasChoices("sheet_name", "tab_name"))
    """The sheet (tab) for steps that name none; the first one where it is not given."""
    range: str | None = Field(default=None, validation_alias=AliasChoices("range", "range_name"))
    """The cells for steps that name none, as `B2:F` or a named range; the whole sheet where it is not given."""
    requests_per_minute: PositiveInt = 60
    """Readings, and writings, within any minute: Google's quota for one account."""
    rows_per_request: PositiveInt | None = Field(default=None, le=100_000)
    """Rows that are read or written at once; as many as make 50,000 cells where it is not given."""
    timeout_ms: PositiveInt = 60_000
    """Milliseconds to wait for an answer."""
    connect_timeout_ms: PositiveInt = 5_000
    """Milliseconds until a connection attempt fails."""
    max_response_bytes: PositiveInt = 10_485_760
    """A longer answer fails the step."""
    endpoint: str = "https://sheets.googleapis.com"
    """Another address than Google's, for proxies and tests."""
    ca_file: str | None = None
    """File with the certificates that are trusted, instead of the system's. Certificates are always verified."""

    @field_validator("spreadsheet_id", mode="after")
    @classmethod
    def _id_of_address(cls, value: str) -> str:
        found = re.fullmatch(
            r"(?:https://docs\.google\.com/spreadsheets/(?:u/\d+/)?d/)?([A-Za-z0-9_-]+)(?:[/?#].*)?", value
        )
        if found is None:
            raise ValueError("this is neither an id nor the address of a spreadsheet")
        return found[1]


Connection = Annotated[
    PostgresConnection | SqliteConnection | MysqlConnection | LambdaConnection | HttpConnection | SheetsConnection,
    Field(discriminator="type"),
]

DATABASES: tuple[type[Any], ...] = (PostgresConnection, SqliteConnection, MysqlConnection)
"""The connections that steps `db.*` can use."""
