"""One step."""

from lokki import flow, main, step
from lokki.decorators import StepNode


@step
def hello() -> str:
    return "hello"


@flow
def hello_flow() -> StepNode[..., str]:
    return hello()


if __name__ == "__main__":
    main(hello_flow)
