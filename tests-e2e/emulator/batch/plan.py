"""What a job runs: its definition and what it was submitted with, put together as Batch does. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

Document = Mapping[str, Any]
"""As the Batch API writes it: keys begin with a small letter."""

OVERRIDES_CHARACTERS = 8192
"""The most characters Batch takes as the overrides of a container."""

SHORTEST_TIMEOUT_S = 60

DEFAULT_LOG_GROUP = "/aws/batch/job"


class RefusedError(Exception):
    """Batch would refuse this submission or definition; the text says why."""


@dataclass(frozen=True)
class Ending:
    """How one attempt of a job ended."""

    code: int | None
    """The container's exit code; None where it never ran to an end."""
    reason: str = ""
    """What the platform says about the container; empty for nothing."""

    @property
    def ok(self) -> bool:
        return self.code == 0 and not self.reason


@dataclass(frozen=True)
class Job:
    """Everything to run one job."""

    image: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    role: str
    """ARN of the job's role; empty for none."""
    vcpu: float
    memory_mb: int
    timeout_s: int | None
    """Of one attempt; None for no end."""
    attempts: int
    rules: Sequence[Document]
    """`evaluateOnExit`: the first that matches decides whether a failed attempt is repeated."""
    log_group: str
    log_prefix: str

    @classmethod
    def of(cls, definition: Document, submission: Document) -> Job:
        """The job of a submission. Raises RefusedError."""
        container = definition["containerProperties"]
        overrides = submission.get("containerOverrides") or {}
        _check(overrides)
        needs = _needs(container) | _needs(overrides)
        retry = submission.get("retryStrategy") or definition.get("retryStrategy") or {}
        timeout = submission.get("timeout") or definition.get("timeout") or {}
        log = (container.get("logConfiguration") or {}).get("options") or {}
        return cls(
            image=container["image"],
            command=tuple(overrides.get("command") or container.get("command") or ()),
            environment=_variables(container) | _variables(overrides),
            role=container.get("jobRoleArn") or "",
            vcpu=float(needs.get("VCPU", 1)),
            memory_mb=int(needs.get("MEMORY", 512)),
            timeout_s=timeout.get("attemptDurationSeconds"),
            attempts=int(retry.get("attempts", 1)),
            rules=tuple(retry.get("evaluateOnExit") or ()),
            log_group=log.get("awslogs-group", DEFAULT_LOG_GROUP),
            log_prefix=log.get("awslogs-stream-prefix", str(definition["jobDefinitionName"])),
        )

    def repeats(self, attempt: int, ending: Ending) -> bool:
        """Whether another attempt follows the `attempt`th (from 1)."""
        if ending.ok or attempt >= self.attempts:
            return False
        for rule in self.rules:
            if _applies(rule, ending):
                return str(rule["action"]).upper() == "RETRY"
        return True


def check_definition(definition: Document) -> None:
    """Raises RefusedError for what Batch does not register."""
    container = definition.get("containerProperties") or {}
    for field in ("image", "resourceRequirements"):
        if not container.get(field):
            raise RefusedError(f"containerProperties.{field} is missing")
    timeout = (definition.get("timeout") or {}).get("attemptDurationSeconds", SHORTEST_TIMEOUT_S)
    if timeout < SHORTEST_TIMEOUT_S:
        raise RefusedError(f"attemptDurationSeconds is {timeout}, less than {SHORTEST_TIMEOUT_S}")


def find_definition(revisions: Sequence[Document], reference: str) -> Document | None:
    """The revision that `name`, `name:3` or an ARN means; None for none. A name alone means the newest."""
    _, _, wanted = reference.rsplit("/", 1)[-1].partition(":")
    fitting = [one for one in revisions if not wanted or one["revision"] == int(wanted)]
    return fitting[-1] if fitting else None


def definition_name(reference: str) -> str:
    """The name in `name`, `name:3` or an ARN."""
    return reference.rsplit("/", 1)[-1].partition(":")[0]


def _applies(rule: Document, ending: Ending) -> bool:
    facts = {
        "onExitCode": "" if ending.code is None else str(ending.code),
        "onReason": ending.reason,
        "onStatusReason": ending.reason or "Essential container in task exited",
    }
    return all(fnmatchcase(fact, rule[condition]) for condition, fact in facts.items() if condition in rule)


def _check(overrides: Document) -> None:
    for entry in overrides.get("environment") or []:
        if not isinstance(entry.get("value"), str):
            raise RefusedError(f"the environment's {entry.get('name')} is not a text")
    size = sum(len(entry["name"]) + len(entry["value"]) for entry in overrides.get("environment") or [])
    if size > OVERRIDES_CHARACTERS:
        raise RefusedError(f"Container Overrides length must be at most {OVERRIDES_CHARACTERS}, not {size}")


def _needs(container: Document) -> dict[str, str]:
    return {need["type"]: need["value"] for need in container.get("resourceRequirements") or []}


def _variables(container: Document) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in container.get("environment") or []}
