"""Programs of the user's that run around a job and around its batches."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, PositiveInt, field_validator

from .base import Part

EVENTS = ("before_job", "before_batch", "after_batch", "after_job")


class Hook(Part):
    """A program, started without a shell in the job's folder. Short: its path, or the list of its words."""

    run: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]
    """The program and its arguments: `[python3, scripts/check.py, --strict]`. Nothing in it is expanded."""
    timeout_ms: PositiveInt = 300_000
    """Milliseconds after which it, and what it has started, is ended and counts as failed."""

    @field_validator("run", mode="before", json_schema_input_type=str | list[str])
    @classmethod
    def _one_word(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("run")
    @classmethod
    def _startable(cls, value: list[str]) -> list[str]:
        if any("\0" in word for word in value):
            raise ValueError("a word of a command cannot hold a NUL")
        return value


class AfterJobHook(Hook):
    """As the others."""

    always: bool = False
    """Whether it also runs after a job that failed; `PORTL_OUTCOME` tells it."""


class Hooks(Part):
    """Programs that run around the job and around each batch. One that fails stops the job."""

    before_job: Hook | None = None
    """Before anything is done. When it fails, nothing is."""
    before_batch: Hook | None = None
    """Before each batch of each step. When it fails, the transaction is rolled back."""
    after_batch: Hook | None = None
    """After each batch of each step, before COMMIT. When it fails, the transaction is rolled back."""
    after_job: AfterJobHook | None = None
    """When everything is done. When it fails, the job stays done, and portl ends with 4."""

    @field_validator(*EVENTS[:3], mode="before", json_schema_input_type=Hook | str | list[str] | None)
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"run": value} if isinstance(value, str | list) else value

    @field_validator("after_job", mode="before", json_schema_input_type=AfterJobHook | str | list[str] | None)
    @classmethod
    def _short_form_of_the_last(cls, value: Any) -> Any:
        return cls._short_form(value)
