from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lokki.errors import StoreUrlError
from lokki.store import keys, urls


def test_the_layout_of_a_run() -> None:
    assert keys.run_prefix("birds-flow", "r1") == "birds-flow/runs/r1"
    assert keys.node_prefix("birds-flow", "r1", "clean_2") == "birds-flow/runs/r1/clean_2"
    assert keys.output_key("f", "r", "n") == "f/runs/r/n/output.pkl.gz"
    assert keys.output_key("f", "r", "n", (0, 64)) == "f/runs/r/n/0/64/output.pkl.gz"
    assert keys.partial_key("f", "r", "n", (64,)) == "f/runs/r/n/64/partial.pkl.gz"
    assert keys.manifest_key("f", "r", "n", (3,)) == "f/runs/r/n/3/map_manifest.json"
    assert keys.error_key("f", "r", "n") == "f/runs/r/n/error.json"
    assert keys.bindings_key("f", "r") == "f/runs/r/bindings.pkl.gz"
    assert keys.document_key("f", "r", "run.json") == "f/runs/r/run.json"
    assert keys.journal_prefix("f", "r", "n", (1,)) == "f/runs/r/n/1/journal"


@pytest.mark.parametrize("part", ["", "..", ".", ".hidden", "a/b", "/", "a\0b", "a\nb", "a\x7fb", "\x1b[0m"])
def test_a_part_that_could_leave_its_place_is_refused(part: str) -> None:
    for names in ((part, "r", "n"), ("f", part, "n"), ("f", "r", part)):
        with pytest.raises(StoreUrlError, match="cannot be a part of a key"):
            keys.output_key(*names)


@pytest.mark.parametrize("part", ["a..b", "größe", "日本", "a b", "r-1.2_3", "100%", "what?"])
def test_any_other_name_may_be_a_part(part: str) -> None:
    assert keys.check_part(part) == part


def test_a_path_holds_indices() -> None:
    for index in (-1, True, "0", "x/..", 1.0, None):
        with pytest.raises(StoreUrlError, match="indices from 0"):
            keys.output_key("f", "r", "n", (0, index))  # type: ignore[arg-type]  # wrong on purpose


def test_a_document_is_json() -> None:
    with pytest.raises(StoreUrlError, match=r"<name>\.json"):
        keys.document_key("f", "r", "output.pkl.gz")


@given(st.text())
def test_quoting_is_undone_exactly(text: str) -> None:
    if not any("\ud800" <= char <= "\udfff" for char in text):
        assert urls.unquote(urls.quote(text)) == text
        assert urls.unquote(urls.quote_marks(text)) == text
        assert urls.quote(text).isascii()


@pytest.mark.parametrize(
    ("text", "expected"), [("a%", "a%"), ("%zz", "%zz"), ("%4", "%4"), ("%41%2e", "A."), ("%%41", "%A"), ("%-1", "%-1")]
)
def test_what_is_no_escape_stays_as_it_is(text: str, expected: str) -> None:
    assert urls.unquote(text) == expected


@given(st.text(alphabet="ab./%?#2eEfF é\\:", max_size=30))
def test_a_url_has_one_spelling_and_names_one_key_below_its_base(tail: str) -> None:
    for quoted in (urls.quote, urls.quote_marks):
        try:
            key = urls.key_of(f"s3://bucket/{tail}", "s3://bucket/", quoted)
        except StoreUrlError:
            continue
        assert f"s3://bucket/{quoted(key)}" == f"s3://bucket/{tail}"
        assert ".." not in key.split("/")
        assert "" not in key.split("/")
