"""The page about the command line, out of the commands' own help.

Input: the commands of lokki-cli. Output: Markdown. Asks no AWS.
"""

from __future__ import annotations

import click
from click.testing import CliRunner
from lokki_cli import registry
from lokki_cli.app import commands

WIDTH = 80

HEAD = """\
# Command line

Three doors, the same commands:

| written | where the flow comes from |
|---|---|
| `python birds_flow.py COMMAND` | the file calls `lokki.main(birds_flow)` |
| `lokki-cli COMMAND birds_flow.py` | the file; `flows.py:birds_flow` where there are several flows in it |
| `lokki COMMAND birds_flow.py` | the same, shorter |

Parameters of the flow are options of `run`, `build`, `deploy`, `invoke` and `graph`: a flow
`def report_flow(day: date, top: int = 10)` has `--day` and `--top`. Results go to stdout, everything else to stderr, so
that `python flow.py run > result.txt` keeps the result alone.

| exit code | means |
|---|---|
| 0 | it worked |
| 1 | the run or the operation failed |
| 2 | the input, the flow, the configuration or the command line is wrong |
| 3 | a bug of lokki's; please report it |
| 130 | interrupted with Ctrl-C |

A mistake is told in one message, without a traceback; `--debug` shows lokki's own. Colours are left out where the
output is not a terminal, and where `NO_COLOR` is set.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, _section("", "All commands"), *(_section(name, name) for name in registry.SUMMARIES)])


def _section(name: str, title: str) -> str:
    words = [name, "--help"] if name else ["--help"]
    shown = f"```console\n$ {' '.join(['lokki-cli', *words])}\n{help_of(words)}\n```\n"
    return f"## {title}\n\n{shown}"


def help_of(words: list[str]) -> str:
    """What `lokki-cli WORDS` prints on a terminal 80 columns wide."""
    done = CliRunner().invoke(commands, words, prog_name="lokki-cli", terminal_width=WIDTH)
    if done.exit_code != 0:
        raise click.ClickException(f"lokki-cli {' '.join(words)}: {done.output}")
    return "\n".join(line.rstrip() for line in done.output.strip().splitlines())
