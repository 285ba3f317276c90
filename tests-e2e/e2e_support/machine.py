"""Runs generated state machines: moto's interpreter of the States Language, calling containers.

The definition is the build's, with the template's substitutions. Two things differ from AWS: the result writer is left
out, which moto does not evaluate, and a Batch task is handed over as an invocation whose payload is what the job would
be submitted with, because moto's own Batch wants another engine. The interpreter reads manifests from the same S3 as
the containers, or by a function that is given.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import boto3
from botocore.awsrequest import AWSResponse
from lokki.clock import SYSTEM_CLOCK

from .containers import Answer
from .storage import CREDENTIALS

BATCH = "batch"
_INVOKE = "before-send.lambda.Invoke"
_READ = "before-send.s3.GetObject"

Invoke = Callable[[str, Any], Answer]
"""Invokes the function with this ARN, or `BATCH` with the parameters of a job."""

Read = Callable[[str, str], bytes]
"""The object with this key of this bucket."""


@dataclass(frozen=True)
class Execution:
    """An execution that ended."""

    name: str
    """Which is the run's id."""
    status: str
    """SUCCEEDED or FAILED."""
    output: Any
    error: str | None
    cause: str | None


@dataclass
class Machine:
    """One state machine."""

    definition: str
    """As built, with `${…}`."""
    substitutions: Mapping[str, str]
    invoke: Invoke
    read: Read | None = None
    """Reads manifests; None: from moto's own S3, in this process."""
    problems: list[BaseException] = field(default_factory=list)
    """What went wrong in the tests' own code while a machine ran."""

    def run(self, given: Mapping[str, Any] | None = None, *, name: str = "") -> Execution:
        """One execution with the input `given`, to its end."""
        states = boto3.client("stepfunctions", **CREDENTIALS)
        handlers = {_INVOKE: self._answer} | ({_READ: self._answer_read} if self.read else {})
        with _answering(handlers):
            arn = states.create_state_machine(
                name=f"machine-{uuid4().hex[:12]}",
                definition=json.dumps(executable(self._filled())),
                roleArn="arn:aws:iam::123456789012:role/machine",
            )["stateMachineArn"]
            name = name or f"run-{uuid4().hex[:12]}"
            started = states.start_execution(stateMachineArn=arn, name=name, input=json.dumps(given or {}))
            while True:
                done = states.describe_execution(executionArn=started["executionArn"])
                if done["status"] != "RUNNING":
                    break
                SYSTEM_CLOCK.sleep(0.01)
        if self.problems:
            raise self.problems[0]
        output = json.loads(done["output"]) if done.get("output") else None
        return Execution(name, done["status"], output, done.get("error"), done.get("cause"))

    def _filled(self) -> Any:
        return json.loads(re.sub(r"\$\{(\w+)\}", lambda match: self.substitutions[match[1]], self.definition))

    def _answer(self, request: Any, **_: object) -> AWSResponse:
        function = unquote(request.url.split("/functions/")[1].split("/")[0])
        try:
            answer = self.invoke(function, json.loads(request.body))
        except BaseException as error:  # botocore would take it for a fault of the network
            self.problems.append(error)
            raise
        headers = {"X-Amz-Function-Error": "Unhandled"} if answer.error else {}
        return AWSResponse(request.url, 200, headers, _Raw(json.dumps(answer.body).encode()))

    def _answer_read(self, request: Any, **_: object) -> AWSResponse:
        assert self.read is not None
        parts = urlsplit(request.url)
        host, path = parts.netloc.split("."), unquote(parts.path.lstrip("/"))
        bucket, key = (host[0], path) if host[0] != "s3" else tuple(path.split("/", 1))
        return AWSResponse(request.url, 200, {}, _Raw(self.read(bucket, key)))


def executable(value: Any) -> Any:
    """A definition in what moto can execute."""
    if isinstance(value, list):
        return [executable(one) for one in value]
    if not isinstance(value, dict):
        return value
    plain = {key: executable(one) for key, one in value.items() if key != "ResultWriter"}
    if str(plain.get("Resource", "")).endswith(":batch:submitJob.sync"):
        plain["Resource"] = "arn:aws:states:::lambda:invoke"
        plain["Parameters"] = {"FunctionName": BATCH, "Payload": plain["Parameters"]}
    return plain


_busy = threading.Lock()


@contextmanager
def _answering(handlers: Mapping[str, Callable[..., AWSResponse]]) -> Iterator[None]:
    """`handlers` answer in AWS's place for as long as the block lasts; one machine at a time."""
    session = boto3._get_default_session()._session  # the one moto's interpreter makes its clients from
    with _busy:
        for event, handle in handlers.items():
            session.register(event, handle, unique_id=event)
        try:
            yield
        finally:
            for event in handlers:
                session.unregister(event, unique_id=event)


class _Raw:
    """A response's body as botocore reads it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield self.read()

    def read(self, *_: object) -> bytes:
        body, self._body = self._body, b""
        return body
