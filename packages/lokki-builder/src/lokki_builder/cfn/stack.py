"""What a template is made from, as data: the flow's nodes, its configuration, its code and its state machine. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from lokki.config import LokkiConfig
from lokki.graph import StepOptions

from .names import stack_name


@dataclass(frozen=True)
class Code:
    """The code that functions and jobs run."""

    package_type: Literal["image", "zip"]
    content_hash: str
    """What the code is: equal hashes mean equal code."""
    image_tag: str
    """ImageTag's default. The content hash, unless the configuration names a tag."""
    image_repository: str
    """ImageRepository's default; a local name where nothing is pushed."""


@dataclass(frozen=True)
class Step:
    """A Lambda function or a Batch job definition: what one step, or the judge of maps, runs on."""

    node: str
    """The first node that runs on it; other uses of the same step share it."""
    name: str
    """What stands for it in physical names, after the flow's name."""
    logical: str
    """Its logical id."""
    substitution: str
    """The name in the definition that stands for it."""
    timeout_s: int
    """The longest run of one attempt, in seconds."""
    options: StepOptions


@dataclass(frozen=True)
class MachineParts:
    """What a template needs of a state machine."""

    text: str
    """The definition, with `${Name}` where the template fills something in."""
    substitutions: tuple[str, ...]
    """Every name the definition uses."""
    has_maps: bool
    """Whether there is a Distributed Map, which starts executions of its own machine."""


@dataclass(frozen=True)
class Stack:
    """Everything a template is made from."""

    flow: str
    """The flow's name."""
    schedule: str | None
    timezone: str | None
    config: LokkiConfig
    code: Code
    machine: MachineParts
    functions: tuple[Step, ...]
    """Lambda functions, in the order of the flow."""
    jobs: tuple[Step, ...]
    """Batch jobs, in the order of the flow."""
    versions: Mapping[str, str]
    """{package: version}, for the template's metadata."""

    @cached_property
    def name(self) -> str:
        """FlowName's default."""
        return stack_name(self.flow, self.config.aws.environment)

    @property
    def makes_queue(self) -> bool:
        """Whether the template brings a compute environment and a job queue."""
        return bool(self.jobs) and self.config.batch.create_environment

    @property
    def makes_job_definitions(self) -> bool:
        """Whether the template brings job definitions, one per Batch step."""
        return bool(self.jobs) and not self.config.batch.job_definition_name
