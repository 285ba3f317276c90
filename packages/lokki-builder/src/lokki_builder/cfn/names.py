"""The physical names a template gives, and their lengths.

Input: names of steps and the flow's name. Output: names, and findings as text. Pure.

A physical name is `${FlowName}` and a suffix, so that the same flow can be deployed several times in an account.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..limits import check_text

NAME_PATTERN = "[A-Za-z0-9][A-Za-z0-9_-]*"
"""What FlowName may be."""

KINDS = {
    "Lambda function": ("lambda_name", 64),
    "state machine": ("state_machine_name", 80),
    "schedule": ("scheduler_name", 64),
    "Batch job definition": ("batch_job_name", 128),
    "EventBridge rule": ("scheduler_name", 64),
}
"""{what bears a name: (its limit in LIMITS, the characters it allows)}."""


def stack_name(flow_name: str, environment: str) -> str:
    """FlowName's default: `birds-flow`, or `birds-flow-dev` in the environment `dev`."""
    return f"{flow_name}-{environment}" if environment else flow_name


def physical(name: str) -> str:
    """A step's name inside physical names: what AWS does not allow becomes a hyphen."""
    return re.sub(r"[^0-9A-Za-z_-]", "-", name)


def function_name(name: str) -> str:
    """A function's physical name, for `Fn::Sub`: `${FlowName}-get_birds`."""
    return f"${{FlowName}}-{physical(name)}"


def misnamed(flow_name: str) -> list[str]:
    """What is wrong with the characters of a flow's name; nothing, or one finding."""
    if re.fullmatch(NAME_PATTERN, flow_name):
        return []
    return [f"flow '{flow_name}': AWS needs names of ASCII letters, digits and hyphens. Rename the flow's function."]


def too_long(flow_name: str, suffixes: Iterable[tuple[str, str]]) -> list[str]:
    """One finding for each name that is longer than its kind allows.

    `suffixes` are (kind, what follows the flow's name); a kind is one of KINDS.
    """
    findings = []
    for kind, suffix in suffixes:
        name = flow_name + suffix
        hint = f"Shorten the name of the {'step' if suffix else 'flow'}, or aws.environment."
        findings += [f.text for f in check_text(KINDS[kind][0], name, f"{kind} '{name}'", hint)]
    return findings


def room(suffixes: Iterable[tuple[str, str]]) -> int:
    """How long FlowName may be, so that every name built from it is within its limit."""
    return max(1, min((KINDS[kind][1] - len(suffix) for kind, suffix in suffixes), default=80))
