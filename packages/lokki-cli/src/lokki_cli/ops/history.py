"""The record of a flow's deployments, in the order they were made: what `rollback` goes back along.

Each deployment writes one small object `<flow>/artifacts/deployments/<time>-<template>.json`, after it succeeded, and
none is ever changed: the keys' order is the order deployed. The templates lie beside them, in `artifacts/templates/`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from lokki_builder.image.digest import LENGTH, digest

from ..aws.artifacts import Bucket
from ..aws.names import Names

FORMAT = 1
MOST_READ = 100
"""Records that are looked at: the last ones."""


@dataclass(frozen=True)
class Deployment:
    """One deployment that succeeded."""

    id: str
    """Its time and the beginning of its template's hash: `20260115T103000.123456Z-1f3e…`."""
    at: str
    """When, in ISO 8601, UTC."""
    template: str
    """The template's hash."""
    parameters: Mapping[str, str]
    """The template's parameters."""
    by: str
    """Who: an ARN."""
    restores: str = ""
    """The id of the deployment that this one, a rollback, went back to; empty for a deployment of its own."""

    @property
    def content(self) -> tuple[str, Mapping[str, str]]:
        """What decides about the stack: equal contents, equal stack."""
        return self.template, self.parameters


def template_hash(text: str) -> str:
    """What a template is called in the bucket."""
    return digest(text.encode())[:LENGTH]


def made(at: datetime, template: str, parameters: Mapping[str, str], by: str, restores: str = "") -> Deployment:
    """The record of a deployment at a moment in UTC."""
    id = f"{at:%Y%m%dT%H%M%S.%fZ}-{template[:12]}"
    return Deployment(id, at.isoformat(), template, dict(parameters), by, restores)


def write(bucket: Bucket, names: Names, deployment: Deployment) -> None:
    """Add a record."""
    document = {"format": FORMAT, **asdict(deployment)}
    content = json.dumps(document, indent=2).encode()
    bucket.put(f"{names.history}{deployment.id}.json", content, "application/json")


def read(bucket: Bucket, names: Names) -> list[Deployment]:
    """The last records, the oldest first. One that cannot be read is left out."""
    keys = bucket.keys(names.history)[-MOST_READ:]
    found = (_parsed(bucket.get(key)) for key in keys if key.endswith(".json"))
    return [deployment for deployment in found if deployment is not None]


def deployed(history: Sequence[Deployment], current: str) -> Deployment | None:
    """The record of what the stack has now; None where something else went over it.

    `current` is the hash of the template the stack has now.
    """
    return history[-1] if history and history[-1].template == current else None


def before(history: Sequence[Deployment], current: str) -> Deployment | None:
    """What a rollback goes back to; None where there is nothing.

    `current` is the hash of the template the stack has now. After a rollback, a further one goes on from where that
    one went; a stack that has something else than the last record says goes back to what the last record says.
    """
    if not history:
        return None
    last = history[-1]
    if deployed(history, current) is None:
        return last
    place = next((i for i, one in enumerate(history) if one.id == last.restores), len(history) - 1)
    earlier = [one for one in history[:place] if one.content != last.content]
    return earlier[-1] if earlier else None


def _parsed(content: bytes) -> Deployment | None:
    try:
        document: dict[str, Any] = json.loads(content)
        if document.pop("format") != FORMAT:
            return None
        return Deployment(**document)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
