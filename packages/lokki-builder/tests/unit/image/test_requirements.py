"""Requirements files: what is left of an export, and in which order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from lokki_builder.image.requirements import SECRETS_REQUIREMENTS, clean, local_paths, names, normalized

EXPORT = """\
# written by a tool
--prefer-binary
-e ./library
./other
zope.interface==7.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via nobody
attrs==24.0 ; python_version < '3.13' \\
    --hash=sha256:cc
Lokki_Core==0.1.0 \\
    --hash=sha256:dd
"""


def test_only_packages_are_left_sorted_and_with_their_hashes() -> None:
    assert clean(EXPORT) == (
        "attrs==24.0 ; python_version < '3.13' \\\n    --hash=sha256:cc\n"
        "zope.interface==7.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"
    )


def test_cleaning_twice_changes_nothing() -> None:
    assert clean(clean(EXPORT)) == clean(EXPORT)
    assert clean(SECRETS_REQUIREMENTS) == SECRETS_REQUIREMENTS


def test_names_are_compared_as_indexes_do() -> None:
    assert names(EXPORT) == {"zope-interface", "attrs", "lokki-core"}
    assert normalized("A.b__C") == "a-b-c"


def test_paths_of_the_machine_are_told() -> None:
    assert local_paths(EXPORT) == ["-e ./library", "./other"]
    assert local_paths("../up\nfile:///x\nnumpy\n") == ["../up", "file:///x"]


@given(st.lists(st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True), unique=True))
def test_order_does_not_matter(projects: list[str]) -> None:
    lines = [f"{name}==1.0 \\\n    --hash=sha256:00\n" for name in projects]
    assert clean("".join(lines)) == clean("".join(reversed(lines)))
