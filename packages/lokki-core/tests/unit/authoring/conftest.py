"""Flow files written to disk and imported under their own name, as an author has them."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from lokki import FlowGraph
from lokki.errors import LokkiError
from lokki.graph import MapCloseEntry, MapOpenEntry, TaskEntry
from lokki.resolve import Resolved, flow_params, resolve

STEPS = """\
from lokki import flow, step

@step
def first(n=1):
    return list(range(n))

@step
def a(x):
    return x

@step
def b(x):
    return x

@step
def c(x):
    return x

@step
def d(x):
    return x

@step
def collect(xs):
    return xs

@step
def report(xs):
    return xs
"""
"""Steps to chain where only the chain matters."""


class Source:
    """A flow file on disk. The current folder is its own, so messages name it without a path."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.name = path.stem
        self.text = text
        path.write_text(text, encoding="utf-8")
        # Byte code is taken for fresh by size and whole seconds: not enough for a file rewritten within one.
        Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)

    def line(self, part: str) -> str:
        """`file:line` of the only line that holds `part`."""
        found = [number for number, line in enumerate(self.text.splitlines(), 1) if part in line]
        assert len(found) == 1, f"{part!r} stands in lines {found}"
        return f"{self.path.name}:{found[0]}"

    def load(self) -> ModuleType:
        """Import it."""
        spec = importlib.util.spec_from_file_location(self.name, self.path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[self.name] = module
        spec.loader.exec_module(module)
        return module

    def evaluate(self, flow: str = "shop", **params: Any) -> Resolved:
        """Evaluate the flow with typed parameters; those left out take their defaults."""
        module = sys.modules.get(self.name) or self.load()
        found = getattr(module, flow)
        defaults = {name: param.default for name, param in flow_params(found).items() if not param.required}
        return resolve(found, {**defaults, **params})

    def mistakes(self, flow: str = "shop", **params: Any) -> list[str]:
        """What is wrong with the flow, a line each."""
        try:
            self.evaluate(flow, **params)
        except LokkiError as error:
            return list(getattr(error, "findings", [str(error)]))
        return []


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Source]]:
    """Writes a flow file: `from lokki import flow, step` and the given text."""
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)

    def write(text: str, name: str = "shop", head: str = "from lokki import flow, step\n") -> Source:
        sys.modules.pop(name, None)
        return Source(tmp_path / f"{name}.py", head + textwrap.dedent(text))

    yield write
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None)
        if file is not None and Path(file).is_relative_to(tmp_path):
            del sys.modules[name]


@pytest.fixture
def chain(source: Callable[..., Source]) -> Callable[[str], FlowGraph]:
    """Makes the graph of a flow that returns the chain written as text, over the steps of STEPS."""

    def make(expression: str) -> FlowGraph:
        text = f"\n@flow\ndef shop():\n    return {expression}\n"
        return source(text, head=STEPS).evaluate().graph

    return make


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs Python with the given words in the test's folder, in a process of its own."""
    package = Path(importlib.util.find_spec("lokki").origin).parent.parent  # type: ignore[union-attr, arg-type]  # found

    def run(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join([str(package), str(tmp_path)])
        base = {k: v for k, v in dict(os.environ).items() if not k.startswith("LOKKI_")}  # inherited
        return subprocess.run(
            [sys.executable, *words],
            cwd=tmp_path,
            env={**base, "PYTHONPATH": path, **(env or {})},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return run


def sketch(graph: FlowGraph) -> str:
    """A graph in one line: nodes in order, maps in brackets, an aggregation right after its bracket."""
    words: list[str] = []
    for entry in graph.entries:
        if isinstance(entry, TaskEntry):
            words.append(entry.node)
        elif isinstance(entry, MapOpenEntry):
            words.append("[")
        elif isinstance(entry, MapCloseEntry):
            words.append("]" if entry.agg is None else f"]>{entry.agg.node}")
    return " ".join(words)
