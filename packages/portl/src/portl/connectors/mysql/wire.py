"""One connection of PyMySQL, and what has to be done to it from outside.

PyMySQL offers no way for some of this; its own attributes are used here, and nowhere else.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pymysql
from pymysql.constants import SERVER_STATUS

from .answers import decoders

if TYPE_CHECKING:
    _Connection = pymysql.Connection[Any]
else:
    _Connection = pymysql.Connection  # only its stubs know what it is of


class Wire(_Connection):
    """A connection."""

    def __init__(self, **parameters: Any) -> None:
        self.unknown: list[str] = []
        """Dates of the last answers that Python does not know."""
        super().__init__(**parameters, conv=decoders(self.unknown), defer_connect=True)

    @property
    def in_transaction(self) -> bool:
        """Whether the server said last that a transaction is open."""
        return bool(self.open and getattr(self, "server_status", 0) & SERVER_STATUS.SERVER_STATUS_IN_TRANS)

    def drop(self) -> None:
        """Close it, whatever is under way; the server rolls back. Raises nothing."""
        own: Any = self
        if own._result is not None:
            own._result.unbuffered_active = False  # else PyMySQL reads on when the result is forgotten
        own._force_close()  # close() would talk to the server


def connected(parameters: dict[str, Any]) -> Wire:
    """A connection that has logged in. `read_timeout` is that of the login; later no answer comes too late."""
    connection: Any = Wire(**parameters)
    unix_socket = parameters["unix_socket"]
    if unix_socket is None:
        connection.connect()
    else:
        connection._secure = True  # as PyMySQL says of its own sockets; it leaves those open on errors
        connection.connect(_local(unix_socket, parameters["connect_timeout"]))
    connection._read_timeout = None  # there is no other way
    return connection  # type: ignore[no-any-return]  # its stubs have no such attributes


def _local(path: str, timeout_s: float) -> socket.socket:
    """A socket connected to a Unix socket. Raises OperationalError."""
    own = socket.socket(socket.AF_UNIX)
    own.settimeout(timeout_s)
    try:
        own.connect(path)
    except OSError as error:
        own.close()
        raise pymysql.OperationalError(2002, f"no server listens at {path}: {error}") from error
    return own
