"""Says a word after it has stood at a gate, so that another word can be deployed meanwhile."""

from urllib.request import ProxyHandler, build_opener

from lokki import flow, main, step
from lokki.decorators import StepNode


@step
def listen(gate: str) -> list[str]:
    """The gate is a URL that answers when the test opens it; without one there is none."""
    if gate:
        with build_opener(ProxyHandler({})).open(gate, timeout=300) as answer:
            answer.read()
    return ["a", "b"]


@step
def say(name: str) -> str:
    return f"{name} says hello"


@step
def write(said: list[str]) -> str:
    return "; ".join(said)


@flow
def word_flow(gate: str = "") -> StepNode[..., str]:
    return listen(gate).map(say).agg(write)


if __name__ == "__main__":
    main(word_flow)
