"""Options that several commands share, and opening a job by them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from .. import environment
from ..errors import CommandLineError
from ..model.load import job_of, read_document
from ..model.resolve import Resolved, resolve
from ..plan import JobPlan, plan_job
from ..secrets import Masker

JOB = click.argument("job", type=click.Path(path_type=Path))
PARAM = click.option(
    "--var", "--param", "-p", "params", multiple=True, metavar="NAME=VALUE", help="A value for a parameter of the job."
)


def debug(function: Callable[..., Any]) -> Callable[..., Any]:
    """Accept `--debug` behind the command too; the door has read it already."""
    return click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")(function)


@dataclass(frozen=True)
class Opened:
    """A job whose plan is made and whose connections are resolved."""

    plan: JobPlan
    resolved: Resolved


def open_plan(
    job: Path, params: Mapping[str, str] | None = None, masker: Masker | None = None, *, connect: bool = False
) -> JobPlan:
    """The plan of the job in a file. Raises CommandLineError, JobSpecError.

    With `connect`, a legacy job is completed by what its source and its destination tell; raises their errors, and
    lets `masker` learn the secrets that this takes.
    """
    document = read_document(job)
    if not document.is_legacy:
        return plan_job(job_of(document))
    from ..legacy.opening import open_legacy  # noqa: PLC0415  # for jobs of the older format only

    file = open_legacy(document, environment.variables(), params or {}, masker or Masker(), connect=connect)
    return plan_job(file)


def open_job(
    job: Path, params: Sequence[str], masker: Masker, *, complete: bool = True, connect: bool = False
) -> Opened:
    """A job, resolved with the process's environment; `masker` learns its secrets. Raises JobSpecError.

    Without `complete`, parameters may be missing: the job is not to be run. `connect` is that of `open_plan`.
    """
    values = given(params)
    plan = open_plan(job, values, masker, connect=connect)
    resolved = resolve(plan.file, environment.variables(), values, plan.implicit_params, complete=complete)
    masker.learn(resolved.masker)
    return Opened(plan, resolved)


def given(params: Sequence[str]) -> dict[str, str]:
    """`["a=b"]` as {"a": "b"}. Raises CommandLineError."""
    found = {}
    for item in params:
        name, equals, value = item.partition("=")
        if not equals or not name:
            raise CommandLineError(f"--var {item}: this is no NAME=VALUE.")
        found[name.strip()] = value
    return found
