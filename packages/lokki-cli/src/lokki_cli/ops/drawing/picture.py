"""What a picture of a flow says, whatever draws it: boxes, groups around them, and their captions.

Input: a FlowGraph. Output: `Picture`. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from lokki.graph import Chain, FlowGraph, MapLink, StepOptions, TaskEntry
from lokki.retry import RetryConfig


@dataclass(frozen=True)
class Box:
    """One use of a step."""

    name: str
    """The node's name."""
    details: tuple[str, ...]
    """Phrases about it, the most important first."""


@dataclass(frozen=True)
class Group:
    """A map: what is in it happens once for each item."""

    caption: tuple[str, ...]
    """Phrases about it, the most important first."""
    parts: tuple[Box | Group, ...]
    """What each item goes through, in order; never empty, and it begins with a Box."""


@dataclass(frozen=True)
class Picture:
    """A whole flow."""

    title: str
    """The flow's name."""
    details: tuple[str, ...]
    """Phrases about the flow; empty where there is nothing to say."""
    parts: tuple[Box | Group, ...]
    """What happens, in order."""


def picture(graph: FlowGraph) -> Picture:
    """The picture of `graph`."""
    schedule = f"schedule {graph.schedule}" if graph.schedule else ""
    zone = graph.timezone if graph.schedule and graph.timezone else ""
    return Picture(graph.name, _phrases(schedule, zone), _parts(graph.chain))


def _parts(chain: Chain) -> tuple[Box | Group, ...]:
    parts: list[Box | Group] = []
    for link in chain:
        if isinstance(link, TaskEntry):
            parts.append(_box(link))
            continue
        parts.append(Group(_map_caption(link), _parts(link.body)))
        if link.agg is not None:
            parts.append(_box(link.agg))
    return tuple(parts)


def _box(task: TaskEntry) -> Box:
    options = task.options
    kind = "Batch" if options.job_type == "batch" else "Lambda"
    step = f"step {task.step}" if task.step != task.node else ""
    return Box(task.node, _phrases(kind, step, *_resources(options), retries(options.retry)))


def _resources(options: StepOptions) -> list[str]:
    return [
        f"{options.vcpu:g} vCPU" if options.vcpu is not None else "",
        f"{options.memory_mb:,} MB" if options.memory_mb is not None else "",
        f"at most {options.timeout_seconds:,} s" if options.timeout_seconds is not None else "",
        f"{options.ephemeral_storage_mb:,} MB of /tmp" if options.ephemeral_storage_mb is not None else "",
    ]


def retries(retry: RetryConfig) -> str:
    """A retry policy in a phrase; empty where nothing is tried again."""
    if not retry.retries:
        return ""
    count = "1 retry" if retry.retries == 1 else f"{retry.retries:,} retries"
    names = [name.rpartition(".")[2] for name in map(str, _names(retry)) if name != "Exception"]
    return f"{count} on {' or '.join(names)}" if names else count


def _names(retry: RetryConfig) -> list[object]:
    names = retry.to_dict()["exceptions"]
    return names if isinstance(names, list) else []


def _map_caption(link: MapLink) -> tuple[str, ...]:
    options = link.options
    size = options.batch_size
    batches = "batches chosen by lokki" if size == "auto" else f"batches of {size:,}"
    return _phrases(
        f"for each item of {link.source}",
        f"{options.concurrency_limit:,} at once" if options.concurrency_limit is not None else "",
        batches if size != 1 else "",
        f"{options.tolerated_failure_percentage:g} % may fail" if options.tolerated_failure_percentage else "",
        "express" if options.express else "",
    )


def _phrases(*texts: str) -> tuple[str, ...]:
    return tuple(text for text in texts if text)
