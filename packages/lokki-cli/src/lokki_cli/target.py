"""Where a command finds a flow in AWS: the options that say it, and what follows from them.

Input: `--env --stack-name --region --profile --endpoint`, the flow's configuration. Output: `Target`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import click
from lokki.config import LokkiConfig, Option, load_config

from . import ui
from .aws.clients import AwsSettings, Clients
from .aws.names import Names
from .context import FlowContext

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class TargetOptions:
    """What the command line says of it; None where it says nothing."""

    env: str | None = None
    stack_name: str | None = None
    region: str | None = None
    profile: str | None = None
    endpoint: str | None = None

    @property
    def overrides(self) -> dict[str, Option]:
        """{dotted key: option} for the configuration."""
        return {
            "aws.environment": Option(self.env, "--env"),
            "aws.region": Option(self.region, "--region"),
            "aws.endpoint": Option(self.endpoint, "--endpoint"),
        }


@dataclass(frozen=True)
class Target:
    """A flow in an account and region. Making this asks nobody."""

    config: LokkiConfig
    clients: Clients
    names: Names

    @classmethod
    def of(cls, context: FlowContext, options: TargetOptions, overrides: Mapping[str, Option] | None = None) -> Target:
        """Where `context`'s flow is; `overrides` are further options of the command. Raises ConfigError."""
        config = context.config({**options.overrides, **(overrides or {})})
        clients = Clients(AwsSettings.from_config(config, options.profile))
        return cls(config, clients, Names.of(context.flow.name, config, options.stack_name))


def account_options(function: F) -> F:
    """`--region --profile --endpoint`, as further arguments of the command."""
    for option in (
        click.option("--endpoint", metavar="URL", help="An AWS emulator (aws.endpoint)."),
        click.option("--profile", metavar="NAME", help="A profile of AWS's own configuration files."),
        click.option("--region", metavar="NAME", help="AWS region (aws.region)."),
    ):
        function = option(function)
    return function


def account_config(region: str | None, endpoint: str | None) -> LokkiConfig:
    """The configuration of a command without a flow: the working directory's. Its warnings are told. ConfigError."""
    config = load_config(overrides=TargetOptions(region=region, endpoint=endpoint).overrides)
    ui.warnings(config.warnings)
    return config


def target_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say where a flow is; the command receives them as one argument `target`: TargetOptions."""

    @wraps(function)
    def gathered(
        *args: Any,
        env: str | None,
        stack_name: str | None,
        region: str | None,
        profile: str | None,
        endpoint: str | None,
        **others: Any,
    ) -> Any:
        return function(*args, target=TargetOptions(env, stack_name, region, profile, endpoint), **others)

    named = click.option(
        "--stack-name", metavar="NAME", help="Name of the stack, and of all in it, instead of the flow's."
    )
    suffixed = click.option("--env", metavar="NAME", help="Suffix of every name in AWS, as dev (aws.environment).")
    return suffixed(named(account_options(gathered)))
