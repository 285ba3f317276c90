"""`run`: lokki-core's own command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lokki.decorators import Flow

from ..flowcommand import CoreCommand

HELP = """Run a flow on this machine; its result is printed, logs go to stderr.

FLOW is a Python file, or FILE:NAME where there are several flows in it. With a FLOW, --help lists all options and
the flow's parameters.

\b
Examples:
  lokki-cli run birds_flow.py
  lokki-cli run flows.py:birds_flow --executor process
  lokki-cli run birds_flow.py --resume RUN_ID
"""


def _run(flow: Flow[Any], words: Sequence[str]) -> int:
    from lokki.commands.run import run_command  # noqa: PLC0415  # the runner, which --help does without

    return run_command(flow, words)


OPTIONS = "--resume --run-id --executor --workers --store --param --params".split()

run = CoreCommand("run", _run, HELP, OPTIONS)
