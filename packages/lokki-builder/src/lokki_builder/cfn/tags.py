"""The tags of every resource: lokki's own and those of the configuration, which win. Pure."""

from __future__ import annotations

from .stack import Stack
from .yaml import Value, ref


def tags(stack: Stack) -> dict[str, Value]:
    """{key: value}, sorted by key."""
    own: dict[str, Value] = {"lokki:flow": ref("FlowName")}
    return dict(sorted((own | dict(stack.config.aws.tags)).items()))


def tag_list(stack: Stack) -> list[Value]:
    """The same as most resources want it."""
    return [{"Key": key, "Value": value} for key, value in tags(stack).items()]
