"""Flow parameters: one way in which text and JSON become values, for every front end."""

from __future__ import annotations

import json
import sys
import typing
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum, StrEnum
from typing import Annotated, Any, Literal, Optional, Union

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lokki.errors import GraphError, ParamError
from lokki.params import (
    MISSING,
    Param,
    check_size,
    complete,
    convert_json,
    convert_text,
    param_type,
    to_json,
)
from lokki.resolve import RESERVED, flow_params

from .conftest import STEPS, Source

MakeSource = Callable[..., Source]


class Colour(Enum):
    RED = "r"
    GREEN = 2


class Size(IntEnum):
    SMALL = 1
    LARGE = 2


class Crossed(StrEnum):
    """Each member's value is another's name."""

    A = "B"
    B = "A"


class Access(Flag):
    READ = 1
    WRITE = 2


def param(annotation: Any, default: Any = MISSING) -> Param:
    kind = param_type(annotation, default)
    assert kind is not None
    return Param("p", kind, default)


NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (int, "5", 5),
        (int, " -5 ", -5),
        (float, "5", 5.0),
        (float, "1e3", 1000.0),
        (bool, "true", True),
        (bool, " Yes ", True),
        (bool, "1", True),
        (bool, "ON", True),
        (bool, "false", False),
        (bool, "no", False),
        (bool, "0", False),
        (bool, "off", False),
        (str, "", ""),
        (str, "5", "5"),
        (str, " a ", " a "),
        (list, "[1, [2]]", [1, [2]]),
        (dict, '{"a": 1}', {"a": 1}),
        (list[int], "[1, 2]", [1, 2]),
        (list[date], '["2024-01-15"]', [date(2024, 1, 15)]),
        (list[list[Colour]], '[["RED"], []]', [[Colour.RED], []]),
        (dict[str, int], '{"a": 1}', {"a": 1}),
        (dict[str, list[date]], '{"a": ["2024-01-15"]}', {"a": [date(2024, 1, 15)]}),
        (typing.List, "[1]", [1]),  # authors write it  # noqa: UP006  # authors write it
        (typing.Dict, "{}", {}),  # authors write it  # noqa: UP006  # authors write it
        (typing.List[int], "[1]", [1]),  # authors write it  # noqa: UP006  # authors write it
        (date, "2024-01-15", date(2024, 1, 15)),
        (datetime, "2024-01-15T12:00:00+00:00", NOON),
        (datetime, "2024-01-15", datetime(2024, 1, 15)),  # as written, without a zone  # noqa: DTZ001  # as written, without a zone
        (Colour, "RED", Colour.RED),
        (Colour, "r", Colour.RED),
        (Colour, "2", Colour.GREEN),
        (Size, "LARGE", Size.LARGE),
        (Size, "2", Size.LARGE),
        (Literal["fast", 2, None, True], "fast", "fast"),
        (Literal["fast", 2], "2", 2),
        (Literal["fast", True], "True", True),
        (Optional[int], "5", 5),  # authors write it  # noqa: UP045  # authors write it
        (Optional[int], "none", None),  # authors write it  # noqa: UP045  # authors write it
        (int | None, "null", None),
        (int | None, "", None),
        (str | None, "five", "five"),
        (Union[int, str], "5", 5),  # authors write it  # noqa: UP007  # authors write it
        (str | int, "5", 5),
        (str | int, "five", "five"),
        (int | float, "5", 5),
        (int | float, "5.5", 5.5),
        (date | int, "7", 7),
        (list[int] | None, "[1]", [1]),
        (list[int | None], "[1, null]", [1, None]),
        (Annotated[int, "more than one"], "5", 5),
        (Annotated[int | None, "rare"], "none", None),
        (Any, '{"a": [1]}', {"a": [1]}),
        (Any, "plain text", "plain text"),
        (object, "5", 5),
        (MISSING, "[1", "[1"),
    ],
)
def test_text_of_a_command_line(annotation: Any, text: str, value: object) -> None:
    found = param(annotation).text(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("annotation", "given", "value"),
    [
        (int, 5, 5),
        (float, 5, 5.0),
        (float, 5.5, 5.5),
        (bool, False, False),
        (str, "x", "x"),
        (list, [1], [1]),
        (dict, {"a": None}, {"a": None}),
        (list[date], ["2024-01-15"], [date(2024, 1, 15)]),
        (dict[str, float], {"a": 1}, {"a": 1.0}),
        (date, "2024-01-15", date(2024, 1, 15)),
        (date, date(2024, 1, 15), date(2024, 1, 15)),
        (datetime, "2024-01-15T12:00:00Z", NOON),
        (datetime, NOON, NOON),
        (Colour, "RED", Colour.RED),
        (Colour, "r", Colour.RED),
        (Colour, 2, Colour.GREEN),
        (Colour, Colour.GREEN, Colour.GREEN),
        (Literal["fast", 2], 2, 2),
        (Literal[0, True], True, True),
        (int | None, None, None),
        (str | int, 5, 5),
        (str | int, "5", "5"),
        (float | bool, True, True),
        (Any, [1, "x"], [1, "x"]),
    ],
)
def test_json_values(annotation: Any, given: object, value: object) -> None:
    found = param(annotation).json(given)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("annotation", "text", "message"),
    [
        (int, "five", "'five' is not int."),
        (int, "5.0", "'5.0' is not int."),
        (int, "9" * 5000, f"'{'9' * 76}... is not int."),
        (float, "nan", "'nan' is not float (JSON cannot carry it)."),
        (float, "-inf", "'-inf' is not float (JSON cannot carry it)."),
        (bool, "maybe", "'maybe' is not bool (say true or false)."),
        (list, "{}", "'{}' is not list (as JSON)."),
        (list, "[1", "'[1' is not list (as JSON)."),
        (dict, "[]", "'[]' is not dict (as JSON)."),
        (list[int], '["a"]", "', '\'["a"]", "\' is not list of int (as JSON).'),
        (list[int], '["a"]', "'[\"a\"]' is not list of int (as JSON)."),
        (dict[str, int], '{"a": "b"}', '\'{"a": "b"}\' is not dict of int (as JSON).'),
        (list, "[" * 100_000, f"'{'[' * 76}... is not list (as JSON)."),
        (date, "15.1.2024", "'15.1.2024' is not date (YYYY-MM-DD)."),
        (date, "2024-02-30", "'2024-02-30' is not date (YYYY-MM-DD)."),
        (datetime, "noon", "'noon' is not datetime (ISO 8601)."),
        (Colour, "BLUE", "'BLUE' is not one of RED, GREEN."),
        (Literal["fast", 2], "slow", "'slow' is not one of 'fast', 2."),
        (int | None, "five", "'five' is not int or null."),
        (type(None), "x", "'x' is not null."),
    ],
)
def test_text_that_does_not_fit(annotation: Any, text: str, message: str) -> None:
    with pytest.raises(ParamError) as caught:
        param(annotation).text(text)
    assert str(caught.value) == f"parameter 'p': {message}"
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("annotation", "given"),
    [
        (int, "5"),
        (int, 5.0),
        (int, True),
        (int, None),
        (float, "5"),
        (float, True),
        (float, 10**400),
        (float | None, 10**400),
        (bool, 1),
        (bool, "true"),
        (str, 5),
        (str, None),
        (list, "[1]"),
        (list, {"a": 1}),
        (dict, [1]),
        (list[int], [1, "2"]),
        (list[int], "12"),
        (dict[str, int], {"a": "1"}),
        (date, 5),
        (date, NOON),
        (date, "2024-01-15T12:00"),
        (datetime, 5),
        (datetime, date(2024, 1, 15)),
        (Colour, "BLUE"),
        (Colour, None),
        (Literal[1, 2], True),
        (Literal[1, 2], "1"),
        (int | None, "5"),
        (type(None), 0),
    ],
)
def test_json_values_that_do_not_fit(annotation: Any, given: object) -> None:
    with pytest.raises(ParamError, match=r"\Aparameter 'p': .* is not .*\.\Z"):
        param(annotation).json(given)


