"""Where rows come from and go to, as a person writes it: a file, a URL of a database, a variable that holds one.

Stage: text → `Place` → the job's connection. Pure. A password is kept for looking only; the job names a variable.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any, Literal
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from ..errors import CommandLineError
from ..secrets import Secret
from .naming import name_of

CSV_ENDINGS = (".csv", ".tsv", ".txt", ".tab")
SQLITE_ENDINGS = (".db", ".sqlite", ".sqlite3", ".db3")
SCHEMES: dict[str, Literal["postgres", "mysql"]] = {
    "postgres": "postgres",
    "postgresql": "postgres",
    "mysql": "mysql",
    "mariadb": "mysql",
}
_VARIABLE = re.compile(
    r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}|\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?|env:([A-Za-z_][A-Za-z0-9_]*)"
)
_KNOWN = {
    "postgres": frozenset({"host", "sslmode", "sslrootcert"}),
    "mysql": frozenset({"unix_socket", "ssl_mode", "ssl_ca", "ssl_cert", "ssl_key"}),
}
"""Options of an address that are fields of a connection."""
_WHOLE = {"postgres": "dsn", "mysql": "url", "sqlite": "path"}
"""The field that takes a whole address."""
_EXAMPLE = "Write a file, postgresql://user@host:5432/database, mysql://user@host:3306/database, or ${env:NAME}."


@dataclass(frozen=True)
class CsvPlace:
    """A CSV file."""

    path: str
    type: Literal["csv"] = "csv"

    @property
    def name(self) -> str:
        """What it may be called in a job."""
        return name_of(PurePath(self.path).stem, "file")

    @property
    def shown(self) -> str:
        """For people and for command lines."""
        return self.path


@dataclass(frozen=True)
class DatabasePlace:
    """A database: a SQLite file, or a server."""

    type: Literal["postgres", "sqlite", "mysql"]
    path: str = ""
    """Of a SQLite file."""
    settings: tuple[tuple[str, Any], ...] = ()
    """The fields of the connection, without the password."""
    password: Secret | None = None
    variable: str = ""
    """The variable of the environment that holds the whole address; "" where it is written out."""
    dsn: Secret | None = field(default=None, repr=False)
    """The address, where `variable` holds it or it has options of its own."""

    @property
    def name(self) -> str:
        """What it may be called in a job."""
        if self.type == "sqlite":
            return name_of(PurePath(self.path).stem, "database")
        return name_of(str(dict(self.settings).get("database", "")), "database")

    @property
    def shown(self) -> str:
        """For people and for command lines; without the password."""
        if self.variable:
            return "${env:" + self.variable + "}"
        if self.type == "sqlite":
            return self.path
        values = dict(self.settings)
        host, user = str(values.pop("host", "")), values.pop("user", "")
        login = f"{quote(str(user), safe='')}@" if user else ""
        database = quote(str(values.pop("database", "")), safe="")
        port = f":{values.pop('port')}" if "port" in values else ""
        if host.startswith("/"):
            values, host = {"host": host, **values}, ""
        elif ":" in host:
            host = f"[{host}]"
        options = "&".join(f"{name}={quote(str(value), safe='/')}" for name, value in values.items())
        scheme = "postgresql" if self.type == "postgres" else "mysql"
        return f"{scheme}://{login}{host}{port}/{database}{'?' if options else ''}{options}"

    @property
    def password_variable(self) -> str:
        """The variable from which the job takes the password."""
        return f"{self.name.upper()}_PASSWORD"

    def connection(self, *, folder: str, with_password: bool) -> dict[str, Any]:
        """The connection as the job writes it; `folder` is the job's."""
        if self.variable:
            return {"type": self.type, _WHOLE[self.type]: "${env:" + self.variable + "}"}
        if self.type == "sqlite":
            return {"type": "sqlite", "path": _escaped(seen_from(folder, self.path))}
        entry = {name: _escaped(value) for name, value in self.settings}
        secret = {"password": "${env:" + self.password_variable + "}"} if with_password else {}
        return {"type": self.type, **entry, **secret}

    def open_with(self, password: Secret | None) -> dict[str, Any]:
        """The fields of the connection that portl itself opens now."""
        if self.dsn is not None:
            return {"type": self.type, _WHOLE[self.type]: self.dsn}
        if self.type == "sqlite":
            return {"type": "sqlite", "path": self.path, "create": False}
        return {"type": self.type, **dict(self.settings), **({"password": password} if password is not None else {})}


