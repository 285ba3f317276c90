"""checkov's judgement of every kind of template: nothing but what `checkov-accepted.yaml` names and justifies."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from lokki_builder.plan import TEMPLATE, plan_build

from ..cfn.flows import batch_flow, request
from ..cfn.variants import pairwise

pytestmark = pytest.mark.timeout(900)
"""It imports much, and reads every template of the variants."""

ACCEPTED: dict[str, dict[str, str]] = yaml.safe_load(
    Path(__file__).parents[2].joinpath("checkov-accepted.yaml").read_text(encoding="utf-8")
)

Found = set[tuple[str, str, str]]
"""(check, logical id, file)."""


def judge(folder: Path) -> Found:
    """What checkov has against the templates in `folder`."""
    options = ["--framework", "cloudformation", "--quiet", "--compact", "--skip-download", "--output", "json"]
    command = [str(Path(sys.executable).with_name("checkov")), "--directory", str(folder), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["resource_count"] > 0
    failed = report["results"]["failed_checks"]
    return {(one["check_id"], one["resource"].split(".")[-1], Path(one["file_path"]).name) for one in failed}


def is_accepted(check: str, resource: str) -> bool:
    return check in ACCEPTED and re.fullmatch(ACCEPTED[check]["resources"], resource) is not None


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    folder = tmp_path_factory.mktemp("templates")
    for number, variant in enumerate(pairwise()):
        folder.joinpath(f"{number:02}.yaml").write_bytes(plan_build(variant.request()).files[TEMPLATE])
    return judge(folder)


def test_checkov_finds_only_what_is_accepted(found: Found) -> None:
    assert {one for one in found if not is_accepted(*one[:2])} == set()


def test_nothing_is_accepted_that_no_template_needs(found: Found) -> None:
    assert set(ACCEPTED) == {check for check, _, _ in found}


def test_each_accepted_finding_says_why() -> None:
    assert all(len(entry["why"]) > 60 for entry in ACCEPTED.values())


FAULTS = {
    "CKV_AWS_66": (r"RetentionInDays: 30", "KmsKeyId: some"),
    "CKV_AWS_45": (r"LOKKI_LOG_LEVEL: INFO", "AWS_SECRET_ACCESS_KEY: wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    "CKV_AWS_60": (r"Service: lambda.amazonaws.com", "AWS: '*'"),
    "CKV_AWS_62": (r"- xray:PutTelemetryRecords\n", "- '*'\n"),
    "CKV_AWS_107": (r"- xray:PutTelemetryRecords\n", "- sts:GetFederationToken\n"),
}
"""{check: a fault it is there to find}."""


def test_checkov_would_find_faults(tmp_path: Path) -> None:
    text = plan_build(request(batch_flow, {"batch.job_queue": "work"})).files[TEMPLATE].decode()
    for check, (pattern, fault) in FAULTS.items():
        broken = re.sub(pattern, fault, text)
        assert broken != text, check
        tmp_path.joinpath(f"{check}.yaml").write_text(broken, encoding="utf-8")
    unexpected = {(check, file) for check, resource, file in judge(tmp_path) if not is_accepted(check, resource)}
    assert {(check, f"{check}.yaml") for check in FAULTS} <= unexpected
