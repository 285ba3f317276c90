"""Renders a step's templates for people: known values as they are, others as their expressions."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from ..clients.base import HttpRequest, LambdaRequest
from ..context import ONE, RunContext
from ..plan import PlannedStep
from ..steps.base import pairs
from ..steps.fields import Field, fields_of
from ..template.access import text
from ..template.rows import Chunk, values_function
from ..template.scope import Key, Variable
from ..template.syntax import DictOf, Expr, ListOf, Literal, Mixed, Template
from .symbols import Symbol, known_parts

_REQUEST = ("path", "query", "headers", "body", "payload", "idempotency_key", "dedup_key", "ordering_key")


class Renderer:
    """Renders the templates of one step."""

    def __init__(self, planned: PlannedStep, context: RunContext, unknown: Set[str]) -> None:
        self._planned = planned
        self._context = context
        self._unknown = unknown
        self.variables: Mapping[Key, Variable] = {}
        """What is known of the items."""

    def item(self, chunk: Chunk | None) -> Mapping[str, Any]:
        """What the step would do with one item; None for an item that is not known. Raises RowFailure."""
        shown: dict[str, Any] = {}
        if self._planned.batch is not None:
            shown["idx"] = chunk.indexes[0] if chunk is not None else None
        for name in ("set", "where"):
            if name in self._planned.templates:
                template = self._planned.templates[name]
                shown[name] = {column: self.value(part, chunk) for column, part in pairs(template)}
        if fields := self._fields():
            shown["mapping"] = {column: self.value(part, chunk) for column, part in fields}
        if self._planned.sql is not None:
            names = self._planned.sql.sql.names
            values = (self.value(part, chunk) for part in self._planned.sql.parameters)
            shown["params"] = dict(zip(names, values, strict=True))
        if self._planned.step.type in ("api.call", "outbox.enqueue", "lambda.invoke"):
            shown.update(self._request(chunk))
        elif "path" in self._planned.templates:
            shown["path"] = self.value(self._planned.templates["path"], chunk)
        return shown

    def _fields(self) -> list[Field]:
        """The columns of a step with a mapping, as far as they are known."""
        if getattr(self._planned.step, "pass_through", None) is not None and self.variables:
            assert self._planned.batch is not None  # noqa: S101  # the plan refuses a step without one
            return fields_of(self._planned, self.variables[(self._planned.batch.alias,)].columns)
        return pairs(self._planned.templates["mapping"]) if "mapping" in self._planned.templates else []

    def condition(self) -> str:
        """What `when` says; "" where the step has none."""
        template = self._planned.templates.get("when")
        if isinstance(template, Expr):
            return template.text
        return "" if template is None else str(getattr(template, "value", ""))

    def value(self, template: Template, chunk: Chunk | None) -> Any:
        """A template's value for one item."""
        if isinstance(template, Literal):
            return template.value
        if isinstance(template, Expr):
            if not known_parts(template, self._planned, self._unknown, items=chunk is not None):
                return Symbol(f"‹{template.text}›")
            scope = self._context.scope(self._planned, self.variables)
            return values_function(template, scope)(chunk or ONE)[0]
        if isinstance(template, Mixed):
            return self._text(template, chunk)
        if isinstance(template, ListOf):
            return [self.value(part, chunk) for part in template.items]
        assert isinstance(template, DictOf)  # noqa: S101  # the last kind
        return {key: self.value(part, chunk) for key, part in template.items}

    def _text(self, template: Mixed, chunk: Chunk | None) -> str:
        if known_parts(template, self._planned, self._unknown, items=chunk is not None):
            scope = self._context.scope(self._planned, self.variables)
            return str(values_function(template, scope)(chunk or ONE)[0])
        parts = (part if isinstance(part, str) else text(self.value(part, chunk)) for part in template.parts)
        return Symbol("".join(parts))

    def _request(self, chunk: Chunk | None) -> dict[str, Any]:
        """The call, as the client would send it, without credentials."""
        planned, step = self._planned, self._planned.step
        made = {name: self.value(planned.templates[name], chunk) for name in _REQUEST if name in planned.templates}
        assert planned.connection is not None  # noqa: S101  # calls have one
        client = self._context.connections.client(planned.connection)
        if step.type == "lambda.invoke" or getattr(step, "payload", None) is not None:
            request: Any = LambdaRequest(made.get("payload"))
            rest = ""
        else:
            path, query = made.pop("path", ""), made.pop("query", {}) or {}
            unknown = str(path) if isinstance(path, Symbol) else ""
            request = HttpRequest(step.method, "" if unknown else str(path), query=query)
            rest = unknown
        shown = {
            "call": client.preview(request) + rest,
            **{name: value for name, value in made.items() if value not in (None, {})},
        }
        if step.type == "outbox.enqueue" or getattr(step, "delivery", "now") == "after_commit":
            shown["delivery"] = "after_commit"
        return shown
