"""A map in the middle and one at the end that nothing closes; with no items at all, if wanted."""

from lokki import flow, main, step
from lokki.chain import MapBlock


@step
def numbers(count: int) -> list[int]:
    return list(range(count))


@step
def square(number: int) -> int:
    return number * number


@step
def sort(squares: list[int]) -> list[int]:
    return sorted(squares, reverse=True)


@step
def show(square: int) -> str:
    return f"<{square}>"


@flow
def open_flow(count: int = 3) -> MapBlock:
    return numbers(count).map(square).agg(sort).map(show)


if __name__ == "__main__":
    main(open_flow)
