"""`image`: the base image that flows' images start from."""

from __future__ import annotations

import click

from .. import ui
from ..aws.clients import AwsSettings, Clients
from ..docker import Docker
from ..flowcommand import DEBUG_HELP, PlainHelp
from ..ops.base_images import BaseImage, built
from ..ops.images import pushed
from ..progress import shown
from ..target import account_config, account_options

EXAMPLES = """\b
Examples:
  lokki-cli image
  lokki-cli image --python 3.13 --architecture arm64
  lokki-cli image --push registry.example/lokki:base
  lokki-cli image --from our-python:3.12 --wheels wheels/
"""

WHEELS_HELP = "Take lokki and all it needs from the wheels in this folder, without a network; may be repeated."


@click.command(cls=PlainHelp, epilog=EXAMPLES)
@click.option("--python", type=click.Choice(["3.11", "3.12", "3.13"]), help="Python version (lambda.python).")
@click.option("--architecture", type=click.Choice(["x86_64", "arm64"]), help="Processor (lambda.architecture).")
@click.option("--from", "start", metavar="IMAGE", help="Image it starts from (default: python:VERSION-slim).")
@click.option("--wheels", metavar="DIR", multiple=True, type=click.Path(exists=True, file_okay=False), help=WHEELS_HELP)
@click.option("--push", "goal", metavar="IMAGE", help="Also push it, as REGISTRY/REPOSITORY:TAG.")
@account_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each event, the result last.")
@click.option("--debug", is_flag=True, expose_value=False, help=DEBUG_HELP)
def image(
    python: str | None,
    architecture: str | None,
    start: str | None,
    wheels: tuple[str, ...],
    goal: str | None,
    region: str | None,
    profile: str | None,
    endpoint: str | None,
    as_json: bool,
) -> int:
    """Build the image that flows' images start from: Python, lokki's runtime, and nothing else.

    deploy builds it by itself where it is missing. By hand it is built to start from another Python image, to do
    without a network, or to push it to a registry, from where everybody's builds take it: set lambda.base_image to
    what --push says.
    """
    config = account_config(region, endpoint)
    docker = Docker.found()
    docker.engine()
    base = BaseImage.of(config, python=python, architecture=architecture, start=start, wheels=wheels)
    shown(built(docker, base), as_json=as_json)
    if goal:
        docker.tag(base.name, goal)
        shown(pushed(docker, goal, Clients(AwsSettings.from_config(config, profile))), as_json=as_json)
    if as_json:
        ui.json_line({"event": "result", "status": "pushed" if goal else "built", "image": goal or base.name})
    else:
        lines = ["[lambda]", f'base_image = "{goal}"'] if goal else []
        ui.lines([f"built {base.name}" + (f" and pushed it as {goal}" if goal else ""), *lines])
    return 0
