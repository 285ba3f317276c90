"""Gives connections and parameters their values: variables of the environment and the command line.

Stage: `JobFile` + environment → typed connections, typed parameters and a masker that knows their secrets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ValidationError

from ..convert import ConversionError, convert
from ..errors import Finding, JobSpecError
from ..secrets import Masker, Secret
from . import variables
from .findings import findings_of
from .load import CONNECTION, JobFile
from .yaml import Path


@dataclass(frozen=True)
class Resolved:
    """What a run needs besides the job itself."""

    connections: dict[str, Any]
    """`{name: PostgresConnection | …}`; secret fields are `Secret`."""
    params: dict[str, Any]
    masker: Masker


def resolve(
    file: JobFile,
    environment: Mapping[str, str],
    given: Mapping[str, str],
    implicit: frozenset[str] = frozenset(),
    *,
    complete: bool = True,
) -> Resolved:
    """Resolve everything, or raise JobSpecError with all that is missing or ill-typed.

    `given` are the command line's parameters as text; `implicit` are parameters that expressions use though the job
    does not declare them: they are required texts. Without `complete`, required parameters may be missing.
    """
    found = [*_missing(file, environment)]
    connections: dict[str, Any] = {}
    for name, raw in file.connections.items() if not found else ():
        plain = variables.mapped(raw, lambda text: variables.resolve(text, environment))
        try:
            connections[name] = _sealed(CONNECTION.validate_python(plain), plain)
        except ValidationError as error:
            found += findings_of(error, plain, ("connections", name), file.source)
    missing: list[Finding] = []
    params = _params(file, environment, given, implicit, found, missing)
    found += missing if complete else []
    if found:
        raise JobSpecError(sorted(found, key=lambda finding: (finding.line, finding.column)))
    masker = Masker(secret for value in (*connections.values(), *params.values()) for secret in _secrets(value))
    return Resolved(connections, params, masker)


def _missing(file: JobFile, environment: Mapping[str, str]) -> Iterator[Finding]:
    """One finding for each variable that is not set, at its first place."""
    seen: set[str] = set()
    raws: list[tuple[Path, Any]] = [(("connections", name), raw) for name, raw in file.connections.items()]
    raws += [(("params", name), spec.default) for name, spec in file.job.params.items()]
    for path, raw in raws:
        for name in variables.names(raw):
            if name not in environment and name not in seen:
                seen.add(name)
                hint = "Set it, or give a default: ${env:" + name + ":-…}."
                what = f"The environment variable {name} is not set."
                yield file.source.finding(path, what, hint, snippet="${env:" + name)


def _params(
    file: JobFile,
    environment: Mapping[str, str],
    given: Mapping[str, str],
    implicit: frozenset[str],
    found: list[Finding],
    missing: list[Finding],
) -> dict[str, Any]:
    declared = file.job.params
    values: dict[str, Any] = {}
    for name in given:
        if name not in declared and name not in implicit:
            known = ", ".join([*declared, *sorted(implicit)]) or "none"
            found.append(file.source.finding((), f"The job has no parameter '{name}'.", f"It has: {known}."))
    for name in sorted({*declared, *implicit}):
        spec = declared.get(name)
        path: Path = ("params", name)
        text: Any = given.get(name)
        if text is None and spec is not None:
            text = spec.default
            if isinstance(text, str) and all(item in environment for item in variables.names(text)):
                text = variables.resolve(text, environment)
        if text is None:
            if spec is None or spec.required or (spec.required is None and "default" not in spec.model_fields_set):
                hint = f"Give it: --var {name}=…"
                missing.append(file.source.finding(path, f"The parameter '{name}' has no value.", hint))
            values[name] = None
            continue
        try:
            declared_type = spec is not None and ("type" in spec.model_fields_set or name in given)
            values[name] = convert(text, spec.type) if spec and declared_type and isinstance(text, str) else text
        except ConversionError as error:
            found.append(file.source.finding(path, f"The parameter '{name}': {error}."))
    return values


def _sealed(connection: BaseModel, raw: Any) -> BaseModel:
    """`connection` with its secret fields as Secret, and those whose variable's name is that of a secret."""
    update: dict[str, Any] = {}
    secret_fields: frozenset[str] = getattr(connection, "SECRET", frozenset())
    for name in type(connection).model_fields:
        value = getattr(connection, name)
        if isinstance(value, BaseModel):
            update[name] = _sealed(value, raw.get(name, {}) if isinstance(raw, dict) else {})
        elif isinstance(value, str) and (
            name in secret_fields
            or (isinstance(raw, dict) and isinstance(raw.get(name), Secret))
            or (name == "base_url" and any(_parts(value)))
        ):
            update[name] = Secret(value)
        elif isinstance(value, dict) and name in secret_fields:
            update[name] = {key: Secret(item) for key, item in value.items()}
    return connection.model_copy(update=update)


def _secrets(value: Any) -> Iterator[str]:
    """Every secret in a connection or parameter, and the parts of it that are secret alone."""
    if isinstance(value, Secret):
        yield value
        yield from _parts(value.reveal())
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name))
        base_url = getattr(value, "base_url", None)
        if isinstance(base_url, str):
            yield from _parts("".join(base_url))
    elif isinstance(value, dict):
        for item in value.values():
            yield from _secrets(item)


def _parts(text: str) -> Iterator[str]:
    """The password in a URL or a libpq string, the token after `Bearer`."""
    if "://" in text:
        try:
            password = urlsplit(text).password
        except ValueError:
            password = None
        if password:
            yield password
            yield unquote(password)
    for word in text.split():
        name, equals, password = word.partition("=")
        if equals and name == "password":
            yield password.strip("'")
    scheme, space, token = text.partition(" ")
    if space and scheme.lower() in ("bearer", "basic", "token", "apikey"):
        yield token.strip()
