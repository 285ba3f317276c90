"""A flow of several files: a package beside it, and data that only a glob names."""

from pathlib import Path

from lokki import flow, step
from lokki.decorators import StepNode
from tools.count import longest

HERE = Path(__file__).parent


@step
def names() -> list[str]:
    return sorted(path.name for path in (HERE / "words").iterdir())


@step
def read(name: str) -> list[str]:
    return (HERE / "words" / name).read_text(encoding="utf-8").split()


@step
def compare(lists: list[list[str]]) -> str:
    return longest([word for words in lists for word in words])


@flow
def include_flow() -> StepNode[..., str]:
    return names().map(read).agg(compare)
