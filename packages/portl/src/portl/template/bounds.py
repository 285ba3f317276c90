"""How much an expression may do: every operation that can make much out of little asks here."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NoReturn

from ..errors import TemplateError, WorkLimitError

MAX_TEXT = 16_000_000
"""Characters of a text that an expression makes."""
MAX_ITEMS = 100_000
"""Items of a list that an expression makes."""
MAX_BITS = 20_000
"""Of a whole number that an expression makes."""
MAX_EXPONENT = 400
"""Decimal digits of a number that becomes a whole number."""


def multiply(left: Any, right: Any) -> Any:
    """`left * right`, bounded."""
    kinds = (type(left), type(right))
    if kinds == (int, int):
        if left.bit_length() + right.bit_length() > MAX_BITS:
            too_much(f"a number of more than {MAX_BITS:,} bits")
        return left * right
    for one, other in ((left, right), (right, left)):
        if isinstance(one, str | list | tuple | bytes):
            if not isinstance(other, int):
                raise TemplateError(f"{kind_of(one)} times {kind_of(other)} means nothing.")
            limit = MAX_TEXT if isinstance(one, str | bytes) else MAX_ITEMS
            if len(one) * other > limit:
                too_much(f"more than {limit:,} {'characters' if isinstance(one, str | bytes) else 'items'}")
    return left * right


def modulo(left: Any, right: Any) -> Any:
    """`left % right` of numbers."""
    if isinstance(left, str | bytes):
        raise TemplateError("'%' formats no text here.", hint="Join texts with '~'.")
    return left % right


def checked_text(text: str) -> str:
    """`text`, unless it is too long."""
    if len(text) > MAX_TEXT:
        too_much(f"a text of more than {MAX_TEXT:,} characters")
    return text


def whole(number: Any) -> int:
    """A Decimal or float as a whole number; it has to be one already, and not too long."""
    if isinstance(number, Decimal):
        if not number.is_finite():
            raise TemplateError(f"{number} is not a whole number.")
        if number.adjusted() > MAX_EXPONENT:
            too_much(f"a whole number of more than {MAX_EXPONENT} digits")
        if -number.adjusted() > MAX_EXPONENT and number:
            raise TemplateError(f"{number} is not a whole number.")
    result = int(number)
    if result != number:
        raise TemplateError(f"{number} is not a whole number.", hint="Use round(…) first.")
    return result


def kind_of(value: Any) -> str:
    """What people call a value's type."""
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", Decimal: "a number", str: "a text"}
    names |= {list: "a list", tuple: "a list", dict: "a mapping"}
    return names.get(type(value), f"a {type(value).__name__}")


def too_much(what: str) -> NoReturn:
    """Refuse work beyond a limit."""
    raise WorkLimitError(f"This would make {what}.", hint="Expressions are bounded; do such work in a step.")
