"""Calls of a real HTTP server: what is sent, what is read, what is tried again."""

from __future__ import annotations

import gzip
import ssl
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import trustme
from portl.clients import HttpRequest, RetryPolicy
from portl.clients.answers import retry_after_s
from portl.clients.http import HttpClient
from portl.clients.opening import open_client
from portl.clock import Clock
from portl.errors import ConnectionFailedError, ConnectorError, RequestError, RetryClass
from portl.model.connections import HttpAuth, HttpConnection, LambdaConnection, SqliteConnection

from .server import Answer, Server, in_turn

THREE = RetryPolicy(max_attempts=3, backoff_ms=1000, max_backoff_ms=8000)
POST = HttpRequest("POST", "/things", body={"a": 1})
KEYED = HttpRequest("POST", "/things", body={"a": 1}, idempotency_key="k-1")
GET = HttpRequest("GET", "/things")
ZIPPED = {"Content-Type": "application/json", "Content-Encoding": "gzip"}


class Waits(Clock):
    """Does not wait, but remembers for how long it should have."""

    def __init__(self) -> None:
        self.waited: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


_made: list[HttpClient] = []


@pytest.fixture(autouse=True)
def _closing() -> Iterator[None]:
    yield
    while _made:
        _made.pop().close()


def client(server: Server, waits: Waits | None = None, *, folder: str = ".", **options: Any) -> HttpClient:
    """A client that is closed when its test ends."""
    config = HttpConnection(type="http", **{"base_url": server.url, **options})
    _made.append(HttpClient("api", config, folder=folder, clock=waits or Waits(), random=lambda: 1.0))
    return _made[-1]


def test_a_body_is_sent_as_json_with_exact_numbers(server: Server) -> None:
    body = {"price": Decimal("19.90"), "day": date(2026, 1, 31), "name": "Näme", "list": [1, None, True]}
    reply = client(server).send(HttpRequest("POST", "/a", body=body))
    (asked,) = server.asked
    assert asked.body.decode() == '{"price":19.90,"day":"2026-01-31","name":"Näme","list":[1,null,true]}'
    assert asked.headers["content-type"] == "application/json"
    assert (reply.status, reply.body, reply.attempts) == (200, {}, 1)


@pytest.mark.parametrize(
    ("body", "content", "content_type"),
    [
        ("text ☃", "text ☃".encode(), "text/plain; charset=utf-8"),
        (b"\x00\xff", b"\x00\xff", "application/octet-stream"),
        (None, b"", None),
        ([1], b"[1]", "application/json"),
        (0, b"0", "application/json"),
    ],
)
def test_other_bodies(server: Server, body: Any, content: bytes, content_type: str | None) -> None:
    client(server).send(HttpRequest("POST", "/a", body=body))
    assert server.asked[0].body == content
    assert server.asked[0].headers.get("content-type") == content_type


def test_paths_queries_and_headers(server: Server) -> None:
    api = client(server, base_url=f"{server.url}/v1/", headers={"X-One": "1"}, auth={"bearer": "tok-en"})
    request = HttpRequest("GET", "/a b?x=1", query={"q": "ä&b", "n": [1, True], "none": None}, headers={"X-Two": "2"})
    api.send(request)
    (asked,) = server.asked
    assert asked.path.startswith("/v1/a%20b?")
    assert "q=%C3%A4%26b" in asked.path
    assert "n=1&n=true" in asked.path
    assert "none" not in asked.path
    assert (asked.headers["x-one"], asked.headers["x-two"]) == ("1", "2")
    assert asked.headers["authorization"] == "Bearer tok-en"
    assert asked.headers["user-agent"] == "portl"


def test_basic_authentication(server: Server) -> None:
    client(server, auth={"user": "me", "password": "secret"}).send(GET)
    assert server.asked[0].headers["authorization"] == "Basic bWU6c2VjcmV0"


@pytest.mark.parametrize("path", ["https://elsewhere.example/a", "//elsewhere.example/a"])
def test_a_path_never_leads_to_another_server(server: Server, path: str) -> None:
    with pytest.raises(RequestError, match="names another server"):
        client(server).send(HttpRequest("GET", path))
    assert server.asked == []


