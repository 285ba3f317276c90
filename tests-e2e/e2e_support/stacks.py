"""A flow on AWS: what its runs did and made, read by nothing but AWS's API, stores and keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import uuid4

from lokki.graph import FlowGraph, MapLink
from lokki.params import complete
from lokki.resolve import flow_params, resolve
from lokki.store.collect import MapResults
from lokki.store.s3 import S3Store

from .aws import Aws
from .containers import Answer
from .deployed import JOB_FAILED
from .machine import BATCH, Execution, Machine
from .project import Project
from .values import StoredValues, Values
from .waiting import until


@dataclass(frozen=True)
class DeployedStack:
    """A flow's stack."""

    project: Project
    name: str
    """FlowName: the name of the stack, of the state machine, and of all keys."""

    @classmethod
    def make(cls, project: Project) -> DeployedStack:
        """Deploy a flow as people do. Raises CommandError."""
        project.run("deploy", "--confirm")
        return cls(project, project.name)

    def remove(self) -> None:
        """Delete it by CloudFormation alone, when a test has done with it; `destroy` has tests of its own."""
        formation, id = self.aws.client("cloudformation"), self.describe()["StackId"]
        formation.delete_stack(StackName=self.name)

        def gone() -> bool:
            (told,) = formation.describe_stacks(StackName=id)["Stacks"]
            assert told["StackStatus"] != "DELETE_FAILED", told
            return bool(told["StackStatus"] == "DELETE_COMPLETE")

        until(gone, f"the end of the stack {self.name}")

    @property
    def aws(self) -> Aws:
        """Where it is."""
        return self.project.aws

    @cached_property
    def graph(self) -> FlowGraph:
        """The flow's graph with its parameters' defaults."""
        flow = self.project.flow
        return resolve(flow, complete(flow.name, flow_params(flow), {})).graph

    @cached_property
    def store(self) -> S3Store:
        """What its runs keep."""
        return self.aws.store(self.project.bucket, self.name)

    @property
    def machine_arn(self) -> str:
        """The state machine, as the stack's outputs name it."""
        return self.outputs()["StateMachineArn"]

    def outputs(self) -> dict[str, str]:
        """The stack's outputs."""
        return {one["OutputKey"]: one["OutputValue"] for one in self.describe()["Outputs"]}

    def describe(self) -> Any:
        """The stack as CloudFormation tells it."""
        (stack,) = self.aws.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        return stack

    def resources(self) -> dict[str, str]:
        """{logical id: physical id}."""
        pages = self.aws.client("cloudformation").get_paginator("list_stack_resources")
        found = [one for page in pages.paginate(StackName=self.name) for one in page["StackResourceSummaries"]]
        return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found}

    def start(self, given: Mapping[str, Any] | None = None, *, name: str = "") -> str:
        """Start an execution; its ARN."""
        name = name or f"run-{uuid4().hex[:12]}"
        started = self.aws.client("stepfunctions").start_execution(
            stateMachineArn=self.machine_arn, name=name, input=json.dumps(given or {})
        )
        return str(started["executionArn"])

    def finish(self, arn: str) -> Execution:
        """Wait until an execution has ended."""
        states = self.aws.client("stepfunctions")

        def ended() -> Any:
            told = states.describe_execution(executionArn=arn)
            return told if told["status"] != "RUNNING" else None

        done = until(ended, f"the end of {arn}")
        output = json.loads(done["output"]) if done.get("output") else None
        return Execution(done["name"], done["status"], output, done.get("error"), done.get("cause"))

    def execute(self, given: Mapping[str, Any] | None = None, *, name: str = "") -> Execution:
        """One execution, to its end."""
        return self.finish(self.start(given, name=name))

    def execute_elsewhere(self, given: Mapping[str, Any] | None = None, *, name: str = "") -> Execution:
        """The same by moto's interpreter of the States Language: this definition, these functions, jobs and keys."""
        definition = self.aws.client("stepfunctions").describe_state_machine(stateMachineArn=self.machine_arn)
        return Machine(definition["definition"], {}, self._invoke, self._read).run(given, name=name)

    def values(self, run_id: str) -> Values:
        """What every node of a run made."""
        return StoredValues(self.store, self.name, run_id, self.graph).all()

    def result(self, run_id: str) -> Any:
        """What a run returned."""
        last = self.graph.chain[-1]
        if not isinstance(last, MapLink):
            return self.store.read(self.store.output_url(self.name, run_id, last.node))
        if last.agg is not None:
            return self.store.read(self.store.output_url(self.name, run_id, last.agg.node))
        return list(MapResults(self.store, self.name, run_id, last, ()).values())

    def map_runs(self, arn: str) -> list[Any]:
        """The Map Runs of an execution."""
        states = self.aws.client("stepfunctions")
        found = states.list_map_runs(executionArn=arn)["mapRuns"]
        return [states.describe_map_run(mapRunArn=one["mapRunArn"]) for one in found]

    def _invoke(self, arn: str, payload: Any) -> Answer:
        if arn == BATCH:
            return self._submit(payload)
        done = self.aws.client("lambda").invoke(FunctionName=arn, Payload=json.dumps(payload).encode())
        return Answer(json.loads(done["Payload"].read()))

    def _submit(self, parameters: Any) -> Answer:
        """What `batch:submitJob.sync` does."""
        batch = self.aws.client("batch")
        entries = parameters["ContainerOverrides"]["Environment"]
        submitted = batch.submit_job(
            jobName=parameters["JobName"],
            jobQueue=parameters["JobQueue"],
            jobDefinition=parameters["JobDefinition"],
            containerOverrides={"environment": [{"name": e["Name"], "value": e["Value"]} for e in entries]},
        )
        job = ended_job(batch, submitted["jobId"])
        if job["status"] == "SUCCEEDED":
            return Answer({"Status": "SUCCEEDED"})
        return Answer({"errorType": JOB_FAILED, "errorMessage": str(job["statusReason"])})

    def _read(self, bucket: str, key: str) -> bytes:
        content: bytes = self.aws.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return content


DeployStack = Callable[[Project], DeployedStack]
"""`deploy_stack(project)`: deployed for the length of a test."""


def ended_job(batch: Any, job: str) -> Any:
    """A Batch job when it has ended, as DescribeJobs tells it."""

    def ended() -> Any:
        (told,) = batch.describe_jobs(jobs=[job])["jobs"]
        return told if told["status"] in ("SUCCEEDED", "FAILED") else None

    return until(ended, f"the end of the job {job}")
