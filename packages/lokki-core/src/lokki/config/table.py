"""What a configuration table is made of: keys, each declared once as an annotated attribute.

The vocabulary of `schema`. No I/O, and nothing imported that a hello-world run would notice: plain classes
take a fraction of the time that dataclasses need to be built.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar, Never, TypeVar

    T = TypeVar("T")

NO_ENTRIES: Mapping[str, str] = MappingProxyType({})


class Key:
    """What is known of one key beside its value. Made by `key`, read by everything that checks or prints."""

    __slots__ = (
        "choices",
        "default",
        "doc",
        "env",
        "expects",
        "kind",
        "maximum",
        "minimum",
        "names",
        "older",
        "pattern",
        "redact",
        "unit",
        "v1",
    )

    kind: str
    """The annotation as written, `int | None`; it decides how a value is checked."""
    default: object
    doc: str
    """One sentence for people."""
    env: tuple[str, ...]
    """Environment variables that set it; the first one that is set wins."""
    unit: str
    """What a number counts, in the plural; empty for a plain number."""
    choices: tuple[object, ...]
    """The only values allowed; empty for any. Texts are compared without regard to case."""
    minimum: float | None
    maximum: float | None
    pattern: str
    """A regular expression for the whole text, or for each text of a list or table; empty for any."""
    expects: str
    """`pattern` in words, as `an ARN`."""
    names: str
    """A regular expression for the names in a table; empty for any."""
    older: str
    """An older name in the same table, still read with a warning; empty for none."""
    v1: str
    """The dotted key of a version-1 `lokki.yml` that means the same; empty for none."""
    redact: bool
    """Whether entries with a secret-looking name are hidden when the configuration is shown."""


def key(
    default: T,
    doc: str,
    *,
    env: tuple[str, ...] = (),
    unit: str = "",
    choices: tuple[T, ...] = (),
    minimum: float | None = None,
    maximum: float | None = None,
    pattern: str = "",
    expects: str = "",
    names: str = "",
    older: str = "",
    v1: str = "",
    redact: bool = False,
) -> T:
    """Declare a key in the body of a `Table`; the attribute's annotation is its type. See `Key`."""
    declared = Key()
    declared.default, declared.doc, declared.env, declared.unit = default, doc, env, unit
    declared.choices, declared.minimum, declared.maximum = choices, minimum, maximum
    declared.pattern, declared.expects, declared.names = pattern, expects, names
    declared.older, declared.v1, declared.redact = older, v1, redact
    return declared  # type: ignore[return-value]  # on the class it declares the value that instances hold


def public(attribute: str) -> str:
    """The key an attribute stands for: `lambda_` is `lambda`, which Python keeps for itself."""
    return attribute.rstrip("_")


class Table:
    """A frozen table of values.

    An attribute annotated in a subclass is a key when it is assigned `key(...)`, and a nested table when its
    annotation is the name of another subclass.
    """

    KEYS: ClassVar[dict[str, Key]]
    """{attribute: its key}, in the order of declaration."""
    TABLES: ClassVar[dict[str, type[Table]]]
    """{attribute: nested table}, in the order of declaration."""
    BY_NAME: ClassVar[dict[str, type[Table]]] = {}
    """{class name: table}, which resolves the annotations of nested tables."""

    def __init_subclass__(cls) -> None:
        cls.KEYS, cls.TABLES = {}, {}
        for attribute, annotation in cls.__annotations__.items():
            declared = cls.__dict__.get(attribute)
            if declared is None:
                cls.TABLES[attribute] = Table.BY_NAME[annotation]
            else:
                declared.kind = annotation
                cls.KEYS[attribute] = declared
        Table.BY_NAME[cls.__name__] = cls

    def __init__(self, values: Mapping[str, object] = NO_ENTRIES, *, prefix: str = "") -> None:
        """Take `values` {dotted key: value}, unchecked; what is not there has its default."""
        state = self.__dict__
        for attribute, declared in self.KEYS.items():
            state[attribute] = freeze(values.get(prefix + public(attribute), declared.default))
        for attribute, table in self.TABLES.items():
            state[attribute] = table(values, prefix=f"{prefix}{public(attribute)}.")

    def __setattr__(self, name: str, value: object) -> Never:
        raise AttributeError(f"cannot set {name!r}: a configuration is frozen; pass `overrides` to load_config")

    def __delattr__(self, name: str) -> Never:
        raise AttributeError(f"cannot delete {name!r}: a configuration is frozen")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in (*self.KEYS, *self.TABLES))

    __hash__ = None  # type: ignore[assignment]  # tables of texts cannot be hashed

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (plain_values(self),))


def keys_in(table: type[Table], prefix: str = "") -> Iterator[tuple[str, Key]]:
    """Every key of `table` and the tables in it with its dotted name, in the order of declaration."""
    for attribute, declared in table.KEYS.items():
        yield prefix + public(attribute), declared
    for attribute, nested in table.TABLES.items():
        yield from keys_in(nested, f"{prefix}{public(attribute)}.")


def tables_in(table: type[Table], prefix: str = "") -> Iterator[tuple[str, type[Table]]]:
    """Every table in `table` with its dotted name."""
    for attribute, nested in table.TABLES.items():
        yield prefix + public(attribute), nested
        yield from tables_in(nested, f"{prefix}{public(attribute)}.")


def values_in(table: Table, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Every value of `table` and the tables in it with its dotted name, in the order of declaration."""
    for attribute in table.KEYS:
        yield prefix + public(attribute), getattr(table, attribute)
    for attribute in table.TABLES:
        yield from values_in(getattr(table, attribute), f"{prefix}{public(attribute)}.")


def freeze(value: object) -> object:
    """`value` with its lists as tuples and its tables read-only; what lies deeper stays as it is."""
    if isinstance(value, list):
        return tuple(value)
    return MappingProxyType(dict(value)) if isinstance(value, Mapping) else value


def thaw(value: object) -> object:
    """The plain lists and dicts that `freeze` was given."""
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value


def plain_values(table: Table) -> dict[str, object]:
    """{dotted name: value} of `table`, in plain lists and dicts."""
    return {path: thaw(value) for path, value in values_in(table)}
