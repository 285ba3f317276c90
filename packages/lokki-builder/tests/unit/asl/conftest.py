"""Executes generated definitions: moto's interpreter of the States Language, in this process, over a fake runtime.

moto reads manifests from its S3 and invokes functions through botocore; a handler on the session answers in the
functions' place. The result writer is left out, which moto does not evaluate; a Batch task becomes an invocation
whose payload is what the job would be submitted with.
"""

from __future__ import annotations

import functools
import json
import math
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from lokki.clock import SYSTEM_CLOCK
from lokki.graph import Chain, FlowGraph, MapLink
from lokki.store.keys import manifest_key, output_key
from lokki.wire import LambdaEvent
from lokki_builder.asl.machine import Machine, build_machine
from lokki_builder.asl.retries import AWS_OWN, MAP_ERRORS
from moto import mock_aws

BUCKET = "bucket"
CREDENTIALS = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}

Reply = Callable[[dict[str, Any], int], str | None]
"""Given an event and how often its node and path were seen before, the error to answer with; None for success."""


def filled(machine: Machine) -> dict[str, Any]:
    """The definition with every substitution filled in, as the template will."""
    values = {name: name for name in machine.substitutions} | {
        "Partition": "aws",
        "Bucket": BUCKET,
        "LambdaInvoke": "arn:aws:states:::lambda:invoke",
        "BatchSubmitJob": "arn:aws:states:::batch:submitJob.sync",
        "FlowName": "some-flow",
    }
    text = re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], machine.text)
    definition: dict[str, Any] = json.loads(text)
    return definition


def executable(value: Any) -> Any:
    """The same in what moto can execute."""
    if isinstance(value, list):
        return [executable(one) for one in value]
    if not isinstance(value, dict):
        return value
    plain = {key: executable(one) for key, one in value.items() if key != "ResultWriter"}
    if "Retry" in plain:  # moto reads a definition slowly, and nobody here fails in AWS's place
        plain["Retry"] = [one for one in plain["Retry"] if not set(one["ErrorEquals"]) & (AWS_OWN | {*MAP_ERRORS})]
    if str(plain.get("Resource", "")).endswith("batch:submitJob.sync"):
        plain["Resource"] = "arn:aws:states:::lambda:invoke"
        plain["Parameters"] = {"FunctionName": "batch", "Payload": plain["Parameters"]}
    return plain


