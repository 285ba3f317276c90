"""What a build is made from, as data: everything `plan_build` needs, so that it reads nothing itself.

`gather` fills it from a folder; tests write it down. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lokki.config import LokkiConfig
from lokki.resolve import Resolved


@dataclass(frozen=True)
class FlowFiles:
    """A flow's own files, as they will lie below the task root."""

    module: str
    """The name the flow's module is imported by: `birds_flow`."""
    file: str
    """Its path among `files`, with forward slashes: `birds_flow.py`."""
    files: Mapping[str, bytes]
    """{path, with forward slashes: content}: the flow's module, what it imports from beside it, and the includes."""
    executable: frozenset[str] = frozenset()
    """Those of `files` that may be executed."""


@dataclass(frozen=True)
class Dependencies:
    """What a flow needs from package indexes."""

    source: Literal["none", "lock", "project"] = "none"
    """Where they are declared: nowhere, in a lock file (every file with its hash), or in pyproject.toml alone."""
    requirements: str = ""
    """As a requirements file; empty for none. It never names an index."""

    @property
    def locked(self) -> bool:
        """Whether each file is fixed by a hash."""
        return self.source == "lock"


@dataclass(frozen=True)
class Installed:
    """Packages installed on this host for the target platform: `build.dependencies = "host"`, and zips."""

    packages: Mapping[str, bytes] = field(default_factory=dict)
    """{path below site-packages: content}, without byte code."""
    secrets: Mapping[str, bytes] = field(default_factory=dict)
    """The same for what fetches secrets, which the flow's own packages win over."""
    bytecode: Mapping[str, bytes] = field(default_factory=dict)
    """{path below the task root: byte code} of a zip's modules; empty where the target Python is not at hand."""


@dataclass(frozen=True)
class BuildRequest:
    """Everything a build is made from. Equal requests give equal bytes."""

    resolved: Resolved
    """The flow, evaluated."""
    config: LokkiConfig
    flow: FlowFiles
    dependencies: Dependencies = field(default_factory=Dependencies)
    installed: Installed = field(default_factory=Installed)
    versions: Mapping[str, str] = field(default_factory=dict)
    """{`lokki-core`, `lokki-builder`, `lokki-runtime`: version}."""
    base_digest: str = ""
    """`sha256:…` of the base image; empty where only its name is known."""
    warnings: tuple[str, ...] = ()
    """What whoever gathered this should tell the user, one sentence each."""

    @property
    def function(self) -> str:
        """The flow function's name in its module."""
        return str(self.resolved.flow.fn.__name__)
