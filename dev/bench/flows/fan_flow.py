"""A list of N integers, each doubled, then summed."""

from lokki import flow, main, step
from lokki.decorators import StepNode


@step
def numbers(n: int) -> list[int]:
    return list(range(n))


@step
def double(item: int) -> int:
    return item * 2


@step
def total(items: list[int]) -> int:
    return sum(items)


@flow
def fan_flow(n: int) -> StepNode[..., int]:
    return numbers(n).map(double).agg(total)


if __name__ == "__main__":
    main(fan_flow)
