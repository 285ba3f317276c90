"""Steps that call functions and APIs, at once or after COMMIT."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt, model_validator

from ..base import VALUE, Name, Text, Value
from .base import Retry, StepBase


class CallStep(StepBase):
    """What calls of functions and APIs have."""

    connection: Name
    """Name of the connection."""
    retry: Retry | None = None
    """The job's `defaults.retry` where it is not given."""
    timeout_ms: PositiveInt | None = None
    """Instead of the connection's."""
    mock: Value = None
    """The answer that dry runs take for the call's."""


class LambdaInvoke(CallStep):
    """Invokes an AWS Lambda function. Result: what it answers."""

    type: Literal["lambda.invoke"]
    payload: Value = None
    """Sent as JSON."""
    phase: Literal["before_transaction"] | None = None
    """States that the call has to come before the transaction; portl refuses the job where it cannot."""
    idempotent: bool = False
    """Whether the function may run twice for the same payload. Needed inside the transaction."""


class HttpCall(CallStep):
    """What a call of an API is made of."""

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    """HTTP method."""
    path: Text = ""
    """Appended to the connection's base URL; encode what comes from data: `{{ row.code | urlencode }}`."""
    query: Annotated[dict[str, Any], VALUE] = Field(default_factory=dict)
    """`{name: expression}`: parameters of the URL."""
    headers: Annotated[dict[str, Any], VALUE] = Field(default_factory=dict)
    """`{name: expression}`, beside those of the connection."""
    body: Value = None
    """Sent as JSON; text is sent as it is."""
    idempotency_in: str = Field(default="header", pattern=r"^(header|body\.[A-Za-z0-9_.-]+)$")
    """Where the key goes: the connection's header, or `body.<field>`."""
    expect_status: list[Annotated[int, Field(ge=100, le=599)]] = Field(default_factory=list)
    """Statuses that count as success; 200 to 299 where it is not given."""
    ordering_key: Text | None = None
    """Deliveries with the same key leave in order."""


class ApiCall(HttpCall):
    """Calls an API, at once or after COMMIT. Result of a call made at once: `status`, `headers`, `body`."""

    type: Literal["api.call"]
    delivery: Literal["now", "after_commit"] = "now"
    """`after_commit` writes the call into the outbox, in the transaction; it leaves when that is committed."""
    idempotency_key: Text | None = None
    """Names the call for good; made from business data, so that a re-run makes the same."""
    phase: Literal["before_transaction"] | None = None
    """States that the call has to come before the transaction; portl refuses the job where it cannot."""
    unsafe: bool = False
    """Allows a call inside the transaction without `idempotency_key`: it may happen twice, or for nothing."""

    @model_validator(mode="after")
    def _deliverable(self) -> ApiCall:
        if self.delivery == "after_commit":
            if self.idempotency_key is None:
                raise ValueError("delivery: after_commit needs idempotency_key")
            if self.save_as is not None:
                raise ValueError("delivery: after_commit has no result that save_as could keep")
        elif self.ordering_key is not None:
            raise ValueError("ordering_key is for delivery: after_commit")
        return self


class OutboxEnqueue(HttpCall):
    """Writes a call of an API or a function into the outbox; it leaves after COMMIT, at least once."""

    type: Literal["outbox.enqueue"]
    dedup_key: Text
    """Names the delivery for good; a second one with this key is not made."""
    payload: Value = None
    """For a connection to a function: sent as JSON."""
    save_as: None = None
    """Not available here."""
    mock: None = None
    """Not available here."""
