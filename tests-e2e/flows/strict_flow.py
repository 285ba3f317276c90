"""A map that tolerates nothing: the first item that fails for good ends the run."""

from lokki import flow, main, step
from lokki.decorators import StepNode


@step
def numbers(count: int) -> list[int]:
    return list(range(count))


@step
def check(number: int, bad: int) -> int:
    if number == bad:
        raise ValueError(f"number {number} is bad")
    return number


@step
def collect(checked: list[int]) -> int:
    return len(checked)


@flow
def strict_flow(count: int = 20, bad: int = -1) -> StepNode[..., int]:
    return numbers(count).map(check, concurrency_limit=1).agg(collect)


if __name__ == "__main__":
    main(strict_flow)
