"""Where things are: the repository, the tests' own folders, what is kept between runs."""

from __future__ import annotations

from pathlib import Path

from lokki import environment

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
FLOWS = TESTS / "flows"
EXAMPLES = ROOT / "examples"

PYTHON = "3.11"
"""The Python of the base image, as `lambda.python` says it."""


def cache() -> Path:
    """What outlives a test run; `engine/engine` has the same rule."""
    chosen = environment.get("LOKKI_E2E_CACHE")
    if chosen:
        return Path(chosen)
    return Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lokki-e2e"


def flow_file(name: str) -> Path:
    """Where the flow `name` is written."""
    (file,) = [*FLOWS.glob(f"**/{name}.py"), *EXAMPLES.glob(f"*/{name}.py")]
    return file
