"""Runs read back, and flow files changed."""

from __future__ import annotations

from lokki import Run
from lokki_cli.ops.deployedrun import DeployedRun

from ..conftest import Folder
from .deployed import Deployed


def read(flow: Deployed, run_id: str = "r") -> Run:
    return Run(flow.name, run_id, backend=DeployedRun(flow.place, run_id))


def rewrite(folder: Folder, source: str, name: str = "birds_flow.py") -> None:
    """Change a flow file, byte code and all."""
    for cached in (folder.path / "__pycache__").glob("*"):
        cached.unlink()
    folder.write(source, name)
