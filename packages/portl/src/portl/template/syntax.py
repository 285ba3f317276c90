"""Parses templates. Only expressions exist: no statements, no comments, and text outside braces stays as it is.

Stage: values of the job file → trees of `Literal`, `Expr`, `Mixed`, `ListOf`, `DictOf`. Touches nothing. The grammar of
expressions is Jinja2's; what may stand in them is checked by `portl.template.check`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateSyntaxError, nodes
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ..errors import TemplateError

MAX_EXPRESSION = 4_000
"""Characters."""

ENVIRONMENT = ImmutableSandboxedEnvironment()


@dataclass(frozen=True)
class Literal:
    """A value without expressions."""

    value: Any


@dataclass(frozen=True)
class Expr:
    """One expression; its value keeps its type."""

    text: str
    """Without braces and outer blanks."""
    node: nodes.Expr


@dataclass(frozen=True)
class Mixed:
    """Text with expressions in it; its value is text."""

    parts: tuple[str | Expr, ...]


@dataclass(frozen=True)
class ListOf:
    """A list of templates."""

    items: tuple[Template, ...]


@dataclass(frozen=True)
class DictOf:
    """A mapping of templates; keys are literal."""

    items: tuple[tuple[str, Template], ...]


Template = Literal | Expr | Mixed | ListOf | DictOf


def parse(value: Any) -> Template:
    """The template in a value of the job file. Raises TemplateError."""
    if isinstance(value, str):
        return parse_text(value)
    if isinstance(value, list):
        items = tuple(parse(item) for item in value)
        return Literal(value) if all(isinstance(item, Literal) for item in items) else ListOf(items)
    if isinstance(value, dict):
        pairs = tuple((key, parse(item)) for key, item in value.items())
        return Literal(value) if all(isinstance(item, Literal) for _, item in pairs) else DictOf(pairs)
    return Literal(value)


def parse_text(text: str) -> Literal | Expr | Mixed:
    """The template in a string. Raises TemplateError."""
    parts = tuple(pieces(text))
    if all(isinstance(part, str) for part in parts):
        return Literal(text)
    if len(parts) == 1 and isinstance(parts[0], Expr):
        return parts[0]
    return Mixed(parts)


def parse_condition(value: Any) -> Literal | Expr:
    """A condition or a source: one expression, bare or in braces; a list or a boolean is taken as it is.

    Raises TemplateError.
    """
    if not isinstance(value, str):
        template = parse(value)
        if isinstance(template, Literal):
            return template
        raise TemplateError("Only one expression can stand here.", hint='Write it as text: "{{ … }}".')
    parts = list(pieces(value.strip()))
    if len(parts) == 1:
        return parts[0] if isinstance(parts[0], Expr) else parse_expression(parts[0])
    if not parts:
        raise TemplateError("The expression is empty.")
    raise TemplateError("Only one expression can stand here, without text around it.", expression=value)


def pieces(text: str) -> Iterator[str | Expr]:
    """Text and expressions in turn. Raises TemplateError."""
    if (statement := _STATEMENT.search(text)) is not None:
        hint = "Use an expression: {{ a if condition else b }}; or a conditional step."
        raise TemplateError(
            f"'{statement[0]}' is a statement; only {{{{ expressions }}}} exist.", expression=text, hint=hint
        )
    position = 0
    while (start := text.find("{{", position)) >= 0:
        if start > position:
            yield text[position:start]
        end = closing(text, start + 2)
        yield parse_expression(text[start + 2 : end])
        position = end + 2
    if position < len(text):
        yield text[position:]


def closing(text: str, position: int) -> int:
    """Where the expression that begins at `position` ends: its `}}` outside quotes and braces. Raises TemplateError."""
    depth, quote, index = 0, "", position
    while index < len(text):
        char = text[index]
        if quote:
            index += char == "\\"
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == "{":
            depth += 1
        elif char == "}":
            if depth == 0 and text.startswith("}}", index):
                return index
            depth -= 1
        index += 1
    snippet = text[position - 2 : position + 30]
    raise TemplateError(f"'{snippet}' has no closing '}}}}'.", expression=snippet, hint="To write braces: {{ '{{' }}.")


def parse_expression(text: str) -> Expr:
    """The expression in `text`, which has no braces around it. Raises TemplateError."""
    text = text.strip()
    if not text:
        raise TemplateError("The expression is empty.", expression="{{")
    if len(text) > MAX_EXPRESSION:
        raise TemplateError(f"The expression is longer than {MAX_EXPRESSION:,} characters.", expression=text[:40])
    try:
        parser = Parser(ENVIRONMENT, text, state="variable")
        node = parser.parse_expression()
        if not parser.stream.eos:
            raise TemplateError(f"'{parser.stream.current.value}' is not expected here.", expression=text)
    except TemplateSyntaxError as error:
        message = f"{error.message or 'it cannot be read'}".rstrip(".")
        raise TemplateError(f"The expression is wrong: {message}.", expression=text) from None
    except RecursionError:
        raise TemplateError("The expression is nested too deeply.", expression=text) from None
    return Expr(text, node)


def expressions(template: Template) -> Iterator[Expr]:
    """Every expression in `template`."""
    if isinstance(template, Expr):
        yield template
    elif isinstance(template, Mixed):
        yield from (part for part in template.parts if isinstance(part, Expr))
    elif isinstance(template, ListOf | DictOf):
        for item in template.items:
            yield from expressions(item[1] if isinstance(item, tuple) else item)


_STATEMENT = re.compile(
    r"\{%[-+]?\s*(if|elif|else|endif|for|endfor|set|macro|block|include|import|from|call|filter|raw)\b"
)
