"""A step that fails for good, in the way its parameter says."""

from lokki import flow, step
from lokki.decorators import StepNode


class TooDeepError(Exception):
    """An exception of the flow's own."""


@step
def begin(mood: str) -> str:
    return mood


@step(retry={"retries": 1, "delay": 0, "exceptions": (ConnectionError,)})
def fail(mood: str) -> str:
    if mood == "hopeless":
        return dig(3)
    if mood == "unlucky":
        raise ConnectionError("the line is dead")
    if mood == "unpicklable":
        return lambda: None  # type: ignore[return-value]  # what is tested
    return mood


def dig(depth: int) -> str:
    if depth == 0:
        raise TooDeepError("there is a rock: Ünïcode 🪨")
    return dig(depth - 1)


@flow
def failing_flow(mood: str = "fine") -> StepNode[..., str]:
    return begin(mood).next(fail)
