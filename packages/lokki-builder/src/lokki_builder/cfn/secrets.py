"""Secrets by ARN: what reads them, and how functions and jobs are told of them. A template never holds one. Pure.

The configuration says {variable: ARN} or {variable: `ARN:SecretString:key`}, of Secrets Manager or of a parameter of
Systems Manager.
"""

from __future__ import annotations

import json

from lokki.config import LokkiConfig

from .yaml import Value

_KEY_MARK = ":SecretString:"


def read_secrets(config: LokkiConfig) -> list[Value]:
    """Statements that allow to read exactly the configured secrets."""
    arns = sorted({secret_arn(value) for value in config.secrets.secret_arns.values()})
    parameters = [arn for arn in arns if is_parameter(arn)]
    secrets = [arn for arn in arns if not is_parameter(arn)]
    statements = []
    if secrets:
        statements.append(_read("ReadSecrets", "secretsmanager:GetSecretValue", secrets))
    if parameters:
        statements.append(_read("ReadParameters", "ssm:GetParameters", parameters))
    return statements


def secrets_variable(config: LokkiConfig) -> str:
    """LOKKI_SECRETS of a function: {variable: ARN} as JSON; empty for no secrets."""
    secrets = config.secrets.secret_arns
    return json.dumps(dict(sorted(secrets.items())), separators=(",", ":")) if secrets else ""


def job_secrets(config: LokkiConfig) -> list[Value]:
    """The Secrets of a job definition, by which Batch fills the job's environment."""
    named = sorted(config.secrets.secret_arns.items())
    return [{"Name": name, "ValueFrom": _value_from(value)} for name, value in named]


def secret_arn(value: str) -> str:
    """The ARN of a configured secret, without the key inside it."""
    return value.partition(_KEY_MARK)[0]


def is_parameter(arn: str) -> bool:
    """Whether it is a parameter of Systems Manager, and not of Secrets Manager."""
    return arn.split(":")[2:3] == ["ssm"]


def _value_from(value: str) -> str:
    """As Batch writes it: `ARN:key:version stage:version id`."""
    arn, _, key = value.partition(_KEY_MARK)
    return f"{arn}:{key}::" if key else arn


def _read(sid: str, action: str, arns: list[str]) -> Value:
    return {"Sid": sid, "Effect": "Allow", "Action": [action], "Resource": arns}
