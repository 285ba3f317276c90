"""Judging one value: its type, its bounds, its shape.

Pure functions. A judge gets a key and a value and yields what is wrong with it: nothing for a good value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from .redact import without_password
from .table import Key

_TRUE = ("true", "yes", "on", "1")
_FALSE = ("false", "no", "off", "0")
_LONGEST_SHOWN = 60


class Finding(NamedTuple):
    """One thing wrong with a value."""

    message: str
    hint: str | None = None
    inside: str = ""
    """Where inside the value, as `.NAME` or `[0]`; empty for the value itself."""


Judge = Callable[[Key, object], Iterator[Finding]]


def findings(key: Key, value: object) -> Iterator[Finding]:
    """Everything that is wrong with `value`."""
    return _JUDGES[key.kind](key, value)


def from_text(key: Key, text: str) -> object:
    """`text` as a value of `key`'s type; `text` itself when it is none, for `findings` to complain about."""
    convert = _CONVERTERS.get(key.kind)
    try:
        return convert(text.strip()) if convert else text
    except ValueError:
        return text


def in_its_case(key: Key, value: object) -> object:
    """`value` as `key` writes it among its choices: `debug` is `DEBUG`."""
    if isinstance(value, str):
        return next((choice for choice in key.choices if str(choice).lower() == value.lower()), value)
    return value


def _to_bool(text: str) -> object:
    return text.lower() in _TRUE if text.lower() in _TRUE + _FALSE else text


def _to_number(text: str) -> int | float:
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def _to_list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


_CONVERTERS: Mapping[str, Callable[[str], object]] = {
    "bool": _to_bool,
    "int": int,
    "int | None": int,
    "float": _to_number,
    "tuple[str, ...]": _to_list,
}


def _text(key: Key, value: object) -> Iterator[Finding]:
    if not isinstance(value, str):
        number = isinstance(value, int | float)
        hint = f'Write it in quotes: "{str(value).lower()}".' if number else None
        yield Finding(f"must be a text, not {_named(value)}.", hint)
    elif not value and key.default:
        yield Finding("must not be empty.")
    elif key.choices:
        yield from _among_choices(key, value)
    elif value and key.pattern and not re.fullmatch(key.pattern, value):
        yield Finding(f"must be {key.expects}, not {_quoted(value)}.")


def _whole(key: Key, value: object) -> Iterator[Finding]:
    if isinstance(value, bool) or not isinstance(value, int):
        yield Finding(f"must be a whole number{_of_unit(key)}, not {_named(value)}.", _unquote(value))
    else:
        yield from _in_bounds(key, value)


def _number(key: Key, value: object) -> Iterator[Finding]:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        yield Finding(f"must be a number{_of_unit(key)}, not {_named(value)}.", _unquote(value))
    else:
        yield from _in_bounds(key, value)


def _truth(key: Key, value: object) -> Iterator[Finding]:
    if not isinstance(value, bool):
        yield Finding(f"must be true or false, not {_named(value)}.")


def _texts(key: Key, value: object) -> Iterator[Finding]:
    if not isinstance(value, list | tuple):
        hint = f'Write it in brackets: ["{value}"].' if isinstance(value, str) else None
        yield Finding(f"must be a list of texts, not {_named(value)}.", hint)
        return
    for index, item in enumerate(value):
        if not isinstance(item, str) or not item:
            yield Finding(f"must be a text, not {_named(item)}.", inside=f"[{index}]")


def _table(key: Key, value: object) -> Iterator[Finding]:
    if not isinstance(value, Mapping):
        yield Finding(f"must be a table of texts, not {_named(value, show=not key.redact)}.")
        return
    for name, entry in value.items():
        yield from (finding._replace(inside=f".{name}") for finding in _entry(key, str(name), entry))


