"""Templates in SQL: `{{ expression }}` and `:name` become places for bind parameters, never text.

Stage: the text of a step's `sql` → a `portl.connectors.Sql` and one template per place. Touches nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..connectors.operations import Sql
from ..errors import TemplateError
from .syntax import Template, closing, parse, parse_expression

_TOKEN = re.compile(
    r"""
      (?P<comment>--[^\n]*|/\*.*?\*/)
    | (?P<quoted>'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|(?P<tag>\$(?:[A-Za-z_]\w*)?\$).*?(?P=tag))
    | (?P<cast>::)
    | (?P<name>:[A-Za-z_]\w*)
    | (?P<braces>\{\{)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class SqlTemplate:
    """A statement and what is bound to it."""

    sql: Sql
    parameters: tuple[Template, ...]
    """One per position of `sql`."""


def parse_sql(text: str, params: Mapping[str, object]) -> SqlTemplate:
    """The statement in `text`; `params` are the step's, by name. Raises TemplateError."""
    parts: list[str | int] = []
    templates: list[Template] = []
    names: list[str] = []
    known: dict[str, int] = {}
    for piece, kind in _pieces(text.strip().rstrip(";").rstrip()):
        if kind == "text":
            parts.append(piece)
            continue
        if kind == "name" and piece not in params:
            raise TemplateError(f"The query has ':{piece}', but params has no '{piece}'.", expression=f":{piece}")
        if piece not in known or kind == "expression":
            known[piece] = len(templates)
            templates.append(parse(params[piece]) if kind == "name" else parse_expression(piece))
            names.append(piece)
        parts.append(known[piece])
    for name in params:
        if name not in known:
            raise TemplateError(f"params has '{name}', but the query has no ':{name}'.", expression=name)
    return SqlTemplate(Sql(tuple(_merged(parts)), tuple(names)), tuple(templates))


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """Text, names and expressions in turn, each with what it is."""
    position = 0
    while (match := _TOKEN.search(text, position)) is not None:
        if (match["quoted"] and "{{" in match["quoted"]) or (match["comment"] and "{{" in match["comment"]):
            snippet = match[0][:40]
            raise TemplateError(
                f"An expression inside quotes or a comment cannot be bound: {snippet}.",
                expression=snippet,
                hint="Write it without quotes; portl binds it as a parameter.",
            )
        if match["braces"]:
            yield text[position : match.start()], "text"
            end = closing(text, match.end())
            yield text[match.end() : end].strip(), "expression"
            position = end + 2
        elif match["name"] and not _in_slice(text, match.start()):
            yield text[position : match.start()], "text"
            yield match["name"][1:], "name"
            position = match.end()
        else:
            yield text[position : match.end()], "text"
            position = match.end()
    yield text[position:], "text"


def _in_slice(text: str, position: int) -> bool:
    """Whether the colon is that of an array slice, `a[1:n]`: then it follows a word, a number or a bracket."""
    before = text[position - 1 : position]
    return before.isalnum() or before in ("_", "]", "[")


def _merged(parts: list[str | int]) -> Iterator[str | int]:
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += part
        else:
            if text:
                yield text
            yield part
            text = ""
    if text:
        yield text
