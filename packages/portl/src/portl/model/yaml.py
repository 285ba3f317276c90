"""YAML 1.2's core schema on libyaml's parser, with the position of every key and value.

Stage: text of a file → plain Python values and a `SourceMap`. Bounded: size, depth, and the number of nodes after
aliases are expanded. There are no dates, no octal numbers without `0o`, no `yes` and `no`, and no duplicate keys.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from ..errors import Finding, JobSpecError

MAX_BYTES = 1_000_000
MAX_DEPTH = 50
MAX_NODES = 100_000

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Mark:
    """A place in a file."""

    line: int
    """From 1."""
    column: int
    """From 1."""
    index: int = 0
    """Characters before it."""


@dataclass
class Node:
    """A scalar, list or mapping with its place."""

    mark: Mark
    value: Any
    """A scalar's value, a list of nodes, or a list of pairs of nodes."""
    kind: str = "scalar"


@dataclass(frozen=True)
class SourceMap:
    """Where in the file each value stands."""

    file: str
    text: str
    values: dict[Path, Mark] = field(default_factory=dict)
    """`{path: place of the value}`."""
    keys: dict[Path, Mark] = field(default_factory=dict)
    """`{path: place of the key}`."""

    def mark(self, path: Path) -> Mark:
        """The place of the value at `path`, or of what is nearest around it."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.values:
                return self.values[path[:length]]
        return Mark(1, 1)

    def key(self, path: Path) -> Mark:
        """The place of the key at `path`, or of the nearest value around it."""
        return self.keys.get(path) or self.mark(path)

    def inside(self, path: Path, snippet: str) -> Mark:
        """The place of `snippet` within the text at `path`; that of the text where it cannot be told."""
        start = self.mark(path)
        index = self.text.find(snippet, start.index, start.index + MAX_BYTES) if snippet else -1
        if index < 0:
            return start
        line = self.text.count("\n", 0, index) + 1
        return Mark(line, index - self.text.rfind("\n", 0, index), index)

    def finding(self, path: Path, what: str, hint: str = "", *, snippet: str = "") -> Finding:
        """A mistake in the value at `path`."""
        mark = self.inside(path, snippet)
        return Finding(self.file, mark.line, mark.column, what, hint)

    def where(self, path: Path) -> str:
        """`file:line:column` of the value at `path`."""
        mark = self.mark(path)
        return f"{self.file}:{mark.line}:{mark.column}"


def load(text: str, file: str) -> tuple[Any, SourceMap, list[Finding]]:
    """The values in `text`, their places, and mistakes that leave the rest readable (duplicate keys).

    Raises JobSpecError where it is not YAML, or larger or deeper than allowed.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise JobSpecError([Finding(file, 1, 1, f"The file is larger than {MAX_BYTES:,} bytes.")])
    source = SourceMap(file, text)
    reader = _Reader(file)
    root = reader.read(text)
    values = _Values(source)
    data = None if root is None else values.plain(root, ())
    return data, source, [*reader.findings, *values.findings]


