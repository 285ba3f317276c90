"""The pairs of CPU and memory that Fargate offers, and the nearest one that is large enough. Pure."""

from __future__ import annotations

FARGATE_MB: dict[float, tuple[int, ...]] = {
    0.25: (512, 1024, 2048),
    0.5: tuple(range(1024, 4096 + 1, 1024)),
    1: tuple(range(2048, 8192 + 1, 1024)),
    2: tuple(range(4096, 16384 + 1, 1024)),
    4: tuple(range(8192, 30720 + 1, 1024)),
    8: tuple(range(16384, 61440 + 1, 4096)),
    16: tuple(range(32768, 122880 + 1, 8192)),
}
"""{vCPUs: the memory sizes that go with them, in MiB}."""


def check_pair(vcpu: float, memory_mb: int, subject: str) -> list[str]:
    """What is wrong with a job's size on Fargate: nothing, or one finding with what to write instead."""
    if vcpu not in FARGATE_MB:
        sizes = ", ".join(f"{size:g}" for size in FARGATE_MB)
        return [f"{subject}: Fargate has {sizes} vCPUs, not {vcpu:g}. Write {_larger_cpu(vcpu)}."]
    sizes_mb = FARGATE_MB[vcpu]
    if memory_mb in sizes_mb:
        return []
    what = f"with {vcpu:g} vCPUs Fargate has {sizes_mb[0]:,} to {sizes_mb[-1]:,} MB in steps, not {memory_mb:,}"
    return [f"{subject}: {what}. {_advice(vcpu, memory_mb)}"]


def _larger_cpu(vcpu: float) -> str:
    larger = [size for size in FARGATE_MB if size >= vcpu]
    return f"vcpu = {larger[0]:g}" if larger else "vcpu = 16, the largest"


def _advice(vcpu: float, memory_mb: int) -> str:
    fitting = [size for size in FARGATE_MB[vcpu] if size >= memory_mb]
    if fitting:
        return f"Write memory_mb = {fitting[0]}."
    larger = [(cpu, size) for cpu, sizes in FARGATE_MB.items() for size in sizes if size >= memory_mb and cpu > vcpu]
    if larger:
        return f"Write vcpu = {larger[0][0]:g} and memory_mb = {larger[0][1]}."
    return "It is more than Fargate has; use a queue of EC2 instances (batch.job_queue)."
