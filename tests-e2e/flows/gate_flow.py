"""Steps that stop half-way at a gate, where a test ends them.

A gate is a URL that answers when the test opens it; the test learns of every step that stands before it.
"""

import random
from collections.abc import Iterator
from urllib.request import ProxyHandler, build_opener

import lokki
from lokki import flow, step
from lokki.decorators import StepNode

BLOCK = 3 * 1024 * 1024
RETRY = {"retries": 2, "delay": 0}


@step(retry=RETRY)
def produce(gate: str) -> Iterator[bytes]:
    """Eight blocks that gzip cannot make smaller: some parts of the upload are sent when the gate is reached."""
    noise = random.Random(7)
    for number in range(8):
        if number == 6:
            pass_gate(f"{gate}/produce")
        yield noise.randbytes(BLOCK)


@step(retry=RETRY)
def measure(block: bytes, gate: str) -> tuple[int, int]:
    """The gate stands in the middle of the first batch."""
    if lokki.run().item_index == 2:
        pass_gate(f"{gate}/measure")
    return len(block), sum(block)


@step(retry=RETRY)
def collect(sizes: list[tuple[int, int]], gate: str) -> list[tuple[int, int]]:
    pass_gate(f"{gate}/collect")
    return sizes


@step(job_type="batch", vcpu=1, memory_mb=256)
def archive(sizes: list[tuple[int, int]], gate: str) -> dict[str, int]:
    pass_gate(f"{gate}/archive")
    return {"blocks": len(sizes), "bytes": sum(size for size, _ in sizes)}


def pass_gate(url: str) -> None:
    """Wait until the gate opens."""
    with build_opener(ProxyHandler({})).open(url, timeout=300) as answer:
        answer.read()


@flow
def gate_flow(gate: str = "") -> StepNode[..., dict[str, int]]:
    measured = produce(gate).map(measure, gate=gate, batch_size=4, concurrency_limit=1)
    return measured.agg(collect, gate=gate).next(archive, gate=gate)
