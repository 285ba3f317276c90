"""Deploys a flow: what is there is compared with what was built, and after a yes brought to it.

Input: a build, `Clients`, names. Output: events; `compared` gives a `Ready`, `upload` brings the code to where it is
found, `deployed` changes the stack, and nothing of it is changed before. Raises OperationError.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lokki.clock import Clock
from lokki.config import LokkiConfig
from lokki_builder import BuildPlan
from lokki_builder.image.bundle import ZIP_FILE
from lokki_builder.plan import TEMPLATE

from ..aws import stacks
from ..aws.artifacts import Bucket
from ..aws.clients import Clients
from ..aws.lifecycle import expire_runs
from ..aws.names import Names
from ..aws.stacks import Stack
from ..errors import OperationError
from . import history, images
from .events import Begun, Done, Noted, Progress
from .images import FlowImage
from .stack import NEVER_MADE, Proposal, Template, carry_out, check_owner, propose, remove, status

FINE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
"""Statuses of a stack that is as its template says."""


@dataclass(frozen=True)
class Release:
    """What a stack shall be: a template, its parameters, and where it all belongs."""

    names: Names
    bucket: Bucket
    template: Template
    parameters: Mapping[str, str]
    """{parameter of the template: value}."""
    tags: Mapping[str, str]
    """{tag of the stack: value}."""
    restores: str = ""
    """The id of the deployment this one goes back to; empty for a new one."""

    @classmethod
    def of_build(cls, plan: BuildPlan, config: LokkiConfig, names: Names, bucket: Bucket) -> Release:
        """A build, under the names and in the bucket of this deployment."""
        text = plan.files[TEMPLATE].decode()
        own = {"FlowName": names.deployed, "S3Bucket": bucket.name}
        return cls(
            names,
            bucket,
            Template(text, names.template_key(history.template_hash(text))),
            {name: own.get(name, default) for name, default in plan.parameters.items()},
            tags_of(names, config),
        )


@dataclass(frozen=True)
class Ready:
    """A release, and what it would change."""

    release: Release
    proposal: Proposal | None
    """None: the stack is as the release says."""
    replaces: Stack | None = None
    """A stack that was never made whole and goes before; there is no proposal then."""

    @property
    def up_to_date(self) -> bool:
        """Whether there is nothing to do."""
        return self.proposal is None and self.replaces is None


@dataclass(frozen=True)
class Deployed:
    """What a deployment came to."""

    stack: Stack
    record: history.Deployment


def tags_of(names: Names, config: LokkiConfig) -> dict[str, str]:
    """The stack's tags: lokki's own and those of the configuration, which win."""
    return {"lokki:flow": names.deployed} | dict(config.aws.tags)


def compared(clients: Clients, release: Release, clock: Clock) -> Progress[Ready]:
    """What a release would change. Raises StackError for a stack that nothing can be done with as it is."""
    name = release.names.stack
    yield Begun(f"looking at the stack {name}")
    current = status(clients, name)
    text = stacks.template(clients, name) if current is not None and current.status != "REVIEW_IN_PROGRESS" else ""
    check_owner(name, text, release.names.flow)
    if current is not None and current.status in NEVER_MADE:
        return Ready(release, None, current)
    if current is not None and _is_same(current, text, release):
        return Ready(release, None)
    proposal = yield from propose(
        clients,
        name,
        release.template.source(release.bucket),
        release.template.text,
        release.parameters,
        release.tags,
        clock,
        current=current,
        deployed=text,
    )
    return Ready(release, proposal)


def _is_same(stack: Stack, template: str, release: Release) -> bool:
    """Whether a stack that is well has this template and these parameters."""
    return (
        stack.status in FINE
        and template.rstrip("\n") == release.template.text.rstrip("\n")
        and dict(stack.parameters) == dict(release.parameters)
    )


def upload(
    plan: BuildPlan, image: FlowImage | None, context: Path, release: Release, config: LokkiConfig, clients: Clients
) -> Progress[None]:
    """Bring template and code to where they are found: push the image, if it is missing, or upload the zip.

    `image` is one that has to be built from the folder `context`; None where there is none, or it is there already.
    """
    release.template.keep(release.bucket)
    if image is not None:
        yield from images.built(image, context, config, clients)
    elif plan.zip_key:
        yield from _upload_zip(plan, release)


def _upload_zip(plan: BuildPlan, release: Release) -> Progress[None]:
    key = release.names.prefix + plan.zip_key.partition("/")[2]
    url = release.bucket.url(key)
    if release.bucket.has(key):
        yield Done(f"the zip {url} is there already")
        return
    yield Begun(f"uploading {url}")
    release.bucket.put(key, plan.files[f"lambdas/{ZIP_FILE}"], "application/zip")
    yield Done(f"uploaded {url}")


def deployed(clients: Clients, ready: Ready, clock: Clock) -> Progress[Deployed]:
    """Do what a release changes, and record it. Raises StackError with the first failure."""
    release = ready.release
    if ready.replaces is not None:
        yield from remove(clients, ready.replaces, clock)
        ready = yield from compared(clients, release, clock)
    assert ready.proposal is not None  # noqa: S101  # who has nothing to do does not ask for it
    stack = yield from carry_out(clients, ready.proposal, clock)
    record = history.made(
        clock.now(),
        history.template_hash(release.template.text),
        release.parameters,
        clients.identity.arn,
        release.restores,
    )
    history.write(release.bucket, release.names, record)
    yield from _expire(release)
    return Deployed(stack, record)


def _expire(release: Release) -> Progress[None]:
    """Let runs expire where the bucket says so. A deployment that succeeded does not fail of this."""
    try:
        days = expire_runs(release.bucket, release.names.runs)
    except OperationError as error:
        yield Noted(f"runs in the bucket will not expire: {error}")
        return
    if days:
        yield Noted(f"runs of this flow are deleted from the bucket after {days} days, as its tags say")
