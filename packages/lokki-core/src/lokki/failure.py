"""What is kept of an item that failed for good: plain text, so that it can be read anywhere."""

from __future__ import annotations

from .record import Record


class ItemFailure(Record):
    """One item of a map that failed after its last attempt and was tolerated.

    An aggregation that declares a parameter `failures` receives a list of these, in item order.
    """

    index: int
    """The item's place in the map's source, from 0."""

    error_type: str
    """The class name of the exception, as `ValueError` or `package.module.SomeError`."""

    message: str
    """`str(exception)`."""

    traceback: str
    """The author's own traceback as Python prints it, without lokki's frames."""

    step: str = ""
    """The node whose step raised it."""

    attempts: int = 1
    """How often the step was tried on this item."""
