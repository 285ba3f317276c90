"""A server that speaks the requests of Google Sheets' REST interface, version 4, and of its token endpoint."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt
from portl.clients.sheets.a1 import Area, parse
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

EMAIL = "loader@project.iam.gserviceaccount.com"
BOOK = "1AbC-dEf_9"


@cache
def private_key() -> rsa.RSAPrivateKey:
    """The service account's key, one for all tests."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem() -> str:
    """The key as its file has it."""
    kind = serialization.PrivateFormat.PKCS8
    return private_key().private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()).decode()


def public_pem() -> bytes:
    """What the server knows of it."""
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return private_key().public_key().public_bytes(serialization.Encoding.PEM, kind)


@dataclass
class Grid:
    """A sheet: its size and the values of its cells."""

    id: int = 0
    rows: int = 1000
    columns: int = 26
    cells: dict[tuple[int, int], Any] = field(default_factory=dict)

    def fill(self, rows: list[list[Any]], first_row: int = 1, first_column: int = 1) -> None:
        """Write values; "" empties a cell, None leaves it."""
        for number, row in enumerate(rows, start=first_row):
            for column, value in enumerate(row, start=first_column):
                if value == "":
                    self.cells.pop((number, column), None)
                elif value is not None:
                    self.cells[number, column] = value

    def values(self, area: Area | None = None) -> list[list[Any]]:
        """The values of an area, without what is empty at the end of rows and of the area."""
        area = area or Area()
        rows = []
        for number in range(area.first_row, (area.last_row or self.rows) + 1):
            columns = range(area.first_column, (area.last_column or self.columns) + 1)
            row = [self.cells.get((number, column), "") for column in columns]
            while row and row[-1] == "":
                row.pop()
            rows.append(row)
        while rows and not rows[-1]:
            rows.pop()
        return rows


