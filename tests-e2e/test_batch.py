"""Steps on AWS Batch: `python -m lokki_runtime batch` in the flow's own image, as the state machine submits it."""

from __future__ import annotations

import json

from e2e_support.deployed import JOB_FAILED, Deploy
from e2e_support.values import RunLocally, StoredValues, local_values


def test_jobs_in_a_flow_and_in_a_map(deploy: Deploy, run_locally: RunLocally) -> None:
    """A job in the middle, retried in its container, then a map of jobs; every value as in the local run."""
    flow = deploy("batch_flow")
    done = flow.run()
    assert done.status == "SUCCEEDED", f"{done.error}: {done.cause}"
    stored = StoredValues(flow.store, flow.name, done.name, flow.built.graph).all()
    assert dict(stored) == dict(local_values(run_locally(flow.built.flow)))


def test_a_job_that_fails_leaves_its_error(deploy: Deploy) -> None:
    """Step Functions sees only that it failed; what happened is kept beside where the result would be."""
    flow = deploy("broken_job_flow")
    done = flow.run()
    assert (done.status, done.error) == ("FAILED", JOB_FAILED)
    cause = json.loads(done.cause or "")
    assert json.loads(cause["errorMessage"])["Container"]["ExitCode"] == 1
    record = flow.store.read_error(flow.name, done.name, "crash")
    assert record is not None
    assert record["error_type"] == "ZeroDivisionError"
    assert '"/var/task/broken_job_flow.py"' in record["traceback"]
    assert flow.keys(done.name, "crash") == ["error.json"]
