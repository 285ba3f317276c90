"""The client for a connection of a job. Client libraries are imported only for what is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portl.clock import SYSTEM_CLOCK, Clock
from portl.errors import RequestError
from portl.model.connections import Connection, HttpConnection, LambdaConnection, SheetsConnection

from .base import Client

if TYPE_CHECKING:
    from .sheets import SheetsClient


def open_client(name: str, config: Connection, *, folder: str = ".", clock: Clock = SYSTEM_CLOCK) -> Client:
    """A client that connects when it is first used; `folder` is the job file's. Raises RequestError."""
    if isinstance(config, HttpConnection):
        from .http import HttpClient  # noqa: PLC0415  # httpx2 takes a while to import

        return HttpClient(name, config, folder=folder, clock=clock)
    if isinstance(config, LambdaConnection):
        from .aws_lambda import LambdaClient  # noqa: PLC0415  # only here, as the others

        return LambdaClient(name, config, clock=clock)
    raise RequestError(f"{name}: connections of type {config.type} cannot be called.")


def open_sheets(name: str, config: Connection, *, folder: str = ".", clock: Clock = SYSTEM_CLOCK) -> SheetsClient:
    """A spreadsheet, asked when it is first used; `folder` is the job file's. Raises RequestError."""
    from .sheets import SheetsClient  # noqa: PLC0415  # as the others

    if not isinstance(config, SheetsConnection):
        raise RequestError(f"{name}: connections of type {config.type} are no spreadsheets.")
    return SheetsClient(name, config, folder=folder, clock=clock)
