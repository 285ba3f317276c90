"""The template that ships with the package is a job with every type of step."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path

from portl.engine.preview import preview
from portl.model.load import read_job
from portl.model.resolve import resolve
from portl.model.steps import STEP_CLASSES
from portl.plan import plan_job

DATA = "code,name,price,valid_from\nR-1, Desk ,1.50,01/02/2026\n"


def test_it_is_right_has_every_step_and_can_be_previewed(tmp_path: Path) -> None:
    shutil.copy(str(files("portl") / "template.yaml"), tmp_path / "job.yaml")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "resources.csv").write_text(DATA)
    plan = plan_job(read_job(tmp_path / "job.yaml"))
    assert {type(step.step) for step in plan.walk()} == set(STEP_CLASSES)
    shown = preview(plan, resolve(plan.file, {}, {}))
    assert shown.errors == ()
    (save,) = (step for step in shown.steps if step.step_id == "save")
    assert save.items[0]["mapping"]["name"] == "Desk"
