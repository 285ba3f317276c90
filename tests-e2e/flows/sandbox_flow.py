"""Looks at what a function may do where it runs, and answers with more than a state may hold."""

import os
from pathlib import Path
from typing import Any

from lokki import flow, main, step
from lokki.decorators import StepNode


@step
def look() -> dict[str, Any]:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return {
        "uid": os.getuid(),
        "capabilities": int(status["CapEff"], 16),
        "writable": [folder for folder in ("/tmp", "/var/task", "/opt", "/home", "/") if writable(Path(folder))],
        "role": "AWS_SESSION_TOKEN" in os.environ,
    }


@step
def swell(seen: dict[str, Any]) -> dict[str, Any]:
    return {**seen, "ballast": "x" * 300_000}


def writable(folder: Path) -> bool:
    try:
        (folder / "probe").write_text("x")
    except OSError:
        return False
    return True


@flow
def sandbox_flow() -> StepNode[..., dict[str, Any]]:
    return look().next(swell)


if __name__ == "__main__":
    main(sandbox_flow)
