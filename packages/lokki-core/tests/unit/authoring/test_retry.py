"""When a failed attempt is tried again, and after how long."""

from __future__ import annotations

import json
import urllib.error
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lokki import RetryConfig
from lokki.retry import NO_RETRY, exception_name

from .conftest import Source


class Outer:
    class Inner(Exception):
        pass


def test_without_a_word_nothing_is_tried_again() -> None:
    assert NO_RETRY == RetryConfig() == RetryConfig.of(None)
    assert NO_RETRY.retries == 0
    assert NO_RETRY.exceptions == (Exception,)


def test_a_dict_is_as_good_as_the_class() -> None:
    written = {"retries": 3, "delay": 0.5, "backoff": 1, "max_delay": 5, "exceptions": [KeyError, "a.B"]}
    assert RetryConfig.of(written) == RetryConfig(3, 0.5, 1, 5, (KeyError, "a.B"))
    config = RetryConfig(retries=1)
    assert RetryConfig.of(config) is config


@pytest.mark.parametrize("written", [KeyError, [KeyError], (KeyError,), {KeyError}, frozenset([KeyError])])
def test_exceptions_are_kept_as_a_tuple(written: Any) -> None:
    assert RetryConfig(exceptions=written).exceptions == (KeyError,)


def test_a_set_of_exceptions_is_kept_in_one_order() -> None:
    """Or a build would differ from the next."""
    config = RetryConfig.of({"exceptions": {ValueError, "a.B", KeyError, TimeoutError, "Z"}})
    assert config.exceptions == (KeyError, TimeoutError, ValueError, "Z", "a.B")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"retries": -1}, ValueError, "retry.retries is at least 0 and finite, not -1"),
        ({"retries": 1.5}, TypeError, "retry.retries is a whole number, not 1.5"),
        ({"retries": "3"}, TypeError, "retry.retries is a whole number, not '3'"),
        ({"retries": True}, TypeError, "retry.retries is a whole number, not True"),
        ({"delay": -0.1}, ValueError, "retry.delay is at least 0 and finite, not -0.1"),
        ({"delay": "1s"}, TypeError, "retry.delay is a number, not '1s'"),
        ({"delay": float("nan")}, ValueError, "retry.delay is at least 0 and finite, not nan"),
        ({"backoff": 0.9}, ValueError, "retry.backoff is at least 1 and finite, not 0.9"),
        ({"backoff": None}, TypeError, "retry.backoff is a number, not None"),
        ({"max_delay": -1}, ValueError, "retry.max_delay is at least 0 and finite, not -1"),
        ({"max_delay": float("inf")}, ValueError, "retry.max_delay is at least 0 and finite, not inf"),
        ({"exceptions": ()}, ValueError, "retry.exceptions is empty; leave it out to retry on every Exception"),
        ({"exceptions": 5}, TypeError, "retry.exceptions holds exception classes or their names, not 5"),
        (
            {"exceptions": [int]},
            TypeError,
            "retry.exceptions holds exception classes or their names, not <class 'int'>",
        ),
        ({"exceptions": [KeyError()]}, TypeError, "retry.exceptions holds exception classes or their names, not KeyEr"),
        ({"retry": 3}, ValueError, "retry has no 'retry' (it has retries, delay, backoff, max_delay, exceptions)"),
    ],
)
def test_values_that_make_no_sense(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        RetryConfig.of(options)
    assert str(caught.value).startswith(message)


def test_only_a_dict_or_the_class() -> None:
    with pytest.raises(TypeError, match="retry is a RetryConfig or a dict, not int"):
        RetryConfig.of(3)  # type: ignore[arg-type]  # what is tested


@pytest.mark.parametrize("least", [{"delay": 0}, {"backoff": 1}, {"max_delay": 0}, {"retries": 0}])
def test_the_least_values(least: dict[str, Any]) -> None:
    RetryConfig.of(least)


@pytest.mark.parametrize(
    ("exceptions", "error", "matches"),
    [
        (Exception, ValueError(), True),
        (Exception, KeyboardInterrupt(), False),
        (Exception, SystemExit(), False),
        (BaseException, SystemExit(), True),
        (KeyError, KeyError(), True),
        (LookupError, KeyError(), True),
        (KeyError, LookupError(), False),
        ((KeyError, OSError), TimeoutError(), True),
        ("KeyError", KeyError(), True),
        ("LookupError", KeyError(), True),
        ("KeyError", LookupError(), False),
        ("urllib.error.URLError", urllib.error.URLError(""), True),
        ("urllib.error.URLError", urllib.error.HTTPError("", 500, "", {}, None), True),  # type: ignore[arg-type]  # no headers
        ("OSError", urllib.error.URLError(""), True),
        ("URLError", urllib.error.URLError(""), True),
        ("urllib.error.HTTPError", urllib.error.URLError(""), False),
        ("json.JSONDecodeError", json.JSONDecodeError("", "", 0), True),
        ("json.decoder.JSONDecodeError", json.JSONDecodeError("", "", 0), True),
        ("builtins.ValueError", ValueError(), True),
        ("ValueErr", ValueError(), False),
        ("not.loaded.Error", ValueError(), False),
        ("json.NoSuch", ValueError(), False),
        ("", ValueError(), False),
        ("Outer.Inner", Outer.Inner(), True),
        (f"{__name__}.Outer.Inner", Outer.Inner(), True),
        ("Inner", Outer.Inner(), False),
        ((KeyError, "ValueError"), ValueError(), True),
    ],
)
def test_what_is_worth_another_try(exceptions: Any, error: BaseException, matches: bool) -> None:
    assert RetryConfig(exceptions=exceptions).matches(error) is matches


@pytest.mark.parametrize(
    ("config", "waits"),
    [
        (RetryConfig(), [1, 2, 4, 8, 16, 32, 60, 60]),
        (RetryConfig(delay=0), [0, 0, 0]),
        (RetryConfig(delay=5, backoff=1), [5, 5, 5]),
        (RetryConfig(delay=0.5, backoff=3, max_delay=4), [0.5, 1.5, 4]),
        (RetryConfig(delay=100, max_delay=7), [7, 7]),
    ],
)
def test_waits_grow_up_to_the_longest(config: RetryConfig, waits: list[float]) -> None:
    assert [config.wait_s(retry) for retry in range(len(waits))] == waits


def test_waits_beyond_what_numbers_can_hold() -> None:
    assert RetryConfig(delay=1, backoff=2.0).wait_s(5000) == 60
    assert RetryConfig(delay=1, backoff=2).wait_s(5000) == 60
    assert RetryConfig(delay=0, backoff=2.0).wait_s(5000) == 0


@given(
    st.builds(
        RetryConfig,
        retries=st.integers(0, 100),
        delay=st.floats(0, 1e6),
        backoff=st.floats(1, 1e6),
        max_delay=st.floats(0, 1e6),
    ),
    st.integers(0, 1000),
)
def test_no_wait_is_longer_than_the_longest_or_shorter_than_the_one_before(config: RetryConfig, retry: int) -> None:
    assert 0 <= config.wait_s(retry) <= config.wait_s(retry + 1) <= config.max_delay


def test_as_plain_json_classes_become_names() -> None:
    config = RetryConfig(2, 0.5, 3, 9, (KeyError, urllib.error.URLError, "a.B"))
    plain = config.to_dict()
    assert plain == {
        "retries": 2,
        "delay": 0.5,
        "backoff": 3,
        "max_delay": 9,
        "exceptions": ["KeyError", "urllib.error.URLError", "a.B"],
    }
    back = RetryConfig.of(json.loads(json.dumps(plain)))
    assert back.to_dict() == plain
    assert back.matches(KeyError())
    assert back.matches(urllib.error.URLError(""))


def test_names_of_exceptions() -> None:
    assert exception_name(ValueError) == "ValueError"
    assert exception_name(json.JSONDecodeError) == "json.decoder.JSONDecodeError"
    assert exception_name(Outer.Inner) == f"{__name__}.Outer.Inner"


def test_exceptions_of_the_flow_file_are_matched_by_the_name_of_its_module(source: Callable[..., Source]) -> None:
    module = source("class Stale(Exception):\n    pass\n").load()
    assert RetryConfig(exceptions="shop.Stale").matches(module.Stale())  # type: ignore[arg-type]  # one name is enough
