"""Containers that are ended in the middle of a step, at points a gate holds them at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from e2e_support.deployed import JOB_FAILED, Deploy
from e2e_support.docker import Docker
from e2e_support.gates import Gates, gates
from e2e_support.machine import Execution
from e2e_support.storage import BUCKET
from e2e_support.values import RunLocally, StoredValues, local_values

Start = Callable[[Callable[[], Execution]], "Future[Execution]"]


@pytest.fixture
def held(docker: Docker) -> Iterator[Gates]:
    """Gates that containers reach."""
    with gates(docker.bridge_address()) as held:
        yield held


@pytest.fixture
def start() -> Iterator[Start]:
    """Run something while the test goes on."""
    with ThreadPoolExecutor(2) as pool:
        yield pool.submit


def test_nothing_half_written_is_read(deploy: Deploy, held: Gates, start: Start, run_locally: RunLocally) -> None:
    """One function after another is killed in the middle of its work, then the job; each is done again, from the start.

    The flow's source is killed while it uploads a pack, the map's step in the middle of a batch, the aggregation
    after it has read everything, the job before it writes. Only the job has no further attempt: a second execution
    resumes the run.
    """
    flow = deploy("gate_flow")
    running = start(lambda: flow.run({"gate": held.url}, name="killed"))

    held["produce"].await_arrivals(1)
    uploads = flow.storage.s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]
    assert [upload["Key"] for upload in uploads] == ["gate-flow/runs/killed/produce/output.pkl.gz"]
    flow.function("produce").kill()
    held["produce"].await_arrivals(2)
    assert flow.keys("killed", "produce") == []
    held["produce"].open()

    held["measure"].await_arrivals(1)
    assert flow.keys("killed", "produce") == ["map_manifest.json", "output.pkl.gz"]
    flow.function("measure").kill()
    held["measure"].await_arrivals(2)
    assert flow.keys("killed", "measure") == []
    held["measure"].open()

    held["collect"].await_arrivals(1)
    assert flow.keys("killed", "measure") == ["0/output.pkl.gz", "4/output.pkl.gz"]
    flow.function("collect").kill()
    held["collect"].await_arrivals(2)
    assert flow.keys("killed", "collect") == []
    held["collect"].open()

    held["archive"].await_arrivals(1)
    flow.containers.kill_jobs(flow.queue)
    failed = running.result()
    assert (failed.status, failed.error) == ("FAILED", JOB_FAILED)
    assert flow.keys("killed", "archive") == []
    held["archive"].open()

    before = {node: len(flow.function(node).events) for node in ("produce", "measure", "collect")}
    assert before == {"produce": 2, "measure": 3, "collect": 2}
    resumed = flow.run({"resume": "killed", "params": {"gate": held.url}})
    assert resumed.status == "SUCCEEDED", f"{resumed.error}: {resumed.cause}"
    stored = StoredValues(flow.store, flow.name, "killed", flow.built.graph).all()
    assert dict(stored) == dict(local_values(run_locally(flow.built.flow, {"gate": held.url})))
    arrivals = {name: gate.arrivals for name, gate in held.known.items()}
    assert arrivals == {"produce": 3, "measure": 3, "collect": 3, "archive": 3}


def test_limits_of_a_function(deploy: Deploy, run_locally: RunLocally) -> None:
    """What outgrows its memory or its time is tried again, as the policy allows; a batch goes on where it was.

    The batch takes 8 seconds, an invocation may take 6: it saves what it has and answers LokkiContinue.
    """
    flow = deploy("limits_flow", lambda__timeout=6)
    done = flow.run()
    assert done.status == "SUCCEEDED", f"{done.error}: {done.cause}"
    stored = StoredValues(flow.store, flow.name, done.name, flow.built.graph).all()
    assert dict(stored) == dict(local_values(run_locally(flow.built.flow)))
    errors = {node: [answer.error for answer in flow.function(node).answers] for node in ("hungry", "slow", "stuck")}
    assert errors["hungry"] == ["Runtime.ExitError", None]
    assert set(errors["slow"][:-1]) == {"LokkiContinue"}
    assert errors["slow"][-1] is None
    assert errors["stuck"] == ["Sandbox.Timedout", None]
