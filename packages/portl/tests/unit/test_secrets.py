"""Secrets stay secrets through their own methods, and no form of them is left in a text."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portl.secrets import MASK, Masker, Secret, forms_of

texts = st.text(min_size=6, max_size=40)


def test_repr_shows_nothing() -> None:
    assert repr(Secret("hunter22")) == "Secret('***')"
    assert "hunter22" not in repr({"password": [Secret("hunter22")]})


@pytest.mark.parametrize(
    "derived",
    [
        Secret("hunter22") + "x",
        "x" + Secret("hunter22"),
        Secret("%s22") % "hunter",
        Secret("hunter22")[1:],
        Secret("hunter22").upper(),
        Secret(" hunter22 ").strip(),
        Secret("hunter22").replace("h", "H"),
        Secret("a,b").split(",")[0],
        Secret("a,b").partition(",")[2],
        Secret("-").join(["a", "b"]),
        Secret("{}").format("x"),
        f"{Secret('hunter22')}" if False else Secret("x").__format__(">3"),
    ],
)
def test_what_is_made_of_a_secret_is_one(derived: str) -> None:
    assert isinstance(derived, Secret)


def test_a_secret_can_be_revealed() -> None:
    assert type(Secret("hunter22").reveal()) is str
    assert Secret("hunter22").reveal() == "hunter22"


@given(texts, st.text(max_size=10), st.text(max_size=10))
def test_every_form_is_masked_wherever_it_stands(secret: str, before: str, after: str) -> None:
    masker = Masker([secret])
    encoded = (before + secret + after).encode("utf-8", "surrogatepass")
    for text in (
        before + secret + after,
        json.dumps({"a": before + secret + after}),
        json.dumps({"a": secret}, ensure_ascii=False),
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
        repr(secret),
    ):
        masked = masker.text(text)
        assert MASK in masked
        assert secret not in masked or secret in text.replace(secret, "", 1)
    inner = base64.b64encode(encoded).decode()
    assert masker.text(inner) != inner


def test_a_basic_authentication_header_is_masked() -> None:
    header = base64.b64encode(b"user:correct horse").decode()
    assert "correct horse"[:4] not in base64.b64decode(
        Masker(["correct horse"]).text(header).replace(MASK, "") + "=="
    ).decode("latin-1")


def test_the_longest_form_goes_first() -> None:
    assert Masker(["secret", "secret-of-mine"]).text("secret-of-mine") == MASK


def test_short_values_are_not_searched_for() -> None:
    assert Masker(["a", "12345"]).text("a 12345") == "a 12345"
    assert Masker().text("nothing") == "nothing"


def test_values_are_masked_in_any_depth() -> None:
    value = {"hunter22": ["x hunter22", ("hunter22", 5, None)], "raw": b"hunter22", "s": Secret("abc")}
    masked = Masker(["hunter22"]).value(value)
    assert masked == {MASK: [f"x {MASK}", [MASK, 5, None]], "raw": MASK, "s": MASK}


def test_a_masker_learns_from_another() -> None:
    masker = Masker()
    masker.learn(Masker(["hunter22"]))
    assert masker.text("hunter22") == MASK


def test_lower_case_escapes_are_forms_too() -> None:
    assert "a%2fb%2bcdef" in forms_of("a/b+cdef")
