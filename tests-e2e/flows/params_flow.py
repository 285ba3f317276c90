"""Parameters of every type, converted alike by the command line, by `invoke` and by the deployed first task."""

from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Any, Literal

from lokki import flow, main, step
from lokki.decorators import StepNode


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@step
def days(begin: date, count: int, limit: int = 10) -> list[date]:
    """`limit` is no parameter of the flow: bound there to the first step, it may be given all the same."""
    return [begin + timedelta(days=number) for number in range(min(count, limit))]


@step
def describe(day: date, colour: Colour, scale: float, words: list[str]) -> dict[str, Any]:
    return {"day": day, "colour": colour, "weight": day.day * scale, "words": words}


@step
def gather(rows: list[dict[str, Any]], **kwargs: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Receives every parameter of the flow."""
    return rows, kwargs


@flow
def params_flow(
    begin: date = date(2024, 2, 28),
    count: int = 2,
    scale: float = 0.5,
    colour: Colour = Colour.RED,
    at: datetime = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC),
    mode: Literal["fast", "slow"] = "fast",
    verbose: bool = False,
    note: str | None = None,
    words: list[str] = ["ä", "b"],  # noqa: B006  # flows do not change their arguments
    extra: dict[str, int] = {"one": 1},  # noqa: B006  # likewise
) -> StepNode[..., tuple[list[dict[str, Any]], dict[str, Any]]]:
    return days(begin, count, limit=3).map(describe).agg(gather)


if __name__ == "__main__":
    main(params_flow)
