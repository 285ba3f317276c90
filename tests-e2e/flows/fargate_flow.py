"""A step on Batch, in a compute environment that the flow's stack brings along; and a schedule."""

from lokki import flow, main, step
from lokki.decorators import StepNode


@step
def seed(size: int) -> list[int]:
    return list(range(size))


@step(job_type="batch", vcpu=0.25, memory_mb=512)
def grind(numbers: list[int]) -> int:
    print(f"grinding {len(numbers)} numbers")  # noqa: T201  # what a job prints is in its log
    return sum(numbers)


@flow(schedule="cron(0 6 * * ? *)", timezone="Europe/Berlin")
def fargate_flow(size: int = 5) -> StepNode[..., int]:
    return seed(size).next(grind)


if __name__ == "__main__":
    main(fargate_flow)
