"""Steps that fail before they succeed: retried by Step Functions alone, and by the runtime within a batch."""

from typing import Any

import lokki
from lokki import flow, step
from lokki.decorators import StepNode

SOON = {"retries": 2, "delay": 0, "exceptions": (ConnectionError,)}


@step(retry=SOON)
def prepare(count: int) -> list[int]:
    """The whole step is tried again, by Step Functions."""
    fail_before(3)
    return list(range(count))


@step(retry=SOON)
def alone(item: int) -> tuple[int, int]:
    """One item at a time: each is tried again by Step Functions."""
    fail_before(2 if item == 1 else 1)
    return item, lokki.run().attempt


@step
def between(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return pairs


@step(retry=SOON)
def together(pair: tuple[int, int]) -> dict[str, Any]:
    """Several items at a time: each is tried again on its own, within one invocation."""
    fail_before(1 + pair[0])
    return {"pair": pair, "attempt": lokki.run().attempt, "index": lokki.run().item_index}


@step
def report(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return rows


def fail_before(attempt: int) -> None:
    if lokki.run().attempt < attempt:
        raise ConnectionError(f"attempt {lokki.run().attempt}")


@flow
def retry_flow(count: int = 3) -> StepNode[..., list[dict[str, Any]]]:
    return prepare(count).map(alone).agg(between).map(together, batch_size=2).agg(report)
