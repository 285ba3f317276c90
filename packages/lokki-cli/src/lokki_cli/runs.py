"""`lokki.Run` for deployed runs: the entry point of group `lokki.runs`.

Input: a flow's name and a run id. Output: a RunBackend. Where AWS is, the configuration of the working directory says.
"""

from __future__ import annotations

from lokki.config import load_config
from lokki.runs import RunBackend

from .ops.deployedrun import DeployedRun
from .ops.place import Place


def deployed_run(flow: str, run_id: str) -> RunBackend:
    """The run of `flow`, in the environment and region that the configuration names. Asks nobody yet.

    Raises ConfigError where no bucket is configured.
    """
    place = Place.of(flow, load_config())
    place.need_bucket()
    return DeployedRun(place, run_id)
