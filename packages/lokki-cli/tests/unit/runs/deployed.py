"""Flows deployed into an AWS for tests: Step Functions of `states`, everything else moto's, behind one URL."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from lokki.clock import SYSTEM_CLOCK
from lokki.config import LokkiConfig
from lokki.graph import FlowGraph
from lokki.store.s3 import S3Store
from lokki_builder.asl.machine import build_machine
from lokki_builder.cfn.names import physical
from lokki_cli.aws.names import Names
from lokki_cli.ops.place import Place
from lokki_runtime.deployment import read_deployment
from lokki_runtime.errors import Outcome
from lokki_runtime.execute import execute
from lokki_runtime.logs import Log
from lokki_runtime.program import FlowProgram
from lokki_runtime.runtime import Runtime
from lokki_runtime.settings import Settings
from lokki_runtime.testing import write_deployment

from ..cloud.servers import ACCOUNT, REGION, Gate, clients, serving
from .states import ARN, Refused, States, TaskError

BUCKET = "artifacts"
LAMBDA = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"
BATCH = f"arn:aws:batch:{REGION}:{ACCOUNT}:job-definition/"


class Cloud(Gate):
    """A gate that answers for Step Functions itself."""

    def __init__(self, behind: str) -> None:
        super().__init__(behind)
        self.states = States(self._task, self._read)
        self.flows: dict[str, Deployed] = {}
        """{deployed name: flow}."""
        self.boto = {
            "endpoint_url": behind,
            "region_name": REGION,
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
        }
        self.kills: dict[str, list[str]] = {}
        """{node: errors that end its next invocations from outside}."""
        self.request = 0
        self.streams: set[tuple[str, str]] = set()
        """(log group, stream) of all that have been made."""

    @cached_property
    def logs(self) -> Any:
        """A client of the log service."""
        return boto3.client("logs", **self.boto)

    @cached_property
    def s3(self) -> Any:
        """A client of S3."""
        return boto3.client("s3", **self.boto)

    def forward(self, request: Any, body: bytes) -> None:
        """Answer a request to Step Functions; the server behind answers the others."""
        service, _, operation = request.headers.get("X-Amz-Target", "").partition(".")
        if service != "AWSStepFunctions":
            super().forward(request, body)
            return
        try:
            status, found = 200, self.states.call(operation, json.loads(body))
        except Refused as error:
            status, found = 400, {"__type": error.code, "message": str(error)}
        content = json.dumps(found).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/x-amz-json-1.0")
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    def deploy(self, root: Path, file: str, function: str, name: str = "") -> Deployed:
        """Deploy the flow in this file of `root`, as `name` or under its own name."""
        module = Path(file).stem
        sys.modules.pop(module, None)
        graph = write_deployment(root, module, function)
        flow = Deployed(self, root, name or graph.name, graph)
        self.flows[flow.name] = flow
        self.states.machines[ARN.format(flow.name)] = flow.definition()
        return flow

    def _read(self, bucket: str, key: str) -> bytes:
        content: bytes = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return content

    def _task(self, target: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
        name = target.removeprefix(LAMBDA).removeprefix(BATCH).partition(":")[0]
        flow = max((one for one in self.flows.values() if name.startswith(f"{one.name}-")), key=lambda one: one.name)
        return flow.run_task(event, batch=target.startswith(BATCH))


@dataclass
class Deployed:
    """One deployed flow."""

    cloud: Cloud
    root: Path
    name: str
    graph: FlowGraph

    @cached_property
    def store(self) -> S3Store:
        """Its data."""
        return S3Store(self.cloud.behind, bucket=BUCKET, flow_name=self.name, region=REGION)

    @cached_property
    def place(self) -> Place:
        """Where commands find it."""
        env = self.name.removeprefix(self.graph.name).lstrip("-")
        names = Names.of(self.graph.name, LokkiConfig({"aws.environment": env}))
        return Place(names, clients(self.cloud.url), BUCKET)

    def definition(self) -> str:
        """The state machine's definition, as CloudFormation fills it in."""
        machine = build_machine(self.graph)
        given = {
            "Partition": "aws",
            "LambdaInvoke": "arn:aws:states:::lambda:invoke",
            "BatchSubmitJob": "arn:aws:states:::batch:submitJob.sync",
            "Bucket": BUCKET,
            "FlowName": self.name,
            "JobQueue": "queue",
        }
        for ref in machine.functions.values():
            step = "lokki-collect" if ref["kind"] == "collect" else physical(ref["node"])
            place = BATCH if ref["kind"] == "batch" else LAMBDA
            given[ref["substitution"]] = f"{place}{self.name}-{step}:1"
        text = machine.text
        for name, value in given.items():
            text = text.replace(f"${{{name}}}", value)
        return text

    def run_task(self, event: Mapping[str, Any], *, batch: bool) -> Mapping[str, Any]:
        """One invocation, with what it logs. Raises TaskError."""
        node = str(event["node"])
        kills = self.cloud.kills.get(node)
        if kills:
            raise TaskError(kills.pop(0), "RequestId: 1 Error: it was ended")
        lines: list[str] = []
        settings = Settings(str(self.root), self.name, bucket=BUCKET, wire_version="1")
        program = FlowProgram(read_deployment(str(self.root)), str(self.root))
        runtime = Runtime(settings, store=self.store, program=program, log=Log(write=lines.append), container=batch)
        printed = io.StringIO()
        try:
            with redirect_stdout(printed):
                return execute(event, runtime)
        except Outcome as error:
            if batch:
                raise TaskError(
                    "States.TaskFailed", json.dumps({"StatusReason": "Essential container exited"})
                ) from None
            answer = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": []}
            raise TaskError(type(error).__name__, json.dumps(answer)) from None
        finally:
            self._log(node, [*printed.getvalue().splitlines(), *lines], batch=batch)

    def _log(self, node: str, lines: list[str], *, batch: bool) -> None:
        self.cloud.request += 1
        mark = f"RequestId: {self.cloud.request:08}"
        if batch:
            self.log_lines(f"/aws/batch/{self.name}", f"{node}/default/{self.cloud.request}", lines)
        else:
            whole = [f"START {mark} Version: 1", *lines, f"END {mark}", f"REPORT {mark}\tDuration: 3 ms"]
            self.log_lines(f"/aws/lambda/{self.name}-{node}", "2024/01/01/[1]abc", whole)

    def log_lines(self, group: str, stream: str, lines: list[str], ago_ms: int = 0) -> None:
        """Write lines to a log, as of `ago_ms` ago."""
        logs = self.cloud.logs
        if not any(one == group for one, _ in self.cloud.streams):
            logs.create_log_group(logGroupName=group)
        if (group, stream) not in self.cloud.streams:
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
            self.cloud.streams.add((group, stream))
        at = int(SYSTEM_CLOCK.now().timestamp() * 1000) - ago_ms
        events = [{"timestamp": at, "message": line} for line in lines]
        if events:
            logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


@contextmanager
def cloud(behind: str) -> Iterator[Cloud]:
    """An AWS with the bucket `artifacts`, before a moto server."""
    made = Cloud(behind)
    made.s3.create_bucket(Bucket=BUCKET)
    with serving(made):
        yield made
