"""Gathers everything a build is made from, so that planning it needs nothing else.

Input: a resolved flow, its configuration, `BuildOptions`. Output: a BuildRequest. Reads the flow's folder and runs
uv or pip where the configuration asks for packages on this host. Raises PackagingError.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lokki.__about__ import __version__ as core_version
from lokki.config import LokkiConfig
from lokki.resolve import Resolved

from .__about__ import __version__ as builder_version
from .image.base import RUNTIME_VERSION, TASK_ROOT, wheel_platform
from .image.bundle import wants_secrets
from .image.requirements import SECRETS_REQUIREMENTS, clean
from .project import read_dependencies
from .request import BuildRequest, Dependencies, FlowFiles, Installed
from .sources import flow_path, read_sources
from .tools import Tools

DROPPED_FILES = frozenset(["INSTALLER", "REQUESTED", "RECORD", "direct_url.json", "uv_cache.json", "uv_build.json"])
"""What installers note about an installation in `*.dist-info`: it differs from one machine to the next."""


@dataclass(frozen=True)
class BuildOptions:
    """What neither the flow nor its configuration says."""

    base_digest: str = ""
    """`sha256:…` of the base image; empty where only its name is known."""
    find_links: tuple[str, ...] = ()
    """Folders with wheels, searched besides the index."""
    build_dir: Path | None = None
    """Where builds are written, which no glob looks into; None: as the configuration says, in the working directory."""
    tools: Tools = field(default_factory=Tools.found)


def gather(resolved: Resolved, config: LokkiConfig, options: BuildOptions) -> BuildRequest:
    """Everything a build of this flow is made from."""
    build_dir = options.build_dir or Path(config.build_dir)
    flow, warnings = read_sources(resolved, config.include.paths, build_dir.resolve())
    dependencies = read_dependencies(flow_path(resolved).parent, options.tools)
    versions = {"lokki-core": core_version, "lokki-builder": builder_version, "lokki-runtime": RUNTIME_VERSION}
    bare = BuildRequest(
        resolved, config, flow, dependencies, versions=versions, base_digest=options.base_digest, warnings=(*warnings,)
    )
    installed = _Installer(bare, options).installed()
    notes = _notes(config, installed)
    return BuildRequest(
        resolved, config, flow, dependencies, installed, versions, options.base_digest, (*warnings, *notes)
    )


def _notes(config: LokkiConfig, installed: Installed) -> list[str]:
    if config.lambda_.package_type == "zip" and not installed.bytecode:
        python = config.lambda_.python
        return [f"there is no Python {python} on this machine: the zip has no byte code and starts more slowly"]
    return []


class _Installer:
    """Installs packages into folders of its own and reads them back."""

    def __init__(self, request: BuildRequest, options: BuildOptions) -> None:
        self.request = request
        self.tools = options.tools
        settings = request.config.lambda_
        self.python = settings.python
        self.zip = settings.package_type == "zip"
        self.platform = wheel_platform(settings.python, settings.architecture, managed=self.zip)
        self.links = [f"--find-links={folder}" for folder in options.find_links]

    def installed(self) -> Installed:
        """What the configuration wants on this host."""
        if self.zip:
            packages = {**self._dependencies(), **self._runtime()}
            return Installed(packages, bytecode=self._bytecode(self.request.flow, packages))
        if self.request.config.build.dependencies != "host":
            return Installed()
        secrets = self._tree(SECRETS_REQUIREMENTS, "--no-deps") if wants_secrets(self.request) else {}
        return Installed(self._dependencies(), secrets)

    def _dependencies(self) -> dict[str, bytes]:
        given: Dependencies = self.request.dependencies
        text = clean(given.requirements)
        return self._tree(text, *(["--require-hashes"] if given.locked else [])) if text else {}

    def _runtime(self) -> dict[str, bytes]:
        """lokki itself, without Lambda's runtime client, which Lambda brings."""
        core, runtime = f"lokki-core[s3,fast]=={core_version}\n", f"lokki-runtime=={RUNTIME_VERSION}\n"
        return {**self._tree(core), **self._tree(runtime, "--no-deps")}

    def _tree(self, requirements: str, *options: str) -> dict[str, bytes]:
        with tempfile.TemporaryDirectory(prefix="lokki-") as folder:
            file, target = Path(folder, "requirements.txt"), Path(folder, "site")
            file.write_text(requirements, encoding="utf-8")
            wanted = [*self.links, *options, "-r", str(file)]
            self.tools.install(target, wanted, self.python, self.platform)
            return read_installed(target)

    def _bytecode(self, flow: FlowFiles, packages: Mapping[str, bytes]) -> dict[str, bytes]:
        with tempfile.TemporaryDirectory(prefix="lokki-") as folder:
            root = Path(folder)
            for path, content in {**packages, **flow.files}.items():
                if path.endswith(".py"):
                    (root / path).parent.mkdir(parents=True, exist_ok=True)
                    (root / path).write_bytes(content)
            if not self.tools.compile(root, self.python, TASK_ROOT):
                return {}
            return {file.relative_to(root).as_posix(): file.read_bytes() for file in sorted(root.rglob("*.pyc"))}


def read_installed(target: Path) -> dict[str, bytes]:
    """{path: content} of installed packages: the same wherever they were installed, so without scripts and notes."""
    files = (path for path in sorted(target.rglob("*")) if path.is_file())
    found = {path.relative_to(target).as_posix(): path for path in files}
    return {name: path.read_bytes() for name, path in found.items() if _is_kept(name)}


def _is_kept(name: str) -> bool:
    parts = name.split("/")
    note = len(parts) == 2 and parts[0].endswith(".dist-info") and parts[1] in DROPPED_FILES
    return not (note or parts[0] == "bin" or name == ".lock" or "__pycache__" in parts)
