"""Judges nobody here wrote: cfn-lint and npm's asl-validator accept every definition, and do refuse planted faults.

asl-validator needs Node. It is installed once into the user's cache; where there is no Node or no registry the test is
skipped and says so, unless LOKKI_REQUIRE_ASL_VALIDATOR is set.
"""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lokki import environment
from lokki_builder.asl.machine import Machine, build_machine

from .conftest import filled
from .flows import FLOWS

VERSION = "4.0.0"
SCRIPT = Path("node_modules", "asl-validator", "dist", "bin", "asl-validator.js")

Definition = dict[str, Any]


def unavailable(reason: str) -> None:
    """Skip, or fail where the judge is demanded."""
    if environment.get("LOKKI_REQUIRE_ASL_VALIDATOR"):
        pytest.fail(f"LOKKI_REQUIRE_ASL_VALIDATOR is set, but {reason}")
    pytest.skip(f"NOT JUDGED by asl-validator: {reason}")


def installed() -> Path:
    """The validator's script, installed where it was not."""
    folder = (
        Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lokki-tests" / f"asl-validator-{VERSION}"
    )
    if not (folder / SCRIPT).is_file():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), f"asl-validator@{VERSION}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
        if done.returncode:
            unavailable(f"npm cannot install it: {done.stderr[-300:]}")
    return folder / SCRIPT


@pytest.fixture(scope="session")
def validate(tmp_path_factory: pytest.TempPathFactory) -> Callable[[dict[str, Definition]], dict[str, str]]:
    """{name: definition} to {name: what asl-validator says against it}."""
    if not shutil.which("node") or not shutil.which("npm"):
        unavailable("there is no Node.")
    script = installed()

    def judge(definitions: dict[str, Definition]) -> dict[str, str]:
        folder = tmp_path_factory.mktemp("asl")
        for name, definition in definitions.items():
            (folder / f"{name}.json").write_text(json.dumps(definition))
        options = [option for name in definitions for option in ("--json-path", f"{name}.json")]
        command = ["node", str(script), *options]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        assert (done.returncode == 0) == ("✕" not in said), said
        return {name: said for name in definitions if f'"{name}.json" is valid' not in said}

    return judge


def test_asl_validator_accepts_every_definition(validate: Callable[[dict[str, Definition]], dict[str, str]]) -> None:
    assert validate({name: filled(build_machine(flow)) for name, flow in FLOWS.items()}) == {}


FAULTS: dict[str, Callable[[Definition], object]] = {
    "target": lambda states: states["GetBirds"].update(Next="Nowhere"),
    "unreachable": lambda states: states["GetBirds"].update(Next="JoinBirds"),
    "path": lambda states: states["GetBirds"]["Parameters"].update({"Payload.$": "$.flow["}),
    "type": lambda states: states["GetBirds"].update(Type="Tsk"),
    "retry": lambda states: states["GetBirds"]["Retry"][0].update(IntervalSeconds="soon"),
}


def test_asl_validator_refuses_planted_faults(validate: Callable[[dict[str, Definition]], dict[str, str]]) -> None:
    definitions = {}
    for name, plant in FAULTS.items():
        definitions[name] = copy.deepcopy(filled(build_machine(FLOWS["birds"])))
        plant(definitions[name]["States"])
    assert set(validate(definitions)) == set(FAULTS)


def resource(machine: Machine, definition: Definition, field: str) -> dict[str, Any]:
    """A state machine as the template has it."""
    values: dict[str, Any] = {name: f"some-{name.lower()}" for name in machine.substitutions}
    for name in {"LambdaInvoke", "BatchSubmitJob"} & set(values):
        service = "lambda:invoke" if name == "LambdaInvoke" else "batch:submitJob.sync"
        values[name] = {"Fn::Sub": f"arn:${{AWS::Partition}}:states:::{service}"}
    properties = {
        "RoleArn": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/machine"},
        "DefinitionSubstitutions": values,
        field: json.dumps(definition) if field == "DefinitionString" else definition,
    }
    return {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}


def complaints(resources: dict[str, Any], folder: Path) -> dict[str, list[str]]:
    """{logical id: cfn-lint's errors and warnings} of those it complains about."""
    template = folder / "template.json"
    template.write_text(json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}))
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--format", "json", str(template)]
    # A process of its own, which coverage does not follow: its tracer confuses the YAML parser that cfn-lint uses.
    untraced = {key: value for key, value in environment.variables().items() if not key.startswith("COV")}
    done = subprocess.run(command, env=untraced, capture_output=True, text=True, check=False)
    said: dict[str, list[str]] = {}
    for match in json.loads(done.stdout):
        place = [*match["Location"]["Path"], "", ""][1]
        said.setdefault(place, []).append(f"{match['Rule']['Id']} {match['Message']}")
    return said


FIELDS = ("Definition", "DefinitionString")


def test_cfn_lint_accepts_every_definition_as_it_is(tmp_path: Path) -> None:
    resources: dict[str, Any] = {}
    for number, flow in enumerate(FLOWS.values()):
        machine = build_machine(flow)
        for field in FIELDS:
            resources[f"Machine{number}{field}"] = resource(machine, machine.definition, field)
    assert complaints(resources, tmp_path) == {}


CFN_FAULTS: dict[str, Callable[[Definition], object]] = {
    "Field": lambda state: state.update(TimeoutSecond=5),
    "Type": lambda state: state.update(Type="Tsk"),
    "Resource": lambda state: state.update(Resource="arn:${Partition}:states:::lambda:invoke"),
    "Retry": lambda state: state["Retry"][0].update(MaxAttempts=-1),
}


def test_cfn_lint_refuses_planted_faults(tmp_path: Path) -> None:
    machine = build_machine(FLOWS["birds"])
    resources: dict[str, Any] = {}
    for name, plant in CFN_FAULTS.items():
        definition = copy.deepcopy(machine.definition)
        plant(definition["States"]["GetBirds"])
        resources |= {f"{name}{field}": resource(machine, definition, field) for field in FIELDS}
    assert set(complaints(resources, tmp_path)) == set(resources)