def test_a_redirect_is_not_followed(server: Server) -> None:
    server.answer = lambda asked: Answer(302, b"", {"Location": "https://elsewhere.example/"})
    with pytest.raises(RequestError, match="answered 302") as caught:
        client(server, auth={"bearer": "tok-en"}).send(GET)
    assert "redirects to https://elsewhere.example/" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (Answer(body=b'{"a": 1.50}'), {"a": 1.5}),
        (Answer(body=b"", headers={}), None),
        (Answer(204, b"", {}), None),
        (Answer(body=b"plain", headers={"Content-Type": "text/plain"}), "plain"),
        (Answer(body="ä".encode("latin-1"), headers={"Content-Type": "text/plain; charset=latin-1"}), "ä"),
        (Answer(body=b"\xff\x00", headers={"Content-Type": "image/png"}), b"\xff\x00"),
        (Answer(body=b"x", headers={"Content-Type": "text/plain; charset=nope"}), b"x"),
        (Answer(body=b"<html>", headers={"Content-Type": "application/json"}), "<html>"),
        (Answer(body=b'{"t": 1}', headers={"Content-Type": "application/problem+json"}), {"t": 1}),
        (
            Answer(
                body=gzip.compress(b"[1]"), headers={"Content-Type": "application/json", "Content-Encoding": "gzip"}
            ),
            [1],
        ),
    ],
)
def test_answers_are_read_as_what_they_are(server: Server, answer: Answer, body: Any) -> None:
    server.answer = lambda asked: answer
    assert client(server).send(GET).body == body


def test_an_answer_may_not_be_longer_than_allowed(server: Server) -> None:
    server.answer = lambda asked: Answer(body=b"x" * 5000)
    with pytest.raises(RequestError, match=r"longer than max_response_bytes \(1000\)") as caught:
        client(server, max_response_bytes=1000).send(GET, THREE)
    assert caught.value.retry_class is RetryClass.NEVER
    server.answer = lambda asked: Answer(body=gzip.compress(b"x" * 10**7), headers={"Content-Encoding": "gzip"})
    with pytest.raises(RequestError, match="longer than"):
        client(server, max_response_bytes=100_000).send(GET)


def test_an_answer_that_is_no_gzip(server: Server) -> None:
    server.answer = lambda asked: Answer(body=b"nonsense", headers={"Content-Encoding": "gzip"})
    with pytest.raises(RequestError, match="not valid HTTP"):
        client(server).send(GET)


@pytest.mark.parametrize(
    ("request_", "statuses", "attempts"),
    [
        (GET, [500, 503, 200], 3),
        (GET, [500, 500, 500], 3),
        (HttpRequest("PUT", "/a"), [502, 200], 2),
        (POST, [500], 1),
        (KEYED, [500, 200], 2),
        (POST, [429, 200], 2),
        (POST, [408, 425, 200], 3),
        (KEYED, [409, 200], 2),
        (POST, [409], 1),
        (KEYED, [422], 1),
        (GET, [404], 1),
        (GET, [400], 1),
    ],
)
def test_what_is_tried_again(
    server: Server, waits: Waits, request_: HttpRequest, statuses: list[int], attempts: int
) -> None:
    server.answer = in_turn(*(Answer(status) for status in statuses))
    api = client(server, waits)
    if statuses[-1] == 200:
        assert api.send(request_, THREE).attempts == attempts
    else:
        with pytest.raises(RequestError, match=f"answered {statuses[-1]}") as caught:
            api.send(request_, THREE)
        assert caught.value.code == str(statuses[-1])
        assert ("It was tried 3 times." in str(caught.value)) == (attempts == 3)
    assert len(server.asked) == attempts
    assert waits.waited == [1.0, 2.0][: attempts - 1]


def test_only_what_the_job_names_is_tried_again(server: Server, waits: Waits) -> None:
    policy = RetryPolicy(max_attempts=3, retry_on=frozenset({"http_429"}))
    server.answer = in_turn(Answer(429), Answer(500), Answer(200))
    with pytest.raises(RequestError, match="answered 500"):
        client(server, waits).send(GET, policy)
    assert len(server.asked) == 2


@pytest.mark.parametrize(("header", "waited"), [("3", 3.0), ("0", 1.0), ("9999", 8.0), ("nonsense", 1.0), ("-5", 1.0)])
def test_the_wait_the_server_asks_for_is_honoured_and_capped(
    server: Server, waits: Waits, header: str, waited: float
) -> None:
    server.answer = in_turn(Answer(429, headers={"Retry-After": header}), Answer())
    client(server, waits).send(POST, THREE)
    assert waits.waited == [waited]


def test_a_wait_until_a_date() -> None:
    now = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
    assert retry_after_s("Sat, 31 Jan 2026 12:01:00 GMT", now) == 60
    assert retry_after_s("Sat, 31 Jan 2026 12:01:00", now) == 60
    assert retry_after_s(None, now) is None


