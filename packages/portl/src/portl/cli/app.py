"""The door: `portl COMMAND`. Help is shown without importing anything; all else begins in `portl.cli.commands`."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

COMMANDS = {
    "init": "Make a job: look at both ends, propose a mapping, write YAML.",
    "run": "Run a job, or show what it would do.",
    "validate": "Check a job file; report every mistake.",
    "migrate": "Write an old job, of source and destination, as a job of steps.",
    "schema": "Print the JSON Schema of job files, for editors.",
    "runs": "List the runs of a job.",
    "outbox": "Look after deliveries that wait for their time.",
    "completion": "Print what makes a shell complete commands.",
}
COMPLETION = "_PORTL_COMPLETE"
"""Set in the environment by a shell while somebody types."""
INTERRUPTED = 130
HELP = f"""\
Usage: portl [OPTIONS] COMMAND [ARGS]...

  Data jobs of several steps, written in YAML, with one database transaction.

Options:
  -V, --version  Show the version.
  --debug        Show tracebacks.
  --help         Show this message and exit.

Commands:
{chr(10).join(f"  {name:<10}  {line}" for name, line in COMMANDS.items())}
"""


def main() -> None:
    """`portl WORDS`: do what they say, then end the process with the right exit code."""
    words = sys.argv[1:]
    if words not in ([], ["--help"], ["help"]):
        _start_quickly()
    code = invoke(words)
    if code == INTERRUPTED:
        _leave_at_once(code)
    sys.exit(code)


def _leave_at_once(code: int) -> None:
    """End the process without waiting for calls that other threads make."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody reads it any more
            stream.flush()
    os._exit(code)


def invoke(words: list[str]) -> int:
    """Do what `words` say and return the exit code."""
    from .. import environment  # noqa: PLC0415  # imports nothing

    is_asked = COMPLETION in environment.variables()  # how a word may go on, by a shell
    if not is_asked and words in ([], ["--help"], ["help"]):
        sys.stdout.write(HELP)
        return 0
    from ..secrets import Masker  # noqa: PLC0415  # help needs none of this
    from .boundary import guarded  # noqa: PLC0415  # as above

    masker = Masker()

    def done() -> int:
        from .commands import done  # noqa: PLC0415  # as above

        return done(words, masker)

    return guarded(done, masker, debug="--debug" in words)


def _start_quickly() -> None:
    """Save what a third of the start would be spent on."""
    import gc  # noqa: PLC0415  # help does without

    from .. import environment, interrupts  # noqa: PLC0415  # as above

    interrupts.treat_alike()
    environment.set_default("PYDANTIC_DISABLE_PLUGINS", "__all__")  # it looks for them in every installed package
    gc.disable()  # nothing that is imported is garbage; portl.cli.run switches it on again
    gc.set_threshold(50_000, 20, 20)
