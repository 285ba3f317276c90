"""`deploy`: what a flow needs in AWS is built, shown as a change, and after a yes made so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from lokki.clock import SYSTEM_CLOCK
from lokki.config import Option
from lokki_builder import BuildOptions, BuildPlan, write_build

from .. import consent, ui
from ..aws.artifacts import Bucket
from ..context import FlowContext, pass_flow
from ..errors import MissingResourceError
from ..flowcommand import FlowCommand
from ..ops import images
from ..ops.build import plan
from ..ops.deploy import Deployed, Ready, Release, compared, deployed, upload
from ..ops.images import FlowImage
from ..ops.requirements import missing
from ..progress import GOES_ON, shown
from ..target import Target, TargetOptions, target_options
from . import bootstrap as bootstrapping
from .again import again
from .proposing import show, withdraw

EXAMPLES = """\b
Examples:
  python birds_flow.py deploy
  lokki-cli deploy birds_flow.py --env dev --profile work
  lokki-cli deploy birds_flow.py --dry-run
  lokki-cli deploy flows.py:daily_flow --confirm --json
"""


@click.command(cls=FlowCommand, takes_parameters=True, epilog=EXAMPLES)
@target_options
@click.option("--image-tag", metavar="TAG", help="Tag of the image, instead of its hash (lambda.image_tag).")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--confirm", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each event, the result last.")
@pass_flow
def deploy(
    context: FlowContext, target: TargetOptions, image_tag: str | None, dry_run: bool, confirm: bool, as_json: bool
) -> int:
    """Build a flow and bring it to AWS, as a CloudFormation stack.

    The change is shown first: resources, permissions and states that are added, changed or removed. After a yes the
    image is built and pushed, or the zip uploaded, unless the same code is there already, and the stack is made or
    changed. A flow that is deployed as it is changes nothing. Runs under way go on with the code they began with.

    Docker is needed only where an image has to be built; package_type = "zip" in the table [lambda] does without. A
    bucket, and a repository for images, have to be there: lokki-cli bootstrap makes them, and is offered here.

    Every deployment is recorded in the bucket; rollback goes back to an earlier one.
    """
    options = {"lambda.image_tag": Option(image_tag, "--image-tag")}
    there = Target.of(context, target, options)
    who = there.clients.identity
    found = _equipped(context, there, confirm=confirm, asks=not (dry_run or as_json))
    if found:
        there = Target.of(context, target, {**options, **found})
    built, folder = _build(context, there)
    config, clients = there.config, there.clients
    bucket = Bucket(clients, config.aws.artifact_bucket, config.aws.kms_key)
    release = Release.of_build(built, config, there.names, bucket)
    ready = shown(compared(clients, release, SYSTEM_CLOCK), as_json=as_json)
    if ready.up_to_date:
        return _told(as_json, "up to date", there, ready)
    try:
        show(ready, as_json=as_json)
        if dry_run:
            withdraw(clients, ready.proposal)
            return _told(as_json, "dry run", there, ready)
        image = FlowImage.of(built, config)
        wanted = image if image and not images.is_there(image, clients) else None
        if wanted:
            ui.warnings(event.text for event in images.ready_to_build(wanted, config))
        question = f"Deploy {there.names.stack} to {clients.settings.place}, account {who.account}?"
        if not consent.given(question, confirmed=confirm, as_json=as_json):
            withdraw(clients, ready.proposal)
            ui.note("nothing was changed")
            return 1
        shown(upload(built, wanted, folder / "lambdas", release, config, clients), as_json=as_json)
    except BaseException:
        withdraw(clients, ready.proposal)
        raise
    done = shown(deployed(clients, ready, SYSTEM_CLOCK), as_json=as_json, interrupted=GOES_ON)
    return _told(as_json, "deployed", there, ready, done)


def _equipped(context: FlowContext, there: Target, *, confirm: bool, asks: bool) -> dict[str, Option]:
    """{setting: value} of bucket and repository, made now where they are missing and the user wants it.

    Nothing where they are there. Raises MissingResourceError where the user does not want it, or `asks` is false.
    """
    lacking = missing(there.config, there.clients)
    if not lacking.anything:
        return {}
    places = None
    if asks:
        ui.warnings([lacking.told])
        places = bootstrapping.offered(there, Path(context.folder), confirmed=confirm)
    if places is None:
        raise MissingResourceError(lacking.told, hint="Make it with: lokki-cli bootstrap")
    return {f"aws.{key}": Option(value, "bootstrap") for key, value in places.settings.items()}


def _build(context: FlowContext, there: Target) -> tuple[BuildPlan, Path]:
    """The flow, built and written. Its warnings are told."""
    assert context.given is not None  # noqa: S101  # it takes parameters
    digest = images.base_digest(there.config, there.clients)
    with ui.results_only():
        planned = plan(context.flow, context.given, there.config, BuildOptions(base_digest=digest))
    ui.warnings(planned.plan.warnings)
    return planned.plan, write_build(planned.plan, there.config.build_dir)


def _told(as_json: bool, status: str, there: Target, ready: Ready, done: Deployed | None = None) -> int:
    who = there.clients.identity
    machine = there.names.state_machine_arn(who.partition, there.clients.settings.region, who.account)
    document: dict[str, Any] = {
        "event": "result",
        "status": status,
        "flow": there.names.flow,
        "stack": there.names.stack,
        "region": there.clients.settings.region,
        "state_machine": machine,
        "template": ready.release.template.key,
        "parameters": dict(ready.release.parameters),
    }
    if done is not None:
        document["deployment"] = done.record.id
    if as_json:
        ui.json_line(document)
        return 0
    heading = {
        "up to date": f"{there.names.stack} is up to date: nothing was changed",
        "dry run": "nothing was changed: this was a dry run",
        "deployed": f"deployed {there.names.stack} to {there.clients.settings.place}",
    }[status]
    details = [f"  state machine  {machine}", f"  run it         {again('invoke', '--wait')}"]
    ui.lines([heading, *(details if done else [])])
    return 0
