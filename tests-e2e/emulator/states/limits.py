"""What AWS refuses and MiniStack takes: states above 256 KiB, and definitions it does not understand."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import stepfunctions

from .strict import problem

LIMIT_BYTES = 262_144
"""Of the input or output of a state, a task or an execution."""

_STATES = ("_execute_pass", "_execute_task", "_execute_map", "_execute_parallel")

Response = tuple[int, dict[str, str], bytes]


def install() -> None:
    """Check the output of every state, and every definition that comes by the API."""
    for name in _STATES:
        setattr(stepfunctions, name, _limited(getattr(stepfunctions, name)))
    for name in ("_create_state_machine", "_update_state_machine"):
        setattr(stepfunctions, name, _read_strictly(getattr(stepfunctions, name)))


def check_size(value: Any) -> None:
    """Raises States.DataLimitExceeded, which no retrier and no catcher of AWS's sees."""
    size = len(json.dumps(value, separators=(",", ":")).encode())
    if size > LIMIT_BYTES:
        raise stepfunctions._ExecutionError(
            "States.DataLimitExceeded", f"{size} bytes are more than the {LIMIT_BYTES} a state may have"
        )


def refusal(definition: str) -> Response | None:
    """The answer to a definition that AWS would not take; None for one it would."""
    try:
        found = problem(json.loads(definition))
    except ValueError as error:
        found = str(error)
    if found is None:
        return None
    answer: Response = error_response_json("InvalidDefinition", f"Invalid State Machine Definition: '{found}'", 400)
    return answer


def _limited(execute: Callable[..., Any]) -> Callable[..., Any]:
    def checked(*arguments: Any, **options: Any) -> Any:
        output, following = execute(*arguments, **options)
        check_size(output)
        return output, following

    return checked


def _read_strictly(answer: Callable[[dict[str, Any]], Response]) -> Callable[[dict[str, Any]], Response]:
    def checked(given: dict[str, Any]) -> Response:
        refused = refusal(given["definition"]) if "definition" in given else None
        return refused or answer(given)

    return checked
