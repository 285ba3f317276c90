"""JSONPath, parsed by jsonpath-ng and bounded."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from jsonpath_ng.jsonpath import Child, Descendants, Fields, Index, JSONPath, Root
from jsonpath_ng.parser import parse

from ..errors import TemplateError, WorkLimitError
from . import bounds


def find(value: Any, path: str) -> Any:
    """What `path` finds in `value`: a list where the path can find several, else one value or null.

    Raises TemplateError for a path that is none, WorkLimitError for more than one `..`.
    """
    parsed, definite = _parsed(path)
    found = [match.value for match in parsed.find(value)]
    if definite:
        return found[0] if found else None
    if len(found) > bounds.MAX_ITEMS:
        bounds.too_much(f"a list of more than {bounds.MAX_ITEMS:,} items")
    return found


@lru_cache(maxsize=256)
def _parsed(path: str) -> tuple[JSONPath, bool]:
    if path.count("..") > 1 or path.count("*") > 4:
        raise WorkLimitError(f"The JSONPath '{path}' may look too far.", hint="Use '..' once, '*' four times.")
    try:
        parsed = parse(path)
    except Exception as error:
        raise TemplateError(f"'{path}' is no JSONPath.", hint="It looks like '$.items[*].name'.") from error
    return parsed, _definite(parsed)


def _definite(path: JSONPath) -> bool:
    """Whether the path can find one value only."""
    if isinstance(path, Child):
        return _definite(path.left) and _definite(path.right)
    if isinstance(path, Fields):
        return len(path.fields) == 1 and path.fields[0] != "*"
    if isinstance(path, Index):
        return len(getattr(path, "indices", (0,))) == 1
    return isinstance(path, Root) and not isinstance(path, Descendants)
