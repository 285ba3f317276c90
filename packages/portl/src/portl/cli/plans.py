"""Shows a dry run's plan."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from .. import jsontext
from ..engine.preview import Preview, StepPreview
from ..errors import PortlError
from ..logging import plain
from ..secrets import Masker
from . import ui


class WouldFailError(PortlError):
    """A dry run found what would fail."""


def show(preview: Preview, masker: Masker, *, as_json: bool) -> None:
    """Print a plan. Raises WouldFailError where the job would fail."""
    if as_json:
        ui.out(json.dumps(plain(masker.value(asdict(preview))), indent=2, ensure_ascii=False))
    else:
        for line in lines(preview):
            ui.out(masker.text(line))
    if preview.errors:
        raise WouldFailError("\n".join(["this would fail:", *preview.errors]))


def lines(preview: Preview) -> Iterator[str]:
    """The plan as text."""
    on = f", transaction on '{preview.connection}'" if preview.connection else ""
    yield f"Plan of '{preview.job}' ({preview.level} dry run{on}). Nothing is written, nothing is called."
    phase = ""
    for step in preview.steps:
        if step.phase != phase and step.inside is None:
            phase = step.phase
            yield f"\n{phase}"
        yield from _step(step)
    if preview.hooks:
        yield "\nhooks, which a dry run does not start"
        yield from (f"  {hook}" for hook in preview.hooks)
    for note in preview.notes:
        yield f"\nnote: {note}"


def _step(step: StepPreview) -> Iterator[str]:
    indent = "    " if step.inside else "  "
    on = f" on {step.connection}" if step.connection else ""
    inside = f" (in {step.inside})" if step.inside else ""
    yield f"{indent}{step.step_id}: {step.type}{on}{inside}"
    if step.condition:
        yield f"{indent}    when {step.condition}"
    for statement in step.statements:
        yield f"{indent}    {' '.join(statement.split())}"
    for item in step.items:
        yield from (f"{indent}    {line}" for line in _item(item))


def _item(item: Mapping[str, Any]) -> Iterator[str]:
    index = item.get("idx")
    head = "each item" if "idx" in item and index is None else f"item {index}" if "idx" in item else ""
    facts = [f"{name}: {shown(value)}" for name, value in item.items() if name != "idx"]
    if facts:
        yield f"{head}{' | ' if head else ''}{' | '.join(facts)}"


def shown(value: Any) -> str:
    """A value in one line."""
    if isinstance(value, str):
        return value
    try:
        return jsontext.dumps(value)
    except ValueError:
        return json.dumps(plain(value), ensure_ascii=False)
