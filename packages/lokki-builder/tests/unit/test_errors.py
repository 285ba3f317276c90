"""The errors, as the drawing at the top of their module shows them."""

from __future__ import annotations

import pickle
import re

from lokki.errors import LokkiError
from lokki_builder import errors
from lokki_builder.errors import AslError, BuildError, LimitError
from lokki_builder.limits import check


def test_the_drawing_is_the_tree() -> None:
    drawn = re.findall(r"^ {6,}(\w+) +(\d)$", errors.__doc__ or "", re.MULTILINE)
    classes = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, BuildError)]
    assert drawn == [(one.__name__, str(one.exit_code)) for one in classes]
    assert all(issubclass(one, LokkiError) for one in classes)


def test_errors_survive_a_process_boundary() -> None:
    for error in (AslError("birds-flow", ["a", "b"]), LimitError("birds-flow", check("state_name", 81, "x"))):
        again = pickle.loads(pickle.dumps(error))
        assert (str(again), again.findings) == (str(error), error.findings)


def test_one_finding_is_one_mistake() -> None:
    assert str(AslError("birds-flow", ["a"])) == "the state machine of flow 'birds-flow' has 1 mistake:\n  a"
