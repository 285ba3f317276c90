"""`@step`, `@flow` and chains written wrongly at once: what they refuse, in which words."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lokki import flow, step
from lokki.chain import StepNode
from lokki.decorators import Flow, RetryConfig
from lokki.errors import ChainError, FlowDefinitionError
from lokki.graph import StepOptions
from lokki.testing import run_info

from .conftest import STEPS, Source

MakeSource = Callable[..., Source]


@step
def double(x: int) -> int:
    """Twice as much."""
    return 2 * x


@step(
    retry=RetryConfig(retries=2),
    job_type="batch",
    vcpu=2,
    memory_mb=20_000,
    timeout_seconds=3600,
    ephemeral_storage_mb=1024,
    env={"B": "2", "A": "1"},
)
def heavy(x: int) -> int:
    return x


@flow
def small(n: int = 1) -> StepNode[..., int]:
    """A small flow."""
    return double(n).next(heavy)


@flow(schedule="rate(1 day)", timezone="UTC")
def daily_flow() -> StepNode[..., int]:
    return double(1)


def test_a_step_keeps_its_function() -> None:
    assert double.fn(4) == 8
    assert (double.name, double.__doc__, double.__module__) == ("double", "Twice as much.", __name__)
    assert double.__wrapped__ is double.fn


def test_options_reach_the_graph() -> None:
    options = [task.options for task in small().tasks()]
    assert options[0] == StepOptions()
    assert options[1] == StepOptions("batch", 2, 20_000, 3600, 1024, (("A", "1"), ("B", "2")), RetryConfig(retries=2))


def test_step_with_empty_parentheses_is_bare() -> None:
    node = step()(double.fn)
    assert isinstance(node, StepNode)
    assert node.links[0].step.options == StepOptions()  # type: ignore[union-attr]  # a step, not a map


def test_a_flow_keeps_its_function_and_options() -> None:
    assert isinstance(small, Flow)
    assert small.fn(3).name == "heavy"  # type: ignore[attr-defined]  # what a flow body returns is for lokki alone
    assert (small.name, small.__name__, small.__doc__, small.__module__) == (
        "small",
        "small",
        "A small flow.",
        __name__,
    )
    assert (small.schedule, small.timezone) == (None, None)
    assert (daily_flow.name, daily_flow.schedule, daily_flow.timezone) == ("daily-flow", "rate(1 day)", "UTC")
    assert repr(daily_flow) == "<flow daily-flow>"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("step(3)", "@step was given 3, which is not a plain function. Decorate a function written with def."),
        ("step(print)", "@step was given <built-in function print>, which is not a plain function."),
        ("step(functools.partial(plain))", "@step was given functools.partial("),
        ("step(Worker)", "@step was given <class 'shop.Worker'>, which is not a plain function."),
        ("step(Worker())", "@step was given <shop.Worker object"),
        (
            "flow('x')",
            "@flow was given 'x', which is not a plain function. Decorate a function written with def; @flow",
        ),
        ("flow(first)", "@flow was given <step first>, which is not a plain function."),
        (
            "flow(schedule='rate(1 day)')(Worker)",
            "@flow was given <class 'shop.Worker'>, which is not a plain function.",
        ),
    ],
)
def test_only_functions_can_be_decorated(source: MakeSource, line: str, message: str) -> None:
    head = "\nimport functools\ndef plain(): ...\nclass Worker:\n    def __call__(self): ...\n"
    file = source(f"{head}{line}  # here\n", head=STEPS)
    with pytest.raises(FlowDefinitionError) as caught:
        file.load()
    assert str(caught.value).startswith(f"{file.line('# here')}: {message}")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (".next(print)", ".next was given print, which is not a step. Write a function at module level that calls it"),
        (".next(lambda x: x)", ".next was given <function shop.<locals>.<lambda>"),
        (".next(functools.partial(plain))", ".next was given functools.partial("),
        (
            ".next(plain)",
            ".next was given plain, which is not a step. Decorate it at module level: @step above 'def pla",
        ),
        (
            ".next(Worker)",
            ".next was given Worker, which is not a step. Write a function at module level that calls it",
        ),
        (".next(None)", ".next was given None, which is not a step. .next takes a step or a chain."),
        (".next('a')", ".next was given 'a', which is not a step. .next takes a step or a chain."),
        (".next([a])", ".next was given [<step a>], which is not a step. .next takes a step or a chain."),
        (".next(shop)", ".next was given shop, which is not a step. A flow cannot be part of another; chain its steps"),
        (".map(7)", ".map was given 7, which is not a step. .map takes a step, a chain or a list of them."),
        (".map([a, 7])", ".map was given 7, which is not a step. .map takes a step, a chain or a list of them."),
        (".map([])", ".map was given an empty list. Give it at least one step."),
        (".map(a).agg([b])", ".agg was given [<step b>], which is not a step. .agg takes a step."),
        (".map(a).agg(b.next(c))", ".agg takes one step, not a chain. Chain the rest after it: .agg(a).next(b)."),
        (".map(a).agg(b.map(c))", ".agg takes one step, not a chain. Chain the rest after it: .agg(a).next(b)."),
        (
            ".next(a).agg(b)",
            (
                ".agg was called on step 'a', but only a map has results to aggregate. Write .map(step).agg(other), or"
                " .next(other) to hand the whole result on."
            ),
        ),
        (".map(a).agg(b).agg(c)", ".agg was called on step 'b', but only a map has results to aggregate."),
        (
            ".map(a, batch_size=0)",
            (
                'batch_size is a whole number ≥ 1, or "auto", not 0. To bind a step\'s argument of this name, call the'
                " step: .map(step(batch_size=...))."
            ),
        ),
        (".map(a, batch_size='some')", "batch_size is a whole number ≥ 1, or \"auto\", not 'some'."),
        (".map(a, batch_size=True)", 'batch_size is a whole number ≥ 1, or "auto", not True.'),
        (".map(a, concurrency_limit=0)", "concurrency_limit is a whole number, at least 1, not 0."),
        (".map(a, concurrency_limit=1.5)", "concurrency_limit is a whole number, at least 1, not 1.5."),
        (".map(a).map(b, concurrency_limit=-1)", "concurrency_limit is a whole number, at least 1, not -1."),
        (".map(a, tolerated_failure_percentage=101)", "tolerated_failure_percentage is between 0 and 100, not 101."),
        (".map(a, tolerated_failure_percentage=-1)", "tolerated_failure_percentage is between 0 and 100, not -1."),
        (".map(a, tolerated_failure_percentage='5%')", "tolerated_failure_percentage is between 0 and 100, not '5%'."),
        (".map(a, tolerated_failure_percentage=True)", "tolerated_failure_percentage is between 0 and 100, not True."),
        (".map(a, express=1)", "express is True or False, not 1."),
        (".map(a, batch_size=2).map(b, batch_size=3)", "batch_size of one map is given twice, with different values."),
    ],
)
def test_chains_written_wrongly_stop_at_their_line(source: MakeSource, written: str, message: str) -> None:
    head = "\nimport functools\ndef plain(): ...\nclass Worker: ...\n"
    file = source(f"{head}\n@flow\ndef shop():\n    x = 1\n    return first(){written}  # here\n", head=STEPS)
    with pytest.raises(ChainError) as caught:
        file.evaluate()
    assert str(caught.value).startswith(f"{file.line('# here')}: {message}")
    assert isinstance(caught.value, TypeError)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("percentage", [0, 100, 0.5])
def test_tolerance_is_a_percentage(percentage: float) -> None:
    double(1).map(double, tolerated_failure_percentage=percentage, concurrency_limit=1, batch_size=1, express=False)


def test_the_line_of_a_long_chain_is_that_of_the_mistake(source: MakeSource) -> None:
    file = source(
        "\n@flow\ndef shop():\n    return (\n        first()\n        .map(a)\n        .next(b)\n        .agg(\n"
        "            collect,\n        )\n        .agg(report)  # here\n    )\n",
        head=STEPS,
    )
    [found] = file.mistakes()
    assert found.startswith(f"{file.line('# here')}: .agg was called on step 'collect'")


def test_mistakes_outside_the_current_folder_are_named_with_their_full_path(
    source: MakeSource, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = source("\n@flow\ndef shop():\n    return first().agg(a)  # here\n", head=STEPS)
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    [found] = file.mistakes()
    assert found.startswith(f"{file.path.parent}/{file.line('# here')}: ")


def test_steps_cannot_be_chained_inside_a_running_step() -> None:
    with run_info(), pytest.raises(FlowDefinitionError) as caught:
        double(2)
    assert "step 'double' was called inside a running step, where steps cannot be chained." in str(caught.value)
    assert caught.value.hint == "Call the plain function: double.fn(...)."
