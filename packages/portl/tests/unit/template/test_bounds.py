"""Every known way to make an expression work too hard, or to leave it, ends at once with a clear error."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from portl.errors import TemplateError, WorkLimitError
from portl.template.check import mistakes
from portl.template.rows import RowFailure
from portl.template.syntax import parse_condition, parse_expression
from rendering import render

BIG = "x" * 10_000_000


@pytest.mark.parametrize(
    "expression",
    [
        "'a' * 1000000000",
        "1000000000 * 'a'",
        "[0] * 1000000000",
        "(1, 2) * 1000000",
        "big * 2",
        "replace(big, 'x', 'yyyyyyyy')",
        "big.replace('x', 'yyyyyyyy')",
        "big ~ big",
        "big | urlencode ~ big",
        "[big, big] | join",
        "range(100000) | join('-' * 1000)",
        "pad_left('a', 1000000000)",
        "pad_right('a', 1000000000)",
        "range(1000000000) | list",
        "range(1000000000)",
        "range(100000) | map('concat', 'x' * 10000) | list",
        "concat(big, big)",
        "b64encode(big) ~ big",
        "tojson(big ~ '') | tojson | length if false else tojson([big, big])",
        "n * n * n * n * n * n * n * n",
        "to_decimal('1e999') | int",
        "json_path(doc, '$..*..*..*')",
        "json_path(doc, '$[*][*][*][*][*]')",
        "[doc] | join('x' * 16000000)",
    ],
)
def test_a_bomb_is_refused(expression: str) -> None:
    with pytest.raises(RowFailure) as caught:
        render("{{ " + expression + " }}", big=BIG, n=2**10_000, doc=[[1]])
    assert isinstance(caught.value.__cause__, WorkLimitError)
    assert caught.value.hint


@pytest.mark.parametrize(
    "expression",
    [
        "9**9999999",
        "9 ** 9 ** 9",
        "'%1000000000d' % 1",
        "'%s' % 'x'",
        "huge | int",
        "huge | round(2)",
        "round(5, -1000000000)",
        "round(5, 1000000000)",
        "to_decimal('1', 1000000000)",
        "to_decimal('1e999999999')",
        "'{:1000000000d}'.format(1)",
        "lipsum(n=1000000)",
        "cycler('a')",
        "namespace(a=1)",
        "joiner('x')",
        "'x' | center(1000000000)",
        "'x' | indent(1000000000)",
        "'a b' | wordwrap(1)",
        "[1] | batch(1000000000, 0)",
        "[1] | slice(1000000000)",
        "1 if true",
        "+ ".join(["1"] * 3000),
        "(" * 1500 + "1" + ")" * 1500,
        "-" * 3000 + "1",
        "1" * 5000,
        "not " * 900 + "1",
        "[" * 900 + "]" * 900,
        "a" + ".b" * 1500,
    ],
)
def test_what_could_be_one_is_not_available(expression: str) -> None:
    with pytest.raises(TemplateError):
        _run(expression, huge=Decimal("1e999999"), a={})


def _run(expression: str, **values: Any) -> Any:
    """As the engine does it: first what can be told without data, then the value."""
    for what, hint in mistakes(parse_expression(expression)):
        raise TemplateError(what, hint=hint)
    return render("{{ " + expression + " }}", **values)


ESCAPES = [
    "''.__class__",
    "''['__class__']",
    "''.__class__.__mro__[1].__subclasses__()",
    "''|attr('__class__')",
    "''|attr('for' ~ 'mat')",
    "'{0.__class__}'.format(1)",
    "'{a.__class__}'.format_map({'a': 1})",
    "('{0.__class__}'|string).format(1)",
    "['{0.__class__}'] | map('format', 1) | list",
    "[''] | map(attribute='__class__') | list",
    "[''] | sort(attribute='__class__')",
    "[''] | sum(attribute='__class__')",
    "[''] | join(attribute='__class__')",
    "range.__class__",
    "range.__init__.__globals__",
    "now.__globals__",
    "now().__class__",
    "lipsum.__globals__['os'].popen('id').read()",
    "cycler.__init__.__globals__.os",
    "self._TemplateReference__context",
    "self.__init__",
    "config.items()",
    "request.application.__globals__",
    "x.__init__.__globals__.__builtins__",
    "dict(a=1).__class__",
    "dict.__base__",
    "{}.__class__.__base__",
    "{}.get.__self__",
    "{}.keys.__call__()",
    "(1).__class__",
    "(1).real",
    "1.5.hex()",
    "doc.pop('a')",
    "doc.clear()",
    "doc.update({'b': 1})",
    "[1].append(2)",
    "k0",
    "v0_doc",
    "f_lower",
    "__builtins__",
    "MISSING",
    "get(doc, 'a')",
    "zip([1], [2])",
    "eval('1')",
    "open('/etc/passwd')",
    "__import__('os')",
]


@pytest.mark.parametrize("expression", ESCAPES)
def test_an_escape_is_closed(expression: str) -> None:
    doc = {"a": 1}
    with pytest.raises(TemplateError):
        _run(expression, doc=doc)
    assert doc == {"a": 1}


@pytest.mark.parametrize("expression", ESCAPES)
def test_an_escape_is_closed_for_data_too(expression: str) -> None:
    assert render("{{ row.x }}", {"x": "{{ " + expression + " }}"}) == "{{ " + expression + " }}"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{% for x in y %}", "is a statement; only {{ expressions }} exist."),
        ("{%- if a %}b", "is a statement"),
        ("a {{ b", "'{{ b' has no closing '}}'."),
        ("{{ 'a }}", "has no closing '}}'."),
        ("{{ }}", "The expression is empty."),
        ("{{ a b }}", "'b' is not expected here."),
        ("{{ a + }}", "The expression is wrong"),
        ("{{ a.b. }}", "The expression is wrong"),
        ("{{ " + "a + " * 2000 + "a }}", "longer than 4,000 characters"),
    ],
)
def test_what_is_no_template(text: str, what: str) -> None:
    with pytest.raises(TemplateError) as caught:
        render(text)
    assert what in str(caught.value)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{{ a }} and {{ b }}", "Only one expression can stand here"),
        ("", "The expression is empty."),
        (["{{ a }}"], "Only one expression can stand here."),
    ],
)
def test_what_is_no_condition(text: Any, what: str) -> None:
    with pytest.raises(TemplateError) as caught:
        parse_condition(text)
    assert what in str(caught.value)


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        ("a ** 2", "'**' is not available."),
        ("a._b", "names that begin with '_' are closed"),
        ("a._b()", "names that begin with '_' are closed"),
        ("a if b", "The condition has no 'else'."),
        ("a | lowr", "There is no filter 'lowr'. Did you mean 'lower'?"),
        ("a is stringy", "There is no test 'stringy'. Did you mean 'string'?"),
        ("lowr(a)", "There is no function 'lowr'."),
        ("a()()", "Only functions and methods can be called."),
        ("lower(*a)", "'*' and '**' are not available in calls."),
        ("a | lower(**b)", "'*' and '**' are not available in calls."),
    ],
)
def test_what_is_wrong_whatever_the_data_are(expression: str, what: str) -> None:
    found = [f"{sentence} {hint}" for sentence, hint in mistakes(parse_expression(expression))]
    assert what in "\n".join(found)
