"""A run's first task: parameters, the flow body, the shape, the bindings. Everyone else only reads them."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from lokki.testing import EPOCH, FakeClock
from lokki_runtime.errors import LokkiFatal
from lokki_runtime.testing import ExecutionFailed, StateMachine

Deploy = Callable[..., StateMachine]
ModuleOf = Callable[[StateMachine], Any]

FLOW = """
    from datetime import date
    from enum import Enum

    bodies = []

    class Size(Enum):
        SMALL = 1
        LARGE = 2

    @step
    def first(day: date, size: Size, limit: int = 10, note: str = "") -> tuple:
        calls.append(lokki.run())
        return day, size, limit, note
    @step
    def second(x: tuple, days: int) -> tuple:
        if HOOK:
            HOOK(x)
        return (*x, days, lokki.run().started_at)
    @flow
    def main_flow(day: date, days: int = 2, size: Size = Size.SMALL, twice: bool = False, label: str = ""):
        bodies.append(day)
        chain = first(limit=5, note=label).next(second)
        return chain.next(second) if twice else chain
    """

BUILT = {"day": date(2026, 11, 22)}


@pytest.fixture
def machine(deploy: Deploy, module: ModuleOf) -> StateMachine:
    machine = deploy(FLOW, params=BUILT, clock=FakeClock())
    module(machine).bodies.clear()
    return machine


def test_parameters_are_converted_and_the_body_is_evaluated_once(machine: StateMachine, module: ModuleOf) -> None:
    machine.run({"day": "2026-01-02", "size": "LARGE", "limit": 7})
    space = module(machine)
    assert machine.result() == (date(2026, 1, 2), space.Size.LARGE, 7, "", 2, EPOCH)
    assert space.bodies == [date(2026, 1, 2)]
    stored = machine.store.read_bindings("main-flow", "run-1")
    assert stored["params"] == {
        "day": date(2026, 1, 2), "days": 2, "size": space.Size.LARGE, "twice": False, "label": "", "limit": 7
    }  # fmt: skip


def test_a_step_can_ask_about_its_run(machine: StateMachine, module: ModuleOf) -> None:
    machine.run({"day": "2026-01-02"})
    info = module(machine).calls[0]
    assert (info.run_id, info.flow, info.node, info.item_index, info.attempt) == (
        "run-1",
        "main-flow",
        "first",
        None,
        1,
    )


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({}, "flow 'main-flow' needs a value for 'day'. The execution's input has no parameters"),
        ({"day": "tomorrow"}, "parameter 'day': 'tomorrow' is not date (YYYY-MM-DD)"),
        ({"day": "2026-01-02", "dyas": 3}, "there is no parameter 'dyas'. Did you mean 'days'?"),
        ({"day": "2026-01-02", "limit": "many"}, "parameter 'limit': 'many' is not int"),
        ({"day": "2026-01-02", "label": "x" * 17_000}, "16,384 are allowed"),
    ],
)
def test_mistaken_parameters_fail_the_first_task(
    params: dict[str, Any], complaint: str, machine: StateMachine, module: ModuleOf
) -> None:
    with pytest.raises(ExecutionFailed) as caught:
        machine.run(params)
    outcome = caught.value.__cause__
    assert isinstance(outcome, LokkiFatal)
    assert outcome.record["error_type"] == "lokki.errors.ParamError"
    assert complaint in outcome.record["message"]
    assert len(machine.events) == 1
    assert module(machine).calls == []


def test_parameters_are_limited_more_where_a_step_runs_on_batch(deploy: Deploy) -> None:
    machine = deploy(
        FLOW.replace("    @step\n    def second", '    @step(job_type="batch")\n    def second'), params=BUILT
    )
    with pytest.raises(ExecutionFailed, match="4,096 are allowed"):
        machine.run({"day": "2026-01-02", "label": "x" * 5_000})


def test_parameters_that_change_the_shape_fail_at_once_and_say_how(machine: StateMachine) -> None:
    with pytest.raises(ExecutionFailed) as caught:
        machine.run({"day": "2026-01-02", "twice": True})
    outcome = caught.value.__cause__
    assert isinstance(outcome, LokkiFatal)
    assert outcome.record["error_type"] == "lokki_runtime.errors.ShapeChangedError"
    assert '+  "second_2=second"' in outcome.record["message"]
    assert len(machine.events) == 1


def test_a_flow_body_that_fails_is_fatal(deploy: Deploy) -> None:
    machine = deploy(FLOW.replace("bodies.append(day)", "1 / (day.year - 2025)"), params=BUILT)
    with pytest.raises(ExecutionFailed, match="the body of flow 'main-flow' raised ZeroDivisionError"):
        machine.run({"day": "2025-01-02"})


def test_a_flow_that_is_gone_is_named(machine: StateMachine, module: ModuleOf) -> None:
    del module(machine).main_flow
    with pytest.raises(ExecutionFailed, match="has no flow 'main_flow'"):
        machine.run({"day": "2026-01-02"})


def failing_once(machine: StateMachine, module: ModuleOf, params: dict[str, Any]) -> None:
    def fail(x: Any) -> None:
        raise ValueError

    module(machine).HOOK = fail
    with pytest.raises(ExecutionFailed):
        machine.run(params)
    module(machine).HOOK = None


def test_a_resumed_run_keeps_its_parameters(machine: StateMachine, module: ModuleOf) -> None:
    failing_once(machine, module, {"day": "2026-01-02", "limit": 7})
    assert isinstance(machine.clock, FakeClock)
    machine.clock.advance(1000)
    machine.run()
    assert machine.result() == (date(2026, 1, 2), module(machine).Size.SMALL, 7, "", 2, EPOCH)
    assert len(module(machine).bodies) == 1


def test_a_first_task_that_failed_reads_what_it_had_bound(deploy: Deploy, module: ModuleOf) -> None:
    machine = deploy(FLOW.replace("calls.append(lokki.run())", "HOOK and HOOK(day)"), params=BUILT)
    module(machine).bodies.clear()
    failing_once(machine, module, {"day": "2026-01-02", "limit": 7})
    for same in ({}, {"day": "2026-01-02", "limit": 7}):
        machine.run(same)
    assert len(module(machine).bodies) == 1


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({"day": "2026-01-03"}, "day: was datetime.date(2026, 1, 2), is datetime.date(2026, 1, 3)"),
        ({"limit": 8}, "limit: was 7, is 8"),
        ({"days": "x"}, "'x' is not int"),
        ({"note": "x"}, "there is no parameter 'note'"),
    ],
)
def test_a_resumed_run_takes_no_other_parameters(
    params: dict[str, Any], complaint: str, deploy: Deploy, module: ModuleOf
) -> None:
    machine = deploy(FLOW.replace("calls.append(lokki.run())", "HOOK and HOOK(day)"), params=BUILT)
    failing_once(machine, module, {"day": "2026-01-02", "limit": 7})
    with pytest.raises(ExecutionFailed) as caught:
        machine.run(params)
    outcome = caught.value.__cause__
    assert isinstance(outcome, LokkiFatal)
    assert outcome.record["error_type"] == "lokki.errors.ResumeError"
    assert complaint in outcome.record["message"]


def test_of_two_first_tasks_at_once_one_binds_and_both_use_it(machine: StateMachine, module: ModuleOf) -> None:
    store = machine.store
    create = store.create_bindings

    def late(flow_name: str, run_id: str, obj: Any) -> bool:
        other = pickle.loads(pickle.dumps(obj))
        other["calls"]["first"][1]["limit"] = 99
        create(flow_name, run_id, other)
        return create(flow_name, run_id, obj)

    store.create_bindings = late  # type: ignore[method-assign]  # another process comes first
    machine.run({"day": "2026-01-02", "limit": 7})
    assert machine.result()[2] == 99


def test_the_deployed_name_is_where_data_lie_and_not_what_steps_see(deploy: Deploy, module: ModuleOf) -> None:
    machine = deploy(FLOW, params=BUILT, flow_name="main-flow-dev")
    machine.run({"day": "2026-01-02"})
    assert machine.url("first", ()).startswith("memory:///main-flow-dev/runs/run-1/first/")
    assert module(machine).calls[0].flow == "main-flow"
