"""Jobs that meet in the middle of their transactions, each in a session of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

from databases import ServerPlace
from portl.clock import SYSTEM_CLOCK
from portl.connectors import Transaction, TransactionOptions
from portl.connectors.replay import run_phase

Body = Callable[[Transaction, Callable[[], None]], None]
"""What a job does in its transaction. The function it is given waits for the others, the first time it is called."""


def race(place: ServerPlace, *bodies: Body, options: TransactionOptions = TransactionOptions()) -> list[str]:  # noqa: B008  # frozen
    """Run jobs side by side, to their ends; the tokens of what made them begin again."""
    barrier = threading.Barrier(len(bodies))
    replays: list[str] = []

    def job(body: Body) -> None:
        met: list[bool] = []

        def meet() -> None:
            if not met:
                met.append(True)
                barrier.wait(timeout=60)

        run_phase(
            place.connector(),
            lambda transaction: body(transaction, meet),
            clock=SYSTEM_CLOCK,
            options=options,
            on_replay=lambda error, attempt: replays.append(error.token),
        )

    threads = [threading.Thread(target=job, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return replays
