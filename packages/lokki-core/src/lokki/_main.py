"""`lokki.main(flow)`: what `python flow.py CMD` does.

lokki-core itself has `run` and `config`; every other word goes to the packages that registered themselves in the
entry-point group `lokki.frontends`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from . import canonical
from .boundary import end_process, guarded, open_closed_streams, write_out
from .errors import FlowDefinitionError, MissingPackageError

if TYPE_CHECKING:
    from .decorators import Flow

FRONTENDS = "lokki.frontends"
"""Entry points: callables that take (flow, words) and return an exit code."""

DEPLOY_WORDS = ("build", "deploy", "invoke", "resume", "show", "logs", "result", "destroy", "rollback", "graph")


def main(flow: Flow[Any], argv: Sequence[str] | None = None) -> NoReturn:
    """Do what the command line says with `flow`, then end the process with the right exit code.

    `argv` is the command line without the program; None takes that of this process.
    """
    open_closed_streams()
    words = list(sys.argv[1:] if argv is None else argv)
    code = guarded(lambda: _dispatch(flow, words), debug="--debug" in words)
    end_process(code)


def _dispatch(flow: Flow[Any], words: list[str]) -> int:
    from .decorators import Flow  # noqa: PLC0415  # loaded already wherever there is a flow

    if not isinstance(flow, Flow):
        raise FlowDefinitionError(
            f"main() takes a @flow, not {flow!r}.", hint="Write: main(my_flow), without calling it."
        )
    if flow.fn.__module__ == canonical.WORKERS_MAIN:  # it would begin a run of its own
        raise FlowDefinitionError(
            "main() was called while a worker process imported the flow file.",
            hint="Write: if __name__ == '__main__': main(...).",
        )
    canonical.adopt(flow.fn)
    word = words[0] if words else "help"
    if word == "run":
        from .commands.run import run_command  # noqa: PLC0415  # each command brings its own imports

        return run_command(flow, words[1:])
    if word in ("--version", "-V", "version"):
        return _print_version()
    frontend = _frontend()
    if frontend is not None:
        return int(frontend(flow, words))
    if word == "config":
        from .commands.config import config_command  # noqa: PLC0415  # see above

        return config_command(flow, words[1:])
    if word in ("help", "--help", "-h"):
        return _print_help(flow)
    if word in DEPLOY_WORDS:
        raise MissingPackageError(f"the command '{word}'", "lokki-cli")
    return _unknown(flow, word)


def _frontend() -> Any:
    """The installed front end, if any. `importlib.metadata` is slow, so `run` never gets here."""
    from importlib.metadata import entry_points  # noqa: PLC0415  # see above

    found = sorted(entry_points(group=FRONTENDS), key=lambda point: point.name)
    return found[0].load() if found else None


def _print_version() -> int:
    from .__about__ import __version__  # noqa: PLC0415  # only this word needs it

    write_out(f"lokki {__version__}\n")
    return 0


def _print_help(flow: Flow[Any]) -> int:
    script = os.path.basename(sys.argv[0]) or "flow.py"
    write_out(
        f"usage: python {script} COMMAND ...\n\nflow '{flow.name}'\n\ncommands:\n"
        f"  run      run the flow on this machine (run --help lists its parameters)\n"
        f"  config   show every configuration value and where it came from\n"
        f"  version  show the version\n\n"
        f"With the package lokki-cli installed also: {', '.join(DEPLOY_WORDS)}.\n"
    )
    return 0


def _unknown(flow: Flow[Any], word: str) -> int:
    from difflib import get_close_matches  # noqa: PLC0415  # only a mistake needs it

    close = get_close_matches(word, ["run", "config", *DEPLOY_WORDS], n=1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    sys.stderr.write(f"error: there is no command '{word}'.{hint}\n\n")
    sys.stderr.flush()
    _print_help(flow)
    return 2
