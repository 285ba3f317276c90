"""What the fields of models mean: the texts under them in the source.

Read only where people ask (`portl schema`, the reference, messages): pydantic itself would read all sources at each
start.
"""

from __future__ import annotations

import ast
import inspect
import sys
from functools import cache
from typing import Any

from pydantic import BaseModel

from . import connections, hooks, job, steps

MODULES = (job, hooks, steps, connections)


def descriptions(model: type[BaseModel]) -> dict[str, str]:
    """`{field: text}` of a model, its bases' fields included."""
    found: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        found |= _of_module(cls.__module__).get(cls.__name__, {})
    return found


def schema() -> dict[str, Any]:
    """The JSON Schema of job files, with descriptions."""
    document = job.Job.model_json_schema(by_alias=True)
    models = {name: cls for module in MODULES for name, cls in vars(module).items() if inspect.isclass(cls)}
    for name, definition in [("Job", document), *document.get("$defs", {}).items()]:
        model = models.get(name)
        if model is None or not issubclass(model, BaseModel):
            continue
        texts = descriptions(model)
        for field, info in model.model_fields.items():
            place = definition.get("properties", {}).get(info.alias or field)
            if place is not None and field in texts:
                place["description"] = texts[field]
    return document


@cache
def _of_module(name: str) -> dict[str, dict[str, str]]:
    """`{class: {field: text}}`."""
    if not name.startswith("portl.model"):
        return {}
    tree = ast.parse(inspect.getsource(sys.modules[name]))
    return {node.name: _of_class(node) for node in tree.body if isinstance(node, ast.ClassDef)}


def _of_class(node: ast.ClassDef) -> dict[str, str]:
    found = {}
    for statement, after in zip(node.body, node.body[1:], strict=False):
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
            and isinstance(after.value.value, str)
        ):
            found[statement.target.id] = inspect.cleandoc(after.value.value)
    return found
