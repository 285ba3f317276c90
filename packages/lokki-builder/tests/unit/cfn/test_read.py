"""Templates read back are what was written."""

from __future__ import annotations

from typing import Any

import pytest
from lokki_builder.cfn.read import read_template
from lokki_builder.cfn.stack import Stack
from lokki_builder.cfn.template import template_document
from lokki_builder.cfn.yaml import Intrinsic, dump
from lokki_builder.errors import TemplateError

from .flows import batch_flow, nested_flow, plain_flow, stack


def long_form(value: Any) -> Any:
    """A template's value with functions under their long names, as JSON templates have them."""
    if isinstance(value, Intrinsic):
        argument = long_form(value.argument)
        if value.name == "Ref":
            return {"Ref": argument}
        return {f"Fn::{value.name}": argument.split(".", 1) if value.name == "GetAtt" else argument}
    if isinstance(value, dict):
        return {key: long_form(inner) for key, inner in value.items()}
    return [long_form(inner) for inner in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("made", [stack(flow) for flow in (plain_flow, nested_flow, batch_flow)])
def test_every_template_reads_back(made: Stack) -> None:
    document = template_document(made)
    assert read_template(dump(document)) == long_form(document)


def test_all_spellings_of_functions() -> None:
    text = """
        A: !If [X, !Ref Y, !Ref "AWS::NoValue"]
        B: !GetAtt Y.Arn
        C: !Condition X
        D: !FindInMap { a: 1 }
        E: { "Fn::Sub": "${X}" }
        F: 2010-09-09
    """
    assert read_template(text) == {
        "A": {"Fn::If": ["X", {"Ref": "Y"}, {"Ref": "AWS::NoValue"}]},
        "B": {"Fn::GetAtt": ["Y", "Arn"]},
        "C": {"Condition": "X"},
        "D": {"Fn::FindInMap": {"a": 1}},
        "E": {"Fn::Sub": "${X}"},
        "F": "2010-09-09",
    }


@pytest.mark.parametrize(("text", "message"), [("a: [", "it is no YAML|is no YAML"), ("3", "no table of resources")])
def test_what_is_no_template(text: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        read_template(text)
