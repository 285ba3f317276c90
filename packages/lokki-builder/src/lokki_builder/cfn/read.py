"""Templates read back: CloudFormation's YAML or JSON as plain data, in which functions have their long names.

Input: text. Output: dicts, lists and scalars; `!Sub x` is `{"Fn::Sub": x}`. Pure. Raises TemplateError.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from ..errors import TemplateError


def read_template(text: str) -> dict[str, Any]:
    """The template as data. Raises TemplateError for a text that is none."""
    try:
        found = yaml.load(text, Loader=_Loader)  # noqa: S506  # a SafeLoader with constructors of its own
    except yaml.YAMLError as error:
        raise TemplateError(f"the template is no YAML: {error}") from error
    if not isinstance(found, dict):
        raise TemplateError("the template is no table of resources.")
    return found


if TYPE_CHECKING:
    _Base = yaml.SafeLoader
else:
    _Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's, ten times as fast, where PyYAML has it


class _Loader(_Base):
    """Reads `!Name argument`; dates stay texts, as CloudFormation has them."""


def _function(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    return {name: _argument(loader, suffix, node)}


def _argument(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    text = loader.construct_scalar(node)  # type: ignore[arg-type]  # the third and last kind of node
    return text.split(".", 1) if suffix == "GetAtt" else text


def _date(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Any:
    return loader.construct_scalar(node)


_Loader.add_multi_constructor("!", _function)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _date)
