"""Invocations of functions: a server that speaks Lambda's protocol answers as a test says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from portl.clients import LambdaRequest, RetryPolicy
from portl.clients.aws_lambda import LambdaClient
from portl.clock import Clock
from portl.errors import ConnectionFailedError, FunctionError, RetryClass
from portl.model.connections import LambdaConnection

from .server import Answer, Server, in_turn

THREE = RetryPolicy(max_attempts=3, backoff_ms=1000)
ASK = LambdaRequest({"code": "a"})
REPEATABLE = LambdaRequest({"code": "a"}, idempotent=True)


class NoWait(Clock):
    def sleep(self, seconds: float) -> None:
        return None


_made: list[LambdaClient] = []


@pytest.fixture(autouse=True)
def _closing() -> Iterator[None]:
    yield
    while _made:
        _made.pop().close()


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


def client(server: Server | str, **options: Any) -> LambdaClient:
    given: dict[str, Any] = {
        "type": "aws_lambda",
        "function": "enricher",
        "region": "eu-west-1",
        "endpoint_url": server if isinstance(server, str) else server.url,
        "access_key_id": "AK",
        "secret_access_key": "SK",
        **options,
    }
    _made.append(LambdaClient("enrich", LambdaConnection(**given), clock=NoWait(), random=lambda: 1.0))
    return _made[-1]


def service_error(status: int, code: str) -> Answer:
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": code}
    return Answer(status, json.dumps({"Type": "User", "message": "sorry"}).encode(), headers)


def function_error(body: Any) -> Answer:
    headers = {"Content-Type": "application/json", "X-Amz-Function-Error": "Unhandled"}
    return Answer(200, json.dumps(body).encode(), headers)


def test_a_function_is_asked_and_answers(server: Server) -> None:
    server.answer = lambda asked: Answer(body=b'{"md5": "x", "n": [1, null]}')
    reply = client(server).send(LambdaRequest({"price": Decimal("1.50"), "name": "ä"}))
    assert reply.body == {"md5": "x", "n": [1, None]}
    (asked,) = server.asked
    assert asked.path == "/2015-03-31/functions/enricher/invocations"
    assert asked.body.decode() == '{"price":1.50,"name":"ä"}'


def test_a_qualifier(server: Server) -> None:
    api = client(server, qualifier="live")
    api.send(ASK)
    assert server.asked[0].path.endswith("?Qualifier=live")
    assert api.preview(ASK) == "INVOKE enricher:live"


@pytest.mark.parametrize(("content", "body"), [(b"", None), (b"null", None), (b"not json", "not json")])
def test_odd_answers(server: Server, content: bytes, body: Any) -> None:
    server.answer = lambda asked: Answer(body=content)
    assert client(server).send(ASK).body == body


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"errorType": "ValueError", "errorMessage": "bad code"}, "ValueError: bad code"),
        ({}, "it gave no reason"),
        ("text", "text"),
    ],
)
def test_a_function_that_fails_fails_the_call(server: Server, body: Any, message: str) -> None:
    server.answer = lambda asked: function_error(body)
    with pytest.raises(FunctionError, match="ended with an error") as caught:
        client(server).send(REPEATABLE, THREE)
    assert message in str(caught.value)
    assert caught.value.token == "function_error"
    assert len(server.asked) == 1


def test_a_function_that_fails_is_asked_again_where_the_job_says_so(server: Server) -> None:
    server.answer = in_turn(function_error({}), Answer())
    policy = RetryPolicy(max_attempts=3, retry_on=frozenset({"function_error"}))
    assert client(server).send(ASK, policy).attempts == 2


@pytest.mark.parametrize(
    ("answer", "request_", "attempts", "token"),
    [
        (service_error(429, "TooManyRequestsException"), ASK, 3, "throttled"),
        (service_error(502, "EC2ThrottledException"), ASK, 3, "throttled"),
        (service_error(500, "ServiceException"), ASK, 1, "http_5xx"),
        (service_error(500, "ServiceException"), REPEATABLE, 3, "http_5xx"),
        (service_error(404, "ResourceNotFoundException"), REPEATABLE, 1, ""),
        (service_error(403, "AccessDeniedException"), REPEATABLE, 1, ""),
        (Answer(cut=True), ASK, 1, "connect"),
        (Answer(cut=True), REPEATABLE, 3, "connect"),
    ],
)
def test_what_is_tried_again(
    server: Server, answer: Answer, request_: LambdaRequest, attempts: int, token: str
) -> None:
    server.answer = lambda asked: answer
    with pytest.raises(FunctionError) as caught:
        client(server).send(request_, THREE)
    assert caught.value.token == token
    assert len(server.asked) == attempts


def test_a_slow_function_is_asked_once(server: Server) -> None:
    server.answer = lambda asked: Answer(wait_s=30)
    with pytest.raises(FunctionError, match="Read timeout") as caught:
        client(server).send(LambdaRequest(timeout_ms=300), THREE)
    assert (caught.value.retry_class, caught.value.token) == (RetryClass.MAYBE_EXECUTED, "timeout")
    assert len(server.asked) == 1


def test_nobody_listens() -> None:
    with Server() as gone:
        url = gone.url
    with pytest.raises(ConnectionFailedError) as caught:
        client(url).send(ASK, THREE)
    assert caught.value.retry_class is RetryClass.NOTHING_HAPPENED


@pytest.mark.parametrize("options", [{"profile": "no-such-profile"}, {"endpoint_url": "nonsense"}])
def test_aws_cannot_be_used(server: Server, options: dict[str, Any]) -> None:
    with pytest.raises(FunctionError, match="enrich: AWS cannot be used"):
        client(server, **options).send(ASK)


def test_a_payload_that_is_not_json(server: Server) -> None:
    with pytest.raises(FunctionError, match="payload is not JSON"):
        client(server).send(LambdaRequest(object()))


def test_many_invocations_keep_their_order(server: Server) -> None:
    server.answer = lambda asked: Answer(body=asked.body)
    replies = client(server, concurrency=2).send_all(LambdaRequest(number) for number in range(8))
    assert [reply.body for reply in replies] == list(range(8))
    assert server.most_under_way <= 2


def test_how_long_a_call_may_take(server: Server) -> None:
    assert client(server, timeout_ms=1000, connect_timeout_ms=500).longest_s(ASK) == 2.5


@pytest.mark.parametrize("status", [200, 500])
def test_an_answer_of_a_gigabyte_is_refused_before_it_is_read(server: Server, status: int) -> None:
    server.answer = lambda asked: Answer(status, size=1_000_000_000)
    with pytest.raises(FunctionError, match=r"longer than max_response_bytes \(100000\)\. The function did run"):
        client(server, max_response_bytes=100_000).send(LambdaRequest())
    assert server.sent < 100_000_000
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [200, 500])
def test_an_answer_that_drips_is_given_up(server: Server, status: int) -> None:
    server.answer = lambda asked: Answer(status, body=b"[" + b" " * 5_000 + b"]", drip_s=0.05)
    with pytest.raises(FunctionError, match="no whole answer in time") as caught:
        client(server, timeout_ms=300, connect_timeout_ms=200).send(LambdaRequest())
    assert (caught.value.retry_class, caught.value.token) == (RetryClass.MAYBE_EXECUTED, "timeout")
