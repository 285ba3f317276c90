"""Whole flows as stacks on AWS: run by Step Functions and by a second interpreter, every value as in the local run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from e2e_support.project import MakeProject, Project
from e2e_support.stacks import DeployedStack, DeployStack
from e2e_support.values import RunLocally, comparable, local_values
from lokki.params import convert_json
from lokki.resolve import flow_params

pytestmark = pytest.mark.usefixtures("storage")  # where moto's interpreter keeps its machines


def check(stack: DeployedStack, run_locally: RunLocally, params: Mapping[str, Any] | None = None) -> None:
    """Both interpreters succeed, and every node of both runs has the local run's value."""
    local = run_locally(stack.project.flow, typed(stack, params or {}))
    for execute in (stack.execute, stack.execute_elsewhere):
        done = execute(params)
        assert done.status == "SUCCEEDED", f"{execute.__name__}: {done.error}: {done.cause}"
        assert comparable(stack.values(done.name)) == comparable(local_values(local))
        assert comparable(stack.result(done.name)) == comparable(local.result)


def test_birds(project: MakeProject, deploy_stack: DeployStack, run_locally: RunLocally) -> None:
    check(deploy_stack(project("birds_flow")), run_locally)


def test_census(
    project: MakeProject, deploy_stack: DeployStack, run_locally: RunLocally, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files to count are in the image; the report is written where a function may write."""
    census = project("census_flow", include={"paths": ["sample"]})
    monkeypatch.chdir(census.folder)
    check(deploy_stack(census), run_locally, {"root": "sample", "report": "/tmp/census.md"})


def test_nested(
    project: MakeProject, deploy_stack: DeployStack, run_locally: RunLocally, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A map within a map: children that are parents."""
    nested = project("nested_flow", include={"paths": ["tree"]})
    plant(nested, {"ants/__init__": 1, "ants/queen": 9, "bees/__init__": 0, "bees/a/wax": 5})
    monkeypatch.chdir(nested.folder)
    check(deploy_stack(nested), run_locally, {"root": "tree"})


def test_steps_that_fail_before_they_succeed(
    project: MakeProject, deploy_stack: DeployStack, run_locally: RunLocally
) -> None:
    check(deploy_stack(project("retry_flow")), run_locally)


def test_a_step_used_twice(project: MakeProject, deploy_stack: DeployStack, run_locally: RunLocally) -> None:
    check(deploy_stack(project("twice_flow")), run_locally)


GIVEN = {
    "begin": "2023-12-31",
    "count": 4,
    "scale": 2,
    "colour": "blue",
    "at": "2030-01-02T03:04:05+00:00",
    "mode": "slow",
    "verbose": True,
    "note": "näh",
    "words": [],
    "extra": {},
    "limit": 1,
}


def test_parameters(project: MakeProject, deploy_stack: DeployStack, run_locally: RunLocally) -> None:
    """Defaults, values of every type, one for the first step alone; and one that is refused before any step runs."""
    stack = deploy_stack(project("params_flow"))
    check(stack, run_locally)
    check(stack, run_locally, GIVEN)
    refused = stack.execute({"colour": "green"})
    assert (refused.status, refused.error) == ("FAILED", "LokkiFatal")
    assert "green" in (refused.cause or "")
    assert stack.aws.keys(stack.project.bucket, f"{stack.name}/runs/{refused.name}/days/output") == []


@pytest.mark.parametrize("package", ["image", "zip"])
def test_an_open_map_and_no_items_at_all(
    project: MakeProject, deploy_stack: DeployStack, run_locally: RunLocally, package: str
) -> None:
    """Of both kinds of packages."""
    stack = deploy_stack(project("open_flow", lambda_={"package_type": package}))
    for count in (3, 0):
        check(stack, run_locally, {"count": count})


def test_a_thousand_items(project: MakeProject, deploy_stack: DeployStack, run_locally: RunLocally) -> None:
    """One by one, then a hundred at a time. Every child is one invocation, and has answered once."""
    stack = deploy_stack(project("many_flow"))
    arn = stack.start({"plus": 5})
    done = stack.finish(arn)
    assert done.status == "SUCCEEDED", f"{done.error}: {done.cause}"
    assert stack.result(done.name) == run_locally(stack.project.flow, {"plus": 5}).result == 1000 * 999 + 5000
    runs = stack.map_runs(arn)
    assert [run["executionCounts"]["succeeded"] for run in runs] == [1000, 10]
    assert [run["itemCounts"]["resultsWritten"] for run in runs] == [1000, 10]
    # Moto starts all children at once, and its maps do not see it when one is throttled for good.
    fewer = stack.execute_elsewhere({"count": 12, "plus": 5})
    assert fewer.status == "SUCCEEDED", f"{fewer.error}: {fewer.cause}"
    assert stack.result(fewer.name) == 12 * 11 + 60


def test_maps_that_tolerate_failures(project: MakeProject, deploy_stack: DeployStack, run_locally: RunLocally) -> None:
    """One failed item of five is within 25 %, of three it is not: the run fails, and says how many."""
    stack = deploy_stack(project("tolerant_flow"))
    local = run_locally(stack.project.flow)
    for execute in (stack.execute, stack.execute_elsewhere):
        done = execute()
        assert done.status == "SUCCEEDED", f"{execute.__name__}: {done.error}: {done.cause}"
        assert stack.result(done.name) == local.result
        failed = execute({"count": 3})
        assert (failed.status, failed.error) == ("FAILED", "LokkiFatal")
        assert "1 of 3" in (failed.cause or "")


def test_the_first_failed_item_fails_the_run(project: MakeProject, deploy_stack: DeployStack) -> None:
    """Where nothing is tolerated: the rest is not begun, and the error says what happened, where."""
    stack = deploy_stack(project("strict_flow"))
    arn = stack.start({"bad": 1})
    done = stack.finish(arn)
    assert (done.status, done.error) == ("FAILED", "States.ExceedToleratedFailureThreshold")
    (run,) = stack.map_runs(arn)
    assert (run["itemCounts"]["succeeded"], run["itemCounts"]["failed"], run["itemCounts"]["aborted"]) == (1, 1, 18)
    record = stack.store.read_error(stack.name, done.name, "check", path=(1,))
    assert record is not None
    assert (record["error_type"], record["error_message"]) == ("ValueError", "number 1 is bad")
    assert '"/var/task/strict_flow.py"' in record["traceback"]
    good = stack.execute_elsewhere()  # moto's maps never fail
    assert good.status == "SUCCEEDED", f"{good.error}: {good.cause}"
    assert stack.result(good.name) == 20


def typed(stack: DeployedStack, params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as a run on this machine takes them, of what an execution's input says; all others as they are."""
    known = flow_params(stack.project.flow)
    return {**params, **convert_json(known, {name: value for name, value in params.items() if name in known})}


def plant(project: Project, lines: Mapping[str, int]) -> None:
    """A tree of packages for the nested flow: {module: its lines}."""
    for name, count in lines.items():
        file = project.folder / "tree" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("pass\n" * count, encoding="utf-8")
