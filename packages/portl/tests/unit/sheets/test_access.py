"""Tokens, quotas and refusals: what is tried again, what is told, and what is never shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from portl.clients.opening import open_client, open_sheets
from portl.clients.sheets.pace import Pace
from portl.engine.preview import Preview
from portl.errors import JobSpecError, PortlError, RequestError, StepError
from portl.model.connections import HttpConnection, SheetsConnection
from sheets_server import BOOK, EMAIL, error, private_key, private_pem
from werkzeug import Response

from .conftest import Sheets, Waits
from .test_write import APPEND, REPLACE


def _times(count: int, answer: Callable[[], Response], method: str = "GET") -> Callable[[str, str], Response | None]:
    left = [count]

    def fail(asked: str, path: str) -> Response | None:
        if asked != method or not left[0]:
            return None
        left[0] -= 1
        return answer()

    return fail


def test_one_token_serves_many_requests_until_it_ends(sheets: Sheets) -> None:
    sheets.grid.fill([["a"], [1]])
    sheets.more = ", rows_per_request: 300"
    assert sheets.read() == [["a"], ["1"]]
    assert len(sheets.server.tokens) == 1
    sheets.server.fail = _times(1, lambda: error(401, "Token expired."))
    assert sheets.read() == [["a"], ["1"]]
    assert len(sheets.server.tokens) == 3


def test_a_token_that_is_old_is_not_used(sheets: Sheets) -> None:
    sheets.grid.rows = 100
    sheets.grid.fill([["a"], [1]])
    sheets.more = ", rows_per_request: 10, requests_per_minute: 1"
    sheets.server.token_answer = lambda: None
    sheets.read()  # 12 requests, a minute apart, are less than the token's hour
    assert len(sheets.server.tokens) == 1
    sheets.more = ", rows_per_request: 1, requests_per_minute: 1"
    sheets.read()
    assert len(sheets.server.tokens) == 1 + 2


def test_the_quota_is_kept_and_its_end_waited_for(sheets: Sheets) -> None:
    sheets.grid.rows = 100
    sheets.grid.fill([["a"], [1]])
    sheets.more = ", rows_per_request: 10, requests_per_minute: 5"
    sheets.read()
    assert len([seconds for seconds in sheets.clock.waited if seconds > 30]) == 2  # 1 + 10 + 1 requests


def test_pace_spreads_calls() -> None:
    clock = Waits()
    pace = Pace(2, clock)
    for _ in range(5):
        pace.wait()
    assert len([seconds for seconds in clock.waited if seconds > 30]) == 2


@pytest.mark.parametrize("asked", ["7", "Sun, 22 Nov 2099 00:00:00 GMT"])
def test_retry_after_is_honoured(sheets: Sheets, asked: str) -> None:
    sheets.grid.fill([["a"], [1]])
    sheets.server.fail = _times(1, lambda: error(429, "Quota exceeded.", **{"Retry-After": asked}))
    assert sheets.read() == [["a"], ["1"]]
    assert len(sheets.clock.waited) == 1
    assert sheets.clock.waited[0] >= (7 if asked == "7" else 60)
    assert sheets.clock.waited[0] <= 64


@pytest.mark.parametrize("status", [429, 500, 503])
def test_readings_are_tried_again_with_longer_waits(sheets: Sheets, status: int) -> None:
    sheets.server.fail = lambda method, path: error(status, "Not now.")
    with pytest.raises(StepError) as caught:
        sheets.read()
    assert "Not now. It was tried 8 times." in str(caught.value)
    assert ("requests_per_minute" in str(caught.value)) == (status == 429)
    assert len(sheets.server.asked) == 8
    assert len(sheets.clock.waited) == 7


def test_the_jobs_own_retries_hold(sheets: Sheets) -> None:
    sheets.server.fail = lambda method, path: error(503, "Not now.")
    with pytest.raises(StepError, match="tried 2 times"):
        sheets.read("retry: {max_attempts: 2}")
    with pytest.raises(StepError, match="tried 3 times"):
        sheets.jobs.run(
            "defaults: {retry: {max_attempts: 3}}\n"
            + sheets.text("  - {id: read, type: sheets.read, connection: book}\n")
        )


def test_added_rows_are_not_added_twice(sheets: Sheets) -> None:
    sheets.jobs.write("in.csv", "a\n1\n")
    sheets.server.fail = _times(2, lambda: error(429, "Quota exceeded."), "POST")
    sheets.run(APPEND)
    assert sheets.grid.values() == [["a"], ["1"]]
    sheets.server.fail_after = lambda method, path: error(500, "Lost.") if method == "POST" else None
    with pytest.raises(StepError, match="answered 500: Lost"):
        sheets.run(APPEND)
    assert sheets.grid.values() == [["a"], ["1"], ["1"]]


def test_a_replacement_is_made_again(sheets: Sheets) -> None:
    sheets.jobs.write("in.csv", "a\n1\n")
    failing = _times(2, lambda: error(500, "Lost."), "PUT")
    sheets.server.fail_after = failing
    sheets.run(REPLACE)
    assert sheets.grid.values() == [["a"], ["1"]]


@pytest.mark.parametrize(
    ("status", "message", "what"),
    [
        (
            403,
            "No permission",
            f"The spreadsheet {BOOK} refuses the account {EMAIL}: No permission. Share it with {EMAIL}: as a viewer",
        ),
        (
            403,
            "Google Sheets API has not been used in project 1 before or it is disabled.",
            "Enable the Google Sheets API for the account's project: https://console",
        ),
        (
            404,
            "Not found.",
            f"There is no spreadsheet {BOOK} that {EMAIL} could see: Not found. Look at spreadsheet_id, and",
        ),
        (401, "Bad token.", f"Google Sheets does not accept the token of {EMAIL}: Bad token."),
        (400, "Unable to parse.", f"The spreadsheet {BOOK} answered 400: Unable to parse."),
        (302, "", "Google Sheets redirects (302). Look at the connection's endpoint"),
    ],
)
def test_a_refusal_says_what_to_do(sheets: Sheets, status: int, message: str, what: str) -> None:
    sheets.server.fail = lambda method, path: error(status, message)
    with pytest.raises(StepError) as caught:
        sheets.read()
    assert what in str(caught.value)
    assert f"GET {sheets.server.server.url_for('/v4/spreadsheets/')}{BOOK}" in caught.value.rendered


@pytest.mark.parametrize(
    "answer",
    [
        Response("[]", content_type="application/json"),
        Response("", content_type="application/json"),
        Response("<html>", content_type="text/html"),
        Response('{"sheets": 5}', content_type="application/json"),
        Response(
            '{"sheets": [{"properties": {"title": "x", "gridProperties": {"rowCount": 1e20}}}]}',
            content_type="application/json",
        ),
        Response('{"sheets": [{"properties": 1}]}', content_type="application/json"),
        Response('{"namedRanges": [{"name": "x"}]}', content_type="application/json"),
        Response("[" * 100_000, content_type="application/json"),
    ],
)
def test_an_answer_that_is_none(sheets: Sheets, answer: Response) -> None:
    sheets.server.fail = lambda method, path: answer
    with pytest.raises(StepError, match="answered with something that is not of a spreadsheet"):
        sheets.read()


def test_a_spreadsheet_without_cells(sheets: Sheets) -> None:
    sheets.server.fail = lambda method, path: Response("{}", content_type="application/json")
    with pytest.raises(StepError, match="The spreadsheet has no sheet with cells"):
        sheets.read()


def test_values_that_are_none(sheets: Sheets) -> None:
    for body in ('{"values": [1]}', '{"values": {}}'):
        sheets.server.fail = (
            lambda method, path, body=body: Response(body, content_type="application/json") if path else None  # type: ignore[misc]  # a default binds the body
        )
        with pytest.raises(StepError, match="is not of a spreadsheet"):
            sheets.read()


def _broken(**changes: Any) -> Callable[[Sheets], None]:
    return lambda sheets: sheets.server.write_key(sheets.jobs.folder, **changes)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (
            lambda sheets: (sheets.jobs.folder / "key.json").unlink(),
            "key.json: the key file cannot be read: No such file",
        ),
        (
            lambda sheets: sheets.jobs.write("key.json", "private_key"),
            "key.json: this is no key file of a service account: it is not JSON",
        ),
        (lambda sheets: sheets.jobs.write("key.json", "[" * 90_000), "it is not JSON"),
        (lambda sheets: sheets.jobs.write("key.json", "[]"), "it has no type"),
        (_broken(type="authorized_user"), "its type is 'authorized_user'. Make one in Google Cloud"),
        (_broken(client_email=None), "the key file has no client_email"),
        (
            _broken(private_key="-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"),
            f"The private key of {EMAIL} cannot be used.",
        ),
        (_broken(token_uri="nowhere"), "nowhere"),
    ],
)
def test_a_key_file_that_is_wrong(sheets: Sheets, change: Callable[[Sheets], None], what: str) -> None:
    change(sheets)
    with pytest.raises(StepError) as caught:
        sheets.read()
    assert what in str(caught.value)
    assert "c2VjcmV0" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (
            Response(
                '{"error": "invalid_grant", "error_description": "Invalid JWT Signature."}',
                400,
                content_type="application/json",
            ),
            f"gives the service account {EMAIL} no token: invalid_grant: Invalid JWT Signature. Is its key",
        ),
        (Response("no", 403), "no token: status 403"),
        (Response('{"id_token": "x"}', content_type="application/json"), "answered without an access token"),
        (Response('{"access_token": "a\\nb"}', content_type="application/json"), "answered without an access token"),
    ],
)
def test_no_token_is_given(sheets: Sheets, answer: Response, what: str) -> None:
    sheets.server.token_answer = lambda: answer
    with pytest.raises(StepError) as caught:
        sheets.read()
    assert what in str(caught.value)


def test_a_token_endpoint_that_is_busy_is_asked_again(sheets: Sheets) -> None:
    sheets.jobs.write("in.csv", "a\n1\n")
    left = [Response("", 503), Response("", 500)]
    sheets.server.token_answer = lambda: left.pop() if left else None
    sheets.run(APPEND)
    assert sheets.grid.values() == [["a"], ["1"]]


def test_keys_and_tokens_are_never_shown(sheets: Sheets) -> None:
    """Not even where a server quotes them."""
    quoted: list[str] = []

    def quote(method: str, path: str) -> Response:
        quoted.append(sheets.server.tokens[-1])
        return error(400, f"Bearer {sheets.server.tokens[-1]} {private_pem().splitlines()[1]}")

    sheets.server.fail = quote
    with pytest.raises(PortlError) as caught:
        sheets.read()
    text = str(caught.value) + json.dumps([str(event) for event in sheets.jobs.events])
    assert quoted
    assert not any(token in text for token in quoted)
    assert private_pem().splitlines()[1] not in text
    assert private_key().key_size == 2048


def _statements(preview: Preview) -> list[str]:
    return [line for step in preview.steps for line in step.statements]


def test_a_dry_run_shows_the_requests_and_makes_none(sheets: Sheets) -> None:
    url = sheets.server.server.url_for(f"/v4/spreadsheets/{BOOK}")
    sheets.jobs.write("in.csv", "a\n1\n")
    shown = sheets.preview(
        "  - {id: look, type: sheets.read, connection: book, sheet_name: 'Q 1', range: 'B2:C'}\n" + REPLACE
    )
    assert shown.errors == ()
    assert _statements(shown) == [
        f"GET {url}/values/'Q 1'!B2:C, some rows at a time",
        f"PUT {url}/values/‹the first sheet›, some rows at a time",
        f"POST {url}/values:batchClear for what is left of ‹the first sheet›",
    ]
    assert shown.steps[-1].items == ({"idx": 0},)
    assert _statements(sheets.preview(APPEND + "    mapping: {a: '{{ row.a }}'}\n")) == [
        f"POST {url}/values/‹the first sheet›:append, some rows at a time"
    ]
    assert sheets.server.asked == []


def test_a_check_looks_whether_everything_is_there(sheets: Sheets) -> None:
    sheets.grid.fill([["a"]])
    sheets.jobs.write("in.csv", "a\n1\n")
    steps = "  - {id: look, type: sheets.read, connection: book, columns: {a: string}}\n" + REPLACE
    assert sheets.preview(steps, check=True).errors == ()
    wrong = steps.replace("{a: string}", "{b: string}") + "    sheet_name: Other\n"
    assert [line.partition(": ")[2][:60] for line in sheets.preview(wrong, check=True).errors] == [
        "step 'look': Sheet1!1: the sheet has no column 'b'. It has: ",
        "step 'write': The spreadsheet has no sheet 'Other'. It has: ",
    ]
    assert {request.split()[0] for request in sheets.server.requests()} == {"GET"}


def test_a_job_is_checked_before_it_runs(sheets: Sheets) -> None:
    with pytest.raises(JobSpecError) as caught:
        sheets.run(
            "  - {id: a, type: sheets.read, connection: db}\n"
            "  - {id: b, type: sheets.write, mode: replace, connection: book}\n"
            "  - {id: c, type: sheets.write, connection: book, save_as: x, batch: {from: []}}\n"
            "  - {id: d, type: sheets.read, connection: book, has_header: false}\n"
        )
    text = str(caught.value)
    assert "'db' is a sqlite connection. 'sheets.read' needs: google_sheets." in text
    assert "The step has nothing to write." in text
    assert "'mode' is missing." in text
    assert "'save_as' is not available in this step." in text
    assert "Without a header, columns has to name all columns." in text


def test_other_connections_are_no_spreadsheets() -> None:
    with pytest.raises(RequestError, match="are no spreadsheets"):
        open_sheets("api", HttpConnection(type="http", base_url="http://x"))
    book = SheetsConnection(type="google_sheets", spreadsheet_id="x", credentials_path="k")
    with pytest.raises(RequestError, match="connections of type google_sheets cannot be called"):
        open_client("book", book)
