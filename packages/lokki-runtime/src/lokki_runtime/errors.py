"""Every error this package raises on purpose.

    lokki.LokkiError
      DeploymentError         what was deployed cannot be used
        FlowImportError       the flow's module does not import
        StepMissingError      a step of the graph is not in its module
        ShapeChangedError     a run's graph is not the one that was built
      SecretError             a secret cannot be fetched
      DiskFullError           a step filled the disk
    Outcome                   what Step Functions is told: the class's name is the error's name there
      LokkiRetryable          the step's policy allows another attempt
      LokkiFatal              trying again cannot help
      LokkiContinue           nothing is wrong: go on with the rest of the batch

`Terminated` (a KeyboardInterrupt) and `OutOfTime` interrupt a step; neither leaves this package.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lokki.errors import LokkiError


class DeploymentError(LokkiError):
    """What was deployed cannot be used: a file is missing or does not fit the rest."""


class FlowImportError(DeploymentError):
    """The flow's module does not import. `__cause__` is what it raised."""


class StepMissingError(DeploymentError):
    """A step of the graph is not in its module."""


class ShapeChangedError(DeploymentError):
    """The graph of a run differs in shape from the one its state machine was built of."""


class SecretError(LokkiError):
    """A secret cannot be fetched."""


class DiskFullError(LokkiError):
    """A step wrote more than the disk holds. Only its name is used: the error type of a record."""


class Outcome(Exception):
    """How an invocation ends that does not answer. Its text is a JSON object that fits into Step Functions' cause."""

    def __init__(self, text: str, record: Mapping[str, Any]) -> None:
        super().__init__(text)
        self.record = record
        """The whole of it: `error_type`, `message`, `traceback`, `step`, …; see `report.error_record`."""


class LokkiRetryable(Outcome):
    """The step failed, and its policy allows another attempt."""


class LokkiFatal(Outcome):
    """The step failed for good, or something did that another attempt cannot help."""


class LokkiContinue(Outcome):
    """A batch was saved half-way because time ran short; another invocation goes on with it."""


class Terminated(KeyboardInterrupt):
    """The container has been told to stop."""


class OutOfTime(BaseException):
    """There is no time left for another attempt at an item."""

    def __init__(self, attempts: int) -> None:
        super().__init__(attempts)
        self.attempts = attempts
        """How many attempts at the item have failed so far."""
