"""Items that keep a processor busy, for worker processes."""

import time

from lokki import flow, main, step
from lokki.decorators import StepNode


@step
def numbers(items: int) -> list[int]:
    return list(range(items))


@step
def busy(item: int, milliseconds: float) -> int:
    end = time.process_time() + milliseconds / 1000
    while time.process_time() < end:
        pass
    return item * 2


@step
def total(doubled: list[int]) -> int:
    return sum(doubled)


@flow
def cpu_flow(items: int = 200, milliseconds: float = 20.0) -> StepNode[..., int]:
    return numbers(items).map(busy, milliseconds=milliseconds).agg(total)


if __name__ == "__main__":
    main(cpu_flow)
