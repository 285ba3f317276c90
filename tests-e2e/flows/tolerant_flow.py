"""Maps that tolerate failed items: one whose aggregation hears of them, one that ends open."""

from lokki import ItemFailure, flow, step
from lokki.chain import MapBlock


@step
def numbers(count: int) -> list[int]:
    return list(range(count))


@step
def invert(number: int) -> float:
    return 12 / number


@step
def half(number: float) -> float:
    return number / 2


@step
def judge(values: list[float], failures: list[ItemFailure]) -> list[float]:
    return [*values, *(-1.0 - failure.index for failure in failures)]


@step
def root(number: float) -> float:
    if number < 0:
        raise ValueError(f"{number} has no root")
    return float(number**0.5)


@flow
def tolerant_flow(count: int = 5) -> MapBlock:
    judged = numbers(count).map(invert, tolerated_failure_percentage=25, batch_size=2).next(half).agg(judge)
    return judged.map(root, tolerated_failure_percentage=50)
