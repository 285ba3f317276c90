"""Invocations of AWS Lambda functions. See `portl.clients.base.Client`. Needs the extra `aws`.

boto3's own attempts are off: it would invoke a function three times on a lost answer.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import Any

from portl.clock import SYSTEM_CLOCK, Clock
from portl.errors import ConnectionFailedError, ConnectorError, FunctionError, MissingPackageError, RetryClass
from portl.jsontext import dumps, loads
from portl.model.connections import LambdaConnection
from portl.retry import Random, RetryPolicy, system_random

from .attempts import in_order, with_retries
from .base import LambdaRequest, Reply
from .bounded import PIECE, BoundedSession, TooLateError, TooLongError

_THROTTLED = ("TooManyRequestsException", "ThrottlingException", "Throttling", "ThrottledException")
_NOT_STARTED = (
    "EC2ThrottledException",
    "ENILimitReachedException",
    "ResourceConflictException",
    "ResourceNotReadyException",
)


class LambdaClient:
    """Makes its boto3 client when the first function is invoked."""

    def __init__(
        self,
        name: str,
        config: LambdaConnection,
        *,
        clock: Clock = SYSTEM_CLOCK,
        random: Random = system_random,
    ) -> None:
        self.name = name
        self._config = config
        self._clock = clock
        self._random = random
        self._lock = threading.Lock()
        self._clients: dict[int, Any] = {}

    def send(self, request: LambdaRequest, retry: RetryPolicy = RetryPolicy()) -> Reply:  # noqa: B008  # frozen
        return with_retries(
            lambda: self._once(request), retry, is_idempotent=request.idempotent, clock=self._clock, random=self._random
        )

    def send_all(self, requests: Iterable[LambdaRequest], retry: RetryPolicy = RetryPolicy()) -> Iterator[Reply]:  # noqa: B008  # frozen
        return in_order(lambda request: self.send(request, retry), requests, self._config.concurrency)

    def preview(self, request: LambdaRequest) -> str:
        return f"INVOKE {self._function()}"

    def longest_s(self, request: LambdaRequest) -> float:
        return (self._config.connect_timeout_ms + 2 * (request.timeout_ms or self._config.timeout_ms)) / 1000

    def close(self) -> None:
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def _function(self) -> str:
        qualifier = self._config.qualifier
        return f"{self._config.function}:{qualifier}" if qualifier else self._config.function

    def _once(self, request: LambdaRequest) -> Reply:
        client = self._client(request.timeout_ms or self._config.timeout_ms)
        arguments: dict[str, Any] = {"FunctionName": self._config.function, "Payload": self._payload(request)}
        if self._config.qualifier:
            arguments["Qualifier"] = self._config.qualifier
        try:
            answer = client.invoke(**arguments)
            content = b"".join(answer["Payload"].iter_chunks(PIECE))
        except Exception as error:
            raise self._failed(error) from error
        if answer.get("FunctionError"):
            raise self._ended_badly(answer["FunctionError"], content)
        return Reply(answer["StatusCode"], self._body(content), {})

    def _payload(self, request: LambdaRequest) -> bytes:
        try:
            return dumps(request.payload).encode()
        except ValueError as error:
            raise FunctionError(f"{self._function()}: the payload is not JSON: {error}.") from error

    def _body(self, content: bytes) -> Any:
        try:
            return loads(content) if content else None
        except ValueError:
            return content.decode("utf-8", "replace")

    def _ended_badly(self, kind: str, content: bytes) -> FunctionError:
        body = self._body(content)
        said = body if isinstance(body, dict) else {"errorMessage": body}
        what = ": ".join(str(said[name]) for name in ("errorType", "errorMessage") if said.get(name))
        return FunctionError(
            f"{self._function()} ended with an error ({kind}): {what or 'it gave no reason'}.",
            token="function_error",
            code=str(said.get("errorType") or kind),
        )

    def _client(self, timeout_ms: int) -> Any:
        """A boto3 client, one per timeout, which boto3 fixes for a client's life."""
        with self._lock:
            if timeout_ms not in self._clients:
                self._clients[timeout_ms] = self._made(timeout_ms)
            return self._clients[timeout_ms]

    def _made(self, timeout_ms: int) -> Any:
        try:
            import boto3  # noqa: PLC0415  # an extra, and slow to import
            from botocore.config import Config  # noqa: PLC0415  # as boto3
            from botocore.exceptions import BotoCoreError  # noqa: PLC0415  # as boto3
        except ImportError:
            raise MissingPackageError("a connection of type aws_lambda", "portl[aws]") from None
        config = self._config
        try:
            session = boto3.Session(
                profile_name=config.profile,
                region_name=config.region,
                aws_access_key_id=_plain(config.access_key_id),
                aws_secret_access_key=_plain(config.secret_access_key),
                aws_session_token=_plain(config.session_token),
            )
            client = session.client(
                "lambda",
                endpoint_url=config.endpoint_url,
                config=Config(
                    retries={"total_max_attempts": 1},
                    connect_timeout=config.connect_timeout_ms / 1000,
                    read_timeout=timeout_ms / 1000,
                    max_pool_connections=config.concurrency,
                    tcp_keepalive=True,
                ),
            )
            endpoint = client._endpoint  # botocore has no other way to bound what it reads
            seconds = (config.connect_timeout_ms + timeout_ms) / 1000
            endpoint.http_session = BoundedSession(
                endpoint.http_session, config.max_response_bytes, seconds, self._clock
            )
            return client
        except (BotoCoreError, ValueError) as error:
            raise FunctionError(f"{self.name}: AWS cannot be used: {error}.") from error

    def _failed(self, error: Exception) -> ConnectorError:
        from botocore import exceptions  # noqa: PLC0415  # as boto3

        if isinstance(error, exceptions.ClientError):
            return self._answered(error.response)
        what = f"{self._function()}: {str(error).rstrip('.')}."
        if isinstance(error, TooLongError):
            return FunctionError(what, hint="The function did run; let it answer less, or allow more.")
        if isinstance(error, TooLateError):
            what = f"{self._function()}: no whole answer in time."
            hint = "timeout_ms allows more."
            return FunctionError(what, hint=hint, retry_class=RetryClass.MAYBE_EXECUTED, token="timeout")
        if isinstance(error, exceptions.ConnectTimeoutError | exceptions.EndpointConnectionError):
            return ConnectionFailedError(what, retry_class=RetryClass.NOTHING_HAPPENED, token="connect")
        if isinstance(error, exceptions.ReadTimeoutError):
            hint = "timeout_ms has to be longer than the function's own timeout."
            return FunctionError(what, hint=hint, retry_class=RetryClass.MAYBE_EXECUTED, token="timeout")
        if isinstance(error, exceptions.HTTPClientError | exceptions.ResponseStreamingError):
            return FunctionError(what, retry_class=RetryClass.MAYBE_EXECUTED, token="connect")
        return FunctionError(what)

    def _answered(self, response: Any) -> FunctionError:
        """The error for an answer of the service itself, not of the function."""
        code = response.get("Error", {}).get("Code", "")
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        message = response.get("Error", {}).get("Message", "") or "no reason given"
        retry_class, token = RetryClass.NEVER, ""
        if code in _THROTTLED or status == 429 or code in _NOT_STARTED:
            retry_class, token = RetryClass.NOTHING_HAPPENED, "throttled"
        elif status >= 500:
            retry_class, token = RetryClass.MAYBE_EXECUTED, "http_5xx"
        return FunctionError(
            f"{self._function()} was not invoked: {code}: {message.rstrip('.')}.",
            retry_class=retry_class,
            token=token,
            code=code,
        )


def _plain(value: str | None) -> str | None:
    return None if value is None else "".join(value)
