"""What portl reads from others, as functions of bytes: each ends, or raises an error of portl's own.

Any other exception is a bug, as is taking long or much memory. Tests call them with data of hypothesis, and
dev/fuzz/fuzz.py with data of atheris.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from portl.clients.answers import body_of, retry_after_s
from portl.clients.sheets.a1 import parse as parse_range
from portl.clients.sheets.book import book_of
from portl.connectors.identifiers import quote
from portl.errors import JobSpecError, PortlError
from portl.jsontext import dumps, loads
from portl.model.load import parse_job
from portl.model.resolve import resolve
from portl.model.steps import ColumnSpec, CsvRead
from portl.plan import plan_job
from portl.secrets import Masker
from portl.steps.csv_rows import CsvRows, Layout
from portl.steps.sheet_cells import cell_of, reader
from portl.template.check import mistakes
from portl.template.syntax import expressions, parse
from pydantic import ValidationError
from rendering import render

NOW = datetime(2026, 11, 22, tzinfo=UTC)
MASKER = Masker(["secret-of-somebody"])
ENCODINGS = ("utf-8-sig", "utf-8", "latin-1", "utf-16", "cp1252", "shift_jis", "ascii")
DELIMITERS = ",;\t|"
KINDS = ("string", "integer", "float", "decimal", "boolean", "date", "datetime", "json")


def job(data: bytes) -> None:
    """A job file: all its mistakes are told with their places, or it can be planned and resolved."""
    text = data.decode("utf-8", "replace")
    try:
        file = parse_job(text, "job.yaml", Path())
        plan = plan_job(file)
        resolve(plan.file, {}, {}, plan.implicit_params)
    except JobSpecError as error:
        lines = text.count("\n") + text.count("\r") + text.count("\x85") + text.count("\u2028") + text.count("\u2029")
        for finding in error.findings:
            assert 1 <= finding.line <= lines + 2, finding
            assert finding.what, finding
    except PortlError:
        return


def csv(data: bytes) -> None:
    """A CSV file: its rows have as many values as it has columns, and a place each, or it is refused."""
    choice, content = data[:3].ljust(3, b"\0"), data[3:]
    fields: dict[str, Any] = {"id": "read", "type": "csv.read", "path": "x"}
    fields["has_header"] = bool(choice[0] & 1)
    kind = KINDS[(choice[0] >> 1) % len(KINDS)]
    fields["columns"] = {"a": kind, "b": "string"} if not choice[0] & 1 or choice[0] & 16 else {}
    fields["delimiter"] = DELIMITERS[choice[1] % len(DELIMITERS)]
    step = CsvRead.model_validate(fields)
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        path = Path(folder) / "a.csv"
        path.write_bytes(content)
        layout = Layout(
            path=path,
            shown="a.csv",
            step_id="read",
            columns=step.columns,
            has_header=step.has_header,
            delimiter=step.delimiter,
            encoding=ENCODINGS[choice[2] % len(ENCODINGS)],
        )
        with suppress(PortlError):
            rows = CsvRows.open(layout)
            widths = [len(row) for row in rows.items()]
            count = len(widths)
            assert set(widths) <= {len(rows.columns)}
            for name in (None, rows.columns[-1]) if count else ():
                assert rows.locate(count - 1, name).startswith("a.csv:")


def template(data: bytes) -> None:
    """An expression, and a text that it works on; a text with braces in it stays what it is."""
    head, _, tail = data.partition(b"\0")
    text, value = head.decode("utf-8", "replace"), tail.decode("utf-8", "replace")
    for source in (text, f"{{{{ {text} }}}}", f"a{{{{ {text} }}}}b"):
        with suppress(PortlError):
            if not any(
                mistake for part in expressions(parse(source)) for mistake in mistakes(part)
            ):  # as the plan does
                render(source, row={"code": value, "n": 7, "list": [1, value], "map": {"a": value}})
    assert render("{{ row.code }}", row={"code": text}) == text


def answer(data: bytes) -> None:
    """An answer of an API, a function or a spreadsheet: bytes become a value that can be worked with and shown."""
    kinds = ("application/json", "text/plain; charset=utf-16", "x", "application/problem+json", "text/html; charset=no")
    kind, content = kinds[(data[:1] or b"\0")[0] % len(kinds)], data[1:]
    value = body_of({"content-type": kind}, content)
    with suppress(ValueError):
        dumps(value)
    with suppress(ValueError):
        loads(content, exact=True)
    MASKER.value(value)
    retry_after_s(content.decode("latin-1"), NOW)
    if isinstance(value, list | Mapping):
        with suppress(PortlError):
            render("{{ row.code.items }}{{ row.code | tojson }}{{ json_path(row.code, '$..a') }}", row={"code": value})
    if isinstance(value, Mapping):
        with suppress(KeyError, TypeError, ValueError, AttributeError):  # what the client takes for no spreadsheet
            book_of(value)
    _cell(value)


def _cell(value: Any) -> None:
    with suppress(PortlError):
        cell_of(value)
    if value is None or isinstance(value, str | int | float):
        for kind in KINDS:
            with suppress(ValueError, ValidationError):
                reader(ColumnSpec.model_validate({"type": kind}), ("",))(value)
    if isinstance(value, str):
        parse_range(value)


def identifier(data: bytes) -> None:
    """The name of a table or column: inside its quotes it cannot end."""
    name = data.decode("utf-8", "replace")
    with suppress(PortlError):
        quoted = quote(name)
        assert quoted[0] == quoted[-1] == '"'
        assert '"' not in quoted[1:-1].replace('""', "")


def as_json(value: Any) -> bytes:
    """JSON as lenient programs write it, NaN and lone surrogates included."""
    return json.dumps(value).encode()


def _memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


TARGETS: dict[str, Callable[[bytes], None]] = {
    "job": job,
    "csv": csv,
    "template": template,
    "answer": answer,
    "identifier": identifier,
}
