"""What a function or an API has to be able to do for a job. One module beside this one per kind.

Stage: between steps (and the outbox's worker) and a client library. Input: requests, already rendered. Output: replies.
A client makes all attempts that its policy and the request allow; what it raises has failed for good.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from portl.retry import RetryPolicy


@dataclass(frozen=True)
class HttpRequest:
    """One call of an API."""

    method: str
    """In capitals."""
    path: str
    """Appended to the connection's base URL."""
    query: Mapping[str, Any] = field(default_factory=dict)
    """`{name: value}`; a list gives the name several times, None leaves it out."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Beside those of the connection."""
    body: Any = None
    """A mapping, list, number or boolean is sent as JSON, a string as text, bytes as they are; None: no body."""
    idempotency_key: str | None = None
    """Sent with every attempt; None where the call has none."""
    idempotency_in: str = "header"
    """`header` (its name is the connection's) or `body.<field>`, dotted for deeper ones."""
    expect_status: tuple[int, ...] = ()
    """Statuses that are a success; (): any from 200 to 299."""
    timeout_ms: int | None = None
    """Instead of the connection's."""


@dataclass(frozen=True)
class LambdaRequest:
    """One invocation of a function."""

    payload: Any = None
    """Sent as JSON."""
    timeout_ms: int | None = None
    """Instead of the connection's."""
    idempotent: bool = False
    """Whether the function may run twice for this payload; then a lost answer is asked for again."""


Request = HttpRequest | LambdaRequest


@dataclass(frozen=True)
class Reply:
    """The other side's answer."""

    status: int
    body: Any
    """JSON as Python values, other text as a string, anything else as bytes; None where it is empty."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in small letters."""
    attempts: int = 1
    """How many calls were made, this one included."""


class Client(Protocol):
    """One named connection of a job to a function or an API. Making it touches nothing; threads may share it."""

    @property
    def name(self) -> str:
        """Its name in the job."""
        ...

    def send(self, request: Any, retry: RetryPolicy = ...) -> Reply:
        """Make the call. Raises RequestError, FunctionError, ConnectionFailedError."""
        ...

    def send_all(self, requests: Iterable[Any], retry: RetryPolicy = ...) -> Iterator[Reply]:
        """Make calls, at most the connection's `concurrency` at once; replies in the order of the requests.

        Requests are taken only as calls can be made. The first that fails for good ends the iteration: its error is
        raised in its turn with `index` (from 0) set, no further call is begun, and those under way are waited for.
        """
        ...

    def preview(self, request: Any) -> str:
        """The call as people write it, `POST https://…`, without credentials and without making it."""
        ...

    def longest_s(self, request: Any) -> float:
        """One attempt never takes longer than so many seconds."""
        ...

    def close(self) -> None:
        """Close its connections. Raises nothing."""
        ...
