"""Configurations in which each pair of choices occurs together: what the judges get to see."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lokki_builder.request import BuildRequest

from .flows import BODIES, batch_flow, line_flow, nested_batch_flow, nested_flow, open_flow, plain_flow, request

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/0f7a6f2e-1f6d-4f3a-9a57-1b7f2c3d4e5f"
SECRET = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:db-AbCdEf"
PARAMETER = f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/lokki/token"
TOPIC = f"arn:aws:sns:eu-west-1:{ACCOUNT}:failures"
QUEUE = f"arn:aws:batch:eu-west-1:{ACCOUNT}:job-queue/work"

Values = dict[str, object]

NETWORK: Values = {
    "batch.subnets": ["subnet-0123456789abcdef0"],
    "batch.security_groups": ["sg-0123456789abcdef0"],
}

CHOICES: dict[str, dict[str, Values]] = {
    "package": {
        "image": {},
        "zip": {"lambda.package_type": "zip", "batch.image": f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/jobs:1"},
    },
    "queue": {
        "none": {},
        "existing": {"batch.job_queue": QUEUE},
        "by name": {"batch.job_queue": "work", "batch.job_definition_name": "crunch:3"},
        "created": {"batch.create_environment": True, **NETWORK},
    },
    "vpc": {
        "no": {},
        "yes": {
            "lambda.vpc.subnets": ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"],
            "lambda.vpc.security_groups": ["sg-0123456789abcdef0"],
        },
    },
    "kms": {"no": {}, "arn": {"aws.kms_key": KEY}, "alias": {"aws.kms_key": "alias/data"}},
    "schedule": {"no": {}, "cron": {}, "zoned": {}},
    "secrets": {
        "no": {},
        "yes": {"secrets.secret_arns": {"DB": f"{SECRET}:SecretString:password", "ALL": SECRET, "TOKEN": PARAMETER}},
    },
    "roles": {
        "generated": {},
        "given": {"aws.roles.pipeline": f"{ROLE}sfn", "aws.roles.lambda": f"{ROLE}fn", "aws.roles.batch": f"{ROLE}job"},
    },
    "topic": {"no": {}, "yes": {"aws.failure_topic": TOPIC}},
    "maps": {"none": {}, "one": {}, "open": {}, "nested": {}},
    "rest": {
        "bare": {},
        "full": {
            "aws.environment": "dev",
            "aws.artifact_bucket": "some-bucket",
            "aws.image_repository": f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/team/flows",
            "aws.tags": {"team": "data"},
            "aws.policies": [
                {
                    "Effect": "Allow",
                    "Action": ["dynamodb:GetItem"],
                    "Resource": [f"arn:aws:dynamodb:*:{ACCOUNT}:table/t"],
                }
            ],
            "lambda.architecture": "arm64",
            "lambda.python": "3.13",
            "lambda.env": {"LEVEL_OF_DETAIL": "1"},
            "batch.env": {"B": "${not a parameter}"},
        },
    },
}
"""{factor: {choice: configuration values}}."""

SCHEDULES: dict[str, dict[str, str]] = {
    "no": {},
    "cron": {"schedule": "cron(0 6 * * ? *)"},
    "zoned": {"schedule": "rate(2 hours)", "timezone": "Europe/Helsinki"},
}


@dataclass(frozen=True)
class Variant:
    """One choice of each factor."""

    choices: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """What a test is called."""
        return ",".join(f"{factor}={choice}" for factor, choice in self.choices).replace(" ", "_")

    def request(self) -> BuildRequest:
        """What to build."""
        chosen = dict(self.choices)
        values: Values = {}
        for factor, choice in self.choices:
            values |= CHOICES[factor][choice]
        return request(_body(chosen), values, **_schedule(chosen))


def pairwise() -> list[Variant]:
    """Few variants in which each two choices of different factors meet; the same ones each time."""
    missing = set(_pairs(CHOICES))
    chosen: list[Variant] = []
    while missing:
        best = max(_candidates(sorted(missing)), key=lambda variant: len(_met(variant) & missing))
        chosen.append(best)
        missing -= _met(best)
    return chosen


def _body(chosen: dict[str, str]) -> Any:
    on_batch = chosen["queue"] != "none"
    if chosen["maps"] == "nested":
        return nested_batch_flow if on_batch else nested_flow
    if on_batch:
        return batch_flow
    return {"none": line_flow, "one": plain_flow, "open": open_flow}[chosen["maps"]]


def _schedule(chosen: dict[str, str]) -> dict[str, Any]:
    return dict(SCHEDULES[chosen["schedule"]])


Pair = tuple[tuple[str, str], tuple[str, str]]


def _pairs(choices: dict[str, dict[str, Values]]) -> Iterator[Pair]:
    for one, other in itertools.combinations(choices, 2):
        for left, right in itertools.product(choices[one], choices[other]):
            yield (one, left), (other, right)


def _candidates(missing: list[Pair]) -> Iterator[Variant]:
    """Variants that begin with one missing pair each and add, factor by factor, the choice that meets most."""
    wanted = set(missing)
    for pair in missing[:: max(1, len(missing) // 12)]:
        picked = dict(pair)
        for factor in CHOICES:
            if factor not in picked:
                picked[factor] = max(CHOICES[factor], key=lambda c: len(_met_by({**picked, factor: c}) & wanted))
        yield Variant(tuple((factor, picked[factor]) for factor in CHOICES))


def _met(variant: Variant) -> set[Pair]:
    return _met_by(dict(variant.choices))


def _met_by(picked: dict[str, str]) -> set[Pair]:
    ordered = [(factor, picked[factor]) for factor in CHOICES if factor in picked]
    return set(itertools.combinations(ordered, 2))


__all__ = ["ACCOUNT", "BODIES", "CHOICES", "Variant", "pairwise"]
