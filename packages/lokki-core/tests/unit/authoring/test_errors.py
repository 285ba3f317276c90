"""The tree of errors: as it is drawn, as it travels between processes, and as it reads."""

from __future__ import annotations

import importlib
import pickle
import pkgutil
import re
from collections.abc import Iterator

import lokki
import pytest
from lokki import errors
from lokki.errors import (
    ChainError,
    ConfigError,
    FlowDefinitionError,
    GraphError,
    LokkiError,
    MapFailedError,
    MissingPackageError,
    ObjectMissingError,
    ParamError,
    ResultError,
    ResumeError,
    StepFailedError,
    StoreError,
    StoreFormatError,
    StoreUrlError,
    WireError,
)
from lokki.failure import ItemFailure
from lokki.where import Where

ROW = re.compile(r"(?P<indent> +)(?P<name>\w+) +(?P<code>\d+)(?: +\(also (?P<also>\w+)\))?")


def drawn() -> Iterator[tuple[str, str, int, str | None]]:
    """(class, parent, exit code, further parent) of each row of the drawing."""
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        row = ROW.fullmatch(line)
        if row is None:
            continue
        depth = len(row["indent"])
        above = [(indent, name) for indent, name in above if indent < depth]
        yield row["name"], above[-1][1] if above else "Exception", int(row["code"]), row["also"]
        above.append((depth, row["name"]))


def defined() -> Iterator[tuple[str, str, int, str | None]]:
    for name, value in vars(errors).items():
        if isinstance(value, type) and issubclass(value, LokkiError):
            parents = [base.__name__ for base in value.__bases__]
            yield name, parents[0], value.exit_code, parents[1] if len(parents) > 1 else None


def test_the_drawing_shows_the_classes() -> None:
    assert sorted(drawn(), key=str) == sorted(defined(), key=str)
    assert len(list(drawn())) == 16


FAILURE = ItemFailure(3, "ValueError", "bad", "Traceback", "clean", 2)
WHERE = Where("/flows/shop.py", 7)
EXAMPLES: list[tuple[LokkiError, str]] = [
    (LokkiError("it broke.", hint="Mend it."), "it broke. Mend it."),
    (LokkiError("it broke."), "it broke."),
    (FlowDefinitionError("no chain.", where=WHERE, hint="Chain."), "/flows/shop.py:7: no chain. Chain."),
    (FlowDefinitionError("no chain."), "no chain."),
    (ChainError("no step.", where=WHERE), "/flows/shop.py:7: no step."),
    (GraphError("shop", ["a:1: x.", "b:2: y."]), "flow 'shop' has 2 mistakes:\n  a:1: x.\n  b:2: y."),
    (ParamError("parameter 'n': 'x' is not int."), "parameter 'n': 'x' is not int."),
    (ConfigError("it is a number.", key="a.b", origin="env LOKKI_A"), "a.b (from env LOKKI_A): it is a number."),
    (ConfigError("it is a number.", key="a.b", hint="Say 5."), "a.b: it is a number. Say 5."),
    (ResumeError("there is no run 'x'."), "there is no run 'x'."),
    (
        MissingPackageError("the command 'deploy'", "lokki-cli"),
        "the command 'deploy' needs the package lokki-cli. Install it: pip install 'lokki-cli'",
    ),
    (StoreError("disk is full.", url="file:///x", operation="write"), "file:///x: disk is full."),
    (
        ObjectMissingError("it is missing.", url="s3://b/k", operation="read", hint="Run."),
        "s3://b/k: it is missing. Run.",
    ),
    (StoreUrlError("it is elsewhere.", url="s3://c/k", operation="read"), "s3://c/k: it is elsewhere."),
    (StoreFormatError("it is cut off.", url="s3://b/k", operation="read"), "s3://b/k: it is cut off."),
    (
        StepFailedError("it failed.", flow="shop", step="clean", index=3, attempts=2, traceback="Trace", hint="Look."),
        "it failed. Look.",
    ),
    (MapFailedError("2 failed.", flow="shop", step="clean", failures=[FAILURE], total=9), "2 failed."),
    (
        ResultError("a generator cannot be pickled.", hint="Return a list."),
        "a generator cannot be pickled. Return a list.",
    ),
    (WireError("another version.", expected=1, found={"v": 2}), "another version."),
]


@pytest.mark.parametrize(("error", "text"), EXAMPLES)
def test_an_error_reads_where_what_hint(error: LokkiError, text: str) -> None:
    assert str(error) == text


@pytest.mark.parametrize(("error", "text"), EXAMPLES)
def test_an_error_travels_between_processes(error: LokkiError, text: str) -> None:
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert str(back) == text
    assert back.args == error.args
    assert vars(back) == vars(error)
    assert back.exit_code == error.exit_code


def test_every_class_has_an_example() -> None:
    assert {type(error).__name__ for error, _ in EXAMPLES} == {name for name, *_ in drawn()}


def test_no_error_for_users_stands_outside_the_tree() -> None:
    for module in pkgutil.walk_packages(lokki.__path__, "lokki."):
        found = vars(importlib.import_module(module.name))
        own = {name for name, value in found.items() if isinstance(value, type) and issubclass(value, LokkiError)}
        assert own <= vars(errors).keys(), module.name


def test_what_errors_know() -> None:
    known = {type(error).__name__: error for error, _ in reversed(EXAMPLES)}
    step, whole, graph = known["StepFailedError"], known["MapFailedError"], known["GraphError"]
    assert isinstance(step, StepFailedError)
    assert (step.flow, step.step, step.index, step.attempts, step.traceback) == ("shop", "clean", 3, 2, "Trace")
    assert isinstance(whole, MapFailedError)
    assert (whole.flow, whole.step, whole.failures, whole.total) == ("shop", "clean", (FAILURE,), 9)
    assert isinstance(graph, GraphError)
    assert (graph.flow, graph.findings, graph.where) == ("shop", ("a:1: x.", "b:2: y."), None)
    store, wire = known["StoreError"], known["WireError"]
    assert isinstance(store, StoreError)
    assert (store.url, store.operation) == ("file:///x", "write")
    assert isinstance(wire, WireError)
    assert (wire.expected, wire.found) == (1, {"v": 2})


def test_a_step_that_failed_outside_maps_has_no_index() -> None:
    failed = StepFailedError("x", flow="f", step="s")
    assert (failed.index, failed.attempts, failed.traceback, failed.hint) == (None, 1, "", None)
