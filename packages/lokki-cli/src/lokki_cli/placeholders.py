"""Values for required parameters that a build is not given: the flow's body has to be evaluated with something.

The shape of a flow may not depend on its parameters, so any value of the right type does; a run has its own.
Input: a flow. Output: values made from annotations. Pure.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any, Literal, Union

from lokki.decorators import Flow
from lokki.params import Param
from lokki.signatures import Parameters

_VALUES: dict[Any, Any] = {
    bool: False,
    date: date(2000, 1, 1),
    datetime: datetime(2000, 1, 1),  # noqa: DTZ001  # as authors write one without a zone
    dict: {},
    float: 1.0,
    int: 1,
    list: [],
    str: "",
}


def placeholders(flow: Flow[Any], params: Mapping[str, Param], given: Mapping[str, Any]) -> dict[str, Any]:
    """{parameter: made-up value} for the required ones that are not given."""
    signature = Parameters(flow.fn)
    return {
        name: placeholder(signature.annotation(signature.named[name]))
        for name, param in params.items()
        if param.required and name not in given
    }


def placeholder(annotation: Any) -> Any:
    """A value of this type: 1, the empty text, 2000-01-01, an Enum's first member; of a union the first type's."""
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return next(iter(annotation))
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal:
        return inner[0]
    if origin in (Union, types.UnionType):
        return placeholder(next(kind for kind in inner if kind is not type(None)))
    if origin is typing.Annotated:
        return placeholder(inner[0])
    value = _VALUES.get(origin or annotation, "")
    return type(value)() if isinstance(value, dict | list) else value
