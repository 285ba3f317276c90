"""Whether what is in an image fits together, so that a build fails instead of a run.

The last line of a flow's Dockerfile runs it. Input: the task root. Output: problems, a line each. Imports the flow;
calls no AWS.
"""

from __future__ import annotations

from lokki.errors import LokkiError

from .deployment import read_deployment
from .program import FlowProgram
from .settings import Settings


def problems(settings: Settings) -> list[str]:
    """Everything that is wrong, a line each; empty where every step can run."""
    found: list[str] = []
    with _Noted(found):
        settings.check_wire()
    with _Noted(found):
        deployment = read_deployment(settings.task_root)
        program = FlowProgram(deployment, settings.task_root)
        program.load()
        if deployment.graph.shape_hash() != deployment.shape:
            found.append("lokki-flow.json: its shape is not that of its graph; build the flow again.")
        with _Noted(found):
            program.flow()
        for role in program.roles.values():
            if role.task is not None:
                with _Noted(found):
                    program.step(role)
    return found


class _Noted:
    """A context that notes a LokkiError as a line and goes on."""

    def __init__(self, found: list[str]) -> None:
        self._found = found

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, LokkiError):
            return False
        self._found.append(" ".join(str(error).split()))
        return True
