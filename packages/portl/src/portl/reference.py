"""Writes the reference of job files, in Markdown, out of the models: what is documented is what is checked.

`python -m portl.reference` prints it; docs/portl/reference.md holds it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from .model import connections, hooks, job, steps
from .model.base import Templated
from .model.documentation import descriptions
from .template.functions import FUNCTIONS

HEAD = """\
# Reference of job files

Made from portl's own models by `python -m portl.reference`; do not edit it. **{{ }}** marks fields in which
expressions may stand. Every other key is refused.
"""
COMMON = ("id", "when", "save_as", "batch")
SHARED = ("mapping", "pass_through", "required", "on_error")
"""Fields of steps that make rows, behind their own."""
SPECIAL = {
    "now": "The moment the run began, in UTC; the same for the whole run.",
    "coalesce": "Its first argument that is neither missing nor null; null where there is none.",
    "default": "The value, or the second argument where its last hop is missing; with `true` as third also for null.",
}
CONNECTIONS = (
    connections.PostgresConnection,
    connections.MysqlConnection,
    connections.SqliteConnection,
    connections.LambdaConnection,
    connections.HttpConnection,
    connections.SheetsConnection,
)


def reference() -> str:
    """The whole reference."""
    parts = [HEAD, *_section("The job", job.Job)]
    for name, part in (("params", job.Param), ("transaction", job.Transaction), ("outbox", job.Outbox)):
        parts += _section(f"`{name}`", part)
    parts += [*_section("`hooks`", hooks.Hooks), "Each of them:\n", *_table(hooks.AfterJobHook)]
    parts += ["## Every step\n", *_table(steps.StepBase)]
    parts += ["### `batch`\n", *_table(steps.Batch), "### `retry`\n", *_table(steps.Retry)]
    parts += [f"#{line}" if line.startswith("#") else line for line in _section("`on_error`", steps.OnError)]
    for cls in steps.STEP_CLASSES:
        parts += _section(f"`{_tag(cls)}`", cls, leave_out=COMMON if cls is not steps.Conditional else COMMON[:1])
        if cls is steps.CsvRead:
            parts += ["Each column of `columns`:\n", *_table(steps.ColumnSpec)]
    for connection in CONNECTIONS:
        parts += _section(f"Connection `{_tag(connection)}`", connection)
    parts += ["### `auth`\n", *_table(connections.HttpAuth)]
    return "\n".join([*parts, *_functions()])


def _functions() -> Iterator[str]:
    yield "## Functions\n"
    yield "Written as `name(value, …)` or `value | name(…)`. Functions on text give null for null.\n"
    yield "| function | gives |\n|---|---|"
    for name, function in sorted({**FUNCTIONS, **SPECIAL}.items()):
        text = function if isinstance(function, str) else " ".join((function.__doc__ or "").split())
        yield f"| `{name}` | {text} |"
    yield ""


def _section(title: str, model: type[BaseModel], leave_out: tuple[str, ...] = ()) -> Iterator[str]:
    yield f"## {title}\n"
    yield re.sub(r"\s*\n\s*", " ", (model.__doc__ or "").strip()) + "\n"
    yield from _table(model, (*leave_out, "type"))


def _table(model: type[BaseModel], leave_out: tuple[str, ...] = ("type",)) -> Iterator[str]:
    if model is steps.ColumnSpec or model is job.Param:
        leave_out = ()
    fields = [(name, info) for name, info in model.model_fields.items() if name not in leave_out]
    if issubclass(model, steps.ItemStep):
        fields.sort(key=lambda field: SHARED.index(field[0]) if field[0] in SHARED else -1)
    if not fields:
        return
    yield "| field | type | default | |\n|---|---|---|---|"
    texts = descriptions(model)
    for name, info in fields:
        mark = " **{{ }}**" if _is_templated(info) else ""
        text = re.sub(r"\s*\n\s*", " ", texts.get(name, "")).replace("|", "\\|")
        yield f"| `{info.alias or name}` | {_type(info.annotation)} | {_default(info)} | {text}{mark} |"
    yield ""


def _tag(model: type[BaseModel]) -> str:
    return str(get_args(model.model_fields["type"].annotation)[0])


def _is_templated(info: FieldInfo) -> bool:
    marks = [
        *info.metadata,
        *(mark for part in get_args(info.annotation) for mark in getattr(part, "__metadata__", ())),
    ]
    return any(isinstance(mark, Templated) for mark in marks)


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "required"
    value = info.get_default(call_default_factory=True, validated_data={})
    if value is None or value is PydanticUndefined or isinstance(value, BaseModel):
        return ""
    words: dict[Any, str] = {True: "true", False: "false"}
    if isinstance(value, bool):
        return f"`{words[value]}`"
    return "" if value in ([], {}, "") else f"`{value}`"


_NAMES: dict[Any, str] = {str: "text", int: "whole number", float: "number", bool: "true, false", Any: "any value"}


def _type(annotation: Any) -> str:
    """A type as people call it."""
    if annotation in _NAMES:
        return _NAMES[annotation]
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(args[0])
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in args)
    if origin in (Union, UnionType):
        kinds = [_type(arg) for arg in args if arg is not NoneType]
        return "connections" if len(kinds) > 5 and "Connection" in str(args) else " or ".join(dict.fromkeys(kinds))
    if origin is list:
        return f"list of {_type(args[0])}"
    if origin is dict:
        return f"mapping of {_type(args[1])}"
    return _model(annotation)


def _model(annotation: Any) -> str:
    if annotation is NoneType:
        return "-"
    if isinstance(annotation, type) and issubclass(annotation, steps.StepBase):
        return "steps"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "mapping"
    return str(annotation)


if __name__ == "__main__":
    sys.stdout.write(reference())
