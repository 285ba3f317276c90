"""Access to the KMS key of the configuration, however it is named: id, alias or ARN. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from .yaml import Properties, Value, arn, literal, sub


def use_key(key: str, actions: Sequence[str]) -> list[Value]:
    """The statement that allows `actions` with the key; none without a key."""
    if not key:
        return []
    statement: Properties = {"Sid": "UseKey", "Effect": "Allow", "Action": list(actions)}
    alias = _alias(key)
    if alias:
        # A policy cannot name an alias as its resource, only as a condition.
        condition = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias}}
        return [statement | {"Resource": [sub(_keys(key))], "Condition": condition}]
    return [statement | {"Resource": [key if key.startswith("arn:") else sub(arn("kms", f"key/{literal(key)}"))]}]


def _alias(key: str) -> str:
    """`alias/data` of an alias or its ARN; empty for a key."""
    name = key.split(":", 5)[-1]
    return name if name.startswith("alias/") else ""


def _keys(alias: str) -> str:
    """Every key of the account and region an alias belongs to, as text for Sub."""
    if not alias.startswith("arn:"):
        return arn("kms", "key/*")
    region, account = alias.split(":")[3:5]
    return arn("kms", "key/*", region=region, account=account)
