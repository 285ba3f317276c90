"""Turns pydantic's errors into findings: a place in the file, one sentence, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ..errors import Finding
from . import connections, hooks, job, steps
from .yaml import Path, SourceMap

_TAGGED: tuple[type[BaseModel], ...] = (
    *steps.STEP_CLASSES,
    connections.PostgresConnection,
    connections.SqliteConnection,
    connections.MysqlConnection,
    connections.LambdaConnection,
    connections.HttpConnection,
    connections.SheetsConnection,
)
_BY_TAG: dict[str, type[BaseModel]] = {
    tag: cls for cls in _TAGGED for tag in get_args(cls.model_fields["type"].annotation)
}
_BY_KEY: dict[str, type[BaseModel]] = {
    "batch": steps.Batch,
    "retry": steps.Retry,
    "on_error": steps.OnError,
    "pass_through": steps.PassThrough,
    "transaction": job.Transaction,
    "outbox": job.Outbox,
    "defaults": job.Defaults,
    "auth": connections.HttpAuth,
    "hooks": hooks.Hooks,
    **dict.fromkeys(hooks.EVENTS, hooks.Hook),
    "after_job": hooks.AfterJobHook,
}
_BY_PARENT: dict[str, type[BaseModel]] = {"columns": steps.ColumnSpec, "params": job.Param}


def findings_of(error: ValidationError, data: Any, base: Path, source: SourceMap) -> Iterator[Finding]:
    """One finding for each mistake that pydantic found in `data`, which stands at `base` in the file."""
    for detail in error.errors(include_url=False):
        path, owner = _located(detail["loc"], data, base)
        what, hint, at_key = _sentence(detail, path, owner)
        mark = source.key(path) if at_key else source.mark(path)
        yield Finding(source.file, mark.line, mark.column, what, hint)


def _located(loc: tuple[int | str, ...], data: Any, base: Path) -> tuple[Path, type[BaseModel] | None]:
    """The path in the file that `loc` means, and the model whose field it ends in; pydantic mixes tags into it."""
    path = list(base)
    owner: type[BaseModel] | None = job.Job if not base else None
    value = data
    for index, part in enumerate(loc):
        last = index == len(loc) - 1
        if isinstance(value, dict) and part in value:
            value = value[part]
            path.append(part)
            if not last:
                owner = _BY_KEY.get(str(part), owner)
                owner = _BY_PARENT.get(str(path[-2]), owner) if len(path) > 1 else owner
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
            path.append(part)
        elif str(part) in _BY_TAG:
            owner = _BY_TAG[str(part)]
    return tuple(path), owner


def _sentence(detail: ErrorDetails, path: Path, owner: type[BaseModel] | None) -> tuple[str, str, bool]:
    """What is wrong, what to do, and whether the key rather than the value is meant."""
    kind, context, name = detail["type"], detail.get("ctx", {}), str(detail["loc"][-1]) if detail["loc"] else ""
    shown = _shown(detail["input"])
    if kind == "missing":
        return f"'{name}' is missing.", _purpose(owner, name), True
    if kind == "extra_forbidden":
        return f"'{name}' is not known here.", _closest(name, _names(owner)), True
    if kind == "union_tag_not_found":
        return "'type' is missing.", f"It is one of: {_types(path)}.", False
    if kind == "union_tag_invalid":
        tags = _types(path)
        return f"There is no type '{context['tag']}'.", _closest(str(context["tag"]), tags.split(", ")), False
    if kind == "value_error":
        return f"{_upper(str(context['error']))}.", "", False
    if kind == "literal_error":
        return f"{shown} is not allowed here.", f"It is one of: {context['expected']}.", False
    if kind == "string_pattern_mismatch":
        hint = (
            "Use letters, digits and underscores, and begin with a letter." if "A-Za-z_" in context["pattern"] else ""
        )
        return f"{shown} is not allowed as '{_field(path)}'.", hint, False
    if kind == "none_required":
        return f"'{_field(path)}' is not available in this step.", "Remove it.", True
    expected = _EXPECTED.get(kind)
    if expected:
        return f"'{_field(path)}' has to be {expected}, not {shown}.", "", False
    return f"'{_field(path)}': {_lower(detail['msg'])}.", "", False


_EXPECTED: Mapping[str, str] = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def _types(path: Path) -> str:
    kinds = _BY_TAG if path[:1] == ("steps",) else {}
    if path[:1] == ("connections",):
        return "postgres, sqlite, mysql, aws_lambda, http, google_sheets"
    return ", ".join(tag for tag, cls in kinds.items() if issubclass(cls, steps.StepBase))


def _names(owner: type[BaseModel] | None) -> list[str]:
    return [] if owner is None else [field.alias or name for name, field in owner.model_fields.items()]


def _closest(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1)
    if close:
        return f"Did you mean '{close[0]}'?"
    return f"There are: {', '.join(known)}." if known else ""


def _purpose(owner: type[BaseModel] | None, name: str) -> str:
    from .documentation import descriptions  # noqa: PLC0415  # reads sources; only for messages

    texts = descriptions(owner) if owner is not None else {}
    for field_name, field in owner.model_fields.items() if owner is not None else ():
        if name in (field_name, field.alias) and field_name in texts:
            return f"It says: {texts[field_name].partition(chr(10))[0]}"
    return ""


def _field(path: Path) -> str:
    return next((str(part) for part in reversed(path) if isinstance(part, str)), "job")


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    words = {None: "null", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return words[value]
    text = str(value)
    return f"'{text if len(text) <= 60 else text[:57] + '…'}'"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:].rstrip(".")
