"""Steps that run into a function's limits: its memory, and its time."""

import os
import time

import lokki
from lokki import flow, step
from lokki.decorators import StepNode

PAUSE_S = 0.5


@step(retry={"retries": 1, "delay": 0})
def hungry(count: int) -> list[int]:
    """The first attempt wants more memory than a function has."""
    if lokki.run().attempt == 1 and "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        hoard = [b"x" * 2**20 * 64 for _ in range(16)]
        return [len(hoard)]
    return list(range(count))


@step(retry={"retries": 1, "delay": 0})
def slow(number: int) -> int:
    """A batch of these takes longer than one invocation may."""
    time.sleep(PAUSE_S)
    return number + 1


@step
def total(numbers: list[int]) -> int:
    return sum(numbers)


@step(timeout_seconds=2, retry={"retries": 1, "delay": 0})
def stuck(number: int) -> int:
    """The first attempt would never end."""
    if lokki.run().attempt == 1 and "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        time.sleep(600)
    return number


@flow
def limits_flow(count: int = 16) -> StepNode[..., int]:
    return hungry(count).map(slow, batch_size=16).agg(total).next(stuck)
