"""A step on AWS Batch that fails for good."""

from lokki import flow, step
from lokki.decorators import StepNode


@step
def begin() -> int:
    return 7


@step(job_type="batch", vcpu=1, memory_mb=256)
def crash(number: int) -> float:
    return number / 0


@flow
def broken_job_flow() -> StepNode[..., float]:
    return begin().next(crash)
