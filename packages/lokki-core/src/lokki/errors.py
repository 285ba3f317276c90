"""Every error lokki raises on purpose.

    LokkiError                    1
      FlowDefinitionError         2
        ChainError                2   (also TypeError)
        GraphError                2
      ParamError                  2
      ConfigError                 2
      ResumeError                 2
      MissingPackageError         2
      StoreError                  1
        ObjectMissingError        1
        StoreUrlError             1   (also ValueError)
        StoreFormatError          1
      StepFailedError             1
      MapFailedError              1
      ResultError                 1
      WireError                   1

The number is the exit code of the command line. A message reads *where: what. hint.*
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .failure import ItemFailure
    from .where import Where


class LokkiError(Exception):
    """The root: what happened, where, and what to do about it."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.args, self.__dict__.copy()))


def _rebuild(cls: type[LokkiError], args: tuple[object, ...], state: dict[str, object]) -> LokkiError:
    """Restore a pickled error without calling its constructor, whose arguments differ by class."""
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class FlowDefinitionError(LokkiError):
    """A flow, step or option is written wrongly."""

    exit_code = 2

    def __init__(self, message: str, *, where: Where | None = None, hint: str | None = None) -> None:
        super().__init__(f"{where}: {message}" if where else message, hint=hint)
        self.where = where
        """File and line of the mistake; None where no line can be named."""


class ChainError(FlowDefinitionError, TypeError):
    """`.next`, `.map` or `.agg` was called on or with something that cannot be chained."""


class GraphError(FlowDefinitionError):
    """A flow's graph has mistakes; all of them are listed."""

    def __init__(self, flow: str, findings: Sequence[str]) -> None:
        count = f"{len(findings)} mistakes" if len(findings) != 1 else "1 mistake"
        super().__init__("\n  ".join([f"flow '{flow}' has {count}:", *findings]))
        self.flow = flow
        self.findings = tuple(findings)
        """One line each: *file:line: what. hint.*"""


class ParamError(LokkiError):
    """Flow parameters are unknown, missing, ill-typed or too large."""

    exit_code = 2


class ConfigError(LokkiError):
    """A configuration value cannot be used."""

    exit_code = 2

    def __init__(self, message: str, *, key: str, origin: str | None = None, hint: str | None = None) -> None:
        super().__init__(f"{key} (from {origin}): {message}" if origin else f"{key}: {message}", hint=hint)
        self.key = key
        """The dotted key, as `aws.artifact_bucket`."""
        self.origin = origin
        """Where the value came from: a file, `env NAME`, an option; None for no single place."""


class ResumeError(LokkiError):
    """A run cannot be resumed: unknown, still running, or started with other parameters or another graph."""

    exit_code = 2


class MissingPackageError(LokkiError):
    """A command or feature lives in a package that is not installed."""

    exit_code = 2

    def __init__(self, what: str, package: str) -> None:
        super().__init__(f"{what} needs the package {package}.", hint=f"Install it: pip install '{package}'")
        self.package = package


class StoreError(LokkiError):
    """Data could not be written or read."""

    def __init__(self, message: str, *, url: str, operation: str, hint: str | None = None) -> None:
        super().__init__(f"{url}: {message}", hint=hint)
        self.url = url
        """What was to be read or written."""
        self.operation = operation
        """`read`, `write`, `list`, …"""


class ObjectMissingError(StoreError):
    """Nothing is stored under this URL."""


class StoreUrlError(StoreError, ValueError):
    """A URL is malformed or points outside what this store may read."""


class StoreFormatError(StoreError):
    """What is stored is truncated, corrupt, or of another format version."""


class StepFailedError(LokkiError):
    """A step failed for good. `__cause__` is the author's own exception."""

    def __init__(
        self,
        message: str,
        *,
        flow: str,
        step: str,
        index: int | None = None,
        attempts: int = 1,
        traceback: str = "",
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.flow = flow
        self.step = step
        """The node's name in the graph."""
        self.index = index
        """The item's place in the innermost map; None for a step outside maps."""
        self.attempts = attempts
        """How often the step was tried."""
        self.traceback = traceback
        """The author's own traceback as text, without lokki's frames."""


class MapFailedError(LokkiError):
    """More items of a map failed than it tolerates."""

    def __init__(
        self,
        message: str,
        *,
        flow: str,
        step: str,
        failures: Sequence[ItemFailure],
        total: int,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.flow = flow
        self.step = step
        """The first node of the map's body."""
        self.failures = tuple(failures)
        """The failed items that are known, in item order."""
        self.total = total
        """How many items the map ran over."""


class ResultError(LokkiError):
    """A step returned what cannot be stored or fanned out."""

    step = ""
    """The node that returned it."""


class WireError(LokkiError):
    """An event was written by another version of the wire format."""

    def __init__(self, message: str, *, expected: int, found: object) -> None:
        super().__init__(message)
        self.expected = expected
        self.found = found
