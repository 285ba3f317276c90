"""cfn-lint's judgement of every kind of template, and proof that it would see a fault."""

from __future__ import annotations

import re

import pytest
from cfnlint.api import lint
from lokki_builder.plan import SAM, TEMPLATE, plan_build

from .flows import BODIES, nested_batch_flow, only_batch_flow, request
from .variants import CHOICES, Variant, pairwise

VARIANTS = pairwise()


def complaints(text: str, *regions: str) -> list[str]:
    """What cfn-lint says of a template, errors and warnings, for these regions."""
    return [str(match) for match in lint(text, regions=list(regions or ["eu-west-1"]))]


def test_each_pair_of_choices_is_seen() -> None:
    seen = {pair for variant in VARIANTS for pair in variant.choices}
    assert seen == {(factor, choice) for factor, choices in CHOICES.items() for choice in choices}
    assert len(VARIANTS) < 40


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_cfn_lint_finds_nothing(variant: Variant) -> None:
    assert complaints(plan_build(variant.request()).files[TEMPLATE].decode()) == []


def test_cfn_lint_finds_nothing_in_other_partitions() -> None:
    template = plan_build(VARIANTS[-1].request()).files[TEMPLATE].decode()
    assert complaints(template, "cn-north-1", "us-gov-west-1") == []


@pytest.mark.parametrize("package", ["image", "zip"])
@pytest.mark.parametrize("body", [nested_batch_flow, only_batch_flow], ids=lambda body: body.__name__)
def test_cfn_lint_finds_nothing_in_the_sam_template(package: str, body: object) -> None:
    values: dict[str, object] = {"lambda.package_type": package, "batch.job_queue": "work", "batch.image": "jobs"}
    assert complaints(plan_build(request(body, values)).files[SAM].decode()) == []


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
def test_cfn_lint_finds_nothing_in_any_flow(body: object) -> None:
    plan = plan_build(request(body, {"batch.job_queue": "work"}))
    assert complaints(plan.files[TEMPLATE].decode()) == []


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


@pytest.mark.parametrize("fault", FAULTS)
def test_cfn_lint_would_find(fault: str) -> None:
    text = plan_build(request(nested_batch_flow, {"batch.job_queue": "work"})).files[TEMPLATE].decode()
    broken = re.sub(*FAULTS[fault], text)
    assert broken != text
    assert complaints(broken)
