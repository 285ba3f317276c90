"""Values that only a real run knows."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from ..plan import PlannedStep
from ..template.check import references
from ..template.syntax import Template, expressions


class Symbol(str):
    """Stands for the value of an expression: ‹row.name›."""

    __slots__ = ()


def known_parts(template: Template, planned: PlannedStep, unknown: AbstractSet[str], *, items: bool = True) -> bool:
    """Whether everything that `template` refers to is known. `items` says whether the batch's items are."""
    for expression in expressions(template):
        for reference in references(expression):
            root = reference.path[0]
            if root == "steps" and reference.path[1] in unknown:
                return False
            if root == "item" and planned.items.get(reference.path[1]) in unknown:
                return False
            if planned.names.get(root) in unknown:
                return False
            alias = planned.batch.alias if planned.batch is not None else None
            if not items and root in (alias, "item", "idx"):
                return False
    return True
