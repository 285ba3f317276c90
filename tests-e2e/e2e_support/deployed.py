"""A flow as it would be deployed: built by the public entry, its image in the engine, its functions as containers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from lokki.canonical import find_flow, load_module
from lokki.config import load_config
from lokki.decorators import Flow
from lokki.graph import FlowGraph
from lokki.params import complete
from lokki.resolve import flow_params, resolve
from lokki.store.s3 import S3Store
from lokki_builder.entry import build
from lokki_builder.gather import BuildOptions
from lokki_builder.plan import BuildPlan
from lokki_builder.write import write_build

from .containers import Answer, Containers, Function
from .docker import Docker
from .machine import BATCH, Execution, Machine
from .places import PYTHON
from .storage import BUCKET, Storage
from .template import JobSpec, Stack

CONFIG = {"lambda.python": PYTHON, "build.dependencies": "host", "lambda.memory": 256, "batch.job_queue": "queue"}


JOB_FAILED = "JobFailed"
"""Stands for States.TaskFailed, which moto lets no function answer with."""


@dataclass(frozen=True)
class Built:
    """A flow, its build and its image."""

    flow: Flow[Any]
    plan: BuildPlan
    folder: Path
    """Where the build was written."""

    @property
    def graph(self) -> FlowGraph:
        """The flow's graph with its parameters' defaults."""
        return resolve(self.flow, complete(self.flow.name, flow_params(self.flow), {})).graph

    def text(self, path: str) -> str:
        """A file of the build."""
        return (self.folder / path).read_text(encoding="utf-8")


BuildFlow = Callable[..., Built]
"""As `Deploy`, for what is only built."""


def load_flow(file: Path, function: str) -> Flow[Any]:
    """The flow `function` of a flow file."""
    flow = find_flow(load_module(file.stem, str(file)), function)
    assert flow is not None, f"{file} has no flow {function}"
    return flow


def build_flow(
    docker: Docker, flow: Flow[Any], folder: Path, config: Mapping[str, object], options: BuildOptions | None = None
) -> Built:
    """Build a flow and its image, from what was written and without a network."""
    source = Path(flow.fn.__code__.co_filename).parent
    known = load_config(str(source), overrides={**CONFIG, **config}, env={}, home=str(folder))
    plan = build(flow, known, options=options or BuildOptions(build_dir=folder / "lokki-build"))
    written = write_build(plan, folder / "lokki-build")
    docker.build(written / "lambdas", plan.image)
    return Built(flow, plan, written)


@dataclass
class Deployed:
    """A built flow whose state machine can be run."""

    built: Built
    storage: Storage
    containers: Containers
    functions: Mapping[str, Function]
    """{ARN without version: function}."""
    machine: Machine
    queue: str
    """What its jobs' containers are known by."""

    @property
    def name(self) -> str:
        """What the flow is deployed as."""
        return self.built.plan.stack_name

    @property
    def store(self) -> S3Store:
        """What its runs keep."""
        return self.storage.store(self.name)

    def run(self, params: Mapping[str, Any] | None = None, *, name: str = "") -> Execution:
        """One execution of the state machine."""
        return self.machine.run(params, name=name)

    def function(self, node: str) -> Function:
        """The function of a node."""
        (found,) = (one for one in self.functions.values() if one.spec.variables["LOKKI_NODE"] == node)
        return found

    def keys(self, run_id: str, node: str) -> list[str]:
        """The names of what a run keeps of a node."""
        prefix = f"{self.name}/runs/{run_id}/{node}/"
        return [key.removeprefix(prefix) for key in self.storage.keys(prefix)]


Deploy = Callable[..., Deployed]
"""`deploy("retry_flow", lambda__memory=512)`: a flow of `flows/` or `examples/`; options are configuration keys."""


@contextmanager
def deployed(built: Built, storage: Storage, containers: Containers) -> Iterator[Deployed]:
    """The flow's functions, started when they are first invoked and ended with the block."""
    repository, _, tag = built.plan.image.rpartition(":")
    stack = Stack(built.text("template.yaml"), {"S3Bucket": BUCKET, "ImageRepository": repository, "ImageTag": tag})
    functions = {arn: Function(spec, containers) for arn, spec in stack.functions().items()}
    jobs = stack.jobs()
    queue = f"jobs-{uuid4().hex[:12]}"

    def invoke(arn: str, payload: Any) -> Answer:
        if arn == BATCH:
            return _submit(containers, jobs, payload, queue)
        return functions[arn.rpartition(":")[0]].invoke(payload)

    machine = Machine(built.text("statemachine.json"), stack.substitutions(), invoke)
    flow = Deployed(built, storage, containers, functions, machine, queue)
    try:
        yield flow
    finally:
        containers.remove_all()


def _submit(containers: Containers, jobs: Mapping[str, JobSpec], parameters: Mapping[str, Any], queue: str) -> Answer:
    """What `batch:submitJob.sync` does: the job definition's container with the overrides, to its end."""
    overrides = {entry["Name"]: entry["Value"] for entry in parameters["ContainerOverrides"]["Environment"]}
    done = containers.run_job(jobs[parameters["JobDefinition"]], overrides, queue)
    if done.code == 0:
        return Answer({"Status": "SUCCEEDED", "Container": {"ExitCode": 0}})
    cause = json.dumps({"Status": "FAILED", "Container": {"ExitCode": done.code}, "Log": done.out + done.err})
    return Answer({"errorType": JOB_FAILED, "errorMessage": cause})
