"""The requests of steps on spreadsheets, for dry runs."""

from __future__ import annotations

from collections.abc import Mapping

from ..clients.sheets.a1 import quoted
from ..context import RunContext
from ..plan import PlannedStep
from .sheet_place import client_of, place_of
from .sheets_read import look


def requests(planned: PlannedStep, context: RunContext, names: Mapping[str, str]) -> tuple[str, ...]:
    """What the step would ask, in the order it would; `names` are its sheet_name and range, where it has them."""
    client, _ = client_of(planned, context)
    sheet = names.get("sheet_name", client.config.sheet_name)
    range_ = names.get("range", client.config.range)
    target = "!".join(part for part in (sheet and quoted(sheet), range_) if part) or "‹the first sheet›"
    path = f"/values/{target}"
    if planned.step.type == "sheets.read":
        return (f"{client.preview('GET', path)}, some rows at a time",)
    size = "some rows at a time"
    if planned.step.mode == "append":
        return (f"{client.preview('POST', path + ':append')}, {size}",)
    clear = client.preview("POST", "/values:batchClear")
    return (f"{client.preview('PUT', path)}, {size}", f"{clear} for what is left of {target}")


def check(planned: PlannedStep, context: RunContext) -> None:
    """Ask for what the step will find: its spreadsheet, its sheet, and the columns it reads. Writes nothing."""
    if planned.step.type == "sheets.read":
        look(planned, context)
    else:
        place_of(planned, context)