Place = CsvPlace | DatabasePlace


def parse(text: str, environment: Mapping[str, str]) -> Place:
    """The place that `text` names. Raises CommandLineError."""
    text = text.strip()
    if not text:
        raise CommandLineError("nothing is named.", hint=_EXAMPLE)
    if found := _VARIABLE.fullmatch(text):
        return _from_variable(next(filter(None, found.groups())), environment)
    if text.startswith("sqlite:"):
        path = re.sub(r"^sqlite:(///|//)?", lambda found: "/" if found[0].endswith("////") else "", text)
        return DatabasePlace("sqlite", path=_plain(path))
    if "://" in text:
        return _from_url(text)
    ending = PurePath(text).suffix.lower()
    if ending in SQLITE_ENDINGS:
        return DatabasePlace("sqlite", path=_plain(text))
    if ending in CSV_ENDINGS or text.startswith("csv:"):
        return CsvPlace(_plain(text.removeprefix("csv:")))
    hint = f"Its name should end with {' or '.join(CSV_ENDINGS[:2])}, or begin with csv: or sqlite:. {_EXAMPLE}"
    raise CommandLineError(f"'{text}' is neither a CSV file nor a database.", hint=hint)


def seen_from(folder: str, path: str) -> str:
    """`path`, which is relative to where we are, as a job in `folder` has to write it."""
    if os.path.isabs(path):
        return path
    return os.path.relpath(path, folder or ".").replace(os.sep, "/")


def _plain(path: str) -> str:
    path = os.path.expanduser(path)
    if not path or "\0" in path:
        raise CommandLineError("the path is empty." if not path else "a path has no zero bytes.")
    return os.path.normpath(path)


def _escaped(value: Any) -> Any:
    return value.replace("${", "$${") if isinstance(value, str) else value


def _from_variable(name: str, environment: Mapping[str, str]) -> DatabasePlace:
    value = environment.get(name, "")
    if not value:
        raise CommandLineError(f"the environment variable {name} is not set.", hint=f"Set it: export {name}=…")
    if value.partition("://")[0] not in SCHEMES:
        hint = "It should read postgresql://user:password@host:port/database, or begin with mysql://."
        raise CommandLineError(f"the environment variable {name} holds no address of a database.", hint=hint)
    place = _from_url(value, any_option=True)
    return replace(place, variable=name, dsn=Secret(value), password=None)


def _from_url(text: str, *, any_option: bool = False) -> DatabasePlace:
    scheme = text.partition("://")[0].lower()
    if scheme not in SCHEMES:
        raise CommandLineError(f"'{scheme}://' is no database that portl knows.", hint=_EXAMPLE)
    kind = SCHEMES[scheme]
    try:
        url = urlsplit(text)
        port, options = url.port, dict(parse_qsl(url.query, strict_parsing=bool(url.query)))
        host = unquote(url.hostname or "")
    except ValueError:  # its message repeats the text, and with it the password
        raise CommandLineError("the address is not understood.", hint=_EXAMPLE) from None
    database = unquote(url.path.lstrip("/"))
    unknown = sorted(set(options) - _KNOWN[kind])
    if unknown and not any_option:
        hint = "Put the whole address into a variable and name that: ${env:NAME}."
        raise CommandLineError(f"the address has the option '{unknown[0]}', which a job cannot say.", hint=hint)
    settings = {"host": host, "port": port, **options, "database": database, "user": unquote(url.username or "")}
    settings = {name: value for name, value in settings.items() if value not in (None, "")}
    if "unix_socket" in settings:
        settings.pop("host", None)
    if not database:
        raise CommandLineError("the address names no database.", hint=_EXAMPLE)
    password = Secret(unquote(url.password)) if url.password else None
    return DatabasePlace(kind, settings=tuple(settings.items()), password=password)
