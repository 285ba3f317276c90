"""Requests to Google Sheets, version 4 of its REST interface. Needs the extra `sheets`.

Stage: between steps and HTTP. Each request waits for the quota's turn, carries a token, and is tried again as the
policy says; adding rows only where the first attempt had no effect for sure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from portl.clients.attempts import with_retries
from portl.clients.base import HttpRequest, Reply
from portl.clients.http import HttpClient
from portl.clock import SYSTEM_CLOCK, Clock
from portl.errors import ConnectorError, RequestError, RetryClass
from portl.jsontext import dumps
from portl.model.connections import HttpConnection, SheetsConnection
from portl.retry import Random, RetryPolicy, system_random
from portl.secrets import MASK, SHORTEST, Masker

from .a1 import Area, quoted
from .account import Account, Tokens, read_account
from .book import FIELDS, Book, Sheet, book_of
from .failures import refused
from .pace import Pace

Values = list[list[Any]]
"""Rows of cells, without the empty ones at their end: text, numbers, booleans."""

ANY_STATUS = tuple(range(100, 600))
POLICY = RetryPolicy(max_attempts=8, backoff_ms=1_000, max_backoff_ms=64_000)
"""The quota is one of a minute: waits have to last as long."""


class SheetsClient:
    """One spreadsheet. Reads its key file and asks for a token with the first request; one thread at a time."""

    def __init__(
        self,
        name: str,
        config: SheetsConnection,
        *,
        folder: str = ".",
        clock: Clock = SYSTEM_CLOCK,
        random: Random = system_random,
    ) -> None:
        self.name = name
        self.config = config
        self._folder = folder
        self._clock = clock
        self._random = random
        self._http = self._client(config.endpoint)
        self._reading = Pace(config.requests_per_minute, clock)
        self._writing = Pace(config.requests_per_minute, clock)
        self._account: Account | None = None
        self._tokens: Tokens | None = None
        self._token_http: HttpClient | None = None
        self.requests = 0
        """Answered so far."""

    def book(self, policy: RetryPolicy = POLICY) -> Book:
        """What the spreadsheet has at present. Raises RequestError, ConnectionFailedError."""
        answer = self._get("", {"fields": FIELDS}, policy)
        try:
            return book_of(answer)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self._strange("") from None

    def values(self, sheet: Sheet, area: Area, policy: RetryPolicy = POLICY) -> Values:
        """The values of an area with all its bounds, dates as serial numbers. Raises as `book`."""
        path = self.path(sheet.title, area)
        rendered = {"valueRenderOption": "UNFORMATTED_VALUE", "dateTimeRenderOption": "SERIAL_NUMBER"}
        rows = self._get(path, {"majorDimension": "ROWS", **rendered}, policy).get("values", [])
        if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
            raise self._strange(path)
        return rows

    def update(self, sheet: Sheet, area: Area, rows: Values, *, raw: bool, policy: RetryPolicy = POLICY) -> None:
        """Write rows over an area; the same again changes nothing. Raises as `book`."""
        query = {"valueInputOption": _input(raw)}
        self._write("PUT", self.path(sheet.title, area), {"values": rows}, policy, query=query, is_idempotent=True)

    def append(self, sheet: Sheet, area: Area, rows: Values, *, raw: bool, policy: RetryPolicy = POLICY) -> None:
        """Add rows below the table in an area; what stands there is moved, not overwritten. Raises as `book`."""
        path = self.path(sheet.title, area) + ":append"
        query = {"valueInputOption": _input(raw), "insertDataOption": "INSERT_ROWS"}
        self._write("POST", path, {"values": rows}, policy, query=query, is_idempotent=False)

    def clear(self, sheet: Sheet, areas: Sequence[Area], policy: RetryPolicy = POLICY) -> None:
        """Empty areas, keeping their format. Raises as `book`."""
        ranges = [f"{quoted(sheet.title)}!{area}" for area in areas]
        self._write("POST", "/values:batchClear", {"ranges": ranges}, policy, is_idempotent=True)

    def grow(self, sheet: Sheet, rows: int, columns: int, policy: RetryPolicy = POLICY) -> None:
        """Give the sheet at least so many rows and columns. Raises as `book`."""
        wanted = (("ROWS", rows - sheet.rows), ("COLUMNS", columns - sheet.columns))
        requests = [
            {"appendDimension": {"sheetId": sheet.id, "dimension": dimension, "length": length}}
            for dimension, length in wanted
            if length > 0
        ]
        if requests:  # done twice, it leaves more empty cells, which harms nobody
            self._write("POST", ":batchUpdate", {"requests": requests}, policy, is_idempotent=True)

    def email(self) -> str:
        """Whom the spreadsheet has to be shared with. Raises RequestError."""
        return self._known().email

    def path(self, sheet: str, area: Area) -> str:
        """The path of an area's values, below that of the spreadsheet."""
        return f"/values/{quote(f'{quoted(sheet)}!{area}', safe='')}"

    def preview(self, method: str, path: str) -> str:
        """A request as people write it, without making it."""
        return unquote(self._http.preview(HttpRequest(method, self._base() + path)))

    def close(self) -> None:
        """Close its connections. Raises nothing."""
        self._http.close()
        if self._token_http is not None:
            self._token_http.close()

    def _get(self, path: str, query: Mapping[str, str], policy: RetryPolicy) -> dict[str, Any]:
        request = HttpRequest("GET", self._base() + path, query=query, expect_status=ANY_STATUS)
        body = self._sent(request, self._reading, policy, is_idempotent=True).body
        if not isinstance(body, dict):
            raise self._strange(path)
        return body

    def _write(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any],
        policy: RetryPolicy,
        *,
        is_idempotent: bool,
        query: Mapping[str, str] | None = None,
    ) -> None:
        try:
            content = dumps(body).encode()
        except (ValueError, UnicodeEncodeError) as error:
            raise RequestError(f"The values cannot be sent: {error}.") from error
        request = HttpRequest(method, self._base() + path, query=query or {}, body=content, expect_status=ANY_STATUS)
        self._sent(request, self._writing, policy, is_idempotent=is_idempotent)

    def _sent(self, request: HttpRequest, pace: Pace, policy: RetryPolicy, *, is_idempotent: bool) -> Reply:
        try:
            return with_retries(
                lambda: self._once(request, pace),
                policy,
                is_idempotent=is_idempotent,
                clock=self._clock,
                random=self._random,
            )
        except ConnectorError as error:
            error.message = self._masked(error.message)
            raise

    def _masked(self, text: str) -> str:
        """`text` without keys and tokens, which a server may quote."""
        lines = self._account.key.splitlines() if self._account is not None else ()
        for line in lines:
            if not line.startswith("-----") and len(line) >= SHORTEST:
                text = text.replace(line, MASK)
        return Masker(self._tokens.secrets if self._tokens is not None else ()).text(text)

    def _once(self, request: HttpRequest, pace: Pace) -> Reply:
        shown = unquote(self._http.preview(request)).partition("?")[0]
        reply = self._authorized(request, pace)
        if reply.status == 401:  # a token can end before its time
            assert self._tokens is not None  # noqa: S101  # it was used
            self._tokens.drop()
            reply = self._authorized(request, pace)
        self.requests += 1
        if 200 <= reply.status < 300:
            return reply
        raise refused(reply, shown, self.config.spreadsheet_id, self.email(), self._clock.now())

    def _authorized(self, request: HttpRequest, pace: Pace) -> Reply:
        pace.wait()
        try:
            token = self._token()
        except ConnectorError as error:
            if error.retry_class is RetryClass.MAYBE_EXECUTED:  # a token more; the request itself was not sent
                error.retry_class = RetryClass.NOTHING_HAPPENED
            raise
        kind = {} if request.body is None else {"Content-Type": "application/json"}
        return self._http.send(replace(request, headers={"Authorization": f"Bearer {token}", **kind}))

    def _token(self) -> str:
        if self._tokens is None:
            account = self._known()
            self._token_http = self._client(account.token_uri)
            self._tokens = Tokens(account, self._token_http, self._clock)
        return self._tokens.token()

    def _known(self) -> Account:
        if self._account is None:
            path = "".join(self.config.credentials_path)  # no secret, though its variable may be called one
            self._account = read_account(Path(self._folder) / path, path)
        return self._account

    def _client(self, base_url: str) -> HttpClient:
        config = self.config
        http = HttpConnection(
            type="http",
            base_url=base_url,
            timeout_ms=config.timeout_ms,
            connect_timeout_ms=config.connect_timeout_ms,
            max_response_bytes=config.max_response_bytes,
            ca_file=config.ca_file,
        )
        return HttpClient(self.name, http, folder=self._folder, clock=self._clock)

    def _base(self) -> str:
        return f"/v4/spreadsheets/{self.config.spreadsheet_id}"

    def _strange(self, path: str) -> RequestError:
        return RequestError(f"{self.preview('GET', path)} answered with something that is not of a spreadsheet.")


def _input(raw: bool) -> str:
    return "RAW" if raw else "USER_ENTERED"
