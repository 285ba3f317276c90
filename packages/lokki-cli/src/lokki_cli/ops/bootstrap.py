"""Makes what flows are deployed into: a stack with a bucket and, for images, a repository.

Input: `Clients`, `Wanted`. Output: events; `prepared` says what would change, `made` does it. Raises StackError.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from lokki.clock import Clock

from ..aws import stacks
from ..aws.clients import Clients
from ..aws.stacks import Stack
from ..errors import StackError
from .events import Progress
from .stack import NEVER_MADE, Proposal, carry_out, propose, status

STACK = "lokki-bootstrap"
TEMPLATE = "bootstrap.yaml"
REPOSITORY = "lokki"
TAGS = {"lokki:bootstrap": "1"}


@dataclass(frozen=True)
class Wanted:
    """What shall be there; None: as it is in the stack, or the default where there is none."""

    bucket: str | None = None
    """None: `lokki-<account>-<region>`."""
    repository: str | None = None
    """Empty for none. None: `lokki`; none with an emulator, which takes local images."""
    keep_runs_days: int | None = None
    """For how long runs are kept; 0 for ever. None: 90."""
    kms_key: str | None = None
    """None: a key of S3's own."""

    def parameters(self, clients: Clients, current: Stack | None) -> dict[str, str]:
        """The template's parameters."""
        endpoint = clients.settings.endpoint
        days = None if self.keep_runs_days is None else str(self.keep_runs_days)
        given = {
            "BucketName": self.bucket,
            "RepositoryName": self.repository,
            "RunsRetentionDays": days,
            "KmsKey": self.kms_key,
        }
        defaults = {
            "BucketName": f"lokki-{clients.identity.account}-{clients.settings.region}",
            "RepositoryName": "" if endpoint else REPOSITORY,
            "RunsRetentionDays": "90",
            "KmsKey": "",
            "RequireTls": "false" if endpoint and endpoint.startswith("http://") else "true",
        }
        present = current.parameters if current and current.status != "REVIEW_IN_PROGRESS" else {}
        wished = {name: value for name, value in given.items() if value is not None}
        return {name: wished.get(name, present.get(name, default)) for name, default in defaults.items()}


@dataclass(frozen=True)
class Places:
    """What there is afterwards: what the configuration is told."""

    bucket: str
    repository: str
    """Empty for none."""

    @classmethod
    def of(cls, stack: Stack) -> Places:
        """As the stack says; nothing where it was only reviewed."""
        if stack.status == "REVIEW_IN_PROGRESS":
            return cls("", "")
        return cls(stack.parameters.get("BucketName", ""), stack.outputs.get("ImageRepository", ""))

    @property
    def settings(self) -> dict[str, str]:
        """{key of the table `[aws]`: value}."""
        found = {"artifact_bucket": self.bucket, "image_repository": self.repository}
        return {key: value for key, value in found.items() if value}


def template() -> str:
    """The stack's template."""
    return (files("lokki_cli") / "ops" / TEMPLATE).read_text(encoding="utf-8")


def existing(clients: Clients) -> Places | None:
    """What an earlier bootstrap made here; None where there was none."""
    found = stacks.find(clients, STACK)
    places = Places.of(found) if found else None
    return places if places and places.bucket else None


def prepared(clients: Clients, wanted: Wanted, clock: Clock) -> Progress[Proposal | None]:
    """What would change; None: nothing, it is all there. Raises StackError for a stack in a bad state."""
    current = status(clients, STACK)
    if current is not None and current.status in NEVER_MADE:
        raise StackError(
            f"stack '{STACK}': it could not be made ({current.status}).",
            hint=f"Delete it, then try again: aws cloudformation delete-stack --stack-name {STACK}",
        )
    text = template()
    deployed = stacks.template(clients, STACK) if current and current.status != "REVIEW_IN_PROGRESS" else ""
    parameters = wanted.parameters(clients, current)
    return (
        yield from propose(
            clients, STACK, {"TemplateBody": text}, text, parameters, TAGS, clock, current=current, deployed=deployed
        )
    )


def made(clients: Clients, proposal: Proposal, clock: Clock) -> Progress[Places]:
    """Do it. Raises StackError with the first failure."""
    return Places.of((yield from carry_out(clients, proposal, clock)))
