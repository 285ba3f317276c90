"""The connections of one run: each opened when it is first asked for, all closed at the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from ..clients.base import Client
from ..clients.opening import open_client
from ..clock import Clock
from ..connectors.base import Connector
from ..connectors.opening import open_connector


class OpenConnections:
    """Connectors and clients by name. Use it as a context manager."""

    def __init__(self, configurations: Mapping[str, Any], folder: str, clock: Clock) -> None:
        self._configurations = configurations
        self._folder = folder
        self._clock = clock
        self._connectors: dict[str, Connector] = {}
        self._clients: dict[str, Client] = {}

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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for connector in self._connectors.values():
            connector.close()
        for client in self._clients.values():
            client.close()
