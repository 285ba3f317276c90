"""What is wrong with a flow: all of it at once, each with its file and line, in words that help."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from lokki import FlowGraph
from lokki.errors import FlowDefinitionError, GraphError
from lokki.resolve import flow_params

from .conftest import STEPS, Source

MakeSource = Callable[..., Source]

FLOW = "\n@flow\ndef shop():\n    return first().{}  # the chain\n"


def test_everything_is_reported_at_once_with_its_line(source: MakeSource) -> None:
    file = source(
        """
        from pathlib import Path

        @step
        def get(limit, page=1):
            return []

        @step
        def parse(x, factor, *, base=10):
            return x

        @step
        def nothing():
            return 1

        @step(memory_mb=64, timeout_seconds=1000, vcpu=2, job_typ="batch", env={"A": 1})  # many mistakes
        def store(x):
            return x

        @step
        async def slow(x):  # async
            return x

        @flow(schedule="rate(1 minutes)", timezone="Mars/Base")  # the flow
        def shop(help, colour: Path, when: "Nope", *more, n: int = 1, **rest):
            return (
                get()  # first
                .map(parse)  # map
                .agg(nothing)  # agg
                .next(store)
                .next(
                    slow(1)  # by place
                )
                .next(parse(factor=1, x=2, wrong=3, other=4))  # by name
            )
        """
    )
    with pytest.raises(GraphError) as caught:
        file.load().shop(1, 2, 3)
    flow_line, many, bound = file.line("# the flow"), file.line("# many mistakes"), file.line("# by name")
    assert list(caught.value.findings) == [
        f"{flow_line}: parameter 'help' has the name of a command-line option; call it something else.",
        (
            f"{flow_line}: parameter 'colour' is annotated Path, which lokki cannot convert to. Use int, float,"
            " bool, str, list, dict, date, datetime, an Enum, Literal or Optional of these."
        ),
        f"{flow_line}: parameter 'when' is annotated Nope, which is not known when the flow file runs. Import it.",
        f"{flow_line}: flow 'shop' takes *more; name each parameter, so that a run can be given it.",
        f"{flow_line}: flow 'shop' takes **rest; name each parameter, so that a run can be given it.",
        f"{flow_line}: schedule says 'minute' for 1 and 'minutes' for 2 and more, not 'rate(1 minutes)'.",
        f"{flow_line}: there is no time zone 'Mars/Base'.",
        (
            f"{file.line('# first')}: flow 'shop': nothing fills parameter 'limit' of step 'get'; bind it"
            " (get(limit=...)), give it a default, or make it a parameter of the flow."
        ),
        (
            f"{file.line('# map')}: flow 'shop': nothing fills parameter 'factor' of step 'parse'; bind it"
            " (parse(factor=...)), give it a default, or make it a parameter of the flow."
        ),
        (
            f"{file.line('# agg')}: step 'nothing' takes no argument by position, but receives the result of the step"
            " before it."
        ),
        (
            f"{many}: @step has no option 'job_typ'; it has retry, job_type, vcpu, memory_mb, timeout_seconds,"
            " ephemeral_storage_mb, env."
        ),
        f"{many}: @step(env=...): names and values are strings, not 'A': 1.",
        f"{many}: @step: timeout_seconds is at most 900 on Lambda; use job_type='batch' for longer steps.",
        f"{many}: @step: memory_mb is 128 to 10240 on Lambda; use job_type='batch' for more.",
        f"{many}: @step: vcpu applies to job_type='batch'; on Lambda, memory_mb decides the share of processors.",
        (
            f"{_line_before(file.line('# async'))}: step 'slow' is async; write it with def and call asyncio.run(...)"
            " inside."
        ),
        (
            f"{file.line('# by place')}: step 'slow' is given arguments by position, but its first parameter"
            " receives the result before it; bind the others by name."
        ),
        f"{bound}: parameter 'x' of step 'parse_2' receives the result before it; do not bind it.",
        f"{bound}: step 'parse_2' has no parameter 'wrong'; it has factor, base.",
        f"{bound}: step 'parse_2' has no parameter 'other'; it has factor, base.",
    ]
    assert str(caught.value) == "\n  ".join(["flow 'shop' has 20 mistakes:", *caught.value.findings])
    assert caught.value.exit_code == 2


def _line_before(where: str) -> str:
    file, line = where.split(":")
    return f"{file}:{int(line) - 1}"


def test_one_mistake_is_counted_as_one(source: MakeSource) -> None:
    file = source("\n@flow\ndef shop(wait=1):\n    return first()\n", head=STEPS)
    with pytest.raises(GraphError, match=r"\Aflow 'shop' has 1 mistake:\n  shop.py:\d+: parameter 'wait' has the name"):
        file.load().shop()


def test_parameters_alone_are_judged_with_what_else_can_be_told(source: MakeSource) -> None:
    """The command line asks for parameters before it can evaluate the body with them."""
    text = "\n@flow(schedule='daily')\ndef shop(wait{}):\n    return first().next(a(y=1))\n"
    endings = ["has the name of a command-line option; call it something else.", "not 'daily'."]
    with_body = source(text.format("=1"), head=STEPS).mistakes()
    assert [
        finding.endswith(end) for finding, end in zip(with_body, [*endings, "none that can be bound."], strict=True)
    ]
    without = source(text.format(""), head=STEPS).mistakes()
    assert [finding.endswith(end) for finding, end in zip(without, endings, strict=True)] == [True, True]
    assert with_body[:2] == without[:1] + with_body[1:2]


def test_parameters_alone_are_judged_where_the_body_fails(source: MakeSource) -> None:
    found = source("\n@flow\ndef shop(wait=0):\n    return first(1 // wait)\n", head=STEPS).mistakes()
    assert [text.partition(": ")[2] for text in found] == [
        "parameter 'wait' has the name of a command-line option; call it something else."
    ]


@pytest.mark.parametrize(
    ("chained", "finding"),
    [
        ("next(a(first()))", "step 'a' is given <step first> as an argument"),
        ("next(a).next(b(y=first().map(a)))", "step 'b' is given <chain of 2 ending in an open map> as an argument"),
        ("next(a(1, 2))", "step 'a' is given arguments by position, but its first parameter receives the result"),
        ("next(a(x=1))", "parameter 'x' of step 'a' receives the result before it; do not bind it."),
        ("map(a, x=1)", "parameter 'x' of step 'a' receives the result before it; do not bind it."),
        ("map(a).agg(collect, y=1)", "step 'collect' has no parameter 'y'; it has none that can be bound."),
        ("map(a, concurency_limit=1)", "step 'a' has no parameter 'concurency_limit'; it has none that can be bound."),
        ("map(a.map(b), batch_size=3)", "batch_size applies to maps without a map inside; leave it out here."),
        ("map(a.map(b), express=True)", "express is not possible for a map with a map inside."),
    ],
)
def test_mistakes_in_the_chain(source: MakeSource, chained: str, finding: str) -> None:
    file = source(FLOW.format(chained), head=STEPS)
    [found] = file.mistakes()
    assert found.startswith(f"{file.line('# the chain')}: {finding}")


def test_batch_size_1_and_auto_are_fine_around_a_map(chain: Callable[[str], FlowGraph]) -> None:
    assert chain("first().map(a.map(b), batch_size=1)").shape_hash()
    assert chain("first().map(a.map(b, batch_size=5), batch_size='auto')").shape_hash()


@pytest.mark.parametrize(
    ("call", "finding"),
    [
        ("get()", "nothing fills parameter 'x' of step 'get'; bind it (get(x=...)), give it a default"),
        ("get(1, 2, 3, 4)", "step 'get' is given 4 arguments by position, more than it takes."),
        ("get(1, x=2)", "argument 'x' of step 'get' is given twice."),
        ("get(1, z=2)", "step 'get' has no parameter 'z'; it has x, y, key."),
    ],
)
def test_mistakes_in_the_first_call(source: MakeSource, call: str, finding: str) -> None:
    text = f"\n@step\ndef get(x, y=1, *, key=1):\n    return x\n\n@flow\ndef shop():\n    return {call}  # here\n"
    file = source(text)
    [found] = file.mistakes()
    assert found.startswith(file.line("# here"))
    assert finding in found


def test_a_keyword_after_as_many_by_position_is_given_once(source: MakeSource) -> None:
    text = "\n@step\ndef get(x, y, z):\n    return x\n\n@flow\ndef shop():\n    return get(1, 2, z=3)\n"
    assert source(text).evaluate().calls()["get"].kwargs == {"x": 1, "y": 2, "z": 3}


@pytest.mark.parametrize(
    ("head", "finding"),
    [
        ("lost = step(lambda x: x)", "a lambda cannot be a step, because other processes could not find it;"),
        (
            "def make():\n    @step\n    def inner(x):\n        return x\n    return inner\nlost = make()",
            (
                "step 'make.<locals>.inner' is defined inside a function; move it to module level, so that other"
                " processes find it (if a decorator below @step made it, that one needs functools.wraps)."
            ),
        ),
        (
            "class Steps:\n    @step\n    def method(this):\n        return 1\nlost = Steps.method",
            "step 'Steps.method' is not at module level; move it there, so that other processes find it.",
        ),
        (
            "@step\ndef twin(x):\n    return x\nlost = twin\n@step\ndef twin(x):\n    return 2 * x",
            (
                "step 'twin' would not be found by other processes: module 'shop' has something else under that name;"
                " give each step a name of its own."
            ),
        ),
        (
            "@step\nasync def lost(x):\n    return x",
            "step 'lost' is async; write it with def and call asyncio.run(...)",
        ),
        ("@step\nasync def lost(x):\n    yield x", "step 'lost' is async; write it with def and call asyncio.run(...)"),
    ],
)
def test_steps_that_other_processes_could_not_run(source: MakeSource, head: str, finding: str) -> None:
    text = f"\n{head}\n\n@flow\ndef shop():\n    return first().next(lost)\n"
    [found] = source(text, head=STEPS).mistakes()
    assert finding in found


def test_a_step_may_go_by_another_name(source: MakeSource) -> None:
    text = """
    def plain(x=1):
        return x

    renamed = step(plain)
    faster = renamed(x=2)

    @flow
    def shop():
        return faster.next(renamed)
    """
    graph = source(text).evaluate().graph
    assert [(t.node, t.step) for t in graph.tasks()] == [("plain", "plain"), ("plain_2", "plain")]


def test_what_decorators_with_wraps_make_is_judged_as_the_author_wrote_it(source: MakeSource) -> None:
    source(
        """
        import asyncio
        import functools

        def sync(fn):
            @functools.wraps(fn)
            def wrapper(*args, **kwargs):
                return asyncio.run(fn(*args, **kwargs))
            return wrapper

        def logged(fn):
            @functools.wraps(fn)
            def wrapper(*args, **kwargs):
                return fn(*args, **kwargs)
            return wrapper
        """,
        name="tools",
    ).load()
    file = source(
        """
        from datetime import date
        from tools import logged, sync

        @step(memory_mb=1)  # here
        @sync
        async def when(day: date, shift=2):
            return day

        @flow
        @logged
        def shop(day: date):
            return when(day, shift=1)
        """,
        head="from __future__ import annotations\nfrom lokki import flow, step\n",
    )
    module = file.load()
    assert flow_params(module.shop)["day"].type.label == "date (YYYY-MM-DD)"
    assert file.mistakes(day=date(2024, 1, 15)) == [
        f"{file.line('# here')}: @step: memory_mb is 128 to 10240 on Lambda; use job_type='batch' for more."
    ]


def test_mistakes_of_a_step_used_twice_are_told_once(source: MakeSource) -> None:
    text = "\n@step(memory_mb=-1)\ndef poor(x=1):\n    return x\n\n@flow\ndef shop():\n    return poor().next(poor)\n"
    assert [text.partition(": ")[2] for text in source(text).mistakes()] == [
        "@step(memory_mb=...): -1 is not at least 1."
    ]


@pytest.mark.parametrize(
    ("options", "findings"),
    [
        ("job_type='spark'", ["@step(job_type=...): it is 'lambda' or 'batch', not 'spark'."]),
        ("vcpu=0, job_type='batch'", ["@step(vcpu=...): a number above 0 is needed, not 0."]),
        ("vcpu=float('inf'), job_type='batch'", ["@step(vcpu=...): a number above 0 is needed, not inf."]),
        ("vcpu=True, job_type='batch'", ["@step(vcpu=...): a number above 0 is needed, not True."]),
        ("memory_mb=1.5", ["@step(memory_mb=...): a whole number is needed, not 1.5."]),
        ("memory_mb=True", ["@step(memory_mb=...): a whole number is needed, not True."]),
        ("memory_mb=127", ["@step: memory_mb is 128 to 10240 on Lambda; use job_type='batch' for more."]),
        ("memory_mb=10241", ["@step: memory_mb is 128 to 10240 on Lambda; use job_type='batch' for more."]),
        ("memory_mb=10241, job_type='batch'", []),
        ("memory_mb=128", []),
        ("memory_mb=10240, timeout_seconds=900", []),
        ("timeout_seconds=0", ["@step(timeout_seconds=...): 0 is not at least 1."]),
        (
            "timeout_seconds=901",
            ["@step: timeout_seconds is at most 900 on Lambda; use job_type='batch' for longer steps."],
        ),
        ("timeout_seconds=901, job_type='batch', vcpu=0.25", []),
        ("ephemeral_storage_mb=511", ["@step(ephemeral_storage_mb=...): 511 is not between 512 and 10240."]),
        ("ephemeral_storage_mb=10241", ["@step(ephemeral_storage_mb=...): 10241 is not between 512 and 10240."]),
        ("ephemeral_storage_mb=512", []),
        ("env='A=1'", ["@step(env=...): a dict of strings is needed, not 'A=1'."]),
        ("env={'A=': '1'}", ["@step(env=...): names and values are strings, not 'A=': '1'."]),
        ("env={'': '1'}", ["@step(env=...): names and values are strings, not '': '1'."]),
        ("env={1: '1'}", ["@step(env=...): names and values are strings, not 1: '1'."]),
        ("env={'B': '1', 'A': ''}", []),
        ("retry={'retries': -1}", ["@step(retry=...): retry.retries is at least 0 and finite, not -1."]),
        (
            "retry={'tries': 1}",
            ["@step(retry=...): retry has no 'tries' (it has retries, delay, backoff, max_delay, exceptions)."],
        ),
        ("retry=3", ["@step(retry=...): retry is a RetryConfig or a dict, not int."]),
        ("retry=None, memory_mb=None", []),
    ],
)
def test_options_of_a_step(source: MakeSource, options: str, findings: list[str]) -> None:
    file = source(f"\n@step({options})  # here\ndef get(x=1):\n    return x\n\n@flow\ndef shop():\n    return get()\n")
    assert file.mistakes() == [f"{file.line('# here')}: {finding}" for finding in findings]


@pytest.mark.parametrize(
    ("options", "findings"),
    [
        ("timeout_seconds=200", []),
        ("timeout_seconds=150", []),
        ("timeout_seconds=151", ["express children end after 300 s, but the steps' timeouts add up to 302 s."]),
        ("job_type='batch'", ["express is not possible with a Batch step in the map."]),
    ],
)
def test_express_maps_are_short_and_free_of_batch(source: MakeSource, options: str, findings: list[str]) -> None:
    body = "get" if "200" in options else "get.next(get)"
    file = source(
        f"\n@step({options})\ndef get(x=1):\n    return x\n\n@flow\ndef shop():\n"
        f"    return first().map({body}, express=True)  # here\n",
        head=STEPS,
    )
    assert file.mistakes() == [f"{file.line('# here')}: {finding}" for finding in findings]


@pytest.mark.parametrize(
    ("header", "findings"),
    [
        ("@flow(schedule='rate(1 day)')\ndef shop(n: int = 1):", []),
        ("@flow(schedule='rate(1 day)', timezone='Europe/Helsinki')\ndef shop():", []),
        (
            "@flow(schedule='rate(1 day)')\ndef shop(n: int, k=1, *, m):",
            ["a scheduled flow needs defaults, but n, m must be given."],
        ),
        ("@flow(timezone='UTC')\ndef shop():", ["timezone is given without a schedule."]),
        ("@flow(schedule=5)\ndef shop():", ["schedule is a string, not 5."]),
        (
            "@flow(schedule='daily', timezone='x y')\ndef shop():",
            [
                "schedule is 'rate(5 minutes)' or 'cron(0 8 * * ? *)', not 'daily'.",
                "timezone is an IANA name as 'Europe/Helsinki', not 'x y'.",
            ],
        ),
    ],
)
def test_schedules_of_flows(source: MakeSource, header: str, findings: list[str]) -> None:
    file = source(f"\n{header}\n    return first()\n", head=STEPS)
    assert file.mistakes(n=1, m=1) == [f"{file.line('@flow')}: {finding}" for finding in findings]


def test_a_flow_records_its_schedule(source: MakeSource) -> None:
    text = "\n@flow(schedule='cron(0 8 * * ? *)', timezone='UTC')\ndef shop():\n    return first()\n"
    graph = source(text, head=STEPS).evaluate().graph
    assert (graph.schedule, graph.timezone) == ("cron(0 8 * * ? *)", "UTC")


@pytest.mark.parametrize(
    "flow",
    [
        "def make():\n    @flow\n    def inner():\n        return first()\n    return inner\nshop = make()\n",
        "class Flows:\n    @flow\n    def inner():\n        return first()\nshop = Flows.inner\n",
        "shop = flow(lambda: first())\n",
    ],
)
def test_flows_stand_at_module_level(source: MakeSource, flow: str) -> None:
    [finding] = source("\n" + flow, head=STEPS).mistakes()
    assert finding.endswith("is not at module level; move it there.")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "    first().next(a)",
            "flow 'shop' returned nothing instead of a chain of steps. End it with: return first()",
        ),
        (
            "    return first, a",
            "flow 'shop' returned a tuple instead of a chain of steps. End it with: return first()",
        ),
        ("    return shop", "flow 'shop' returned a Flow instead of a chain of steps. End it with: return first()"),
        (
            "    yield first()",
            "flow 'shop' returned a generator instead of a chain of steps. Write it with def and return, without async",
        ),
        ("    for one in first():\n        pass", "the body of flow 'shop' raised TypeError: 'StepNode' object is not"),
        ("    1 / 0", "the body of flow 'shop' raised ZeroDivisionError: division by zero."),
    ],
)
def test_flows_that_return_no_chain(source: MakeSource, body: str, message: str) -> None:
    file = source(f"\n@flow\ndef shop():\n{body}\n", head=STEPS)
    with pytest.raises(FlowDefinitionError) as caught:
        file.evaluate()
    assert str(caught.value).startswith(f"{file.line('@flow')}: {message}")


def test_an_async_flow_is_refused_without_a_warning(source: MakeSource) -> None:
    file = source("\n@flow\nasync def shop():\n    return first()\n", head=STEPS)
    [message] = file.mistakes()
    assert "returned a coroutine instead of a chain of steps. Write it with def and return" in message


def test_the_error_of_a_body_keeps_the_author_s_exception(source: MakeSource) -> None:
    with pytest.raises(FlowDefinitionError) as caught:
        source("\n@flow\ndef shop():\n    return {}['key']\n", head=STEPS).evaluate()
    assert isinstance(caught.value.__cause__, KeyError)
