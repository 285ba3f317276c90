"""Whole flows: each step in its own container, in the state machine's order, and every value as in the local run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from e2e_support.deployed import Deploy, Deployed
from e2e_support.places import EXAMPLES, FLOWS
from e2e_support.values import RunLocally, StoredValues, comparable, local_values
from e2e_support.wheels import download, write_index
from lokki.graph import MapLink
from lokki.runs import Run
from lokki.store.collect import MapResults
from lokki_builder.gather import BuildOptions


def check(flow: Deployed, local: Run, params: Any = None) -> str:
    """The state machine succeeds, and every node of the run has the local run's value. Returns the run's id."""
    done = flow.run(params)
    assert done.status == "SUCCEEDED", f"{done.error}: {done.cause}"
    stored = StoredValues(flow.store, flow.name, done.name, flow.built.graph).all()
    assert comparable(stored) == comparable(local_values(local))
    return done.name


def test_birds(deploy: Deploy, run_locally: RunLocally) -> None:
    flow = deploy("birds_flow")
    check(flow, run_locally(flow.built.flow))


def test_census(deploy: Deploy, run_locally: RunLocally, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files to count are in the image, at the path below the working folder that they have here."""
    shutil.copytree(EXAMPLES / "census", tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*"))
    flow = deploy("census_flow", file=tmp_path / "census_flow.py", include__paths=["sample"])
    monkeypatch.chdir(tmp_path)
    params = {"root": "sample", "report": "/tmp/census.md"}
    check(flow, run_locally(flow.built.flow, {**params, "report": "census.md"}), params)


def test_nested(deploy: Deploy, run_locally: RunLocally, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A map within a map, over a small tree of packages."""
    shutil.copy(EXAMPLES / "nested" / "nested_flow.py", tmp_path)
    for name, lines in {"ants/__init__": 1, "ants/queen": 9, "bees/__init__": 0, "bees/a/wax": 5, "bees/b": 2}.items():
        file = tmp_path / "tree" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("pass\n" * lines)
    flow = deploy("nested_flow", file=tmp_path / "nested_flow.py", include__paths=["tree"])
    monkeypatch.chdir(tmp_path)
    check(flow, run_locally(flow.built.flow, {"root": "tree"}), {"root": "tree"})


def test_steps_that_fail_before_they_succeed(deploy: Deploy, run_locally: RunLocally) -> None:
    flow = deploy("retry_flow")
    check(flow, run_locally(flow.built.flow))
    assert len(flow.function("prepare").events) == 3
    assert Counter(event["path"] for event in flow.function("alone").events) == {"0": 1, "1": 2, "2": 1}
    assert [event["attempt"] for event in flow.function("prepare").events] == [0, 1, 2]
    assert Counter(event["path"] for event in flow.function("together").events) == {"0": 1, "2": 1}


def test_maps_that_tolerate_failures(deploy: Deploy, run_locally: RunLocally) -> None:
    """The judge of the open map is a function of its own; its map's values are those that are left."""
    flow = deploy("tolerant_flow")
    local = run_locally(flow.built.flow)
    done = flow.run()
    assert done.status == "SUCCEEDED", f"{done.error}: {done.cause}"
    link = flow.built.graph.chain[-1]
    assert isinstance(link, MapLink)
    assert list(MapResults(flow.store, flow.name, done.name, link, ()).values()) == local.result
    assert StoredValues(flow.store, flow.name, done.name, flow.built.graph).items("judge") == local["judge"].output


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
