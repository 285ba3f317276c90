"""`@step` and `@flow`: how plain functions join lokki."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, Literal, ParamSpec, TypeVar, overload

from .chain import StepDef, StepNode, TaskUse
from .errors import FlowDefinitionError
from .graph import StepOptions
from .naming import flow_name
from .retry import RetryConfig
from .where import Where, caller, of_function

if TYPE_CHECKING:
    from .graph import FlowGraph

__all__ = ["Flow", "RetryConfig", "StepNode", "flow", "step"]

P = ParamSpec("P")
R = TypeVar("R")


@overload
def step(fn: Callable[P, R], /) -> StepNode[P, R]: ...
@overload
def step(
    *,
    retry: RetryConfig | Mapping[str, object] | None = None,
    job_type: Literal["lambda", "batch"] = "lambda",
    vcpu: float | None = None,
    memory_mb: int | None = None,
    timeout_seconds: int | None = None,
    ephemeral_storage_mb: int | None = None,
    env: Mapping[str, str] | None = None,
) -> Callable[[Callable[P, R]], StepNode[P, R]]: ...
def step(fn: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a function a step of flows.

    Works bare (`@step`) and with options: `retry` (RetryConfig or dict), `job_type` ("lambda" or "batch"),
    `vcpu` (Batch), `memory_mb`, `timeout_seconds`, `ephemeral_storage_mb` and `env`. Mistaken values are
    reported with the flow's other mistakes. Raises FlowDefinitionError for what is not a function.
    """
    if fn is None:
        return functools.partial(_make_step, options=options)
    return _make_step(fn, options)


def _make_step(fn: Callable[..., Any], options: Mapping[str, Any]) -> StepNode[..., Any]:
    where = of_function(fn) or caller()
    if not callable(fn) or not hasattr(fn, "__code__"):
        raise FlowDefinitionError(
            f"@step was given {fn!r}, which is not a plain function.",
            where=where,
            hint="Decorate a function written with def.",
        )
    good, findings = _check_options(options, where)
    definition = StepDef(fn, fn.__name__, good, where, findings)
    return StepNode(fn, (TaskUse(definition, where),))


def _check_options(options: Mapping[str, Any], where: Where) -> tuple[StepOptions, tuple[str, ...]]:
    """The options as written, with defaults in the place of mistaken ones, and the mistakes."""
    good: dict[str, Any] = {}
    findings: list[str] = []
    for name, value in options.items():
        if name not in _CHECKS:
            findings.append(f"{where}: @step has no option '{name}'; it has {', '.join(_CHECKS)}.")
        elif value is not None:
            try:
                good[name] = _CHECKS[name](value)
            except (TypeError, ValueError) as error:
                findings.append(f"{where}: @step({name}=...): {error}.")
    return StepOptions(**good), (*findings, *_check_together(good, where))


def _check_together(good: Mapping[str, Any], where: Where) -> list[str]:
    """What is wrong only in combination: Lambda's limits, and Batch's options without Batch."""
    if good.get("job_type") == "batch":
        return []
    findings = []
    if good.get("timeout_seconds", 0) > LAMBDA_TIMEOUT_S:
        findings.append("timeout_seconds is at most 900 on Lambda; use job_type='batch' for longer steps")
    if not LAMBDA_MEMORY_MB[0] <= good.get("memory_mb", 512) <= LAMBDA_MEMORY_MB[1]:
        findings.append("memory_mb is 128 to 10240 on Lambda; use job_type='batch' for more")
    if "vcpu" in good:
        findings.append("vcpu applies to job_type='batch'; on Lambda, memory_mb decides the share of processors")
    return [f"{where}: @step: {finding}." for finding in findings]


LAMBDA_TIMEOUT_S = 900
LAMBDA_MEMORY_MB = (128, 10_240)
EPHEMERAL_STORAGE_MB = (512, 10_240)


def _whole(least: int, most: int | None = None) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"a whole number is needed, not {value!r}")
        if value < least or (most is not None and value > most):
            raise ValueError(f"{value} is not {f'between {least} and {most}' if most else f'at least {least}'}")
        return value

    return check


def _vcpu(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise ValueError(f"a number above 0 is needed, not {value!r}")
    return value


def _job_type(value: Any) -> str:
    if value not in ("lambda", "batch"):
        raise ValueError(f"it is 'lambda' or 'batch', not {value!r}")
    return str(value)


def _env(value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, Mapping):
        raise TypeError(f"a dict of strings is needed, not {value!r}")
    for name, text in value.items():
        if not isinstance(name, str) or not isinstance(text, str) or not name or "=" in name:
            raise TypeError(f"names and values are strings, not {name!r}: {text!r}")
    return tuple(sorted(value.items()))


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "retry": RetryConfig.of,
    "job_type": _job_type,
    "vcpu": _vcpu,
    "memory_mb": _whole(1),
    "timeout_seconds": _whole(1),
    "ephemeral_storage_mb": _whole(*EPHEMERAL_STORAGE_MB),
    "env": _env,
}


class Flow(Generic[P]):
    """A flow: a function whose body chains steps. Calling it gives its FlowGraph and runs no step."""

    def __init__(
        self, fn: Callable[P, object], *, schedule: str | None, timezone: str | None, where: Where | None
    ) -> None:
        self.fn = fn
        """The plain function."""
        self.schedule = schedule
        self.timezone = timezone
        self.where = where
        self.__doc__ = fn.__doc__
        self.__name__ = fn.__name__
        self.__module__ = fn.__module__

    @property
    def name(self) -> str:
        """The flow's name everywhere: the function's, in kebab-case."""
        return flow_name(self.fn.__name__)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> FlowGraph:
        """Evaluate the body with these parameters and return the graph it describes.

        Raises ParamError for missing parameters and GraphError with all mistakes of the flow.
        """
        from .resolve import bind_parameters, resolve  # noqa: PLC0415  # resolve reads flows: it is the layer above

        return resolve(self, bind_parameters(self, args, kwargs)).graph

    def __repr__(self) -> str:
        return f"<flow {self.name}>"


@overload
def flow(fn: Callable[P, object], /) -> Flow[P]: ...
@overload
def flow(*, schedule: str | None = None, timezone: str | None = None) -> Callable[[Callable[P, object]], Flow[P]]: ...
def flow(fn: Callable[..., Any] | None = None, /, *, schedule: str | None = None, timezone: str | None = None) -> Any:
    """Make a function a flow.

    Works bare (`@flow`) and with `schedule="cron(...)"` or `"rate(...)"` and `timezone="Europe/Helsinki"`.
    Raises FlowDefinitionError for what is not a function.
    """
    if fn is None:
        return functools.partial(_make_flow, schedule=schedule, timezone=timezone)
    return _make_flow(fn, schedule, timezone)


def _make_flow(fn: Callable[..., Any], schedule: str | None, timezone: str | None) -> Flow[Any]:
    if not callable(fn) or not hasattr(fn, "__code__"):
        raise FlowDefinitionError(
            f"@flow was given {fn!r}, which is not a plain function.",
            where=caller(),
            hint="Decorate a function written with def; @flow goes on the function that chains the steps.",
        )
    return Flow(fn, schedule=schedule, timezone=timezone, where=of_function(fn))
