"""`config`: lokki-core's own command."""

from __future__ import annotations

from lokki.commands.config import config_command

from ..flowcommand import CoreCommand

HELP = """Show every configuration value and where it came from; secrets are hidden.

FLOW is a Python file, or FILE:NAME where there are several flows in it.

\b
Examples:
  lokki-cli config birds_flow.py
  lokki-cli config birds_flow.py --json
"""

config = CoreCommand("config", config_command, HELP)
