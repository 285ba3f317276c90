"""The same over S3, spoken to over HTTP, and in a process of its own as Lambda starts it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from lokki import environment
from lokki.store.s3 import S3Store
from lokki_runtime.errors import LokkiFatal
from lokki_runtime.execute import execute
from lokki_runtime.runtime import Runtime
from lokki_runtime.settings import Settings
from lokki_runtime.testing import StateMachine

Deploy = Callable[..., StateMachine]

FLOW = """
    @step
    def get(count: int = 10) -> Iterator[int]:
        yield from range(count)
    @step
    def split(n: int) -> list:
        return list(range(n))
    @step
    def square(x: int) -> int:
        if x == 7:
            raise ValueError("seven")
        return x * x
    @step
    def merge(xs: list, failures: list) -> tuple:
        return sum(xs), len(failures)
    @step
    def join(parts: Iterable[tuple]) -> list:
        return list(parts)
    @flow
    def main_flow(count: int = 10):
        inner = split.map(square, batch_size=3, tolerated_failure_percentage=20).agg(merge)
        return get(count).map(inner).agg(join)
    """

WANTED = [(sum(x * x for x in range(n) if x != 7), int(n > 7)) for n in range(10)]


def settings(machine: StateMachine, node: str, variables: dict[str, str]) -> Settings:
    known = {"LAMBDA_TASK_ROOT": str(machine.root), "LOKKI_NODE": node, "LOKKI_WIRE_VERSION": "1", **variables}
    return Settings.from_environment(known)


def test_a_nested_flow_over_s3(deploy: Deploy, s3_variables: dict[str, str]) -> None:
    store = S3Store(s3_variables["LOKKI_AWS_ENDPOINT"], bucket="artifacts", flow_name="main-flow")
    machine = deploy(FLOW, store=store, run_id="nested")
    machine.run()
    assert machine.result() == WANTED
    assert machine.url("join", ()) == "s3://artifacts/main-flow/runs/nested/join/output.pkl.gz"


def test_a_runtime_opens_its_store_by_its_settings(deploy: Deploy, s3_variables: dict[str, str]) -> None:
    machine = deploy(FLOW)
    runtime = Runtime(settings(machine, "get", s3_variables))
    reply = execute({"v": 1, "flow": {"run_id": "opened", "params": {"count": 2}}, "node": "get"}, runtime)
    assert reply["manifest"] == {
        "bucket": "artifacts",
        "key": "main-flow/runs/opened/get/map_manifest.json",
        "count": 2,
    }
    assert execute({"v": 1, "flow": {"run_id": "opened", "params": {}}, "node": "get"}, runtime)["skipped"]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"LOKKI_ARTIFACT_BUCKET": ""}, "no bucket is set"),
        ({"LOKKI_ARTIFACT_BUCKET": "nowhere"}, "the bucket does not exist"),
        ({"LOKKI_ARTIFACT_BUCKET": "nowhere", "LOKKI_KMS_KEY": "key"}, "the bucket does not exist"),
    ],
)
def test_a_store_that_cannot_be_opened_is_said(
    changes: dict[str, str], complaint: str, deploy: Deploy, s3_variables: dict[str, str]
) -> None:
    runtime = Runtime(settings(deploy(FLOW), "get", s3_variables | changes))
    with pytest.raises(LokkiFatal) as caught:
        execute({"v": 1, "flow": {"run_id": "r", "params": {}}, "node": "get"}, runtime)
    assert complaint in caught.value.record["message"]


PROGRAM = """
import json, sys
from lokki_runtime.handler import lambda_handler
class Context:
    aws_request_id = "r"
    def get_remaining_time_in_millis(self):
        return 60_000
print(json.dumps(lambda_handler(json.loads(sys.argv[1]), Context())))
print(json.dumps([name for name in {names!r} if name in sys.modules]))
"""

LEFT_OUT = ["boto3", "botocore", "click", "yaml", "asyncio", "importlib.metadata", "lokki.runner", "lokki.config"]


def test_a_function_in_a_process_of_its_own(deploy: Deploy, s3_variables: dict[str, str]) -> None:
    machine = deploy(FLOW)
    event: dict[str, Any] = {
        "v": 1,
        "flow": {"run_id": "alone", "params": {}},
        "node": "get",
        "path": "",
        "input": None,
    }
    variables = {"LAMBDA_TASK_ROOT": str(machine.root), "LOKKI_NODE": "get", "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(names=LEFT_OUT), json.dumps(event)],
        env={**environment.variables(), **variables, **s3_variables},
        capture_output=True,
        text=True,
        check=True,
    )
    *logged, reply, imported = done.stdout.splitlines()
    assert json.loads(reply)["manifest"]["count"] == 10
    assert json.loads(imported) == []
    assert [json.loads(line)["event"] for line in logged] == ["step_success"]


def test_a_job_in_a_process_of_its_own(deploy: Deploy, s3_variables: dict[str, str]) -> None:
    machine = deploy(FLOW)
    text = json.dumps({"v": 1, "flow": {"run_id": "job", "params": {"count": 3}}, "node": "get"})
    variables = {"LAMBDA_TASK_ROOT": str(machine.root), "LOKKI_NODE": "get", "LOKKI_EVENT": text}
    done = subprocess.run(
        [sys.executable, "-m", "lokki_runtime", "batch"],
        env={**environment.variables(), **variables, **s3_variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    store = S3Store(s3_variables["LOKKI_AWS_ENDPOINT"], bucket="artifacts", flow_name="main-flow")
    rows = store.read_manifest(store.manifest_url("main-flow", "job", "get"))
    assert list(store.iter_pack(store.output_url("main-flow", "job", "get"), rows)) == [0, 1, 2]
