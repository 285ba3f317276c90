"""Texts that are evaluated: paths stand under `.$` keys and name what the state has, intrinsics fit, ARNs and
substitutions can be filled in."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from ..model import State
from ..states import SUBMIT
from .scopes import Found

TEMPLATES = (("Parameters",), ("ItemSelector",), ("ItemReader", "Parameters"), ("ResultWriter", "Parameters"))

_EVALUATED = re.compile(r"\$$|\$\.|\$\$\.|\$\[|States\.[A-Z]\w*\(")
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'")
_FORMAT = re.compile(r"States\.Format\('((?:[^'\\]|\\.)*)'((?:, ?\$[\w$.]*)*)\)\Z")
_INTRINSIC = re.compile(r"States\.(?:Format|JsonToString)\(.*\)\Z", re.DOTALL)
_REFERENCE = re.compile(r"\$\$?(?:\.\w+)*")
_SUBSTITUTION = re.compile(r"\$\{([^}]*)\}?")


def lint_templates(one: Found) -> Iterator[str]:
    """Faults of everything a state evaluates."""
    for path in TEMPLATES:
        template: Any = one.state
        for key in path:
            template = template.get(key, {}) if isinstance(template, dict) else {}
        for key, text in _pairs(template):
            yield from map(one.says, _pair(key, text))
            if key.endswith(".$") and isinstance(text, str):
                yield from map(one.says, _references(one, path[0], text))
    yield from map(one.says, _output_path(one))


def lint_substitutions(definition: State, known: Collection[str]) -> Iterator[str]:
    """Faults of `${...}` and of ARNs in any text of a definition."""
    for text in _texts(definition):
        if re.search(r"arn:aws\b", text):
            yield f"'{text}': the partition of an ARN is ${{Partition}}."
        for match in _SUBSTITUTION.finditer(text):
            if match[1] not in known or not match[0].endswith("}"):
                yield f"'{text}': nothing fills in {match[0]}."


def _pair(key: str, text: Any) -> Iterator[str]:
    if not key.endswith(".$"):
        if isinstance(text, str) and _EVALUATED.match(text):
            yield f"'{key}' is {text!r} to the letter; the key lacks '.$'."
    elif not isinstance(text, str) or not _EVALUATED.match(text):
        yield f"'{key}' is to be evaluated, but {text!r} is neither a path nor an intrinsic function."
    elif text.startswith("States."):
        yield from _intrinsic(text)


def _intrinsic(text: str) -> Iterator[str]:
    if not _INTRINSIC.match(text):
        yield f"{text!r} is not an intrinsic function that lokki writes."
    if text.startswith("States.Format("):
        match = _FORMAT.match(text)
        if match is None:
            yield f"{text!r} cannot be read."
        elif match[1].count("{}") != match[2].count(","):
            yield f"{text!r} has {match[1].count('{}')} places for {match[2].count(',')} values."


def _references(one: Found, field: str, text: str) -> Iterator[str]:
    for reference in _REFERENCE.findall(_QUOTED.sub("", text)):
        if reference.startswith("$$"):
            yield from _context(one, field, reference)
        elif not _in_state(one, reference):
            yield f"{reference} is not in the state here."


def _context(one: Found, field: str, reference: str) -> Iterator[str]:
    """Faults of a reference to the context object, which differs from place to place."""
    if reference == "$$.Execution.Name":
        if one.scope.depth:
            yield "$$.Execution is the child's own inside a map; take the run id from $.flow."
    elif reference == "$$.State.RetryCount":
        if one.state["Type"] != "Task":
            yield "$$.State.RetryCount means something only in a task."
    elif not (field == "ItemSelector" and re.match(r"\$\$\.Map\.Item\.Value\b", reference)):
        yield f"{reference} is not to be used here."


def _in_state(one: Found, reference: str) -> bool:
    root = reference.split(".")[1] if "." in reference else ""
    known = {"flow"} | ({"path", "row"} if one.scope.depth else set())
    if one.state["Type"] == "Pass":
        known |= {""} if one.scope.depth else {"", "resume", "params"}
    if one.state.get("Resource") == SUBMIT:
        known = {"event"}
    return root in known


def _output_path(one: Found) -> Iterator[str]:
    """A job gives the state back; a child ends with its path alone, so that its parameters are recorded once."""
    expected = "$.state" if one.state.get("Resource") == SUBMIT else "$"
    if one.scope.depth and one.state.get("End") is True:
        expected += ".path"
    if one.state.get("OutputPath", "$") != expected:
        yield f"OutputPath is {expected} here, not {one.state.get('OutputPath', '$')!r}."


def _pairs(template: Any) -> Iterator[tuple[str, Any]]:
    """Every key and value of a template, however deep."""
    if isinstance(template, dict):
        for key, value in template.items():
            yield key, value
            yield from _pairs(value)
    elif isinstance(template, list):
        for value in template:
            yield from _pairs(value)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from (key, *_texts(one))
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
