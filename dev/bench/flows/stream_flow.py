"""The same as fan_flow.py, with a generator as source and a lazy aggregation: memory must not grow with N."""

from collections.abc import Iterable, Iterator

from lokki import flow, main, step
from lokki.decorators import StepNode


@step
def numbers(n: int) -> Iterator[int]:
    yield from range(n)


@step
def double(item: int) -> int:
    return item * 2


@step
def total(items: Iterable[int]) -> int:
    return sum(items)


@flow
def stream_flow(n: int) -> StepNode[..., int]:
    return numbers(n).map(double).agg(total)


if __name__ == "__main__":
    main(stream_flow)
