"""cfn-lint's judgement of every kind of template, and proof that it would see a fault."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from lokki import environment
from lokki_builder.plan import SAM, TEMPLATE, plan_build

from .flows import BODIES, nested_batch_flow, only_batch_flow, request
from .variants import CHOICES, pairwise

VARIANTS = {variant.name: variant for variant in pairwise()}
QUEUE: dict[str, object] = {"batch.job_queue": "work"}


def complaints(folder: Path, templates: Mapping[str, bytes | str], *regions: str) -> dict[str, list[str]]:
    """{name: what cfn-lint says of that template, errors and warnings}, for those it complains about.

    In a process of its own, which coverage does not follow: cfn-lint reads and imports a great deal.
    """
    files: dict[str, str] = {}
    for number, (name, content) in enumerate(templates.items()):
        file = folder / f"{number}.yaml"
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        files[str(file)] = name
    options = ["--format", "json", "--regions", *(regions or ["eu-west-1"])]
    command = [str(Path(sys.executable).with_name("cfn-lint")), *options, "--", *files]
    untraced = {name: value for name, value in environment.variables().items() if not name.startswith("COV")}
    done = subprocess.run(command, env=untraced, capture_output=True, text=True, check=False)
    found: dict[str, list[str]] = defaultdict(list)
    matches: list[dict[str, Any]] = json.loads(done.stdout)
    for match in matches:
        found[files[match["Filename"]]].append(f"{match['Rule']['Id']}: {match['Message']}")
    return dict(found)


def test_each_choice_is_seen() -> None:
    seen = {choice for variant in VARIANTS.values() for choice in variant.choices}
    assert seen == {(factor, choice) for factor, choices in CHOICES.items() for choice in choices}
    assert len(VARIANTS) < 40


@pytest.mark.timeout(600)
def test_cfn_lint_finds_nothing_in_any_variant(tmp_path: Path) -> None:
    templates = {name: plan_build(variant.request()).files[TEMPLATE] for name, variant in VARIANTS.items()}
    assert complaints(tmp_path, templates) == {}


@pytest.mark.timeout(600)
def test_cfn_lint_finds_nothing_in_any_flow_or_partition(tmp_path: Path) -> None:
    templates = {body.__name__: plan_build(request(body, QUEUE)).files[TEMPLATE] for body in BODIES}
    assert complaints(tmp_path, templates, "us-east-1", "cn-north-1", "us-gov-west-1") == {}


def test_cfn_lint_finds_nothing_in_templates_for_sam(tmp_path: Path) -> None:
    templates = {}
    for package in ("image", "zip"):
        for body in (nested_batch_flow, only_batch_flow):
            values = QUEUE | {"lambda.package_type": package, "batch.image": "jobs"}
            templates[f"{package} {body.__name__}"] = plan_build(request(body, values)).files[SAM]
    assert complaints(tmp_path, templates) == {}


FAULTS = {
    "an unknown property": (r"MemorySize:", "MemorySizes:"),
    "a wrong value": (r"RetentionInDays: 30", "RetentionInDays: 31"),
    "a missing resource": (r"!GetAtt 'LambdaRole.Arn'", "!GetAtt 'NoRole.Arn'"),
    "a circle": (r"- !Sub 'arn:\${AWS::Partition}:states:.*:stateMachine:\${FlowName}'", "- !Ref StateMachine"),
    "a wrong state field": (r'"ItemReader"', '"ItemsReader"'),
    "an unknown substitution": (r"        FlowName: !Ref 'FlowName'\n", ""),
    "a wrong intrinsic": (r"!Ref 'AWS::Partition'", "!Ref 'AWS::Partitions'"),
    "a wrong timeout": (r"Timeout: 900", "Timeout: 901"),
    "a wrong Batch field": (r"JobRoleArn:", "JobRole:"),
    "an unused parameter": (r"!Sub '\${ImageRepository}:\${ImageTag}'", "'image'"),
    "a wrong effect": (r"Effect: Allow\n", "Effect: Allowed\n"),
}


@pytest.mark.timeout(600)
def test_cfn_lint_would_find_faults(tmp_path: Path) -> None:
    text = plan_build(request(nested_batch_flow, QUEUE)).files[TEMPLATE].decode()
    broken = {fault: re.sub(pattern, changed, text) for fault, (pattern, changed) in FAULTS.items()}
    assert all(changed != text for changed in broken.values())
    assert set(complaints(tmp_path, broken)) == set(FAULTS)
