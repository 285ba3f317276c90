"""What expressions give: their own type, and nothing that was not asked for."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portl.errors import TemplateError
from rendering import NOW, render

ROW = {"code": "A 1", "price": Decimal("1.50"), "n": None, "items": "x", "day": date(2026, 1, 2)}

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.decimals(allow_nan=False)
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


@given(VALUES)
def test_one_expression_keeps_value_and_type(value: Any) -> None:
    found = render("{{ row.x }}", {"x": value})
    assert found is value


@given(st.text())
def test_text_without_braces_is_never_touched(text: str) -> None:
    if "{{" not in text and "{%" not in text:
        assert render(text) == text


@given(st.text().filter(lambda text: "{{" not in text and "{%" not in text), st.text())
def test_mixed_text_is_text_and_data_and_text(around: str, data: str) -> None:
    whole = around.rstrip("{") + "{{ row.x }}" + around
    assert render(whole, {"x": data}) == around.rstrip("{") + data + around or whole == "{{ row.x }}"


@given(st.text())
def test_data_is_never_a_template(data: str) -> None:
    row = {"x": "{{ 1 + 1 }}" + data}
    assert render("{{ row.x }}", row) == row["x"]
    assert render("<{{ row.x }}>", row) == f"<{row['x']}>"
    assert render({"a": ["{{ row }}"]}, row) == {"a": [row]}


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ row.code }}", "A 1"),
        ("{{row['code']}}", "A 1"),
        ("{{ row.items }}", "x"),
        ("{{ row }}", ROW),
        ("{{ idx + 1 }}", 8),
        ("{{ row.price * 2 }}", Decimal("3.00")),
        ("{{ 7 // 2 }}-{{ 7 % 4 }}-{{ -7 / 2 }}-{{ +1 }}", "3-3--3.5-1"),
        ("{{ 1 < 2 < 3 }}", True),
        ("{{ 1 if row.n is none else 2 }}", 1),
        ("{{ row.code == 'A 1' and not row.n }}", True),
        ("{{ row.n or 'x' }}", "x"),
        ("{{ 'A' in row.code }} {{ 'B' not in row.code }}", "true true"),
        ("{{ row.code ~ '/' ~ row.price ~ true ~ 1 }}", "A 1/1.50true1"),
        ("{{ row.code[0:1] }}{{ row.code[-1] }}{{ row.code[::2] }}", "A1A1"),
        ("{{ [1, row.price, {'a': row.n}] }}", [1, Decimal("1.50"), {"a": None}]),
        ("{{ (1, 2) }}", [1, 2]),
        ("{{ '{{' }} }} {", "{{ }} {"),
        ('{{ "}}" }}', "}}"),
        ("{{ {'a': {'b': 1}} }}", {"a": {"b": 1}}),
        ("{{ now() }}", NOW),
        ("{{ now() | format_date('%Y') }}", "2026"),
        ("{{ row.day.year }}", 2026),
        ("{{ row.day }}", date(2026, 1, 2)),
        ("on {{ row.day }}", "on 2026-01-02"),
        ("at {{ now() }}", "at 2026-11-22T10:00:00+00:00"),
        ("{{ row.day.isoformat() }} {{ row.day.strftime('%d') }}", "2026-01-02 02"),
        ("{{ row.code.lower() }}", "a 1"),
        ("{{ row.code.split(' ') }}", ["A", "1"]),
        ("{{ row.code.replace(' ', '_') }}", "A_1"),
        ("{{ {'a': 1}.get('b') }}{{ {'a': 1}.keys() }}", None),
        ("[{{ [1, {'a': null}] }}]", '[[1,{"a":null}]]'),
        ("line\r\n{{ 1 }}\n", "line\r\n1\n"),
        ("{# no comment #}", "{# no comment #}"),
    ],
)
def test_expressions(template: str, value: Any) -> None:
    if value is None:
        with pytest.raises(TemplateError, match="null cannot stand inside text"):
            render(template, ROW)
        return
    found = render(template, ROW)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ coalesce(doc.a.b, doc.x, 5) }}", 1),
        ("{{ coalesce(doc.a.zzz, doc.n, 5) }}", 5),
        ("{{ coalesce(doc.n) }}", None),
        ("{{ coalesce(doc.n.zzz, 'x') }}", "x"),
        ("{{ doc.a.zzz | default('x') }}", "x"),
        ("{{ doc.n | default('x') }}", None),
        ("{{ doc.n | default('x', true) }}", "x"),
        ("{{ doc.n | d('x', boolean=true) }}", "x"),
        ("{{ doc.zzz | default }}", ""),
        ("{{ default(doc.zzz, default_value='y') }}", "y"),
        ("{{ doc.zzz is defined }}{{ doc.a is defined }}", "falsetrue"),
        ("{{ doc.zzz is undefined }}", True),
        ("{{ coalesce(doc.zzz if true else doc.a, 'x') }}", "x"),
        ("{{ doc['a']['b'] }}", 1),
        ("{{ doc.list[1] }}", 20),
        ("{{ doc.list[idx - 7] }}", 10),
        ("{{ coalesce(doc.list[9], 'none') }}", "none"),
        ("{{ doc.items }}", "x"),
    ],
)
def test_a_missing_last_hop_is_forgiven_where_that_is_asked_for(template: str, value: Any) -> None:
    doc = {"a": {"b": 1}, "n": None, "list": [10, 20], "items": "x"}
    assert render(template, doc=doc) == value


@pytest.mark.parametrize(
    ("template", "what"),
    [
        ("{{ doc.zzz }}", "There is no 'zzz'. There are: a, n, list."),
        ("{{ doc.lsit }}", "There is no 'lsit'. Did you mean 'list'?"),
        ("{{ coalesce(doc.zzz.b, 1) }}", "There is no 'zzz'."),
        ("{{ doc.n.b }}", "null has no 'b'. Use coalesce"),
        ("{{ doc.list[9] }}", "There is no item 9; there are 2."),
        ("{{ doc.list.b }}", "A list has no 'b'."),
        ("{{ doc[doc.a] }}", "a mapping cannot be a key"),
        ("{{ {}.a }}", "There is no 'a'. It is empty."),
        ("{{ row.zzz }}", "'row' has no column 'zzz'. It has: code,"),
        ("{{ row.cod }}", "Did you mean 'code'?"),
        ("{{ row.code.x }}", "A text has no 'x'."),
        ("{{ 1 / 0 }}", "This divides by zero."),
        ("{{ 'a' + 1 }}", 'Can only concatenate str (not "int") to str.'),
        ("{{ row.n < 1 }}", "'<' not supported between instances of null and 'int'."),
        ("a{{ row.n }}", "null cannot stand inside text."),
        ("{{ row.n ~ 'a' }}", "null cannot stand inside text."),
        ("{{ doc.a.b.upper() }}", "a number has no method 'upper'."),
        ("{{ row.code.encode() }}", "a text has no method 'encode'. There are: "),
        ("{{ row.code.format() }}", "Text has no method 'format' here."),
        ("{{ row.day.strftime('%1000000000d') }}", "is no format of a date"),
        ("{{ doc[1:2] }}", "a mapping has no parts to cut."),
        ("{{ nothing }}", "There is no 'nothing' here."),
    ],
)
def test_what_is_wrong_is_told_with_the_expression(template: str, what: str) -> None:
    with pytest.raises(TemplateError) as caught:
        render(template, ROW, doc={"a": {"b": 1}, "n": None, "list": [10, 20]})
    assert what in str(caught.value)
    assert caught.value.expression in template


def test_rows_that_may_be_null() -> None:
    here = {"id": 1, "status": "draft"}
    assert render("{{ item.latest.status }}", {}, {"latest": here}) == "draft"
    assert render("{{ item.latest }}", {}, {"latest": here}) == here
    assert render("{{ item.latest }}", {}, {"latest": None}) is None
    assert render("{{ item.latest is none or item.latest.status == 'x' }}", {}, {"latest": None}) is True
    assert render("{{ coalesce(item.latest.status, 'none') }}", {}, {"latest": None}) == "none"
    with pytest.raises(TemplateError, match="null has no 'status'"):
        render("{{ item.latest.status }}", {}, {"latest": None})


@pytest.mark.parametrize("value", [datetime(2026, 1, 1), 1.5, 10**20, False, "x", b"x".decode()])  # noqa: DTZ001  # YAML gives such
def test_literals_of_the_job_are_given_on(value: Any) -> None:
    assert (render(value), type(render(value))) == (value, type(value))
    assert render({"a": [value, "{{ 1 }}"]}) == {"a": [value, 1]}
