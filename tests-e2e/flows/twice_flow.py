"""One step in three places: two of a chain, and in a map; each has arguments of its own."""

from lokki import flow, main, step
from lokki.decorators import StepNode


@step
def start() -> list[str]:
    return [" One ", " Two  "]


@step
def clean(text: str, suffix: str = "") -> str:
    return text.strip() + suffix


@step
def join(texts: list[str], suffix: str) -> str:
    return f"{'+'.join(texts)}{suffix} "


@flow
def twice_flow(suffix: str = "!") -> StepNode[..., str]:
    return start().map(clean).next(clean, suffix="?").agg(join).next(clean)


if __name__ == "__main__":
    main(twice_flow)
