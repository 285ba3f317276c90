"""The entry point of the image: `python -m lokki_runtime lambda|batch|check`.

`lambda` serves Lambda's runtime interface where there is one, and starts Lambda's emulator where that is installed. The
name of a handler does the same, because that is what Lambda passes as an image's command.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from .settings import Settings

HANDLER = "lokki_runtime.handler.lambda_handler"
EMULATOR = "/usr/local/bin/aws-lambda-rie"
USAGE = "usage: python -m lokki_runtime lambda [HANDLER] | batch | check"
MISUSED = 2

Exec = Callable[[str, list[str]], object]


def main(arguments: Sequence[str], *, emulator: str = EMULATOR, execv: Exec = os.execv) -> int:
    """Do what the arguments say and return the exit code. `lambda` does not return while the function is served."""
    command, *rest = arguments or [""]
    if command == "batch" and not rest:
        from .batch import run_batch  # noqa: PLC0415  # each command imports what it needs

        return run_batch()
    if command == "check" and not rest:
        return _check()
    if command == "lambda" and len(rest) <= 1:
        return _serve(rest[0] if rest else HANDLER, emulator, execv)
    if "." in command and not rest:
        return _serve(command, emulator, execv)
    return _say(USAGE, MISUSED)


def _serve(handler: str, emulator: str, execv: Exec) -> int:
    if Settings.from_environment().runtime_api is not None:
        import_module("awslambdaric.__main__").main([sys.executable, handler])
        return 0
    if os.access(emulator, os.X_OK):
        execv(emulator, [emulator, sys.executable, "-m", "lokki_runtime", "lambda", handler])
        return 0
    return _say(f"there is no Lambda here (AWS_LAMBDA_RUNTIME_API) and no emulator ({emulator}).", MISUSED)


def _check() -> int:
    from .check import problems  # noqa: PLC0415  # see main

    found = problems(Settings.from_environment())
    for line in found:
        _say(line, 1)
    return 1 if found else 0


def _say(line: str, code: int) -> int:
    sys.stderr.write(line + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
