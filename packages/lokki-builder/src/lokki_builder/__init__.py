"""lokki-builder: what a lokki flow becomes on AWS."""

from .__about__ import __version__
from .entry import build
from .gather import BuildOptions
from .plan import BuildPlan, plan_build
from .request import BuildRequest
from .write import write_build

__all__ = ["BuildOptions", "BuildPlan", "BuildRequest", "__version__", "build", "plan_build", "write_build"]
