"""`build`: what deploying a flow needs, written to a folder and summarised."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
from lokki.config import Option
from lokki_builder import write_build

from .. import ui
from ..context import FlowContext, pass_flow
from ..flowcommand import FlowCommand
from ..ops.build import Planned, plan

EXAMPLES = """\b
Examples:
  python birds_flow.py build
  lokki-cli build birds_flow.py --env dev
  lokki-cli build flows.py:daily_flow --params params.json --json
"""


@click.command(cls=FlowCommand, takes_parameters=True, epilog=EXAMPLES)
@click.option("--env", metavar="NAME", help="Suffix of every name in AWS, as dev (aws.environment).")
@click.option("--output", metavar="DIR", help="Where to write it (build_dir; default: lokki-build).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a summary.")
@pass_flow
def build(context: FlowContext, env: str | None, output: str | None, as_json: bool) -> int:
    """Write the flow's state machine, template and image sources to a folder.

    Nothing is deployed, and no AWS account is needed. The summary says what was written, how far each map fans out and
    why, and about what a run costs. The same files always give the same bytes.

    The flow is evaluated once, to learn its shape, which may not depend on parameters: required ones that are not
    given are made up (1, an empty text, 2000-01-01, an Enum's first member), and the summary names them.

    What the flow depends on is taken from the project it belongs to: the nearest pyproject.toml with a table
    [project], in the flow file's folder or above it, but not above the root of a git repository. Its uv.lock there
    or further up fixes every version; without one the build takes what pyproject.toml says, and warns. Other files
    come along by include.paths.
    """
    assert context.given is not None  # noqa: S101  # it takes parameters
    config = context.config({"aws.environment": Option(env, "--env"), "build_dir": Option(output, "--output")})
    with ui.results_only():
        planned = plan(context.flow, context.given, config)
    ui.warnings(planned.plan.warnings)
    folder = write_build(planned.plan, config.build_dir)
    if as_json:
        ui.document(_document(planned, folder))
    else:
        ui.lines(_summary(planned, folder))
    return 0


def _summary(planned: Planned, folder: Path) -> list[str]:
    """The builder's lines but its warnings, which have been told, and where it all is."""
    told = {f"warning: {warning}" for warning in planned.plan.warnings}
    lines = [line for line in planned.plan.summary if line not in told]
    if planned.assumed:
        values = ", ".join(f"{name} = {value!r}" for name, value in planned.assumed.items())
        lines.append(f"  assumed            {values}: parameters without a value, made up for this build")
    return [*lines, f"  written to         {_shown(folder)}"]


def _document(planned: Planned, folder: Path) -> dict[str, Any]:
    plan = planned.plan
    return {
        "flow": plan.flow,
        "stack_name": plan.stack_name,
        "directory": str(folder),
        "image": plan.image,
        "image_tag": plan.image_tag,
        "zip_key": plan.zip_key,
        "platform": plan.platform,
        "parameters": dict(plan.parameters),
        "template_needs_upload": plan.template_needs_upload,
        "layers": dict(plan.layers),
        "assumed": dict(planned.assumed),
        "files": sorted(plan.files),
        "warnings": list(plan.warnings),
        "summary": _summary(planned, folder),
    }


def _shown(folder: Path) -> str:
    """The path relative to the working directory where it lies below that."""
    relative = os.path.relpath(folder)
    return str(folder) if relative.startswith("..") else f"{relative}{os.sep}"
