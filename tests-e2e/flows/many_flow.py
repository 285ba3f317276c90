"""A thousand items: one by one, then a hundred at a time."""

from collections.abc import Iterable

from lokki import flow, main, step
from lokki.decorators import StepNode


@step
def numbers(count: int) -> Iterable[int]:
    return range(count)


@step
def double(number: int) -> int:
    return number * 2


@step
def pass_on(doubled: list[int]) -> list[int]:
    return doubled


@step
def add(number: int, plus: int) -> int:
    return number + plus


@step
def total(added: Iterable[int]) -> int:
    return sum(added)


@flow
def many_flow(count: int = 1000, plus: int = 1) -> StepNode[..., int]:
    one_by_one = numbers(count).map(double).agg(pass_on)
    return one_by_one.map(add, batch_size=100).agg(total)


if __name__ == "__main__":
    main(many_flow)
