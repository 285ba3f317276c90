"""When a failed attempt is tried again, and after how long.

Pure arithmetic; waiting is the caller's.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from .record import Record

FIELDS = ("retries", "delay", "backoff", "max_delay", "exceptions")


class RetryConfig(Record):
    """How a step is tried again after a failure: `min(delay * backoff**n, max_delay)` seconds before retry n+1.

    Raises ValueError or TypeError for values that make no sense.
    """

    retries: int = 0
    """Tries after the first attempt; 0 never tries again."""

    delay: float = 1.0
    """Seconds before the first retry."""

    backoff: float = 2.0
    """What each further wait is multiplied with; at least 1."""

    max_delay: float = 60.0
    """The longest wait, in seconds."""

    exceptions: tuple[type[BaseException] | str, ...] = (Exception,)
    """What is worth another try: classes (subclasses count) or their dotted names, as `requests.Timeout`."""

    def __post_init__(self) -> None:
        self.__dict__["exceptions"] = _exceptions(self.exceptions)
        _check_number("retries", self.retries, 0, whole=True)
        _check_number("delay", self.delay, 0)
        _check_number("backoff", self.backoff, 1)
        _check_number("max_delay", self.max_delay, 0)

    @classmethod
    def of(cls, value: RetryConfig | Mapping[str, object] | None) -> RetryConfig:
        """The configuration an author wrote as an object, a dict or nothing.

        Raises TypeError or ValueError with the offending key.
        """
        if isinstance(value, RetryConfig):
            return value
        if value is None:
            return NO_RETRY
        if not isinstance(value, Mapping):
            raise TypeError(f"retry is a RetryConfig or a dict, not {type(value).__name__}")
        unknown = [key for key in value if key not in FIELDS]
        if unknown:
            raise ValueError(f"retry has no '{unknown[0]}' (it has {', '.join(FIELDS)})")
        return cls(**value)  # type: ignore[arg-type]  # the values are checked in __post_init__

    def matches(self, error: BaseException) -> bool:
        """Whether `error` is one of `exceptions` or of their subclasses."""
        if isinstance(error, tuple(e for e in self.exceptions if isinstance(e, type))):
            return True
        return any(_is_named(type(error), name) for name in self.exceptions if isinstance(name, str))

    def wait_s(self, retry: int) -> float:
        """Seconds to wait before retry number `retry`, counted from 0."""
        try:
            return float(min(self.delay * self.backoff**retry, self.max_delay))
        except OverflowError:
            return float(self.max_delay if self.delay else 0)

    def to_dict(self) -> dict[str, object]:
        """As plain JSON; classes become dotted names."""
        names = [e if isinstance(e, str) else exception_name(e) for e in self.exceptions]
        return {
            "retries": self.retries,
            "delay": self.delay,
            "backoff": self.backoff,
            "max_delay": self.max_delay,
            "exceptions": names,
        }


def exception_name(cls: type) -> str:
    """A class's dotted name; built-in classes go without their module."""
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def _is_named(cls: type, name: str) -> bool:
    """Whether `name` is the class's or a parent's: plain, dotted, or dotted as it is imported from elsewhere."""
    module, _, last = name.rpartition(".")
    imported = getattr(sys.modules.get(module), last, None)
    return any(name in (c.__qualname__, exception_name(c)) or c is imported for c in cls.__mro__)


def _exceptions(value: object) -> tuple[type[BaseException] | str, ...]:
    items = value if isinstance(value, tuple | list | set | frozenset) else (value,)
    if not items:
        raise ValueError("retry.exceptions is empty; leave it out to retry on every Exception")
    for item in items:
        if not isinstance(item, str) and not (isinstance(item, type) and issubclass(item, BaseException)):
            raise TypeError(f"retry.exceptions holds exception classes or their names, not {item!r}")
    if isinstance(items, set | frozenset):
        items = sorted(items, key=lambda item: item if isinstance(item, str) else exception_name(item))
    return tuple(items)


def _check_number(name: str, value: object, least: int, *, whole: bool = False) -> None:
    kinds = (int,) if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise TypeError(f"retry.{name} is {'a whole' if whole else 'a'} number, not {value!r}")
    if not least <= value < float("inf"):
        raise ValueError(f"retry.{name} is at least {least} and finite, not {value!r}")


NO_RETRY = RetryConfig()
