"""AWS Lambda's door: `lokki_runtime.handler.lambda_handler`, and `make_handler` for functions wired by hand.

Input: Lambda's event and context. Output: the reply, or an error that Lambda reports by its class's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol

from .execute import execute
from .runtime import Runtime
from .settings import Settings

if TYPE_CHECKING:
    from lokki.store.protocol import TransientStore


class LambdaContext(Protocol):
    """What is used of Lambda's context."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""


Handler = Callable[[Mapping[str, Any], Any], dict[str, Any]]

_runtime: Runtime | None = None


def lambda_handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one event. Raises LokkiRetryable, LokkiFatal or LokkiContinue."""
    return answer(event, context, _the_runtime())


def answer(event: Mapping[str, Any], context: LambdaContext | None, runtime: Runtime) -> dict[str, Any]:
    """`lambda_handler` with a Runtime of one's own; without a context there is no deadline."""
    if context is None:
        return execute(event, runtime)
    remaining = context.get_remaining_time_in_millis
    return execute(event, runtime, remaining_s=lambda: remaining() / 1000, request_id=context.aws_request_id)


def make_handler(
    fn: Any,
    *,
    feeds_map: bool = False,
    batch_size: int | Literal["auto"] = 1,
    settings: Settings | None = None,
    store: TransientStore | None = None,
) -> Handler:
    """A Lambda handler that runs one function or step, for state machines written by hand.

    It takes the events of a generated state machine (`lokki.wire.LambdaEvent`) for any node outside maps and needs no
    `lokki-flow.json`. The upstream result, if the event's input names one, is the first argument; the event's
    parameters fill those of the same name. With `feeds_map` the result becomes a pack and a manifest, in batches of
    `batch_size`. `settings` and `store` are those of the environment unless given.
    """
    from .single import SingleProgram  # noqa: PLC0415  # generated functions do not need it

    known = settings or Settings.from_environment()
    runtimes: dict[str, Runtime] = {}

    def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        program = SingleProgram(fn, event, feeds_map=feeds_map, batch_size=batch_size)
        runtime = runtimes.get(program.key)
        if runtime is None:
            runtime = runtimes[program.key] = Runtime(known, program=program, store=store)
        return answer(event, context, runtime)

    return handler


def _the_runtime() -> Runtime:
    global _runtime
    if _runtime is None:
        _runtime = Runtime(Settings.from_environment())
    return _runtime


def _prepare_early() -> None:
    """Import the flow while Lambda starts the function: that time has a whole processor.

    What fails is not reported here, where nobody could name it, but by the first event.
    """
    settings = Settings.from_environment()
    if settings.runtime_api is None or settings.node is None:
        return
    runtime = _the_runtime()
    try:
        runtime.prepare()
        runtime.store  # noqa: B018  # opens it
    except Exception as error:  # an import that fails here would leave Lambda without a name for it
        runtime.log.error("start_failure", error_type=type(error).__name__, message=str(error))


_prepare_early()