def test_the_same_key_goes_with_every_attempt(server: Server, waits: Waits) -> None:
    server.answer = in_turn(Answer(500), Answer())
    client(server, waits).send(KEYED, THREE)
    assert [asked.headers["idempotency-key"] for asked in server.asked] == ["k-1", "k-1"]


@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        ({"idempotency_header": "X-Request"}, "x-request", "k-1"),
        ({"idempotency_quoted": True}, "idempotency-key", '"k-1"'),
    ],
)
def test_how_the_key_is_sent(server: Server, options: dict[str, Any], name: str, value: str) -> None:
    client(server, **options).send(KEYED)
    assert server.asked[0].headers[name] == value


@pytest.mark.parametrize(
    ("place", "body", "expected"),
    [
        ("body.request_id", {"a": 1}, {"a": 1, "request_id": "k"}),
        ("body.meta.id", {"a": 1}, {"a": 1, "meta": {"id": "k"}}),
        ("body.meta.id", {"meta": {"x": 1}}, {"meta": {"x": 1, "id": "k"}}),
        ("body.id", None, {"id": "k"}),
    ],
)
def test_a_key_in_the_body(server: Server, place: str, body: Any, expected: Any) -> None:
    client(server).send(HttpRequest("POST", "/a", body=body, idempotency_key="k", idempotency_in=place))
    assert server.asked[0].json() == expected
    assert "idempotency-key" not in server.asked[0].headers


@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest("POST", "/a", body="text", idempotency_key="k", idempotency_in="body.id"),
        HttpRequest("POST", "/a", body={"a": 1}, idempotency_key="k", idempotency_in="body.a.id"),
        HttpRequest("POST", "/a", idempotency_key="ä"),
        HttpRequest("POST", "/a", idempotency_key="a\r\nX: y"),
        HttpRequest("POST", "/a", idempotency_key=""),
        HttpRequest("POST", "/a", body=float("nan")),
        HttpRequest("POST", "/a", body={"a": object()}),
        HttpRequest("POST", "/a", headers={"X-A": "a\r\nX-B: c"}),
        HttpRequest("POST", "/a", headers={"X-A": "☃\ud800"}),
    ],
)
def test_what_cannot_be_sent_is_not_sent(server: Server, request_: HttpRequest) -> None:
    with pytest.raises(RequestError) as caught:
        client(server).send(request_, THREE)
    assert caught.value.retry_class is RetryClass.NEVER
    assert server.asked == []


def test_nobody_listens(server: Server, waits: Waits) -> None:
    with Server() as gone:
        url = gone.url
    with pytest.raises(ConnectionFailedError, match="no connection") as caught:
        client(server, waits, base_url=url.replace("http://", "http://user:hidden-pw@")).send(POST, THREE)
    assert caught.value.retry_class is RetryClass.NOTHING_HAPPENED
    assert len(waits.waited) == 2
    assert "hidden-pw" not in str(caught.value)


@pytest.mark.parametrize(("request_", "attempts"), [(POST, 1), (KEYED, 3), (GET, 3)])
def test_a_lost_connection_is_repeated_where_that_is_safe(
    server: Server, waits: Waits, request_: HttpRequest, attempts: int
) -> None:
    server.answer = lambda asked: Answer(cut=True)
    with pytest.raises(RequestError, match="connection was lost") as caught:
        client(server, waits).send(request_, THREE)
    assert caught.value.retry_class is RetryClass.MAYBE_EXECUTED
    assert len(server.asked) == attempts


@pytest.mark.parametrize("status", [200, 500])
def test_an_answer_of_a_gigabyte_is_refused_before_it_is_read(server: Server, status: int) -> None:
    server.answer = lambda asked: Answer(status, size=1_000_000_000)
    with pytest.raises(RequestError, match=r"the answer is longer than max_response_bytes \(100000\)"):
        client(server, max_response_bytes=100_000).send(GET)
    assert server.sent < 100_000_000


@pytest.mark.parametrize(
    "content",
    [b"[" * 200_000, b'{"a":' * 50_000, b"[" * 300 + b"]" * 300, b"9" * 100_000, b'"\\ud800', b"\xff", b"1e999"],
)
def test_json_that_is_none_is_text(server: Server, content: bytes) -> None:
    server.answer = lambda asked: Answer(body=content)
    body = client(server).send(GET).body
    assert isinstance(body, str | bytes | float)


