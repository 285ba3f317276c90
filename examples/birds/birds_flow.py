"""Three birds learn to flap: the smallest flow that fans out and comes together again."""

from lokki import flow, main, step
from lokki.decorators import StepNode


@step
def get_birds() -> list[str]:
    return ["goose", "duck", "seagul"]


@step
def flap_bird(bird: str) -> str:
    return f"flappy {bird}"


@step
def join_birds(birds: list[str]) -> str:
    return ", ".join(birds)


@flow
def birds_flow() -> StepNode[..., str]:
    return get_birds().map(flap_bird).agg(join_birds)


if __name__ == "__main__":
    main(birds_flow)
