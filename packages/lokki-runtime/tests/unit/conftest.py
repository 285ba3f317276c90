"""Flows as they are deployed: written into a folder of their own, with what the builder puts beside them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from lokki.store.memory import MemoryStore
from lokki_runtime.testing import StateMachine, write_deployment

HEAD = """
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
import lokki
from lokki import flow, step, RetryConfig

CALLS = []

"""


@pytest.fixture
def deploy(tmp_path: Path) -> Iterator[Callable[..., StateMachine]]:
    """A function that deploys the flow `main_flow` of a source text. `CALLS` of the module is for its steps to fill."""
    made: list[str] = []
    path_before = list(sys.path)

    def make(source: str, *, params: dict[str, Any] | None = None, **options: Any) -> StateMachine:
        name = f"deployed_{abs(hash(str(tmp_path)))}_{len(made)}"
        made.append(name)
        root = tmp_path / name
        root.mkdir()
        (root / f"{name}.py").write_text(HEAD + dedent(source), encoding="utf-8")
        write_deployment(root, name, "main_flow", params=params)
        options.setdefault("store", MemoryStore(flow_name=options.get("flow_name", "main-flow")))
        return StateMachine(root, **options)

    yield make
    sys.path[:] = path_before
    for name in made:
        sys.modules.pop(name, None)


@pytest.fixture
def module() -> Callable[[StateMachine], Any]:
    """A function that gives the module of a deployed flow."""
    return lambda machine: sys.modules[machine.root.name]
