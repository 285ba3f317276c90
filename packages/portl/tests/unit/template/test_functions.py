"""The functions of expressions, each with what it refuses."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portl.errors import TemplateError
from portl.template.functions import FUNCTIONS
from rendering import render

D = Decimal


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("' Aé ' | trim | lower", "aé"),
        ("'xxaxx' | trim('x')", "a"),
        ("upper('a') ~ title('ab cd') ~ capitalize('eF')", "AAb CdEf"),
        ("n | lower", None),
        ("n | trim | upper | replace('a', 'b')", None),
        ("'a-b' | replace('-', '+')", "a+b"),
        ("'a,b' | split(',')", ["a", "b"]),
        ("'abcdef' | truncate(3)", "abc"),
        ("'7' | pad_left(3, '0') ~ ('7' | pad_right(2))", "0077 "),
        ("'a/b ü' | urlencode", "a%2Fb%20%C3%BC"),
        ("5 | urlencode", "5"),
        ("string(5) ~ string(1.5)", "51.5"),
        ("string(n)", None),
        ("concat('a', n, 5)", "a5"),
        ("md5('a')", hashlib.md5(b"a", usedforsecurity=False).hexdigest()),
        ("'a' | md5 == md5('a')", True),
        ("md5(n)", None),
        ("sha256('a') | length", 64),
        ("b64encode('a')", "YQ=="),
        ("b64encode(n)", None),
        ("doc | tojson", '{"a":[1,2.50],"b":null}'),
        ("fromjson('{\"x\": 1.10}').x", D("1.10")),
        ("fromjson(n)", None),
        ("int('7') + int(' 8 ') + int(9.0) + int(true)", 25),
        ("int('x', 0)", 0),
        ("int(n)", None),
        ("float('1.5') + float(1) + float('x', 1.0)", 3.5),
        ("float(n)", None),
        ("to_decimal('1.005', 2)", D("1.01")),
        ("to_decimal(0.1)", D("0.1")),
        ("to_decimal(5)", D(5)),
        ("to_decimal(n)", None),
        ("to_bool('yes')", True),
        ("to_bool(n)", None),
        ("to_date('02/01/2026', '%d/%m/%Y')", date(2026, 1, 2)),
        ("to_date('2026-01-02T03:04:05' | to_datetime)", date(2026, 1, 2)),
        ("to_date(n)", None),
        ("to_datetime('2026-01-02')", datetime(2026, 1, 2)),  # noqa: DTZ001  # the text has no zone
        ("format_date(to_date('2026-01-02'), '%d.%m.')", "02.01."),
        ("format_date(n, '%d')", None),
        ("round(2.5) ~ '/' ~ round(2.675, 2)", "2.0/2.68"),
        ("round(to_decimal('2.675'), 2, 'half_up')", D("2.68")),
        ("round(1.21, 1, 'ceil') ~ '/' ~ round(1.29, 1, 'floor')", "1.3/1.2"),
        ("round(1234, -2)", 1200),
        ("round(n)", None),
        ("abs(-5)", 5),
        ("abs(n)", None),
        ("range(3) | list", [0, 1, 2]),
        ("range(1, 7, 2) | list", [1, 3, 5]),
        ("length('abc') + count([1]) + (doc | length)", 6),
        ("first([1, 2]) ~ last([1, 2])", "12"),
        ("first([])", None),
        ("last([])", None),
        ("[1, n, 'x'] | join('-')", "1-x"),
        ("[{'a': 1}, {'a': 2}] | join(',', 'a')", "1,2"),
        ("list('ab')", ["a", "b"]),
        ("list(doc)", ["b", "a"]),
        ("sort([3, 1, 2], reverse=true)", [3, 2, 1]),
        ("[{'a': 2}, {'a': 1}] | sort(attribute='a') | first", {"a": 1}),
        ("unique([1, 2, 1, {'a': 1}, {'a': 1}])", [1, 2, {"a": 1}]),
        ("reverse('abc') ~ (reverse([1, 2]) | join)", "cba21"),
        ("sum([1, 2.5]) + sum([{'a': 1}], attribute='a')", 4.5),
        ("min(3, 1) + max([4, 5])", 6),
        ("min([])", None),
        ("['a'] | map('upper')", ["A"]),
        ("[{'a': 1}, {}] | map(attribute='a')", [1, None]),
        ("[{'a': 1}, {'a': 2}] | select('a', 2) | length", 1),
        ("[{'a': 1}, {'a': 0}] | reject('a')", [{"a": 0}]),
        ("json_path(tree, '$.labels[*].name')", ["x", "y"]),
        ("json_path(tree, '$.labels[0].name')", "x"),
        ("json_path(tree, '$.nothing')", None),
        ("json_path(tree, '$..name')", ["x", "y"]),
        ("5 is number and 5 is integer and 5.0 is float and 'a' is string and true is boolean", True),
        ("doc is mapping and [1] is sequence and doc is iterable and 3 is odd and 4 is even", True),
        ("6 is divisibleby(3) and 5 is in([5]) and 5 is eq(5) and 5 is ne(4) and 5 is gt(4)", True),
        ("5 is ge(5) and 5 is lt(6) and 5 is le(5) and true is true and false is false and n is null", True),
    ],
)
def test_a_function(expression: str, value: Any) -> None:
    doc = {"b": None, "a": [1, D("2.50")]}
    tree = {"labels": [{"name": "x"}, {"name": "y"}]}
    found = render("{{ " + expression + " }}", doc=doc, tree=tree, n=None)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        ("5 | lower", "A number is no text. Convert it: string(…)."),
        ("int('')", "'' is not a whole number."),
        ("int('1,5')", "'1,5' is not a whole number."),
        ("int(1.5)", "1.5 is not a whole number. Use round(…) first."),
        ("int([])", "A list is no number."),
        ("int(float('1e308') * 10)", "inf is not a whole number."),
        ("float('abc')", "'abc' is not a number."),
        ("float([])", "A list is no number."),
        ("to_decimal([])", "A list is no number."),
        ("to_decimal('x')", "'x' is not a number."),
        ("to_bool('perhaps')", "'perhaps' is not true or false."),
        ("to_date('02.01.2026')", "is not a date like YYYY-MM-DD."),
        ("format_date('x', '%d')", "A text is no date."),
        ("fromjson('{')", "'{' is not JSON."),
        ("round('x')", "A text is no number."),
        ("round(true)", "A boolean is no number."),
        ("round(1, 0, 'up')", "round has no method 'up'."),
        ("round(float('1e308') * 10, 1)", "inf cannot be rounded."),
        ("length(5)", "A number has no length."),
        ("first(5)", "A number is no list."),
        ("join(n)", "Null is no list."),
        ("sum(['a'])", "sum adds numbers, not a text."),
        ("['a'] | map('nothing')", "map knows no function 'nothing'."),
        ("[{}] | map(attribute='__class__')", "There is no '__class__'."),
        ("urlencode(n)", "null cannot stand inside text."),
        ("json_path(n, '$[')", "'$[' is no JSONPath."),
        ("tojson(float('1e308') * 10)", "This has no form in JSON"),
        ("lower()", "missing 1 required positional argument"),
        ("default()", "default needs a value."),
    ],
)
def test_what_a_function_refuses(expression: str, what: str) -> None:
    with pytest.raises(TemplateError) as caught:
        render("{{ " + expression + " }}", n=None)
    assert what in str(caught.value)


def test_every_function_says_what_it_does() -> None:
    for name, function in FUNCTIONS.items():
        assert (function.__doc__ or "").strip().endswith("."), name


@given(st.dictionaries(st.text(), st.integers() | st.text()))
def test_json_is_one_text_for_equal_mappings(value: dict[str, Any]) -> None:
    backwards = dict(reversed(list(value.items())))
    assert render("{{ v | tojson }}", v=value) == render("{{ v | tojson }}", v=backwards)
    assert render("{{ v | tojson | fromjson }}", v=value) == value