@dataclass
class SheetsServer:
    """One spreadsheet, shared with one account."""

    server: HTTPServer
    grids: dict[str, Grid] = field(default_factory=lambda: {"Sheet1": Grid()})
    names: list[dict[str, Any]] = field(default_factory=list)
    """Named ranges, as the server writes them."""
    asked: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    """Method, path below the spreadsheet, query and body of each request that carried a token."""
    tokens: list[str] = field(default_factory=list)
    """Given out so far; the last one is good."""
    fail: Callable[[str, str], Response | None] = lambda method, path: None
    """What is answered instead, if anything."""
    fail_after: Callable[[str, str], Response | None] = lambda method, path: None
    """The same, but the work is done before."""
    token_answer: Callable[[], Response | None] = lambda: None
    """What the token endpoint answers instead."""

    def __post_init__(self) -> None:
        self.server.expect_request("/token").respond_with_handler(self._token)
        self.server.expect_request(re.compile("/v4/.*")).respond_with_handler(self._answer)

    def write_key(self, folder: Path, name: str = "key.json", **changes: Any) -> None:
        """Write the account's key file."""
        content = {
            "type": "service_account",
            "client_email": EMAIL,
            "private_key_id": "k1",
            "private_key": private_pem(),
            "token_uri": self.server.url_for("/token"),
            **changes,
        }
        kept = {key: value for key, value in content.items() if value is not None}
        (folder / name).write_text(json.dumps(kept), encoding="utf-8")

    def connection(self, more: str = "") -> str:
        """The connection of a job, named `book`."""
        endpoint = self.server.url_for("").rstrip("/")
        return (
            f"  book: {{ type: google_sheets, spreadsheet_id: {BOOK}, credentials_path: key.json, "
            f'endpoint: "{endpoint}"{more} }}\n'
        )

    def requests(self) -> list[str]:
        """Method and path of each request."""
        return [f"{method} {path}" for method, path, _, _ in self.asked]

    def _token(self, request: Request) -> Response:
        instead = self.token_answer()
        if instead is not None:
            return instead
        form = parse_qs(request.get_data(as_text=True))
        assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
        claims = jwt.decode(  # type: ignore[no-untyped-call]  # google.auth does not say
            form["assertion"][0], certs=public_pem(), audience=self.server.url_for("/token"), clock_skew_in_seconds=10
        )
        assert claims["iss"] == EMAIL
        assert claims["scope"] == "https://www.googleapis.com/auth/spreadsheets"
        self.tokens.append(f"ya29.token-{len(self.tokens)}-of-{BOOK}")
        return _json({"access_token": self.tokens[-1], "expires_in": 3599, "token_type": "Bearer"})

    def _answer(self, request: Request) -> Response:
        self.server.clear_log()  # it would keep every answer
        path = request.path.removeprefix(f"/v4/spreadsheets/{BOOK}")
        body = json.loads(request.get_data()) if request.get_data() else None
        self.asked.append((request.method, path, dict(request.args), body))
        if not self.tokens or request.headers.get("Authorization") != f"Bearer {self.tokens[-1]}":
            return error(401, "Request had invalid authentication credentials.")
        instead = self.fail(request.method, path)
        if instead is not None:
            return instead
        if path == request.path:
            return error(404, "Requested entity was not found.")
        try:
            answer = self._done(request.method, path, dict(request.args), body)
        except _Refused as refused:
            return error(400, str(refused))
        return self.fail_after(request.method, path) or _json(answer)

    def _done(self, method: str, path: str, query: dict[str, str], body: Any) -> dict[str, Any]:
        if (method, path) == ("GET", ""):
            return self._described()
        if (method, path) == ("POST", ":batchUpdate"):
            return self._updated(body["requests"])
        if (method, path) == ("POST", "/values:batchClear"):
            for text in body["ranges"]:
                grid, area = self._located(text)
                for place in list(grid.cells):
                    if _inside(place, area):
                        del grid.cells[place]
            return {}
        grid, area = self._located(unquote(path.removeprefix("/values/").removesuffix(":append")))
        if method == "GET":
            assert query["valueRenderOption"] == "UNFORMATTED_VALUE"
            found = grid.values(area)
            return {"range": path, "majorDimension": "ROWS", **({"values": found} if found else {})}
        rows = _entered(body["values"], query["valueInputOption"])
        if method == "PUT":
            grid.fill(rows, area.first_row, area.first_column)
            return {"updatedRows": len(rows)}
        assert (method, query["insertDataOption"]) == ("POST", "INSERT_ROWS")
        return self._appended(grid, area, rows)

    def _described(self) -> dict[str, Any]:
        sheets = []
        for title, grid in self.grids.items():
            size = {"rowCount": grid.rows, "columnCount": grid.columns}
            number = {"sheetId": grid.id} if grid.id else {}
            sheets.append({"properties": {"title": title, **number, "gridProperties": size}})
        return {"sheets": sheets, **({"namedRanges": self.names} if self.names else {})}

    def _updated(self, requests: list[dict[str, Any]]) -> dict[str, Any]:
        for request in requests:
            change = request["appendDimension"]
            grid = next(grid for grid in self.grids.values() if grid.id == change["sheetId"])
            if change["dimension"] == "ROWS":
                grid.rows += change["length"]
            else:
                grid.columns += change["length"]
        return {"replies": [{} for _ in requests]}

    def _appended(self, grid: Grid, area: Area, rows: list[list[Any]]) -> dict[str, Any]:
        """Below the table that begins in the area; what stands further down moves."""
        last = area.first_row - 1
        while any((last + 1, column) in grid.cells for column in range(1, grid.columns + 1)):
            last += 1
        below = {place: value for place, value in grid.cells.items() if place[0] > last}
        for place in below:
            del grid.cells[place]
        grid.cells.update({(row + len(rows), column): value for (row, column), value in below.items()})
        grid.rows += len(rows)
        grid.fill(rows, last + 1, area.first_column)
        return {"updates": {"updatedRows": len(rows)}}

    def _located(self, text: str) -> tuple[Grid, Area]:
        found = parse(text)
        if found is None or found[0] not in self.grids:
            raise _Refused(f"Unable to parse range: {text}")
        grid, area = self.grids[found[0]], found[1]
        if (area.last_row or 1) > grid.rows or (area.last_column or 1) > grid.columns:
            limits = f"Max rows: {grid.rows}, max columns: {grid.columns}"
            raise _Refused(f"Range ({text}) exceeds grid limits. {limits}")
        return grid, area


class _Refused(Exception):
    """A request that is wrong."""


def _inside(place: tuple[int, int], area: Area) -> bool:
    row, column = place
    return area.first_row <= row <= (area.last_row or row) and area.first_column <= column <= (
        area.last_column or column
    )


def _entered(rows: list[list[Any]], option: str) -> list[list[Any]]:
    assert option in ("RAW", "USER_ENTERED")
    if option == "RAW":
        return rows
    return [[f"computed {cell}" if str(cell).startswith("=") else cell for cell in row] for row in rows]


def _json(content: Any) -> Response:
    return Response(json.dumps(content), content_type="application/json; charset=UTF-8")


def error(status: int, message: str, **headers: str) -> Response:
    """An answer as Google's errors are."""
    content = {"error": {"code": status, "message": message, "status": "X"}}
    return Response(json.dumps(content), status, headers=headers, content_type="application/json; charset=UTF-8")
