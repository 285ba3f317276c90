"""The environment of functions and jobs: lokki's own variables, the configuration's, the step's own above them.

Input: a Stack and a Step. Output: variables, and findings as text. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from lokki.wire import WIRE_VERSION

from ..limits import check
from .secrets import secrets_variable
from .stack import Stack, Step
from .yaml import Intrinsic, Value, ref

BUCKET_LENGTH = 63
"""The longest name of a bucket, in characters."""

_LAMBDA_OWN = re.compile(
    r"_HANDLER|_X_AMZN_TRACE_ID|AWS_(DEFAULT_)?REGION|AWS_EXECUTION_ENV|AWS_LAMBDA_.+|AWS_ACCESS_KEY(_ID)?"
    r"|AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN|LAMBDA_TASK_ROOT|LAMBDA_RUNTIME_DIR"
)
"""Names Lambda keeps for itself and refuses."""

_LAMBDA_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]+")

_LOKKI_OWN = re.compile(r"LOKKI_(WIRE_VERSION|FLOW_NAME|NODE|ARTIFACT_BUCKET|KMS_KEY|SECRETS|EVENT)")
"""Names that tell the runtime what to do."""


def function_variables(stack: Stack, step: Step) -> dict[str, Value]:
    """{name: value} for a step's Lambda function, sorted by name."""
    secrets = secrets_variable(stack.config)
    own = _own(stack, step) | ({"LOKKI_SECRETS": secrets} if secrets else {})
    return _layered(own, stack.config.lambda_.env, step)


def job_variables(stack: Stack, step: Step) -> dict[str, Value]:
    """{name: value} for a step's Batch job, sorted by name. Its secrets come by another way."""
    return _layered(_own(stack, step), stack.config.batch.env, step)


def reserved(stack: Stack) -> list[str]:
    """One finding for each variable of the user's that is not the user's to set."""
    findings = []
    for where, names in _given(stack):
        for name in sorted(names):
            owner = "Lambda" if _LAMBDA_OWN.fullmatch(name) else "lokki" if _LOKKI_OWN.fullmatch(name) else ""
            if owner:
                findings.append(f"{where}: the variable {name} is set by {owner} itself. Use another name.")
    return findings + _misnamed(stack)


def _misnamed(stack: Stack) -> list[str]:
    """One finding for each variable whose name Lambda refuses."""
    names = {name for step in stack.functions for name in function_variables(stack, step)}
    refused = sorted(name for name in names if not _LAMBDA_NAME.fullmatch(name))
    rule = "begin with a letter and go on with letters, digits and underscores, two characters at least"
    return [f"the variable {name}: on Lambda names {rule}. Use another name." for name in refused]


def too_large(stack: Stack) -> list[str]:
    """One finding for each function whose environment is larger than Lambda allows."""
    findings = []
    for step in stack.functions:
        hint = "Shorten lambda.env, the step's env or the number of secrets; put large values into a file."
        size = variables_bytes(function_variables(stack, step), stack.name)
        findings += [f.text for f in check("lambda_env", size, f"the environment of step '{step.node}'", hint)]
    return findings


def variables_bytes(variables: Mapping[str, Value], flow_name: str) -> int:
    """Bytes of an environment, with the longest bucket name there can be."""
    return sum(len(name.encode()) + _value_bytes(value, flow_name) for name, value in variables.items())


def _own(stack: Stack, step: Step) -> dict[str, Value]:
    own: dict[str, Value] = {
        "LOKKI_WIRE_VERSION": str(WIRE_VERSION),
        "LOKKI_FLOW_NAME": ref("FlowName"),
        "LOKKI_NODE": step.node,
        "LOKKI_ARTIFACT_BUCKET": ref("S3Bucket"),
        "LOKKI_LOG_LEVEL": stack.config.logging.level,
    }
    key = stack.config.aws.kms_key
    return own | ({"LOKKI_KMS_KEY": key} if key else {})


def _layered(own: Mapping[str, Value], configured: Mapping[str, str], step: Step) -> dict[str, Value]:
    return dict(sorted({**own, **configured, **dict(step.options.env)}.items()))


def _given(stack: Stack) -> list[tuple[str, list[str]]]:
    """(where, names) of all variables the user set."""
    config = stack.config
    steps = [*stack.functions, *stack.jobs]
    return [
        ("lambda.env", list(config.lambda_.env)),
        ("batch.env", list(config.batch.env)),
        ("secrets.secret_arns", list(config.secrets.secret_arns)),
        *((f"step '{step.node}'", [name for name, _ in step.options.env]) for step in steps),
    ]


def _value_bytes(value: Value, flow_name: str) -> int:
    if isinstance(value, Intrinsic):
        return len(flow_name) if value == ref("FlowName") else BUCKET_LENGTH
    return len(str(value).encode())
