"""The task `batch:submitJob.sync`: a job with the task's parameters, followed to its end."""

from __future__ import annotations

import copy
import json
from typing import Any

from lokki.clock import SYSTEM_CLOCK
from ministack.services import batch, stepfunctions

from ..batch import service
from ..casing import camel, pascal

RESOURCE = "arn:aws:states:::batch:submitJob"
POLL_S = 0.05

_OWN = {"Name": "MANAGED_BY_AWS", "Value": "STARTED_BY_STEP_FUNCTIONS"}
"""What Step Functions adds to a job's environment."""

Document = dict[str, Any]


def install() -> None:
    """Let the interpreter know the task."""
    stepfunctions._SERVICE_DISPATCH[RESOURCE] = submit


def submit(resource: str, parameters: Document) -> Document:
    """Run the task. Raises what a retrier or catcher of the definition sees."""
    given = copy.deepcopy(parameters)
    given.setdefault("ContainerOverrides", {}).setdefault("Environment", []).append(_OWN)
    answer = service.submit(camel(given))
    if answer[0] != 200:
        raise stepfunctions._ExecutionError("Batch.ClientException", service.message(answer))
    submitted = json.loads(answer[2])
    if not resource.endswith(".sync"):
        plain: Document = pascal(submitted)
        return plain
    return _followed(batch._jobs[submitted["jobId"]])


def _followed(record: Document) -> Document:
    while record["status"] not in ("SUCCEEDED", "FAILED"):
        SYSTEM_CLOCK.sleep(POLL_S)
    told: Document = pascal(record)
    if record["status"] == "FAILED":
        raise stepfunctions._ExecutionError("States.TaskFailed", json.dumps(told))
    return told
