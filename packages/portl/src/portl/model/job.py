"""A whole job."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from .base import Name, Part, Text
from .connections import Connection
from .hooks import Hooks
from .steps import Retry, Step


class Transaction(Part):
    """What is one transaction."""

    scope: Literal["db", "none"] = "db"
    """`db`: all database steps of the job are one transaction. `none`: each database step is one of its own."""
    connection: Name | None = None
    """The database; the only one of the job where it is not given."""
    isolation: Literal["read_committed", "repeatable_read", "serializable"] = "read_committed"
    """Isolation level, where the database has several."""
    retry: Retry = Field(default_factory=lambda: Retry(max_attempts=3))
    """How often the transaction is run again after a deadlock or a serialization failure."""


class Outbox(Part):
    """Where deliveries wait for COMMIT."""

    connection: Name | None = None
    """The transaction's connection; no other is possible."""
    table: str = Field(default="portl_outbox", pattern=r"^[A-Za-z_][A-Za-z0-9_.]*$")
    """portl's own table."""
    drain: Literal["after_commit", "never"] = "after_commit"
    """Whether the run delivers them itself after COMMIT, or leaves that to `portl outbox drain`."""
    create: bool = False
    """Whether the run makes the table when it is missing; else `portl outbox init` does."""
    max_attempts: int = Field(default=10, ge=1)
    """After so many failed attempts a delivery is dead and waits for `portl outbox requeue`."""


class Param(Part):
    """A parameter of the job: `run.params.<name>`, given as `--var name=value`."""

    type: Literal["string", "integer", "float", "decimal", "boolean", "date", "datetime"] = "string"
    """What the text is turned into."""
    default: Any = None
    """The value where none is given; `${env:NAME}` may stand in it."""
    required: bool | None = None
    """Whether it has to be given; it has to where there is no default."""
    description: str = ""
    """For people."""


class Defaults(Part):
    """What holds for every step that does not say otherwise."""

    retry: Retry = Field(default_factory=Retry)
    """Retries of calls."""


class Job(Part):
    """A job: connections, one transaction, and steps that run one after the other."""

    version: Literal[2] = 2
    """Of this format."""
    name: Annotated[str, Field(min_length=1, max_length=200)] = "job"
    """Name of the job, in logs and in the outbox."""
    description: str = ""
    """For people."""
    params: dict[Name, Param] = Field(default_factory=dict)
    """Parameters, as `name: {type: …}` or `name: default`."""
    connections: dict[Name, Connection] = Field(default_factory=dict)
    """What the steps talk to, by name."""
    transaction: Transaction = Field(default_factory=Transaction)
    """What is one transaction."""
    outbox: Outbox = Field(default_factory=Outbox)
    """Where deliveries wait for COMMIT."""
    defaults: Defaults = Field(default_factory=Defaults)
    """What holds for every step that does not say otherwise."""
    hooks: Hooks = Field(default_factory=Hooks)
    """Programs that run around the job and around its batches."""
    run_key: Text | None = None
    """Names what this run does; a second run with the same key does nothing. Needs portl's ledger table."""
    steps: Annotated[list[Step], Field(min_length=1)]
    """What is done, in order."""

    @field_validator("params", mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: spec if isinstance(spec, dict) else {"default": spec} for name, spec in value.items()}
        return value
