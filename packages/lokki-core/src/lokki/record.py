"""Frozen data classes that cost next to nothing to define.

`dataclasses` compiles six methods per class, about 1 ms each time the program starts; a run on a laptop would pay
for twenty classes before it does anything. Here one set of methods serves all. Type checkers see dataclasses.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Self, dataclass_transform


@dataclass_transform(frozen_default=True)
class Record:
    """Frozen data: annotated fields in order, defaults from the class. Subclasses add fields.

    Equal where class and fields are equal, and then hashes alike; a subclass declared with `eq=False` is equal to
    itself only. Defaults must be immutable. A method `__post_init__` is called at the end of the construction.
    """

    __fields__: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, *, eq: bool = True) -> None:
        own = [name for name in vars(cls).get("__annotations__", {}) if not name.startswith("__")]
        cls.__fields__ = (*cls.__fields__, *(name for name in own if name not in cls.__fields__))
        if not eq:
            cls.__eq__ = object.__eq__  # type: ignore[method-assign]  # identity, as declared
            cls.__hash__ = object.__hash__  # type: ignore[method-assign]  # see above

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        fields = self.__fields__
        if len(args) > len(fields):
            raise TypeError(f"{type(self).__name__} takes {len(fields)} values, not {len(args)}")
        values = dict(zip(fields, args, strict=False))
        for name, value in kwargs.items():
            if name in values or name not in fields:
                raise TypeError(f"{type(self).__name__} got a field '{name}' twice, or has none of that name")
            values[name] = value
        for name in fields:
            if name not in values:
                values[name] = self._default(name)
        self.__dict__.update(values)
        self.__post_init__()

    def __post_init__(self) -> None:
        """For subclasses that check what they were given."""

    def _default(self, name: str) -> Any:
        try:
            return getattr(type(self), name)
        except AttributeError:
            raise TypeError(f"{type(self).__name__} needs a value for '{name}'") from None

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen; '{name}' cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen; '{name}' cannot be deleted")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), self._values()))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.fields())
        return f"{type(self).__qualname__}({shown})"

    def _values(self) -> tuple[Any, ...]:
        own = self.__dict__
        return tuple([own[name] for name in self.__fields__])

    def fields(self) -> Iterator[tuple[str, Any]]:
        """The fields as (name, value), in order."""
        return zip(self.__fields__, self._values(), strict=True)

    def replace(self, **changes: Any) -> Self:
        """The same with some fields changed."""
        return type(self)(**{**dict(self.fields()), **changes})