@pytest.mark.parametrize(
    "annotation",
    [Decimal, set, tuple, tuple[int, ...], bytes, dict[int, str], list[Decimal], int | Decimal, "Nowhere", 5],
)
def test_annotations_lokki_cannot_convert_to(annotation: Any) -> None:
    assert param_type(annotation) is None


@pytest.mark.parametrize(
    ("default", "label"),
    [
        (5, "int"),
        (True, "bool"),
        ("x", "str"),
        (1.5, "float"),
        (date(2024, 1, 15), "date (YYYY-MM-DD)"),
        (NOON, "datetime (ISO 8601)"),
        ([1], "list (as JSON)"),
        (Colour.RED, "one of RED, GREEN"),
        (None, "any value"),
        (MISSING, "any value"),
        ((1, 2), "any value"),
        (Decimal(1), "any value"),
    ],
)
def test_a_default_gives_the_type_where_no_annotation_does(default: object, label: str) -> None:
    assert param(MISSING, default).type.label == label


@pytest.mark.parametrize(
    ("annotation", "label"),
    [
        (int | None, "int or null"),
        (dict[str, list[date]], "dict of list of date (YYYY-MM-DD) (as JSON) (as JSON)"),
        (Literal["a", 1], "one of 'a', 1"),
    ],
)
def test_labels_for_help(annotation: Any, label: str) -> None:
    assert param(annotation).type.label == label


