from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from lokki.config.merge import deep_merge, leaves, nest

Tree = dict[str, object]

names = st.sampled_from(["a", "b", "c"])
scalars = st.integers(0, 3) | st.text("xy", max_size=1) | st.lists(st.integers(0, 1), max_size=2)
flat = st.dictionaries(names, scalars, max_size=3)
nested = st.dictionaries(names, scalars | flat, max_size=3)
trees: st.SearchStrategy[Tree] = st.dictionaries(names, scalars | nested, max_size=3)

# Layers of one schema: what is a table in one is a table in all.
layer: st.SearchStrategy[Tree] = st.fixed_dictionaries({}, optional={"value": scalars, "open": flat})
layers: st.SearchStrategy[Tree] = st.fixed_dictionaries({}, optional={"value": scalars, "table": layer})


@given(trees)
def test_merging_a_table_with_itself_changes_nothing(tree: Tree) -> None:
    assert deep_merge(tree, tree) == tree


@given(trees)
def test_an_empty_table_is_neutral_on_both_sides(tree: Tree) -> None:
    assert deep_merge({}, tree) == tree == deep_merge(tree, {})


@given(trees, trees)
def test_the_right_side_wins(base: Tree, over: Tree) -> None:
    merged = deep_merge(base, over)
    assert deep_merge(merged, over) == merged
    assert set(merged) == set(base) | set(over)
    for name, value in over.items():
        if not (isinstance(value, dict) and isinstance(base.get(name), dict)):
            assert merged[name] == value


@given(trees, trees)
def test_what_the_right_side_does_not_name_stays(base: Tree, over: Tree) -> None:
    merged = deep_merge(base, over)
    assert {name: merged[name] for name in base if name not in over} == {
        name: base[name] for name in base if name not in over
    }


@given(layers, layers, layers)
def test_merging_layers_of_one_schema_is_associative(low: Tree, middle: Tree, high: Tree) -> None:
    assert deep_merge(deep_merge(low, middle), high) == deep_merge(low, deep_merge(middle, high))


def test_a_scalar_hides_the_table_below_it_from_the_table_above() -> None:
    low, middle, high = {"t": {"x": 1}}, {"t": 5}, {"t": {"y": 2}}
    assert deep_merge(deep_merge(low, middle), high) == {"t": {"y": 2}}


@given(trees, trees)
def test_merging_changes_neither_side(base: Tree, over: Tree) -> None:
    before = repr((base, over))
    deep_merge(base, over)
    assert repr((base, over)) == before


def test_scalars_and_lists_replace_and_tables_merge() -> None:
    base: Tree = {"a": 1, "list": [1, 2], "t": {"x": 1, "y": 1}}
    over: Tree = {"a": 2, "list": [3], "t": {"y": 2}}
    assert deep_merge(base, over) == {"a": 2, "list": [3], "t": {"x": 1, "y": 2}}


def test_nest_and_leaves_are_each_others_reverse() -> None:
    assert nest("a.b.c", 1) == {"a": {"b": {"c": 1}}}
    assert nest("a", {"b": 1}) == {"a": {"b": 1}}
    assert list(leaves({"a": {"b": 1, "c": {}}, "d": [1]})) == ["a.b", "a.c", "d"]
