"""The steps of a job: one class per `type`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AliasChoices, Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from .base import VALUE, Condition, Mapping, Name, Part, Source, SqlText, Text, Value

RETRY_TOKENS = (
    "connect timeout http_408 http_425 http_429 http_5xx throttled function_error serialization deadlock"
).split()

RetryToken = Literal[
    "connect",
    "timeout",
    "http_408",
    "http_425",
    "http_429",
    "http_5xx",
    "throttled",
    "function_error",
    "serialization",
    "deadlock",
]


class Retry(Part):
    """How often a failed call is tried, and how long portl waits in between."""

    max_attempts: int = Field(default=4, ge=1, le=100)
    """Attempts at most, the first included."""
    backoff_ms: int = Field(default=250, ge=0)
    """Milliseconds before the second attempt; doubled for each further one."""
    max_backoff_ms: int = Field(default=10_000, ge=0)
    """No wait is longer, whatever the other side asks for."""
    jitter: bool = True
    """Whether waits are chosen at random up to their length, so that many clients do not come back at once."""
    retry_on: list[RetryToken] | None = None
    """What is tried again; all that is safe to repeat where it is not given."""


class Batch(Part):
    """Makes a step work on each item of a list."""

    source: Source = Field(alias="from")
    """An expression that gives rows or a list."""
    alias: Name = Field(default="row", alias="as")
    """What expressions call the item."""
    size: PositiveInt | None = Field(default=None, le=100_000)
    """Items that are worked on at once; changes memory and speed, never results."""


class StepBase(Part):
    """What every step has."""

    DATABASE: ClassVar[bool] = False
    """Whether it works on a database."""

    id: Name
    """Its name, unique in the job."""
    when: Condition | None = None
    """The step is skipped, for an item or as a whole, unless this is true."""
    save_as: Name | None = None
    """Name of its result: `steps.<id>.<save_as>`, in a batch also `item.<save_as>`."""
    batch: Batch | None = None
    """The items to work on; without it the step runs once."""

    def children(self) -> Iterator[Step]:
        """The steps inside this one, in order."""
        return iter(())


class ColumnSpec(Part):
    """A column of a CSV file."""

    type: Literal["string", "integer", "float", "decimal", "boolean", "date", "datetime", "json"] = "string"
    """What the text is turned into; `decimal` stays exact."""
    format: str | None = None
    """Of a date or datetime, as in Python's strptime; ISO 8601 where it is not given."""
    scale: int | None = Field(default=None, ge=0, le=30)
    """Digits after the point of a decimal; more digits are an error."""
    required: bool = False
    """Whether an empty field is an error."""
    null_values: list[str] | None = None
    """Texts that mean null; the step's where it is not given."""

    @model_validator(mode="after")
    def _fitting(self) -> ColumnSpec:
        if self.format is not None and self.type not in ("date", "datetime"):
            raise ValueError("format is for dates and datetimes")
        if self.scale is not None and self.type != "decimal":
            raise ValueError("scale is for decimals")
        return self


class CsvRead(StepBase):
    """Reads rows from a CSV file, lazily: `steps.<id>.rows`."""

    type: Literal["csv.read"]
    path: Text
    """The file, relative to the job file."""
    columns: dict[str, ColumnSpec] = Field(default_factory=dict)
    """Types of columns, as `name: type` or `name: {type: …}`; columns not named here stay text."""
    has_header: bool = True
    """Whether the first line names the columns; else `columns` names all, in order."""
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    """Between fields."""
    quotechar: str = Field(default='"', min_length=1, max_length=1)
    """Around fields that hold a delimiter or a line end."""
    encoding: str = "utf-8"
    """Of the file; a byte order mark is ignored."""
    null_values: list[str] = Field(default_factory=lambda: [""])
    """Texts that mean null, in every column; `[]` keeps empty fields as empty texts."""
    batch: None = None
    """Not available here."""

    @field_validator("columns", mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: {"type": spec} if isinstance(spec, str) else spec for name, spec in value.items()}
        return value

    @model_validator(mode="after")
    def _named(self) -> CsvRead:
        if not self.has_header and not self.columns:
            raise ValueError("without a header, columns has to name all columns")
        return self


class CsvWrite(StepBase):
    """Writes a CSV file; it appears, whole, when the job has succeeded."""

    type: Literal["csv.write"]
    path: Text
    """The file, relative to the job file; replaced where it exists."""
    mapping: Mapping | None = None
    """`{column: expression}`; without it the items' own columns."""
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    """Between fields."""
    encoding: str = "utf-8"
    """Of the file."""
    header: bool = True
    """Whether the first line names the columns."""
    null_value: str = ""
    """What is written for null."""


