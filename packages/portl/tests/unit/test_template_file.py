"""`template.yaml`, which portl ships: it shows everything, is right, and does what it says."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from databases import PostgresPlace
from portl.cli.app import invoke
from portl.model.load import parse_job
from portl.model.steps import STEP_CLASSES, Batch, Retry, StepBase
from portl.model.steps.mapping import MappingStep, OnError
from portl.model.yaml import load
from portl.plan import plan_job
from portl.wizard import append
from portl.wizard.emit import block
from portl.wizard.facts import CsvFile, SourceColumn
from portl.wizard.job import Decisions, End, parts_of
from portl.wizard.matching import Link
from portl.wizard.places import CsvPlace, DatabasePlace

TEMPLATE = (resources.files("portl") / "template.yaml").read_text(encoding="utf-8")
SCHEMA = (Path(__file__).parents[4] / "examples" / "portl" / "schema.sql").read_text(encoding="utf-8")


def steps(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All steps, those inside others too."""
    return [step for item in items for step in (item, *steps(item.get("then", [])), *steps(item.get("else", [])))]


ALL = steps(load(TEMPLATE, "template.yaml")[0]["steps"])


def test_every_type_of_step_is_shown() -> None:
    types = {cls.model_fields["type"].annotation.__args__[0] for cls in STEP_CLASSES}  # type: ignore[union-attr]  # a Literal
    assert {step["type"] for step in ALL} == types


@pytest.mark.parametrize(
    ("model", "where"),
    [
        (StepBase, ALL),
        (MappingStep, ALL),
        (OnError, [step["on_error"] for step in ALL if isinstance(step.get("on_error"), dict)]),
        (Batch, [step.get("batch", {}) for step in ALL]),
        (Retry, [load(TEMPLATE, "x")[0]["defaults"]["retry"]]),
    ],
)
def test_every_common_field_is_shown(model: Any, where: list[dict[str, Any]]) -> None:
    names = {field.alias or name for name, field in model.model_fields.items()}
    assert names <= {key for item in where for key in item}


def test_it_is_right() -> None:
    plan = plan_job(parse_job(TEMPLATE, "template.yaml", Path()))
    assert (plan.connection, plan.uses_outbox, len(list(plan.walk()))) == ("main", True, len(ALL))


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the template and the file that it reads."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resources.csv").write_text(
        "code,source,name,price,valid_from\na,x, A ,1.50,01/02/2026\nb,x,B,,\nc,x,C,2,31/12/2020\n"
    )
    assert invoke(["init", "--template"]) == 0
    return tmp_path


def test_an_offline_dry_run_shows_every_step(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["run", "template.yaml", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert all(f" {step['id']}: {step['type']}" in said for step in ALL)
    assert '{"code":"a","source":"x","name":"A","price":1.50}' in said


def test_it_runs_on_a_database_up_to_its_commit(
    new_postgres: PostgresPlace, written: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    new_postgres.run(*filter(str.strip, SCHEMA.split(";")), "CREATE TABLE sources (name text, active_since date)")
    monkeypatch.setenv("MAIN_DSN", new_postgres.dsn)
    text = (written / "template.yaml").read_text(encoding="utf-8")
    begin, end = text.index("    host: ${env:PG_HOST"), text.index("  enrich:\n")
    without_sheets = text.index("  # sheets.read: ")
    text = f"{text[:begin]}    dsn: ${{env:MAIN_DSN}}\n{text[end:without_sheets]}"
    (written / "template.yaml").write_text(text, encoding="utf-8")
    assert invoke(["outbox", "init", "template.yaml"]) == 0
    assert invoke(["run", "template.yaml", "--dry-run=check"]) == 0, capsys.readouterr().err
    assert invoke(["run", "template.yaml", "--dry-run=rollback"]) == 0, capsys.readouterr().err
    said = capsys.readouterr().err
    assert re.search(r"upsert_resource: \d items, 2 inserted", said), said
    assert re.search(r"insert_version: \d items, 2 inserted", said), said
    assert re.search(r"announce: .*2 deliveries", said), said


def test_portl_writes_it_as_it_reads_it() -> None:
    data = load(TEMPLATE, "template.yaml")[0]
    assert load("\n".join(block(data)) + "\n", "x")[0] == data


def test_steps_can_be_appended_to_it() -> None:
    facts = CsvFile((SourceColumn("code", ("a",)),))
    links = (Link("code", "code", "same name"),)
    source, target = End(CsvPlace("resources.csv")), End(DatabasePlace("sqlite", "shop.db"))
    parts = parts_of(Decisions("x", source, facts, target, "resources", links), ".", append.existing_of(TEMPLATE, "t"))
    text = append.appended(TEMPLATE, parts, "template.yaml")
    assert [line for line in TEMPLATE.splitlines() if line not in text.splitlines()] == []
    assert [step["id"] for step in load(text, "x")[0]["steps"]][-2:] == ["read_resources", "write_resources"]
