"""Whole flows: each step in its own container, in the state machine's order, and every value as in the local run."""

from __future__ import annotations

from typing import Any

from e2e_support.deployed import Deploy, Deployed
from e2e_support.values import RunLocally, StoredValues, local_values
from lokki.runs import Run


def check(flow: Deployed, local: Run, params: Any = None) -> None:
    """The state machine succeeds, and every node of the run has the local run's value."""
    done = flow.run(params)
    assert done.status == "SUCCEEDED", f"{done.error}: {done.cause}"
    assert dict(StoredValues(flow.store, flow.name, done.name, flow.built.graph).all()) == dict(local_values(local))


def test_birds(deploy: Deploy, run_locally: RunLocally) -> None:
    flow = deploy("birds_flow")
    check(flow, run_locally(flow.built.flow))