class _Reader:
    """Builds nodes from libyaml's events, without recursion."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.findings: list[Finding] = []
        self.anchors: dict[str, Node] = {}
        self.open: list[tuple[Node, list[Node], str | None]] = []
        self.root: Node | None = None

    def read(self, text: str) -> Node | None:
        documents = 0
        for event in self._events(text):
            documents += isinstance(event, yaml.DocumentStartEvent)
            if documents > 1:
                raise self._error(_mark(event), "The file has a second document.", "Remove the line '---'.")
            self._take(event)
        return self.root

    def _events(self, text: str) -> Iterator[Any]:
        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            yield from yaml.parse(text, Loader=loader)
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            column = error.position - text.rfind("\n", 0, error.position)
            raise self._error(Mark(line, column), "There is a character that YAML does not allow.") from None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = Mark(mark.line + 1, mark.column + 1) if mark else Mark(1, 1)
            raise self._error(
                place, f"This is not YAML: {error.problem or error.context}.", _hint(text, place)
            ) from None

    def _take(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._add(Node(_mark(event), self._scalar(event)), event.anchor)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            if len(self.open) >= MAX_DEPTH:
                raise self._error(_mark(event), f"This is nested more than {MAX_DEPTH} levels deep.")
            kind = "mapping" if isinstance(event, yaml.MappingStartEvent) else "list"
            self.open.append((Node(_mark(event), [], kind), [], event.anchor))
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            node, items, anchor = self.open.pop()
            node.value = list(zip(items[::2], items[1::2], strict=True)) if node.kind == "mapping" else items
            self._add(node, anchor)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)

    def _alias(self, event: Any) -> None:
        found = self.anchors.get(event.anchor)
        if found is None:
            raise self._error(_mark(event), f"There is no anchor '&{event.anchor}' before this alias.")
        self._add(found, None)

    def _add(self, node: Node, anchor: str | None) -> None:
        if anchor:
            self.anchors[anchor] = node
        if self.open:
            self.open[-1][1].append(node)
        else:
            self.root = node

    def _scalar(self, event: Any) -> Any:
        plain, _ = event.implicit
        if event.tag is None and not plain:
            return event.value
        tag = event.tag if event.tag not in (None, "!") else None
        if event.tag == "!" or tag == "tag:yaml.org,2002:str":
            return event.value
        if tag is not None and tag not in _TAGS:
            self.findings.append(self._finding(_mark(event), f"The tag '{tag}' is not known.", "Remove it."))
            return event.value
        try:
            value = resolve(event.value)
        except ValueError:
            self.findings.append(self._finding(_mark(event), "The number is too long.", "Quote it to make it text."))
            return 0
        if tag is not None and not isinstance(value, _TAGS[tag]):
            self.findings.append(self._finding(_mark(event), f"This is no {tag.rpartition(':')[2]}."))
        return value

    def _finding(self, mark: Mark, what: str, hint: str = "") -> Finding:
        return Finding(self.file, mark.line, mark.column, what, hint)

    def _error(self, mark: Mark, what: str, hint: str = "") -> JobSpecError:
        return JobSpecError([*self.findings, self._finding(mark, what, hint)])


class _Values:
    """Turns nodes into plain values and notes where they stand."""

    def __init__(self, source: SourceMap) -> None:
        self.source = source
        self.findings: list[Finding] = []
        self.count = 0

    def plain(self, node: Node, path: Path) -> Any:
        self.count += 1
        if self.count > MAX_NODES:
            what = f"With its aliases the file has more than {MAX_NODES:,} values."
            raise JobSpecError([self._finding(node.mark, what, "Use fewer aliases.")])
        self.source.values[path] = node.mark
        if node.kind == "list":
            return [self.plain(item, (*path, index)) for index, item in enumerate(node.value)]
        if node.kind == "mapping":
            return self._mapping(node, path)
        return node.value

    def _mapping(self, node: Node, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, value in node.value:
            if key.kind != "scalar":
                hint = "Quote the value: '{{ … }}' has to stand in quotes."
                self.findings.append(self._finding(key.mark, "A key has to be a plain text.", hint))
                continue
            name = key.value if isinstance(key.value, str) else _as_written(key.value)
            if name in result:
                first = self.source.keys[(*path, name)].line
                what = f"The key '{name}' stands here a second time; the first is in line {first}."
                self.findings.append(self._finding(key.mark, what, "Remove one of them."))
                continue
            self.source.keys[(*path, name)] = key.mark
            result[name] = self.plain(value, (*path, name))
        return result

    def _finding(self, mark: Mark, what: str, hint: str = "") -> Finding:
        return Finding(self.source.file, mark.line, mark.column, what, hint)


_INT = re.compile(r"[-+]?[0-9]+")
_BASES = ((re.compile(r"0o([0-7]+)"), 8), (re.compile(r"0x([0-9a-fA-F]+)"), 16))
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_TAGS: dict[str, Any] = {
    "tag:yaml.org,2002:str": str,
    "tag:yaml.org,2002:int": int,
    "tag:yaml.org,2002:float": (int, float),
    "tag:yaml.org,2002:bool": bool,
    "tag:yaml.org,2002:null": type(None),
}


def resolve(text: str) -> Any:
    """What the plain scalar `text` means in YAML 1.2's core schema. Raises ValueError for a number that is too long."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    for pattern, base in _BASES:
        if match := pattern.fullmatch(text):
            return int(match[1], base)
    return float(text) if _FLOAT.fullmatch(text) else text


def _as_written(value: Any) -> str:
    words: dict[Any, str] = {True: "true", False: "false", None: "null"}
    return words[value] if isinstance(value, bool | None) else str(value)


def _mark(event: Any) -> Mark:
    mark = event.start_mark
    return Mark(mark.line + 1, mark.column + 1, mark.index)


_BRACES: tuple[tuple[Callable[[str], bool], str], ...] = (
    (lambda line: "${" in line, 'Quote a value with ${…} in it: "${env:NAME}".'),
    (lambda line: "{{" in line, 'Quote a value that begins with {{: "{{ … }}".'),
    (lambda line: "\t" in line, "Indent with spaces, not with tabs."),
    (lambda line: re.search(r":\s+[%@`*&!|>]", line) is not None, "Quote a value that begins with this character."),
    (lambda line: line.count(": ") > 1, "Quote a value that has a colon in it."),
)


def _hint(text: str, place: Mark) -> str:
    lines = text.splitlines()
    near = lines[max(0, place.line - 2) : place.line]
    return next((hint for test, hint in _BRACES for line in reversed(near) if test(line)), "")