@pytest.mark.parametrize("answer", [Answer(wait_s=30), Answer(body=b"x" * 3000, drip_s=0.05), Answer(head_drip_s=0.05)])
def test_a_slow_answer_is_given_up(server: Server, answer: Answer) -> None:
    server.answer = lambda asked: answer
    with pytest.raises(RequestError, match=r"no whole answer within 0\.4 s") as caught:
        client(server).send(HttpRequest("POST", "/slow", timeout_ms=400))
    assert (caught.value.retry_class, caught.value.token) == (RetryClass.MAYBE_EXECUTED, "timeout")


def test_expected_statuses_replace_the_usual_ones(server: Server) -> None:
    server.answer = lambda asked: Answer(404)
    assert client(server).send(HttpRequest("GET", "/a", expect_status=(404,))).status == 404
    server.answer = lambda asked: Answer(200)
    with pytest.raises(RequestError, match="answered 200"):
        client(server).send(HttpRequest("GET", "/a", expect_status=(404,)))


def test_a_long_error_is_shortened(server: Server) -> None:
    server.answer = lambda asked: Answer(400, b"no " * 1000, {"Content-Type": "text/plain"})
    with pytest.raises(RequestError, match="…") as caught:
        client(server).send(GET)
    assert len(str(caught.value)) < 700


def test_many_calls_keep_their_order_and_the_limit(server: Server) -> None:
    server.answer = lambda asked: Answer(body=asked.body, wait_s=0.02)
    requests = (HttpRequest("POST", "/a", body=number) for number in range(30))
    api = client(server, concurrency=3)
    assert [reply.body for reply in api.send_all(requests)] == list(range(30))
    assert 1 < server.most_under_way <= 3


def test_the_first_failure_ends_it(server: Server) -> None:
    server.answer = lambda asked: Answer(400 if asked.json() == 4 else 200, asked.body)
    taken: list[int] = []

    def requests() -> Iterator[HttpRequest]:
        for number in range(1000):
            taken.append(number)
            yield HttpRequest("POST", "/a", body=number)

    replies = client(server, concurrency=2).send_all(requests())
    with pytest.raises(RequestError, match="answered 400") as caught:
        for _ in replies:
            pass
    assert caught.value.index == 4
    assert len(taken) < 20


def test_connections_are_used_again(server: Server) -> None:
    api = client(server)
    for _ in range(5):
        api.send(GET)
    api.close()
    api.send(GET)
    api.close()
    api.close()


def test_a_preview_shows_no_credentials() -> None:
    config = HttpConnection(type="http", base_url="https://me:hidden-pw@h.example/v1", auth=HttpAuth(bearer="tok-en"))
    assert (
        open_client("api", config).preview(HttpRequest("GET", "/a", query={"x": "1"}))
        == "GET https://h.example/v1/a?x=1"
    )


def test_how_long_a_call_may_take() -> None:
    config = HttpConnection(type="http", base_url="https://h", timeout_ms=1000, connect_timeout_ms=500)
    assert open_client("api", config).longest_s(GET) == 2.5


def test_only_what_can_be_called_has_a_client() -> None:
    assert open_client("f", LambdaConnection(type="aws_lambda", function="f")).name == "f"
    with pytest.raises(RequestError, match="cannot be called"):
        open_client("db", SqliteConnection(type="sqlite", path="x"))


class TestTls:
    """Certificates are always verified."""

    @pytest.fixture
    def authority(self) -> trustme.CA:
        return trustme.CA()

    @pytest.fixture
    def secure(self, authority: trustme.CA) -> Iterator[Server]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        with Server(tls=context) as server:
            yield server

    def test_an_unknown_authority_is_refused_for_good(self, secure: Server, waits: Waits) -> None:
        with pytest.raises(ConnectorError, match="CERTIFICATE_VERIFY_FAILED") as caught:
            client(secure, waits).send(GET, THREE)
        assert caught.value.retry_class is RetryClass.NEVER
        assert "ca_file" in (caught.value.hint or "")
        assert secure.asked == []

    def test_a_named_authority_is_trusted(self, secure: Server, authority: trustme.CA, tmp_path: Path) -> None:
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        assert client(secure, folder=str(tmp_path), ca_file="ca.pem").send(GET).status == 200

    def test_a_file_without_certificates(self, secure: Server, tmp_path: Path) -> None:
        with pytest.raises(RequestError, match="cannot be read"):
            client(secure, folder=str(tmp_path), ca_file="nope.pem").send(GET)
