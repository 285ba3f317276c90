"""`python flow.py config`: every configuration value and where it came from."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..boundary import write_out
from ..config import load_config
from ..config.show import render, to_dict
from ..logging import terminal_width

if TYPE_CHECKING:
    from ..decorators import Flow


def config_command(flow: Flow[Any], words: Sequence[str]) -> int:
    """Print the configuration that commands on `flow` would use. Raises ConfigError."""
    parser = argparse.ArgumentParser(
        prog=f"python {os.path.basename(sys.argv[0])} config",
        description="Show every configuration value and where it came from; secrets are hidden.",
        epilog="example: python flow.py config --json",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--debug", action="store_true", help="show lokki's own traceback of an error")
    options = parser.parse_args(words)
    config = load_config(os.path.dirname(os.path.abspath(flow.fn.__code__.co_filename)))
    for warning in config.warnings:
        sys.stderr.write(f"warning: {warning}\n")
    if options.json:
        import json  # noqa: PLC0415  # only this form needs it

        write_out(json.dumps(to_dict(config), indent=2) + "\n")
    else:
        write_out(render(config, terminal_width()).rstrip("\n") + "\n")
    return 0
