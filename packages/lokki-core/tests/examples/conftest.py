"""The examples as a user has them: each copied to a folder of its own, and run there."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLES = Path(__file__).parents[4] / "examples"


class Example:
    """A copy of one example's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.flow_file = folder / f"{folder.name}_flow.py"

    def run(self, *options: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """`python <flow file> run OPTIONS`, in the example's folder unless `cwd` is another."""
        command = [sys.executable, str(self.flow_file), "run", *options]
        return subprocess.run(command, cwd=cwd or self.folder, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def example(tmp_path: Path) -> Callable[[str], Example]:
    """A function that copies the example of this name."""

    def copy(name: str) -> Example:
        clutter = shutil.ignore_patterns(".lokki", "__pycache__")
        return Example(Path(shutil.copytree(EXAMPLES / name, tmp_path / name, ignore=clutter)))

    return copy


@pytest.fixture
def load(example: Callable[[str], Example]) -> Iterator[Callable[[str], ModuleType]]:
    """A function that imports an example's flow file, for tests of its functions."""
    loaded: list[str] = []

    def load_flow(name: str) -> ModuleType:
        path = example(name).flow_file
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        loaded.append(path.stem)
        spec.loader.exec_module(module)
        return module

    yield load_flow
    for name in loaded:
        del sys.modules[name]
