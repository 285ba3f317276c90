"""Flows in containers without an AWS: each step in its own, in the state machine's order, each event on record.

Every value is as in the local run. `test_deployed` does the same with stacks.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from e2e_support.deployed import Deploy, Deployed
from e2e_support.places import FLOWS
from e2e_support.values import RunLocally, StoredValues, comparable, local_values
from e2e_support.wheels import download, write_index
from lokki.runs import Run
from lokki_builder.gather import BuildOptions


def check(flow: Deployed, local: Run, params: Any = None) -> str:
    """The state machine succeeds, and every node of the run has the local run's value. Returns the run's id."""
    done = flow.run(params)
    assert done.status == "SUCCEEDED", f"{done.error}: {done.cause}"
    stored = StoredValues(flow.store, flow.name, done.name, flow.built.graph).all()
    assert comparable(stored) == comparable(local_values(local))
    return done.name


def test_steps_that_fail_before_they_succeed(deploy: Deploy, run_locally: RunLocally) -> None:
    flow = deploy("retry_flow")
    check(flow, run_locally(flow.built.flow))
    assert len(flow.function("prepare").events) == 3
    assert Counter(event["path"] for event in flow.function("alone").events) == {"0": 1, "1": 2, "2": 1}
    assert [event["attempt"] for event in flow.function("prepare").events] == [0, 1, 2]
    assert Counter(event["path"] for event in flow.function("together").events) == {"0": 1, "2": 1}


def test_files_beside_the_flow(deploy: Deploy, run_locally: RunLocally) -> None:
    """A package that the flow imports and data that a glob names; the image holds these and nothing else."""
    flow = deploy("include_flow")
    check(flow, run_locally(flow.built.flow))
    done = flow.containers.run(flow.built.plan.image, "find", "/var/task", "-type", "f", "-not", "-name", "*.pyc")
    assert sorted(line.removeprefix("/var/task/") for line in done.out.split()) == [
        "include_flow.py",
        "lokki-flow.json",
        "tools/__init__.py",
        "tools/count.py",
        "words/insects.txt",
        "words/ways.txt",
    ]


def test_a_locked_dependency(deploy: Deploy, run_locally: RunLocally, tmp_path: Path) -> None:
    """numpy, installed from wheels on this machine as the lock file wants them: by hash."""
    shutil.copytree(FLOWS / "numpy_flow", tmp_path, dirs_exist_ok=True)
    download(tmp_path / "wheels", "numpy==2.1.3")
    index = write_index(tmp_path / "index", tmp_path / "wheels")
    command = [sys.executable, "-m", "uv", "lock", "--quiet", "--default-index", index.as_uri()]
    subprocess.run(command, cwd=tmp_path, check=True)
    options = BuildOptions(find_links=(str(tmp_path / "wheels"),), build_dir=tmp_path / "lokki-build")
    flow = deploy("numpy_flow", file=tmp_path / "numpy_flow.py", options=options)
    assert "sha256:" in flow.built.text("lambdas/requirements.txt")
    check(flow, run_locally(flow.built.flow))
