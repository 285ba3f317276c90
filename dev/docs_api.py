"""The page about the public names of `lokki`, out of their docstrings and signatures.

Input: the source of the package, as syntax; nothing of it is run but to see which names there are. Output: Markdown.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

Definition = ast.ClassDef | ast.FunctionDef


@dataclass(frozen=True)
class Chapter:
    """Names that belong together."""

    title: str
    text: str
    names: Sequence[str]
    """Dotted, as people import them."""


CHAPTERS = (
    Chapter(
        "Writing flows",
        "`from lokki import flow, step, main, run, RetryConfig`",
        ["lokki.step", "lokki.flow", "lokki.main", "lokki.run", "lokki.RetryConfig"],
    ),
    Chapter(
        "Chains",
        "What `@step` makes and what its methods return; nobody makes these by hand.",
        ["lokki.decorators.StepNode", "lokki.chain.MapBlock", "lokki.decorators.Flow"],
    ),
    Chapter(
        "Inside a step",
        "What a running step may know, and what an aggregation with a parameter `failures` receives.",
        ["lokki.context.RunInfo", "lokki.ItemFailure"],
    ),
    Chapter("Looking at runs", "", ["lokki.Run", "lokki.runs.StepView"]),
    Chapter(
        "Graphs",
        "A flow as frozen data: calling a flow gives its `FlowGraph`.",
        [
            "lokki.FlowGraph",
            "lokki.graph.TaskEntry",
            "lokki.graph.MapOpenEntry",
            "lokki.graph.MapCloseEntry",
            "lokki.graph.StepOptions",
            "lokki.graph.MapOptions",
        ],
    ),
    Chapter(
        "Configuration and stores",
        "For programs around flows; flows themselves need none of it.",
        [
            "lokki.config.load_config",
            "lokki.store.LocalStore",
            "lokki.store.MemoryStore",
            "lokki.store.s3.S3Store",
            "lokki.store.TransientStore",
        ],
    ),
    Chapter("Testing", "", ["lokki.testing.run_info", "lokki.testing.FakeClock"]),
)

NOT_MADE_BY_HAND = ("Flow", "StepNode", "StepView")
"""Classes whose constructors are no part of the API."""

HEAD = """\
# API

The public names of the package `lokki` (distribution `lokki-core`). What is not on this page may change in any release.
"""

ERRORS = """\
## Errors

All are in `lokki.errors`; `lokki.LokkiError` is the root. `str(error)` is *where: what. hint.* The number is the exit
code of the command line.

<!-- not run: a picture of the classes; a test compares it with them -->

```text
{tree}
```
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(_chapter(chapter) for chapter in CHAPTERS), ERRORS.format(tree=_errors())])


def documented() -> set[str]:
    """Every name the page explains, dotted."""
    return {name for chapter in CHAPTERS for name in chapter.names} | {"lokki.LokkiError"}


def _errors() -> str:
    lines = (importlib.import_module("lokki.errors").__doc__ or "").splitlines()
    return "\n".join(line[4:] for line in lines if line.startswith("    "))


def _chapter(chapter: Chapter) -> str:
    parts = [f"## {chapter.title}", *([chapter.text] if chapter.text else [])]
    return "\n\n".join([*parts, *(_entry(name) for name in chapter.names)]) + "\n"


def _entry(dotted: str) -> str:
    module, _, name = dotted.rpartition(".")
    thing = inspect.unwrap(getattr(importlib.import_module(module), name))
    node = _definition(thing)
    if isinstance(node, ast.FunctionDef):
        siblings = _module(inspect.getsourcefile(thing) or "").body
        signatures = [f"`{_signature(one)}`" for one in _spellings(node, siblings)]
        return "\n\n".join([f"### `{dotted}`", *signatures, _doc(node)])
    return "\n\n".join([f"### `{dotted}`", _doc(node), *_members(node)])


def _members(node: ast.ClassDef) -> Iterator[str]:
    lines = [*_fields(node), *_methods(node)]
    if lines:
        yield "\n".join(lines)


def _fields(node: ast.ClassDef) -> Iterator[str]:
    for place, item in enumerate(node.body):
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and item.target.id[0] != "_":
            default = f" = {ast.unparse(item.value)}" if item.value else ""
            says = _text_at(node.body, place + 1)
            yield f"- `{item.target.id}: {ast.unparse(item.annotation)}{default}`" + (f": {says}" if says else "")


def _methods(node: ast.ClassDef) -> Iterator[str]:
    for item in node.body:
        if not isinstance(item, ast.FunctionDef) or _is_overload(item):
            continue
        if item.name == "__init__":
            if node.name not in NOT_MADE_BY_HAND:
                yield f"- `{_signature(item, node.name)}`"
            yield from _attributes(item)
        elif item.name[0] != "_" or item.name in ("__getitem__", "__len__", "__iter__", "__call__"):
            says = _inline(ast.get_docstring(item) or "")
            shown = ", or ".join(f"`{_shown(one)}`" for one in _spellings(item, node.body))
            yield f"- {shown}" + (f": {says}" if says else "")


def _attributes(init: ast.FunctionDef) -> Iterator[str]:
    """What a constructor sets and explains."""
    for place, item in enumerate(init.body):
        target = item.targets[0] if isinstance(item, ast.Assign) else getattr(item, "target", None)
        says = _text_at(init.body, place + 1)
        if isinstance(target, ast.Attribute) and target.attr[0] != "_" and says:
            yield f"- `{target.attr}`: {says}"


def _shown(item: ast.FunctionDef) -> str:
    decorators = {ast.unparse(one) for one in item.decorator_list}
    if decorators & {"property", "cached_property"}:
        return f"{item.name}: {ast.unparse(item.returns)}" if item.returns else item.name
    return _signature(item)


def _signature(node: ast.FunctionDef, name: str = "") -> str:
    arguments = ast.parse(ast.unparse(node)).body[0]
    if not isinstance(arguments, ast.FunctionDef):  # a function's source is a function
        raise TypeError(node.name)
    given = arguments.args
    for first in (given.posonlyargs, given.args):
        if first and first[0].arg in ("self", "cls"):
            del first[0]
            break
    returns = f" -> {ast.unparse(node.returns)}" if node.returns and not name else ""
    return f"{name or node.name}({ast.unparse(given)}){returns}"


def _spellings(node: ast.FunctionDef, siblings: Sequence[ast.stmt]) -> list[ast.FunctionDef]:
    """The overloads of a function, or the function itself."""
    same = [one for one in siblings if isinstance(one, ast.FunctionDef) and one.name == node.name]
    return [one for one in same if _is_overload(one)] or [node]


def _definition(thing: Any) -> Definition:
    """The syntax of a class or function."""
    for node in _module(inspect.getsourcefile(thing) or "").body:
        if isinstance(node, Definition) and node.name == thing.__name__ and not _is_overload(node):
            return node
    raise LookupError(f"{thing} is not defined at the top of its module.")


@cache
def _module(file: str) -> ast.Module:
    with open(file, encoding="utf-8") as source:
        return ast.parse(source.read())


def _is_overload(node: Definition) -> bool:
    return any(ast.unparse(one) == "overload" for one in node.decorator_list)


def _doc(node: Definition) -> str:
    return ast.get_docstring(node) or ""


def _text_at(body: Sequence[ast.stmt], place: int) -> str:
    """The text that stands below a field and explains it."""
    node = body[place] if place < len(body) else None
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return _inline(inspect.cleandoc(node.value.value))
    return ""


def _inline(text: str) -> str:
    """A docstring as one paragraph of a list."""
    return " ".join(line.strip() for line in text.splitlines() if line.strip())
