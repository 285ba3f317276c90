"""Translates a legacy job into the data of a steps job.

Stage: `LegacyJob` + `Columns` → `Translation`. Touches nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .columns import Columns
from .model import Endpoint, LegacyJob
from .steps import read_step, write_step
from .translation import Translation, needs_param


def translate(
    job: LegacyJob, columns: Columns, moved: Callable[[str], str] = str, *, sealed: bool = False
) -> Translation:
    """The steps job."""
    made = Translation(job, columns, moved=moved, sealed=sealed)
    steps = [read_step(made), write_step(made)]
    made.data = {
        "version": 2,
        "name": job.name,
        **({"description": job.description} if job.description else {}),
        **_params(made),
        **_connections(made),
        **_transaction(job),
        **_hooks(made),
        "steps": steps,
    }
    return made


def _params(made: Translation) -> dict[str, Any]:
    """A parameter for each path that refers to the environment: expressions do not see it."""
    params = {}
    for end in (made.job.source, made.job.destination):
        if needs_param(end):
            name = f"{end.role}_path"
            params[name] = {"default": made.moved(end.fields["path"])}
            made.origins["params", name] = end.place("path")
            made.note(("params", name), "Variables of the environment may stand here, not in a step.")
    return {"params": params} if params else {}


_SHEET_FIELDS = ("spreadsheet_id", "sheet_name", "range", "credentials_path")
_CONNECTION_FIELDS = ("host", "port", "unix_socket", "database", "user", "password", "sslmode", "path", *_SHEET_FIELDS)
KEY_FILE = "${env:GOOGLE_APPLICATION_CREDENTIALS}"
"""Where Google's own programs look for a service account's key."""


def _connections(made: Translation) -> dict[str, Any]:
    connections: dict[str, Any] = {}
    for end in (made.job.source, made.job.destination):
        if end.kind == "csv":
            continue
        fields = {name: end.fields[name] for name in _CONNECTION_FIELDS if name in end.fields}
        made.origins["connections", end.role] = (end.role,)
        for name in fields:
            made.origins["connections", end.role, name] = end.place(name)
        _seal(made, end, fields)
        if end.kind == "sqlite":
            fields = {"path": made.moved(fields["path"]), "create": False}
        if end.kind == "google_sheets":
            fields["credentials_path"] = made.moved(fields.get("credentials_path", KEY_FILE))
        connections[end.role] = {"type": end.kind, **fields}
    return {"connections": connections} if connections else {}


def _seal(made: Translation, end: Endpoint, fields: dict[str, Any]) -> None:
    """Leave a password that the file holds to the environment."""
    password = fields.get("password")
    if made.sealed and password and "${" not in password:
        variable = f"{end.role.upper()}_PASSWORD"
        fields["password"] = f"${{env:{variable}}}"
        text = (
            f"The old job held this password. Set the variable {variable}, and change the password: it was in a file."
        )
        made.note(("connections", end.role, "password"), text, is_warning=True)


def _transaction(job: LegacyJob) -> dict[str, Any]:
    both = job.source.is_database and job.destination.is_database
    return {"transaction": {"connection": "destination"}} if both else {}


def _hooks(made: Translation) -> dict[str, Any]:
    hooks = {name: _command(made, hook) for name, hook in made.job.hooks.items()}
    source = made.job.document.source
    made.origins.update({path: path for path in source.values if path[:1] == ("hooks",)})
    around = [name for name in ("before_batch", "after_batch") if name in hooks]
    if around and made.job.destination.is_database:
        text = f"{around[0]} runs inside the open transaction: while it works, the rows written so far stay locked."
        made.note(("hooks", around[0]), text)
    return {"hooks": hooks} if hooks else {}


def _command(made: Translation, hook: Any) -> Any:
    """A hook whose program is a file, found from where the steps job lies."""
    if isinstance(hook, str):
        return made.moved(hook) if "/" in hook else hook
    if isinstance(hook, list) and hook:
        return [_command(made, hook[0]), *hook[1:]]
    if isinstance(hook, dict) and "run" in hook:
        return {**hook, "run": _command(made, hook["run"])}
    return hook
