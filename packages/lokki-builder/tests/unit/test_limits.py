"""The table of limits, and findings that carry their numbers."""

from __future__ import annotations

import pytest
from lokki_builder.errors import LimitError
from lokki_builder.limits import LIMITS, Finding, check, check_text, enforce


def test_what_is_within_a_limit_is_no_finding() -> None:
    assert check("state_name", 80, "x") == check("state_name", 1, "x") == check("lambda_memory", 128, "x") == []


@pytest.mark.parametrize(
    ("name", "found", "text"),
    [
        ("state_name", 81, "81 characters, but the name of a state may take at most 80 characters"),
        ("definition", 2_000_000, "2,000,000 bytes, but a definition may take at most 1,048,576 bytes"),
        ("batch_timeout", 30, "30 seconds, but the timeout of a Batch job may take at least 60 seconds"),
        ("lambda_memory", 127.5, "127.5 MiB, but the memory of a Lambda function may take at least 128 MiB"),
    ],
)
def test_a_finding_names_the_number_of_the_limit(name: str, found: float, text: str) -> None:
    (finding,) = check(name, found, "x")
    assert finding.text == f"x: {text} ({LIMITS[name].source})."


def test_a_hint_follows_the_finding() -> None:
    assert check("state_name", 81, "x", "Rename it.")[0].text.endswith("(Step Functions quotas). Rename it.")


def test_texts_are_measured_in_the_limits_own_unit() -> None:
    assert check_text("map_label", "ä" * 40, "x") == []
    assert check_text("lambda_env", "ä" * 2_049, "x")[0].found == 4_098


def test_all_findings_are_raised_as_one_error() -> None:
    enforce("birds-flow", [])
    findings = [*check("state_name", 81, "one"), *check("map_label", 41, "two")]
    with pytest.raises(LimitError) as caught:
        enforce("birds-flow", iter(findings))
    assert caught.value.findings == tuple(findings)
    assert str(caught.value) == f"flow 'birds-flow' has 2 mistakes:\n  {findings[0].text}\n  {findings[1].text}"
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("name", LIMITS)
def test_every_limit_can_be_told(name: str) -> None:
    limit = LIMITS[name]
    assert limit.source
    assert 0 <= limit.least < limit.value
    assert f"{limit.value:,}" in Finding(limit, "x", limit.value + 1).text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("state_name", 80),
        ("map_label", 40),
        ("definition", 1024**2),
        ("state_data", 256 * 1024),
        ("history", 25_000),
        ("express_time", 300),
        ("map_concurrency", 10_000),
        ("lambda_timeout", 900),
        ("lambda_env", 4096),
        ("batch_overrides", 8192),
        ("batch_job_name", 128),
        ("scheduler_name", 64),
        ("template_inline", 51_200),
        ("template_resources", 500),
        ("params", 16_384),
        ("params_batch", 4096),
    ],
)
def test_the_numbers_are_aws_own(name: str, value: int) -> None:
    assert LIMITS[name].value == value
