"""Where things are in this repository: its root, its packages, their versions. Reads files, imports none of them."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)


class RepositoryError(Exception):
    """The repository does not look as it should; the message says where."""


@dataclass(frozen=True)
class Package:
    """One distribution under `packages/`."""

    folder: Path

    @property
    def dist(self) -> str:
        """The name it is published under, which is its folder's."""
        return self.folder.name

    @property
    def import_folder(self) -> Path:
        """`src/<import name>`."""
        folders = [path.parent for path in self.folder.glob("src/*/__about__.py")]
        if len(folders) != 1:
            raise RepositoryError(f"{self.folder}: expected one src/*/__about__.py, found {len(folders)}.")
        return folders[0]

    @property
    def version(self) -> str:
        """What `__about__.py` says."""
        about = self.import_folder / "__about__.py"
        match = _VERSION.search(about.read_text(encoding="utf-8"))
        if match is None:
            raise RepositoryError(f"{about}: no line '__version__ = \"…\"'.")
        return match[1]

    @property
    def fragments(self) -> list[str]:
        """File names of news not yet released, sorted."""
        return sorted(path.name for path in self.folder.glob("changelog.d/*.md") if path.name != "README.md")

    def pyproject(self) -> dict[str, Any]:
        """The content of its `pyproject.toml`."""
        return tomllib.loads((self.folder / "pyproject.toml").read_text(encoding="utf-8"))


def packages(root: Path = ROOT) -> list[Package]:
    """Every package, by name."""
    return [Package(path.parent) for path in sorted(root.glob("packages/*/pyproject.toml"))]


def select(names: list[str], root: Path = ROOT) -> list[Package]:
    """The packages with these names, or all when no name is given."""
    known = {package.dist: package for package in packages(root)}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise RepositoryError(f"No package {', '.join(unknown)}. There are: {', '.join(known)}.")
    return [known[name] for name in names] if names else list(known.values())
