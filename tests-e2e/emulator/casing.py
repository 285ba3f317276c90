"""Names of fields as one API has them and another wants them: `jobName` and `JobName`. Pure."""

from __future__ import annotations

from typing import Any

_AS_GIVEN = {"parameters", "tags", "options"}
"""Maps whose keys are the user's own."""


def pascal(value: Any) -> Any:
    """`value` with every key beginning with a capital, as CloudFormation and Step Functions write it."""
    return _recased(value, str.upper)


def camel(value: Any) -> Any:
    """`value` with every key beginning with a small letter, as the service itself writes it."""
    return _recased(value, str.lower)


def _recased(value: Any, first: Any) -> Any:
    if isinstance(value, list):
        return [_recased(one, first) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        first(key[:1]) + key[1:]: one if key.lower() in _AS_GIVEN else _recased(one, first)
        for key, one in value.items()
    }