def _entry(key: Key, name: str, entry: object) -> Iterator[Finding]:
    """What is wrong with one entry of a table; its value may be a secret and is not repeated."""
    if not re.fullmatch(key.names or ".+", name):
        yield Finding("is not a name that an environment variable can have.", "Use letters, digits and underscores.")
    if not isinstance(entry, str):
        hint = "Write it in quotes." if isinstance(entry, int | float) else None
        yield Finding(f"must be a text, not {_named(entry, show=False)}.", hint)
    elif key.pattern and not re.fullmatch(key.pattern, entry):
        yield Finding(f"must be {key.expects}.")


def _statements(key: Key, value: object) -> Iterator[Finding]:
    if not isinstance(value, list | tuple):
        yield Finding(f"must be a list of IAM statements, not {_named(value)}.", "Write each as [[aws.policies]].")
        return
    for index, statement in enumerate(value):
        yield from (each._replace(inside=f"[{index}]{each.inside}") for each in _statement(statement))


def _statement(statement: object) -> Iterator[Finding]:
    """What is wrong with the shape of one IAM statement; what it allows is IAM's to judge."""
    if not isinstance(statement, Mapping):
        yield Finding(f"must be an IAM statement (a table), not {_named(statement)}.")
        return
    if statement.get("Effect") not in ("Allow", "Deny"):
        yield Finding('must be "Allow" or "Deny".', inside=".Effect")
    for element in ("Action", "Resource"):
        given = [name for name in (element, f"Not{element}") if name in statement]
        if len(given) != 1:
            yield Finding(f"needs either {element} or Not{element}.")
        elif not _is_text_or_texts(statement[given[0]]):
            yield Finding("must be a text or a list of texts.", inside=f".{given[0]}")
    for name in sorted(set(statement) - _STATEMENT_ELEMENTS):
        yield Finding("is not an element of an IAM statement for a role.", inside=f".{name}")


_STATEMENT_ELEMENTS = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}


def _is_text_or_texts(value: object) -> bool:
    texts = value if isinstance(value, list | tuple) else [value]
    return bool(texts) and all(isinstance(text, str) and text for text in texts)


def _in_bounds(key: Key, value: float) -> Iterator[Finding]:
    if key.choices:
        yield from _among_choices(key, value)
        return
    low = value if key.minimum is None else key.minimum
    high = value if key.maximum is None else key.maximum
    if not low <= value <= high:
        upper = "" if key.maximum is None else f" and at most {key.maximum}"
        yield Finding(f"must be at least {key.minimum}{upper}{_of_unit(key, ' ')}, not {value}.")


def _among_choices(key: Key, value: object) -> Iterator[Finding]:
    if value not in key.choices:
        *others, last = (_quoted(choice) for choice in key.choices)
        yield Finding(f"must be {', '.join(others)} or {last}, not {_quoted(value)}.")


def _of_unit(key: Key, before: str = " of ") -> str:
    return f"{before}{key.unit}" if key.unit else ""


def _unquote(value: object) -> str | None:
    return "Write it without quotes." if isinstance(value, str) and value.strip().isdigit() else None


def _quoted(value: object) -> str:
    """A value as it may stand in a message: texts in quotes, shortened, without passwords."""
    if not isinstance(value, str):
        return str(value)
    text = without_password(value)
    return f'"{text}"' if len(text) <= _LONGEST_SHOWN else f'"{text[:_LONGEST_SHOWN]}…"'


def _named(value: object, *, show: bool = True) -> str:
    """What a value is, in the words of a TOML file, and which one where it may be shown."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        what = "the text" if isinstance(value, str) else "the number"
        return f"{what} {_quoted(value)}" if show else what.replace("the", "a")
    kinds = ((Mapping, "a table"), (list | tuple, "a list"), (type(None), "nothing"))
    return next((name for kind, name in kinds if isinstance(value, kind)), f"a {type(value).__name__}")


_JUDGES: Mapping[str, Judge] = {
    "str": _text,
    "int": _whole,
    "int | None": _whole,
    "float": _number,
    "bool": _truth,
    "tuple[str, ...]": _texts,
    "Mapping[str, str]": _table,
    "tuple[Mapping[str, object], ...]": _statements,
}
"""{annotation of a key: its judge}"""
