"""A flow with a locked third-party dependency. Its lock is made by the tests, from wheels on this machine."""

from typing import Any

import numpy as np
from lokki import flow, step
from lokki.decorators import StepNode


@step
def rows(count: int) -> list[Any]:
    return [np.arange(4, dtype=np.int64) + number for number in range(count)]


@step
def square(row: Any) -> Any:
    return row * row


@step
def merge(squares: list[Any]) -> dict[str, Any]:
    stacked = np.vstack(squares)
    return {"shape": stacked.shape, "sum": int(stacked.sum()), "mean": float(stacked.mean())}


@flow
def numpy_flow(count: int = 3) -> StepNode[..., dict[str, Any]]:
    return rows(count).map(square, batch_size="auto").agg(merge)