PARAMS = {"limit": param(int, 5), "day": param(date), "colour": param(Colour, Colour.RED)}


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(ParamError) as caught:
        convert_text(PARAMS, {"limit": "x", "color": "RED", "day": "today", "other_thing": "1"})
    assert str(caught.value).splitlines() == [
        "parameter 'p': 'x' is not int.",
        "there is no parameter 'color'. Did you mean 'colour'?",
        "parameter 'p': 'today' is not date (YYYY-MM-DD).",
        "there is no parameter 'other_thing'. It has: limit, day, colour.",
    ]


def test_a_flow_without_parameters_has_none() -> None:
    with pytest.raises(ParamError, match=r"there is no parameter 'x'\. It has: none\."):
        convert_json({}, {"x": 1})


def test_values_are_converted_where_given() -> None:
    assert convert_text(PARAMS, {"day": "2024-01-15"}) == {"day": date(2024, 1, 15)}
    assert convert_json(PARAMS, {"limit": 6, "colour": "GREEN"}) == {"limit": 6, "colour": Colour.GREEN}


def test_defaults_complete_them_in_order() -> None:
    values = complete("shop", PARAMS, {"day": date(2024, 1, 15)})
    assert list(values.items()) == [("limit", 5), ("day", date(2024, 1, 15)), ("colour", Colour.RED)]


@pytest.mark.parametrize(
    ("required", "message"),
    [
        (["day"], "flow 'shop' needs a value for 'day'. Give --day VALUE, or a JSON file with --params."),
        (
            ["begin_day", "n"],
            (
                "flow 'shop' needs values for 'begin_day', 'n'. Give --begin-day VALUE --n VALUE, or a JSON file with"
                " --params."
            ),
        ),
    ],
)
def test_missing_values_are_named_with_the_way_to_give_them(required: list[str], message: str) -> None:
    with pytest.raises(ParamError) as caught:
        complete("shop", {name: param(int) for name in required} | {"other": param(int, 1)}, {})
    assert str(caught.value) == message


class TestAsJson:
    def test_dates_and_enums(self) -> None:
        values = {"d": date(2024, 1, 15), "t": NOON, "c": Colour.RED, "deep": [{"s": Size.LARGE}], "n": None}
        assert to_json(values) == {
            "d": "2024-01-15",
            "t": "2024-01-15T12:00:00+00:00",
            "c": "RED",
            "deep": [{"s": "LARGE"}],
            "n": None,
        }

    @pytest.mark.parametrize("member", [*Colour, *Size, *Crossed, *Access])
    def test_an_enum_comes_back_as_itself(self, member: Enum) -> None:
        known = {"e": param(type(member)), "es": param(list[type(member)])}  # type: ignore[misc]  # known when it runs
        values = {"e": member, "es": [member]}
        assert convert_json(known, json.loads(json.dumps(to_json(values)))) == values

    @pytest.mark.parametrize(
        ("value", "why"),
        [
            ({1, 2}, "a set cannot be passed as a parameter ("),
            (b"x", "a bytes cannot be passed as a parameter ("),
            (float("nan"), "a float cannot be passed as a parameter ("),
            (
                {1: "one"},
                (
                    "a dict cannot be passed as a parameter (the keys of a dict are text in JSON, not 1). Parameters"
                    " are what JSON can carry, dates and Enums."
                ),
            ),
            ({Crossed.A: 1}, "a dict cannot be passed as a parameter (the keys of a dict are text in JSON, not"),
        ],
    )
    def test_what_json_cannot_carry_is_refused(self, value: object, why: str) -> None:
        with pytest.raises(ParamError) as caught:
            to_json({"p": value})
        assert str(caught.value).startswith(f"parameter 'p': {why}")

    def test_what_holds_itself_is_refused(self) -> None:
        endless: list[object] = []
        endless.append(endless)
        with pytest.raises(ParamError, match="a list cannot be passed as a parameter"):
            to_json({"p": endless})

    @given(
        st.fixed_dictionaries(
            {},
            optional={
                "n": st.integers(),
                "f": st.floats(allow_nan=False, allow_infinity=False),
                "b": st.booleans(),
                "s": st.text(),
                "d": st.dates(),
                "t": st.datetimes(timezones=st.sampled_from([None, UTC, timezone(timedelta(hours=2))])),
                "c": st.sampled_from(Colour),
                "z": st.sampled_from(Size),
                "o": st.none() | st.integers(),
                "l": st.lists(st.dates()),
                "m": st.dictionaries(st.text(), st.lists(st.sampled_from(Colour))),
            },
        )
    )
    def test_values_come_back_from_json(self, values: dict[str, Any]) -> None:
        annotations: dict[str, Any] = {"n": int, "f": float, "b": bool, "s": str, "d": date, "t": datetime}
        annotations |= {"c": Colour, "z": Size, "o": int | None, "l": list[date], "m": dict[str, list[Colour]]}
        known = {name: param(annotation) for name, annotation in annotations.items()}
        assert convert_json(known, json.loads(json.dumps(to_json(values)))) == values

    def test_size_is_limited(self) -> None:
        check_size({"p": "x" * 92}, 100)
        with pytest.raises(ParamError) as caught:
            check_size({"p": "x" * 93}, 100)
        assert str(caught.value) == (
            "the parameters take 101 bytes as JSON; 100 are allowed. Put large input into a file or table and pass its"
            " place."
        )
        with pytest.raises(ParamError, match=r"16,385 bytes as JSON; 16,384 are allowed"):
            check_size({"p": "x" * (16 * 1024 - 7)})


