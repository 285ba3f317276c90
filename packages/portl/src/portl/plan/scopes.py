"""What the names in expressions mean, and whether they mean anything.

Stage: references of one step + what came before it → mistakes, and which results are used. Touches nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from ..template.check import Reference

RESERVED = frozenset({"steps", "run", "item", "idx", "env", "params"})
RUN = ("id", "job", "params", "started_at")
READERS = frozenset({"csv.read", "db.read", "sheets.read"})


@dataclass
class Seen:
    """What the steps so far have left behind."""

    order: list[str] = field(default_factory=list)
    """Ids of the steps before, in order."""
    steps: dict[str, Any] = field(default_factory=dict)
    """`{id: step}` of the steps before."""
    names: dict[str, str] = field(default_factory=dict)
    """`{save_as: id}`."""
    items: dict[str, dict[str, str]] = field(default_factory=dict)
    """`{source: {save_as: id}}` of batched steps."""
    later: frozenset[str] = frozenset()
    """Ids of all steps of the job."""
    broken: frozenset[str] = frozenset()
    """Ids of steps that cannot be looked at because of mistakes in them."""
    used: set[str] = field(default_factory=set)
    """Ids of steps whose results are referred to."""
    params: set[str] = field(default_factory=set)
    """Parameters that are referred to."""


@dataclass(frozen=True)
class Place:
    """Where an expression stands."""

    alias: str | None
    """What the item is called; None outside batches."""
    items: Mapping[str, str]


def outputs(step: Any) -> list[str]:
    """What `steps.<id>.` can be followed by."""
    names = ["rows", "columns"] if step.type in READERS else []
    return [step.save_as, *names] if step.save_as and step.save_as not in names else names


def unknown(reference: Reference, place: Place, seen: Seen) -> tuple[str, str] | None:
    """What is wrong with a reference, and a hint; None for one that means something, which is noted as used."""
    root = reference.path[0]
    if place.alias is not None and root in (place.alias, "idx"):
        return None
    if root == "steps":
        return _step(reference, seen)
    if root == "item":
        return _item(reference, place, seen)
    if root == "run":
        return _run(reference, seen)
    if root in seen.names:
        seen.used.add(seen.names[root])
        return None
    if seen.broken:
        return None
    known = [*seen.names, "steps", "run", *(["item", "idx", place.alias] if place.alias else [])]
    if root == "env":
        return "Expressions cannot read the environment.", "Give the value to the job as a parameter: params."
    if place.alias is None and root in ("row", "idx"):
        return f"There is no '{root}' here: the step has no batch.", "Give it one: batch: {from: …, as: row}."
    close = get_close_matches(root, known, n=1)
    return f"There is no '{root}' here.", f"Did you mean '{close[0]}'?" if close else f"There are: {', '.join(known)}."


def _step(reference: Reference, seen: Seen) -> tuple[str, str] | None:
    path = reference.path
    if len(path) == 1:
        return "'steps' needs the name of a step.", "Write: steps.<id>.<save_as>."
    name = path[1]
    if name in seen.broken:
        return None
    if name not in seen.steps:
        if name in seen.later:
            return f"The step '{name}' comes later.", "A step sees the results of the steps before it."
        close = get_close_matches(name, seen.order, n=1)
        before = ", ".join(seen.order) or "none"
        hint = f"Did you mean '{close[0]}'?" if close else f"Steps before this one: {before}."
        return f"There is no step '{name}'.", hint
    known = outputs(seen.steps[name])
    if not known:
        return f"The step '{name}' keeps no result.", "Give it one: save_as: …"
    if len(path) == 2 or path[2] not in known:
        what = f"'steps.{name}' has no '{path[2]}'." if len(path) > 2 else f"'steps.{name}' needs the name of a result."
        return what, f"There are: {', '.join(known)}."
    seen.used.add(name)
    return None


def _item(reference: Reference, place: Place, seen: Seen) -> tuple[str, str] | None:
    if place.alias is None:
        return "There is no 'item' here: the step has no batch.", "Give it one: batch: {from: …, as: row}."
    if len(reference.path) == 1:
        return "'item' needs the name of a result.", _list("There are", place.items)
    name = reference.path[1]
    if name in place.items:
        seen.used.add(place.items[name])
        return None
    if seen.broken:
        return None
    if name in seen.names:
        hint = f"Use steps.{seen.names[name]}.{name} for the whole result."
        return f"'item.{name}' is the result of a step that works on other items.", hint
    close = get_close_matches(name, list(place.items), n=1)
    return f"There is no 'item.{name}'.", f"Did you mean 'item.{close[0]}'?" if close else _list(
        "There are", place.items
    )


def _run(reference: Reference, seen: Seen) -> tuple[str, str] | None:
    path = reference.path
    if len(path) == 1 or path[1] not in RUN:
        return f"'run' has no '{path[1]}'." if len(path) > 1 else "'run' needs a name.", f"There are: {', '.join(RUN)}."
    if path[1] == "params" and len(path) > 2:
        seen.params.add(path[2])
    return None


def _list(words: str, names: Mapping[str, str]) -> str:
    return f"{words}: {', '.join(names)}." if names else "No step before this one keeps a result for each item."


def clashes(step: Any, source: str | None, alias: str | None, seen: Seen) -> Iterator[tuple[str, str, str]]:
    """What is wrong with the names that a step gives: field, sentence, hint."""
    if step.id in seen.steps:
        yield "id", f"There is a step '{step.id}' already.", "Ids are unique, inside conditionals too."
    for name_field, name in (("save_as", step.save_as), ("batch", alias)):
        if name in RESERVED:
            yield name_field, f"'{name}' has a meaning of its own.", "Choose another name."
    if step.save_as and source is not None and step.save_as in seen.items.get(source, {}):
        other = seen.items[source][step.save_as]
        yield "save_as", f"'item.{step.save_as}' is the result of step '{other}' already.", "Choose another name."
