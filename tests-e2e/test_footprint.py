"""What images weigh: a flow's above the runtime's, the runtime above its base, and a flow's as it is made by hand."""

from __future__ import annotations

from pathlib import Path

from e2e_support.deployed import BuildFlow
from e2e_support.docker import Docker
from e2e_support.images import build_naive
from e2e_support.places import flow_file
from e2e_support.weights import KIB, MIB, Tell, table, weigh

FLOW_LIMIT = 100 * KIB
RUNTIME_LIMIT = 25 * MIB


def test_footprint(
    docker: Docker, base_image: str, runtime_image: str, build: BuildFlow, tmp_path: Path, tell: Tell
) -> None:
    """A flow adds its own files only; what all flows share is added once, and is less than each would bring by hand."""
    birds = build("birds_flow").plan.image
    naive = build_naive(docker, base_image, flow_file("birds_flow"), tmp_path)
    pairs = [
        ("birds, to the runtime", birds, runtime_image),
        ("the runtime, to Debian with Python", runtime_image, base_image),
        ("birds with boto3 and awslambdaric, to the same", naive, base_image),
    ]
    flow, runtime, by_hand = weights = weigh(docker, pairs, tmp_path)
    tell(table(weights))
    assert max(flow.files_bytes, flow.pushed_bytes) < FLOW_LIMIT
    assert max(runtime.files_bytes, runtime.pushed_bytes) < RUNTIME_LIMIT
    assert flow.files_bytes + runtime.files_bytes < by_hand.files_bytes
    assert flow.pushed_bytes * 100 < by_hand.pushed_bytes


def test_flows_share_the_runtime(docker: Docker, runtime_image: str, build: BuildFlow) -> None:
    """Another flow's image has the same layers below its own."""
    layers = [
        docker.inspect("image", build(name).plan.image)["RootFS"]["Layers"] for name in ("birds_flow", "gate_flow")
    ]
    shared = docker.inspect("image", runtime_image)["RootFS"]["Layers"]
    assert [image[: len(shared)] for image in layers] == [shared, shared]
    assert layers[0][len(shared) :] != layers[1][len(shared) :]
