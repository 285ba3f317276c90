"""YAML: what is written is read back, and is the same text every time."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from lokki_builder.cfn.yaml import Intrinsic, arn, dump, get_att, literal, ref, resource, sub


class Loader(yaml.SafeLoader):
    """Reads intrinsic functions."""


def _construct(loader: Loader, suffix: str, node: yaml.Node) -> Intrinsic:
    if isinstance(node, yaml.ScalarNode):
        return Intrinsic(suffix, loader.construct_scalar(node))
    if isinstance(node, yaml.SequenceNode):
        return Intrinsic(suffix, loader.construct_sequence(node, deep=True))
    assert isinstance(node, yaml.MappingNode)
    return Intrinsic(suffix, loader.construct_mapping(node, deep=True))


Loader.add_multi_constructor("!", _construct)

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=30)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts | texts.map(sub) | texts.map(ref),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(texts, values, max_size=4))
def test_what_is_written_is_read_back(document: dict[str, Any]) -> None:
    text = dump(document)
    assert yaml.load(text, Loader) == document  # noqa: S506  # a safe loader that knows one tag more
    assert dump(document) == text


def test_lines_are_never_wrapped_and_texts_of_several_lines_are_blocks() -> None:
    assert dump({"a": "word " * 100}) == f"a: '{'word ' * 100}'\n"
    assert dump({"a": '{\n  "b": 1\n}\n'}) == 'a: |\n  {\n    "b": 1\n  }\n'


def test_nothing_is_shared_in_the_text() -> None:
    shared = {"x": [1]}
    assert "&" not in dump({"a": shared, "b": shared})


def test_intrinsic_functions_of_every_kind() -> None:
    join = Intrinsic("Join", [",", ["a", ref("B")]])
    given_names = Intrinsic("Sub", {"text": "x"})
    assert dump({"a": get_att("Role"), "b": join, "c": given_names, "d": (1, 2)}) == (
        "a: !GetAtt 'Role.Arn'\nb: !Join\n  - ','\n  - - a\n    - !Ref 'B'\nc: !Sub\n  text: x\nd:\n  - 1\n  - 2\n"
    )
    assert len({join, Intrinsic("Join", [",", ["a", ref("B")]])}) == 1


def test_arns_are_of_the_stacks_place() -> None:
    assert arn("sqs", "q") == "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:q"
    assert arn("s3", "b", region="", account="") == "arn:${AWS::Partition}:s3:::b"


def test_text_that_looks_like_a_reference_can_be_meant() -> None:
    assert literal("a ${b} $c") == "a ${!b} $c"


@pytest.mark.parametrize("nothing", [None, "", []])
def test_attributes_and_properties_that_are_not_set_are_left_out(nothing: object) -> None:
    assert resource("T", {"a": None, "b": 0}, DependsOn=nothing) == {"Type": "T", "Properties": {"b": 0}}
