"""What a command works on: the flow, what the command line gave for it, and its configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import click
from lokki.commands.parameters import Given
from lokki.config import LokkiConfig, Option, load_config
from lokki.decorators import Flow
from lokki.params import Param
from lokki.resolve import flow_params

from . import ui


@dataclass
class FlowContext:
    """One command on one flow."""

    flow: Flow[Any]
    given: Given | None = None
    """The flow's parameters as given; None for a command that takes none."""

    @cached_property
    def params(self) -> Mapping[str, Param]:
        """{name: parameter} of the flow. Raises GraphError where one cannot be served."""
        return flow_params(self.flow)

    @property
    def folder(self) -> str:
        """The flow file's folder, as an absolute path."""
        return os.path.dirname(os.path.abspath(self.flow.fn.__code__.co_filename))

    def config(self, options: Mapping[str, Option] | None = None) -> LokkiConfig:
        """The flow's configuration, its warnings told; `options` {dotted key: option} win over files. ConfigError."""
        config = load_config(self.folder, overrides=options)
        ui.warnings(config.warnings)
        return config


pass_flow = click.make_pass_decorator(FlowContext)
"""Hands a command its FlowContext."""
