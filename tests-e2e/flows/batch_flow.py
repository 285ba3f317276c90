"""Steps on AWS Batch: in the middle of a flow, with a retry, and in a map."""

import os
import platform

import lokki
from lokki import flow, step
from lokki.decorators import StepNode


@step
def seed(size: int) -> list[int]:
    return list(range(size))


@step(
    job_type="batch",
    vcpu=1,
    memory_mb=256,
    env={"FACTOR": "3"},
    retry={"retries": 2, "delay": 0, "exceptions": (ConnectionError,)},
)
def heavy(numbers: list[int]) -> list[int]:
    if lokki.run().attempt < 2:
        raise ConnectionError("not yet")
    return [number * int(os.environ["FACTOR"]) for number in numbers]


@step(job_type="batch", vcpu=1, memory_mb=256)
def each(number: int) -> tuple[int, str]:
    return number, platform.system()


@step
def total(pairs: list[tuple[int, str]]) -> tuple[int, set[str]]:
    return sum(number for number, _ in pairs), {system for _, system in pairs}


@flow
def batch_flow(size: int = 4) -> StepNode[..., tuple[int, set[str]]]:
    return seed(size).next(heavy).map(each, batch_size=2).agg(total)
