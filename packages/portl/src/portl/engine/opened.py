"""The connections of one run: each opened when it is first asked for, all closed at the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from ..clients.base import Client
from ..clients.opening import open_client, open_sheets
from ..clock import Clock
from ..connectors.base import Connector
from ..connectors.opening import open_connector

if TYPE_CHECKING:
    from ..clients.sheets import SheetsClient


class OpenConnections:
    """Connectors and clients by name. Use it as a context manager."""

    def __init__(self, configurations: Mapping[str, Any], folder: str, clock: Clock) -> None:
        self._configurations = configurations
        self._folder = folder
        self._clock = clock
        self._connectors: dict[str, Connector] = {}
        self._clients: dict[str, Client] = {}
        self._sheets: dict[str, SheetsClient] = {}

    def connector(self, name: str) -> Connector:
        """The database of that name. Raises DatabaseError."""
        if name not in self._connectors:
            configuration = self._configurations[name]
            self._connectors[name] = open_connector(name, configuration, folder=self._folder, clock=self._clock)
        return self._connectors[name]

    def client(self, name: str) -> Client:
        """The function or API of that name. Raises RequestError."""
        if name not in self._clients:
            configuration = self._configurations[name]
            self._clients[name] = open_client(name, configuration, folder=self._folder, clock=self._clock)
        return self._clients[name]

    def sheets(self, name: str) -> SheetsClient:
        """The spreadsheet of that name. Raises RequestError."""
        if name not in self._sheets:
            configuration = self._configurations[name]
            self._sheets[name] = open_sheets(name, configuration, folder=self._folder, clock=self._clock)
        return self._sheets[name]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for connector in self._connectors.values():
            connector.close()
        for client in self._clients.values():
            client.close()
        for sheets in self._sheets.values():
            sheets.close()
