"""Puts new steps into a job that is there: lines are added, and every other byte stays as it is, comments too.

Stage: text of a job + `Parts` → text. Pure. The result is read again, and is refused unless it is the old job with the
new parts and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from ..errors import CommandLineError
from ..model.yaml import load
from .emit import block
from .job import Existing, Parts


@dataclass(frozen=True)
class _Place:
    """Where lines are put in, and how far they are indented."""

    index: int
    indent: int


def existing_of(text: str, file: str) -> Existing:
    """What the job in `text` has. Raises JobSpecError, CommandLineError."""
    data, _, _ = load(text, file)
    if not isinstance(data, dict) or not isinstance(data.get("steps"), list):
        hint = "Choose another file; 'portl migrate' turns older jobs into steps."
        raise CommandLineError(f"{file}: this is no job with steps, so none can be appended.", hint=hint)
    connections = data.get("connections")
    return Existing(connections if isinstance(connections, dict) else {}, frozenset(_ids(data["steps"])))


def _ids(steps: Any) -> Iterator[str]:
    """Ids of the steps, those inside others too, and the names of results, which share their space."""
    for step in steps if isinstance(steps, list) else ():
        if isinstance(step, dict):
            yield from (step[name] for name in ("id", "save_as") if isinstance(step.get(name), str))
            for branch in ("then", "else"):
                yield from _ids(step.get(branch))


def appended(text: str, parts: Parts, file: str) -> str:
    """The job in `text` with the steps of `parts` and the connections it lacks. Raises CommandLineError."""
    old, _, _ = load(text, file)
    root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    assert isinstance(root, yaml.MappingNode)  # noqa: S101  # existing_of has looked
    lines: list[tuple[int, list[str]]] = []
    nodes = {key.value: (key, value) for key, value in root.value}
    start = _line_start(text, nodes["steps"][0].start_mark.index)
    head = _before_comments(text, start)
    if parts.connections:
        if isinstance(old.get("connections"), dict) and old["connections"]:
            place = _end_of(text, nodes["connections"][1], "connections", file)
            lines.append((place.index, list(block(parts.connections, place.indent))))
        elif "connections" in nodes:
            raise _unclear("connections", file)
        else:
            lines.append((head, list(block({"connections": parts.connections}))))
    transaction = parts.transaction if "transaction" not in old else None
    if transaction is not None:
        lines.append((head, list(block({"transaction": {"connection": transaction}}))))
    place = _end_of(text, nodes["steps"][1], "steps", file)
    lines.append((place.index, list(block(parts.steps, place.indent))))
    result = _inserted(text, lines)
    _require(result, old, parts, transaction, file)
    return result


def _end_of(text: str, node: yaml.Node, name: str, file: str) -> _Place:
    """Behind the last line of a block, before the comments and empty lines that follow it."""
    if not isinstance(node, yaml.MappingNode | yaml.SequenceNode) or node.flow_style:
        raise _unclear(name, file)
    index = max(_leaves(node), default=node.start_mark.index)
    before = text[:index]
    if before.endswith("\n"):  # a text of several lines ends behind its empty lines
        index = len(before.rstrip()) + 1
        return _Place(min(index, len(text)), node.start_mark.column)
    end = text.find("\n", index)
    return _Place(len(text) if end < 0 else end + 1, node.start_mark.column)


def _leaves(node: yaml.Node) -> Iterator[int]:
    """Where each value inside ends that stands in the text itself."""
    if isinstance(node, yaml.ScalarNode) or (isinstance(node, yaml.CollectionNode) and node.flow_style):
        yield node.end_mark.index
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _leaves(key)
            yield from _leaves(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _leaves(item)


def _line_start(text: str, index: int) -> int:
    return text.rfind("\n", 0, index) + 1


def _before_comments(text: str, index: int) -> int:
    """The start of the comment lines right above a line."""
    while index > 0:
        above = _line_start(text, index - 1)
        if not text[above:index].startswith("#"):
            break
        index = above
    return index


def _inserted(text: str, lines: list[tuple[int, list[str]]]) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    for index, new in sorted(lines, key=lambda item: item[0], reverse=True):
        before, after = text[:index], text[index:]
        gap = "" if not before or before.endswith("\n") else newline
        text = before + gap + "".join(line + newline for line in new) + after
    return text


def _require(text: str, old: dict[str, Any], parts: Parts, transaction: str | None, file: str) -> None:
    """Raises CommandLineError unless `text` is the old job and the new parts."""
    expected = {**old, "steps": [*old["steps"], *parts.steps]}
    if parts.connections:
        expected["connections"] = {**(old.get("connections") or {}), **parts.connections}
    if transaction is not None:
        expected["transaction"] = {"connection": transaction}
    try:
        found, _, findings = load(text, file)
    except Exception as error:
        raise _unclear("steps", file) from error
    if found != expected or findings:
        raise _unclear("steps", file)


def _unclear(name: str, file: str) -> CommandLineError:
    hint = "Write each of its entries on lines of their own, or choose another file."
    return CommandLineError(f"{file}: portl cannot tell where to add to '{name}'.", hint=hint)


def is_job(text: str) -> bool:
    """Whether a text has steps at its outermost level; a glance, for questions."""
    return re.search(r"^steps\s*:", text, re.MULTILINE) is not None
