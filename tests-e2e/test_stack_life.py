"""The life of a stack, by the commands people type: made, changed, left alone, broken, taken back, deleted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from e2e_support.aws import Aws
from e2e_support.docker import Docker
from e2e_support.gates import Gates, gates
from e2e_support.project import MakeProject, Project
from e2e_support.stacks import DeployedStack

VERSION = re.compile("Version[0-9a-f]{16}$")
NOBODY = "arn:aws:iam::000000000000:role/nobody"


@pytest.fixture
def held(docker: Docker) -> Iterator[Gates]:
    """Gates that containers reach."""
    with gates(docker.bridge_address()) as held:
        yield held


@pytest.fixture(scope="module")
def word(project: MakeProject) -> Iterator[DeployedStack]:
    """The flow of words. Tests leave it as it was."""
    stack = DeployedStack.make(project("word_flow"))
    yield stack
    stack.remove()


def rewrite(project: Project, old: str, new: str) -> None:
    """Change the flow's file."""
    text = project.file.read_text(encoding="utf-8")
    assert old in text
    project.file.write_text(text.replace(old, new), encoding="utf-8")


def said(stack: DeployedStack) -> str:
    """What a run gives."""
    done = stack.execute()
    assert done.status == "SUCCEEDED", f"{done.error}: {done.cause}"
    return str(stack.result(done.name))


def versions(stack: DeployedStack) -> set[str]:
    """The published versions of the stack's functions."""
    return {physical for logical, physical in stack.resources().items() if VERSION.search(logical)}


@pytest.mark.usefixtures("storage")  # where moto's interpreter keeps its machines
def test_a_second_interpreter_says_the_same(word: DeployedStack) -> None:
    done = word.execute_elsewhere()
    assert done.status == "SUCCEEDED", f"{done.error}: {done.cause}"
    assert word.result(done.name) == said(word)


def test_what_is_not_changed_is_left_alone(word: DeployedStack) -> None:
    """Deploying the same again pushes nothing and changes nothing, and says so."""
    before = (word.describe(), versions(word), len(events(word)))
    told = word.project.run("deploy", "--confirm").out
    assert "up to date" in told
    assert (word.describe(), versions(word), len(events(word))) == before


def test_a_changed_word(word: DeployedStack, held: Gates) -> None:
    """A run under way goes on with the code it began with; the next one has the new. Rolled back it is as before."""
    old = versions(word)
    running = word.start({"gate": f"{held.url}/listen"})
    held["listen"].await_arrivals(1)

    rewrite(word.project, "says hello", "says goodbye")
    layers = word.project.json("build")["layers"]
    word.project.run("deploy", "--confirm")
    assert word.describe()["StackStatus"] == "UPDATE_COMPLETE"
    assert word.project.json("build")["layers"]["dependencies"] == layers["dependencies"]
    assert versions(word).isdisjoint(old)

    held["listen"].open()
    done = word.finish(running)
    assert done.status == "SUCCEEDED", f"{done.error}: {done.cause}"
    assert word.result(done.name) == "a says hello; b says hello"
    assert said(word) == "a says goodbye; b says goodbye"

    word.project.run("rollback", "--confirm")
    rewrite(word.project, "says goodbye", "says hello")
    assert said(word) == "a says hello; b says hello"


def test_an_update_that_fails_is_taken_back(word: DeployedStack) -> None:
    """The first resource that failed is named, with its reason; what was there works on."""
    word.project.configure(**{"aws.roles": {"pipeline": NOBODY}})
    rewrite(word.project, "says hello", "says nothing")
    told = word.project.run("deploy", "--confirm", code=1).err
    assert "StateMachine" in told
    assert "is authorized to assume" in told
    assert word.describe()["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert said(word) == "a says hello; b says hello"

    word.project.configure()
    rewrite(word.project, "says nothing", "says hello")
    word.project.run("deploy", "--confirm")
    assert said(word) == "a says hello; b says hello"


def test_a_stack_that_was_never_made_whole_is_replaced(project: MakeProject) -> None:
    flow = project("word_flow", aws={"environment": "broken"}, **{"aws.roles": {"pipeline": NOBODY}})
    told = flow.run("deploy", "--confirm", code=1).err
    assert "is authorized to assume" in told
    stack = DeployedStack(flow, flow.name)
    assert stack.describe()["StackStatus"] == "ROLLBACK_COMPLETE"
    flow.configure(aws={"environment": "broken"})
    flow.run("deploy", "--confirm")
    assert said(stack) == "a says hello; b says hello"
    stack.remove()


def test_what_goes_and_what_stays(project: MakeProject) -> None:
    """Without being told to, `destroy` leaves what runs made; the stack and everything in it is gone."""
    stack = DeployedStack.make(project("word_flow", aws={"environment": "going"}))
    done = stack.execute()
    machine = stack.machine_arn
    runs = f"{stack.name}/runs/"
    stack.project.run("destroy", "--confirm")
    states = stack.aws.client("stepfunctions")
    assert machine not in [one["stateMachineArn"] for one in states.list_state_machines()["stateMachines"]]
    assert names(stack, "lambda", "list_functions", "Functions", "FunctionName") == []
    assert names(stack, "iam", "list_roles", "Roles", "RoleName") == []
    assert names(stack, "logs", "describe_log_groups", "logGroups", "logGroupName") == []
    kept = stack.aws.keys(stack.project.bucket, runs)
    assert f"{runs}{done.name}/write/output.pkl.gz" in kept
    assert stack.project.run("destroy", "--confirm", "--purge-runs", code=1).out == ""


def test_an_environment_is_a_stack_of_its_own(word: DeployedStack) -> None:
    word.project.run("deploy", "--confirm", "--env", "dev")
    other = DeployedStack(word.project, f"{word.name}-dev")
    assert said(other) == said(word)
    other.project.run("destroy", "--confirm", "--env", "dev", "--purge-runs")
    assert said(word) == "a says hello; b says hello"


def test_an_image_in_a_registry(project: MakeProject, aws: Aws) -> None:
    """It is pushed once, under its hash; functions start from what was pushed."""
    if not aws.registry:
        pytest.skip("there is no registry that takes images from everybody")
    repository = f"{aws.registry}/flows/word"
    flow = project("word_flow", aws={"image_repository": repository, "environment": "pushed"})
    word = uuid4().hex  # the registry may be an older one, and knows no such image
    rewrite(flow, "hello", word)
    stack = DeployedStack.make(flow)
    image = flow.json("build")["image"]
    assert image.startswith(f"{repository}:")
    digest = flow.docker.inspect("image", image)["RepoDigests"]
    assert [one.partition("@")[0] for one in digest] == [repository]
    flow.docker.run("image", "rm", "--force", image)
    assert said(stack) == f"a says {word}; b says {word}"
    assert "up to date" in flow.run("deploy", "--confirm").out
    stack.remove()


def events(stack: DeployedStack) -> list[Any]:
    """Everything that happened to it."""
    found: list[Any] = stack.aws.client("cloudformation").describe_stack_events(StackName=stack.name)["StackEvents"]
    return found


def names(stack: DeployedStack, service: str, verb: str, entries: str, name: str) -> list[str]:
    """Names of what is left of a stack."""
    found = getattr(stack.aws.client(service), verb)()[entries]
    return [one[name] for one in found if stack.name in one[name]]
