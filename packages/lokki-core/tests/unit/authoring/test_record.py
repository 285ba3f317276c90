"""Frozen data classes: what they take, what they refuse, and when they are equal."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from lokki import environment
from lokki.record import Record
from lokki.where import Where, caller, of_function


class Point(Record):
    x: int
    y: int = 0


class Named(Point):
    name: str = "p"

    @property
    def shown(self) -> str:
        return f"{self.name}({self.x}, {self.y})"


class Other(Record):
    x: int
    y: int = 0


class Checked(Record):
    x: int

    def __post_init__(self) -> None:
        if self.x < 0:
            raise ValueError("negative")


class Unique(Record, eq=False):
    x: int


def test_fields_are_given_by_place_and_by_name() -> None:
    assert (Point(1).x, Point(1).y) == (1, 0)
    assert Point(1, 2) == Point(y=2, x=1)
    assert Named(1, 2, "q").shown == "q(1, 2)"
    assert list(Named(1).fields()) == [("x", 1), ("y", 0), ("name", "p")]


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((), {}, "Point needs a value for 'x'"),
        ((1, 2, 3), {}, "Point takes 2 values, not 3"),
        ((1,), {"x": 2}, "Point got a field 'x' twice, or has none of that name"),
        ((1,), {"z": 2}, "Point got a field 'z' twice, or has none of that name"),
    ],
)
def test_other_values_are_refused(args: tuple[Any, ...], kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError) as caught:
        Point(*args, **kwargs)
    assert str(caught.value) == message


def test_values_are_checked_when_made_and_when_changed() -> None:
    with pytest.raises(ValueError, match="negative"):
        Checked(-1)
    with pytest.raises(ValueError, match="negative"):
        Checked(1).replace(x=-1)


def test_records_are_frozen() -> None:
    point = Point(1)
    with pytest.raises(AttributeError, match="Point is frozen; 'x' cannot be set"):
        point.x = 2  # type: ignore[misc]  # what is tested
    with pytest.raises(AttributeError, match="Point is frozen; 'x' cannot be deleted"):
        del point.x
    assert point.replace(y=5) == Point(1, 5)
    assert point == Point(1, 0)


def test_equal_records_hash_alike() -> None:
    assert hash(Point(1)) == hash(Point(1, 0))
    assert Point(1) != Point(2)
    assert Point(1) != Other(1)
    assert Point(1) != Named(1)
    assert Point(1) != (1, 0)
    assert len({Point(1), Point(1), Other(1)}) == 2


def test_some_are_equal_to_themselves_only() -> None:
    one = Unique(1)
    assert one != Unique(1)
    assert one == one
    assert len({one, Unique(1)}) == 2


def test_records_travel_and_show_themselves() -> None:
    assert pickle.loads(pickle.dumps(Named(1))) == Named(1)
    assert repr(Named(1)) == "Named(x=1, y=0, name='p')"


def test_where_something_was_written() -> None:
    assert str(Where("/a/b.py", 3)) == "/a/b.py:3"
    assert caller() == Where(__file__, caller().line)
    assert of_function(test_records_are_frozen) == Where(__file__, test_records_are_frozen.__code__.co_firstlineno)
    assert of_function(print) is None


def test_without_a_current_folder_files_are_named_in_full(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path_factory.mktemp("gone")
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert str(Where("b.py", 3)) == "b.py:3"


def test_the_environment_is_read_and_set_in_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOKKI_TEST_EMPTY", "")
    monkeypatch.setenv("LOKKI_TEST_VALUE", "1")
    assert environment.get("LOKKI_TEST_EMPTY") is None
    assert environment.get("LOKKI_TEST_EMPTY", "2") == "2"
    assert environment.get("LOKKI_TEST_NONE") is None
    assert environment.get("LOKKI_TEST_VALUE", "2") == "1"
    environment.set_variable("LOKKI_TEST_VALUE", "3")
    assert environment.variables()["LOKKI_TEST_VALUE"] == "3"
