"""lokki: data pipelines from plain Python functions, run on a laptop or on AWS Step Functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .__about__ import __version__
from .context import run
from .decorators import flow, step
from .errors import LokkiError
from .failure import ItemFailure
from .graph import FlowGraph
from .retry import RetryConfig

if TYPE_CHECKING:
    from ._main import main
    from .runs import Run

__all__ = [
    "FlowGraph",
    "ItemFailure",
    "LokkiError",
    "RetryConfig",
    "Run",
    "__version__",
    "flow",
    "main",
    "run",
    "step",
]


def __getattr__(name: str) -> Any:
    """`main` and `Run` bring the runner and the stores along, so they are imported when first used."""
    if name == "main":
        from ._main import main  # noqa: PLC0415  # see above

        return main
    if name == "Run":
        from .runs import Run  # noqa: PLC0415  # see above

        return Run
    raise AttributeError(f"module 'lokki' has no attribute '{name}'")
