"""Finds and parses the templates of a step.

Stage: a step's model → its templates by field, each expression with its place, and mistakes. Touches nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, get_args

from pydantic.fields import FieldInfo

from ..errors import Finding, TemplateError
from ..model.base import Templated
from ..model.steps import OnError
from ..model.yaml import Path, SourceMap
from ..template.check import mistakes
from ..template.sql import SqlTemplate, parse_sql
from ..template.syntax import Expr, Template, expressions, parse, parse_condition


@dataclass
class Parsed:
    """The templates of one step."""

    fields: dict[str, Template] = field(default_factory=dict)
    sql: SqlTemplate | None = None
    expressions: list[tuple[Expr, Path]] = field(default_factory=list)
    """Each expression with the path of the text it stands in."""
    findings: list[Finding] = field(default_factory=list)


def templates_of(step: Any, path: Path, source: SourceMap) -> Parsed:
    """The templates of a step, without those of its batch and of steps inside it."""
    parsed = Parsed()
    for name, info in type(step).model_fields.items():
        kind = kind_of(info)
        value = getattr(step, name)
        place = (*path, info.alias or name)
        if isinstance(value, OnError) and value.path is not None:
            add_value(parsed, f"{name}.path", value.path, (*place, "path"), source)
        if kind is None or value is None:
            continue
        if kind == "sql":
            _sql(parsed, step, path, source)
        elif kind == "condition":
            add_condition(parsed, name, value, place, source)
        else:
            add_value(parsed, name, value, place, source)
    return parsed


def kind_of(info: FieldInfo) -> str | None:
    """What the expressions in a field are for; None for a field without any."""
    marks = [
        *info.metadata,
        *(mark for part in get_args(info.annotation) for mark in getattr(part, "__metadata__", ())),
    ]
    return next((mark.kind for mark in marks if isinstance(mark, Templated)), None)


def add_value(parsed: Parsed, name: str, value: Any, path: Path, source: SourceMap) -> None:
    """Parse a YAML value as template `name`."""
    for place, text in texts(value, path):
        _attempt(parsed, place, source, lambda text=text: parse(text))
    try:
        parsed.fields[name] = parse(value)
    except TemplateError:
        return  # told above, with its place


def add_condition(parsed: Parsed, name: str, value: Any, path: Path, source: SourceMap) -> None:
    """Parse one expression, bare or in braces, as template `name`."""
    template = _attempt(parsed, path, source, lambda: parse_condition(value))
    if template is not None:
        parsed.fields[name] = template


def texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Every string in a YAML value with its path; keys are not templates."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from texts(item, (*path, key))


def _sql(parsed: Parsed, step: Any, path: Path, source: SourceMap) -> None:
    place = (*path, "sql") if (*path, "sql") in source.values else (*path, "query")
    for name, value in step.params.items():
        for where, text in texts(value, (*path, "params", name)):
            _attempt(parsed, where, source, lambda text=text: parse(text))
    before = len(parsed.findings)
    try:
        parsed.sql = parse_sql(step.sql, step.params)
    except TemplateError as error:
        if len(parsed.findings) == before:
            parsed.findings.append(_finding(error, place, source))
        return
    for template, name in zip(parsed.sql.parameters, parsed.sql.sql.names, strict=True):
        if name not in step.params:
            for expression in expressions(template):
                _checked(parsed, expression, place, source)


def _attempt(parsed: Parsed, path: Path, source: SourceMap, attempt: Any) -> Template | None:
    try:
        template: Template = attempt()
    except TemplateError as error:
        parsed.findings.append(_finding(error, path, source))
        return None
    for expression in expressions(template):
        _checked(parsed, expression, path, source)
    return template


def _checked(parsed: Parsed, expression: Expr, path: Path, source: SourceMap) -> None:
    found = list(mistakes(expression))
    parsed.findings += [source.finding(path, what, hint, snippet=expression.text) for what, hint in found]
    if not found:
        parsed.expressions.append((expression, path))


def _finding(error: TemplateError, path: Path, source: SourceMap) -> Finding:
    return source.finding(path, error.message, error.hint or "", snippet=error.expression)
