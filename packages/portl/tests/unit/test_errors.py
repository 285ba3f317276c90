"""The tree drawn in errors.py is the tree of classes, exit codes included."""

from __future__ import annotations

import inspect
import re

import pytest
from portl import errors
from portl.errors import Finding, JobSpecError, MissingPackageError, PortlError, StepError


def _drawn() -> list[tuple[str, str, int]]:
    """Name, parent and exit code of each line of the drawing."""
    found: list[tuple[str, str, int]] = []
    parents: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.fullmatch(r"    ( *)(\w+Error) +(\d+)", line)
        if match:
            depth = len(match[1]) // 2
            del parents[depth:]
            found.append((match[2], parents[-1] if parents else "Exception", int(match[3])))
            parents.append(match[2])
    return found


def test_the_drawing_is_the_truth() -> None:
    classes = [value for _, value in inspect.getmembers(errors, inspect.isclass) if issubclass(value, PortlError)]
    real = {(cls.__name__, cls.__bases__[0].__name__, cls.exit_code) for cls in classes}
    assert real == set(_drawn())
    assert len(_drawn()) == len(real)


def test_a_message_is_followed_by_its_hint() -> None:
    assert str(PortlError("job.yaml: it is wrong.", hint="Repair it.")) == "job.yaml: it is wrong. Repair it."
    assert str(PortlError("job.yaml: it is wrong.")) == "job.yaml: it is wrong."


def test_all_findings_are_listed_with_their_places() -> None:
    error = JobSpecError(
        [Finding("a.yaml", 1, 2, "This is wrong."), Finding("a.yaml", 3, 4, "That too.", "Repair it.")]
    )
    assert str(error) == "a.yaml:1:2: This is wrong.\na.yaml:3:4: That too. Repair it."


def test_a_missing_package_is_named() -> None:
    assert "pip install 'portl[aws]'" in str(MissingPackageError("lambda.invoke", "portl[aws]"))


@pytest.mark.parametrize("where", ["", "job.yaml:1:1"])
def test_a_step_error_begins_with_its_place(where: str) -> None:
    error = StepError("step 'a': it failed.", step_id="a", where=where)
    assert str(error) == (f"{where}: " if where else "") + "step 'a': it failed."