class DatabaseStep(StepBase):
    """What every step on a database has."""

    DATABASE: ClassVar[bool] = True

    connection: Name | None = None
    """Name of the connection; the transaction's where it is not given."""


Columns = Annotated[list[str], Field(min_length=1)]


class DbUpsert(DatabaseStep):
    """Inserts rows, or updates those whose key is there already.

    Result: returned columns, `was_inserted`, `changed`.
    """

    type: Literal["db.upsert"]
    table: str
    """`table` or `schema.table`."""
    key: Columns
    """Columns that identify a row; the table needs a unique index on exactly these."""
    mapping: Mapping
    """`{column: expression}`."""
    returning: list[str] | None = None
    """Columns to give back; `id` or the primary key where it is not given."""
    update: Literal["all", "merge", "none"] | Columns = "all"
    """What happens to a row that is there: all mapped columns, those with a value (`merge`), none, or those listed."""
    on_duplicate: Literal["error", "first", "last"] = "error"
    """What happens when two items have the same key."""

    @field_validator("key", mode="before")
    @classmethod
    def _one_column(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _key_is_mapped(self) -> DbUpsert:
        for column in self.key:
            if column not in self.mapping:
                raise ValueError(f"mapping has no column '{column}', which is in key")
        if isinstance(self.update, list):
            for column in self.update:
                if column not in self.mapping:
                    raise ValueError(f"mapping has no column '{column}', which is in update")
        return self


class DbInsert(DatabaseStep):
    """Inserts rows. Result: returned columns, `was_inserted`, `changed`."""

    type: Literal["db.insert"]
    table: str
    """`table` or `schema.table`."""
    mapping: Mapping
    """`{column: expression}`."""
    returning: list[str] | None = None
    """Columns to give back; `id` or the primary key where it is not given."""
    on_conflict: Literal["error", "skip"] = "error"
    """What happens when the row is there already; `skip` needs `key`."""
    key: Columns | None = None
    """Columns that identify a row, for `on_conflict: skip`."""

    @model_validator(mode="after")
    def _key_for_skip(self) -> DbInsert:
        if (self.on_conflict == "skip") != (self.key is not None):
            raise ValueError("on_conflict: skip and key belong together")
        return self


class DbUpdate(DatabaseStep):
    """Updates rows. Result: returned columns, `changed`, `updated`."""

    type: Literal["db.update"]
    table: str
    """`table` or `schema.table`."""
    where: Mapping
    """`{column: expression}`: the columns that have to be equal."""
    set: Mapping
    """`{column: expression}`: what is written."""
    returning: list[str] | None = None
    """Columns to give back; `id` or the primary key where it is not given."""
    expect_rows: NonNegativeInt | None = None
    """How many rows each item has to update; any number where it is not given."""


class SqlStep(DatabaseStep):
    """A step with a query of its own."""

    sql: SqlText = Field(validation_alias=AliasChoices("sql", "query"))
    """The query; `{{ }}` and `:name` in it become bind parameters, never text."""
    params: dict[Name, Any] = Field(default_factory=dict)
    """`{name: expression}` for each `:name`."""


class DbQueryOne(SqlStep):
    """Asks for one row: its columns, or null where there is none. More than one row is an error."""

    type: Literal["db.query_one"]
    required: bool = False
    """Whether a missing row is an error."""


class DbRead(SqlStep):
    """Reads rows with a query: `steps.<id>.rows`."""

    type: Literal["db.read"]
    batch: None = None
    """Not available here."""


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


class Conditional(StepBase):
    """Runs `then` where `when` is true, `else` where it is not; in a batch, item by item."""

    type: Literal["conditional"]
    when: Condition
    """What decides."""
    then: list[Step] = Field(default_factory=list)
    """Steps for true."""
    otherwise: list[Step] = Field(default_factory=list, alias="else")
    """Steps for false."""
    save_as: None = None
    """Not available here."""

    def children(self) -> Iterator[Step]:
        """The steps inside this one, in order."""
        yield from self.then
        yield from self.otherwise

    @model_validator(mode="after")
    def _does_something(self) -> Conditional:
        if not self.then and not self.otherwise:
            raise ValueError("neither then nor else has a step")
        return self


Step = Annotated[
    CsvRead
    | CsvWrite
    | DbRead
    | DbUpsert
    | DbInsert
    | DbUpdate
    | DbQueryOne
    | LambdaInvoke
    | ApiCall
    | Conditional
    | OutboxEnqueue,
    Field(discriminator="type"),
]

STEP_CLASSES: tuple[type[StepBase], ...] = (
    CsvRead,
    CsvWrite,
    DbRead,
    DbUpsert,
    DbInsert,
    DbUpdate,
    DbQueryOne,
    LambdaInvoke,
    ApiCall,
    Conditional,
    OutboxEnqueue,
)

Conditional.model_rebuild()