class TestOfAFlow:
    """What the signature of a flow function says, as text and as objects."""

    @pytest.mark.parametrize("future", ["from __future__ import annotations\n", ""])
    def test_annotations_of_every_kind(self, source: MakeSource, future: str) -> None:
        head = (
            "from datetime import date, datetime\nfrom enum import Enum\nimport typing as t\n"
            "from typing import Annotated, Literal, Optional, Union\n"
            "class Mode(Enum):\n    FAST = 1\n    SAFE = 2\n"
        )
        text = """
        @flow
        def shop(
            day: date,
            n: int | None = None,
            o: Optional[int] = None,
            u: Union[int, str] = 1,
            l: Literal["a", "b"] = "a",
            m: Mode = Mode.SAFE,
            a: Annotated[int, "positive"] = 1,
            li: list[int] = [],
            di: dict[str, int] = {},
            t_: "t.List[int] | None" = None,
            free=3,
            *,
            at: datetime | None = None,
        ):
            return first()
        """
        shop = source(text, head=future + head + STEPS).load().shop
        assert {name: (found.type.label, found.required) for name, found in flow_params(shop).items()} == {
            "day": ("date (YYYY-MM-DD)", True),
            "n": ("int or null", False),
            "o": ("int or null", False),
            "u": ("int or str", False),
            "l": ("one of 'a', 'b'", False),
            "m": ("one of FAST, SAFE", False),
            "a": ("int", False),
            "li": ("list of int (as JSON)", False),
            "di": ("dict of int (as JSON)", False),
            "t_": ("list of int (as JSON) or null", False),
            "free": ("int", False),
            "at": ("datetime (ISO 8601) or null", False),
        }

    @pytest.mark.parametrize("name", sorted(RESERVED))
    def test_names_of_command_line_options_are_refused(self, source: MakeSource, name: str) -> None:
        file = source(f"\n@flow\ndef shop({name}=1):\n    return first()\n", head=STEPS)
        with pytest.raises(GraphError, match=f"parameter '{name}' has the name of a command-line option"):
            flow_params(file.load().shop)

    def test_which_names_these_are(self) -> None:
        words = "help debug params param resume executor workers store run_id json wait"
        assert sorted(words.split()) == sorted(RESERVED)

    def test_parameters_reach_the_body_typed_and_with_their_defaults(self, source: MakeSource) -> None:
        text = """
        from datetime import date, timedelta

        @step
        def fetch(begin, end, page):
            return []

        @flow
        def shop(begin: date, days: int = 7, page=1):
            return fetch(begin=begin, end=begin + timedelta(days=days))
        """
        call = source(text).evaluate(begin=date(2024, 1, 15)).calls()["fetch"]
        assert call.kwargs == {"begin": date(2024, 1, 15), "end": date(2024, 1, 22), "page": 1}

    def test_the_body_is_evaluated_once_for_all_steps(self, source: MakeSource) -> None:
        text = """
        from uuid import uuid4

        made = []

        @step
        def send(x, token):
            return x

        @flow
        def shop():
            made.append(uuid4())
            return first().next(send(token=made[-1])).map(send(token=made[-1]))
        """
        file = source(text, head=STEPS)
        calls = file.evaluate().calls()
        made = sys.modules["shop"].made
        assert len(made) == 1
        assert calls["send"].kwargs["token"] == calls["send_2"].kwargs["token"] == made[0]

    def test_a_parameter_may_change_the_shape_which_then_differs(self, source: MakeSource) -> None:
        text = "\n@flow\ndef shop(deep=False):\n    return first().map(a.map(b)) if deep else first().map(a)\n"
        file = source(text, head=STEPS)
        assert file.evaluate().graph.shape_hash() != file.evaluate(deep=True).graph.shape_hash()