@dataclass
class FakeRuntime:
    """Answers for every function: records events, writes the manifests of maps' sources, fails when told to."""

    sources: dict[str, tuple[int, int]]
    """{source of a map: (items of each result, items of a batch)}."""
    put: Callable[[str, str], None]
    reply: Reply
    events: list[dict[str, Any]] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)
    jobs: list[dict[str, Any]] = field(default_factory=list)
    seen: dict[tuple[str, str], int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, function: str, payload: dict[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
        """The headers and the body of one invocation's response."""
        event = payload if "v" in payload else self._job(payload)
        key = (event["node"], event["path"])
        with self.lock:
            self.events.append(event)
            self.functions.append(function)
            before = self.seen.get(key, 0)
            self.seen[key] = before + 1
        if error := self.reply(event, before):
            return {"X-Amz-Function-Error": "Unhandled"}, {"errorType": error, "errorMessage": "told to", "trace": []}
        self._write(LambdaEvent.from_dict(event))
        return {}, {"v": 1, "node": key[0], "path": key[1], "url": "s3://…", "manifest": None, "skipped": False}

    def _job(self, parameters: dict[str, Any]) -> dict[str, Any]:
        self.jobs.append(parameters)
        (variable,) = parameters["ContainerOverrides"]["Environment"]
        event: dict[str, Any] = json.loads(variable["Value"])
        return event

    def _write(self, event: LambdaEvent) -> None:
        if event.node in self.sources:
            items, size = self.sources[event.node]
            rows = [{"v": 1, "first": i, "count": min(size, items - i)} for i in range(0, items, size)]
            self.put(manifest_key("some-flow", event.flow.run_id, event.node, event.path), json.dumps(rows))


@dataclass(frozen=True)
class Run:
    """One finished execution."""

    status: str
    output: Any
    error: str | None
    runtime: FakeRuntime

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every event in the order it was seen."""
        return self.runtime.events


Execute = Callable[..., Run]


@pytest.fixture(scope="module")  # no longer: while it lasts, moto's servers of other tests behave in its way, too
def moto() -> Iterator[None]:
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        boto3.setup_default_session()
        boto3.client("s3", **CREDENTIALS).create_bucket(Bucket=BUCKET)
        yield


@pytest.fixture(scope="module")
def execute(moto: None) -> Execute:
    """Run a graph: `execute(graph, {source: (items, batch size)}, reply=…, input=…, name=…)`."""
    states = boto3.client("stepfunctions", **CREDENTIALS)
    s3 = boto3.client("s3", **CREDENTIALS)
    iam = boto3.client("iam", **CREDENTIALS)
    role = iam.create_role(RoleName="machine", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    numbers = iter(range(10**6))

    @functools.cache
    def machine(definition: str) -> str:
        name = f"machine-{next(numbers)}"
        made = states.create_state_machine(name=name, definition=definition, roleArn=role)
        return str(made["stateMachineArn"])

    def run(
        graph: FlowGraph,
        sources: dict[str, tuple[int, int]],
        *,
        reply: Reply = lambda _event, _before: None,
        input: Any = None,
        name: str = "",
    ) -> Run:
        runtime = FakeRuntime(sources, lambda key, text: s3.put_object(Bucket=BUCKET, Key=key, Body=text), reply)
        with _answering(runtime):
            definition = json.dumps(executable(filled(build_machine(graph))))
            started = states.start_execution(
                stateMachineArn=machine(definition),
                name=name or f"run-{next(numbers)}",
                **({} if input is None else {"input": json.dumps(input)}),
            )
            result = _wait(lambda: states.describe_execution(executionArn=started["executionArn"]))
        output = json.loads(result["output"]) if result.get("output") else None
        return Run(result["status"], output, result.get("error"), runtime)

    return run


class _answering:  # noqa: N801  # used as a with-statement only
    """The fake runtime in the place of Lambda, for as long as the block lasts."""

    def __init__(self, runtime: FakeRuntime) -> None:
        self.runtime = runtime
        self.session = boto3._get_default_session()._session  # the one moto's interpreter makes its clients from

    def __enter__(self) -> None:
        self.session.register("before-send.lambda.Invoke", self.handle, unique_id="fake-runtime")

    def __exit__(self, *_: object) -> None:
        self.session.unregister("before-send.lambda.Invoke", unique_id="fake-runtime")

    def handle(self, request: Any, **_: object) -> AWSResponse:
        function = request.url.split("/functions/")[1].split("/")[0]
        headers, body = self.runtime.answer(function, json.loads(request.body))
        return AWSResponse(request.url, 200, headers, _Raw(json.dumps(body).encode()))


class _Raw:
    """A response's body as botocore reads it."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield self.read()

    def read(self, *_: object) -> bytes:
        body, self.body = self.body, b""
        return body


def _wait(describe: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    while (result := describe())["status"] == "RUNNING":
        SYSTEM_CLOCK.sleep(0.01)
    return result


def expected_events(graph: FlowGraph, sources: dict[str, tuple[int, int]], run_id: str) -> list[tuple[str, str, Any]]:
    """(node, path, input) of every event of a run without failures, in an order in which they may come.

    Written from the contract alone, with the stores' own functions for keys.
    """
    return list(_expected(graph.chain, sources, ("some-flow", run_id), (), None))


def _expected(
    chain: Chain, sources: dict[str, tuple[int, int]], run: tuple[str, str], path: tuple[int, ...], given: Any
) -> Iterator[tuple[str, str, Any]]:
    text = "/".join(map(str, path))
    for link in chain:
        if not isinstance(link, MapLink):
            yield link.node, text, given
            given = f"s3://{BUCKET}/{output_key(*run, link.node, path)}"
            continue
        items, size = sources[link.source]
        for number in range(math.ceil(items / size)):
            row = {"v": 1, "first": number * size, "count": min(size, items - number * size)}
            yield from _expected(link.body, sources, run, (*path, number * size), row)
        manifest = f"s3://{BUCKET}/{manifest_key(*run, link.source, path)}"
        if link.agg is not None:
            yield link.agg.node, text, manifest
            given = f"s3://{BUCKET}/{output_key(*run, link.agg.node, path)}"
        elif link.options.tolerated_failure_percentage:
            yield f"{link.name}.collect", text, manifest
