"""Fetches secrets into the environment before the flow's code is imported.

Input: {variable: ARN}. Output: {variable: value}. Calls AWS; boto3 is imported only here, and only for secrets.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from .errors import SecretError

KEY_MARK = ":SecretString:"

MakeClient = Callable[[str, str], Any]
"""(service, region) to a boto3 client."""


def fetch_secrets(arns: Mapping[str, str], make_client: MakeClient) -> dict[str, str]:
    """{variable: value} of secrets in Secrets Manager and parameters of Systems Manager, each fetched once.

    `ARN:SecretString:<key>` is one key of a secret that holds a JSON object. Raises SecretError.
    """
    texts: dict[str, str] = {}
    values = {}
    for name, given in arns.items():
        arn, _, key = given.partition(KEY_MARK)
        if arn not in texts:
            texts[arn] = _fetch(name, arn, make_client)
        values[name] = _pick(name, arn, texts[arn], key) if key else texts[arn]
    return values


def boto3_client(endpoint: str | None) -> MakeClient:
    """A maker of real clients. They raise SecretError where boto3 is missing."""

    def make(service: str, region: str) -> Any:
        try:
            import boto3  # noqa: PLC0415  # half a second that only functions with secrets pay
        except ImportError as error:
            raise SecretError(
                "secrets need boto3, which is not in this image.",
                hint="Add lokki-runtime[secrets] to the dependencies.",
            ) from error
        return boto3.client(service, region_name=region or None, endpoint_url=endpoint)

    return make


def _fetch(name: str, arn: str, make_client: MakeClient) -> str:
    service, region = (arn.split(":") + [""] * 4)[2:4]
    try:
        if service == "ssm":
            found = make_client("ssm", region).get_parameters(Names=[arn], WithDecryption=True)
            return str(found["Parameters"][0]["Value"])
        return str(make_client("secretsmanager", region).get_secret_value(SecretId=arn)["SecretString"])
    except SecretError:
        raise
    except (KeyError, IndexError) as error:
        raise SecretError(f"{name}: {arn} holds no text.", hint="Store the secret as text, not as bytes.") from error
    except Exception as error:  # what boto3 raises is only known to boto3
        raise SecretError(
            f"{name}: {arn} cannot be fetched ({error}).",
            hint="Check the ARN and that the function's role may read it.",
        ) from error


def _pick(name: str, arn: str, text: str, key: str) -> str:
    try:
        value = json.loads(text)[key]
    except (ValueError, KeyError, TypeError) as error:
        raise SecretError(f"{name}: {arn} holds no JSON object with the key '{key}'.") from error
    return value if isinstance(value, str) else json.dumps(value)
