"""The record of deployments, and what a rollback goes back to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lokki_cli.aws.artifacts import Bucket
from lokki_cli.aws.names import Names
from lokki_cli.errors import OperationError
from lokki_cli.ops import history
from lokki_cli.ops.history import Deployment, before
from lokki_cli.ops.rollback import target

NAMES = Names("birds-flow", "birds-flow-dev")
START = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)


def deployment(template: str, second: int, restores: str = "", tag: str = "1") -> Deployment:
    return history.made(START + timedelta(seconds=second), template, {"ImageTag": tag}, "arn:ann", restores)


def test_records_are_read_in_the_order_deployed(bucket: Bucket) -> None:
    records = [deployment("b" * 32, 0), deployment("a" * 32, 1), deployment("c" * 32, 2)]
    for record in records:
        history.write(bucket, NAMES, record)
    assert history.read(bucket, NAMES) == records
    assert bucket.keys(NAMES.history)[0] == (
        "birds-flow-dev/artifacts/deployments/20260115T103000.000000Z-bbbbbbbbbbbb.json"
    )


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"format": 2}', b'{"format": 1, "id": "x"}'])
def test_a_record_that_cannot_be_read_is_left_out(bucket: Bucket, content: bytes) -> None:
    history.write(bucket, NAMES, deployment("a" * 32, 0))
    bucket.put(f"{NAMES.history}odd.json", content)
    bucket.put(f"{NAMES.history}README.txt", b"hello")
    assert len(history.read(bucket, NAMES)) == 1


A, B, C = (deployment(letter * 32, second) for second, letter in enumerate("abc"))


def test_back_to_the_one_before() -> None:
    assert before([A, B], B.template) == A
    assert before([A], A.template) is None
    assert before([], "x") is None


def test_equal_deployments_are_one() -> None:
    again = deployment("b" * 32, 9)
    assert before([A, B, again], again.template) == A


def test_the_same_template_with_other_parameters_is_another_deployment() -> None:
    other = deployment("a" * 32, 9, tag="2")
    assert before([A, other], other.template) == A


def test_back_and_back_again() -> None:
    to_b = deployment(B.template, 10, restores=B.id)
    assert before([A, B, C, to_b], B.template) == A
    to_a = deployment(A.template, 11, restores=A.id)
    assert before([A, B, C, to_b, to_a], A.template) is None


def test_back_from_what_came_after_going_back() -> None:
    to_a = deployment(A.template, 10, restores=A.id)
    newer = deployment("d" * 32, 11)
    assert before([A, B, to_a, newer], newer.template) == to_a


def test_a_stack_that_has_something_else_goes_back_to_the_last_record() -> None:
    assert before([A, B], "other") == B


@given(st.lists(st.integers(0, 2), min_size=1, max_size=8))
def test_going_back_again_and_again_ends(order: list[int]) -> None:
    """Each step goes to an earlier deployment than the one before, so at some point there is none."""
    records = [deployment(str(kind) * 32, second) for second, kind in enumerate(order)]
    places = []
    for step in range(20):
        found = before(records, records[-1].template)
        if found is None:
            break
        origin = found.restores or found.id
        places.append(next(i for i, one in enumerate(records) if one.id == origin))
        records.append(deployment(found.template, 100 + step, restores=origin))
    else:
        pytest.fail("it goes round in circles")
    assert places == sorted(places, reverse=True)


def test_a_chosen_deployment() -> None:
    assert target([A, B], B.template, A.id[:18]) == A
    assert target([A, B], B.template, None) == A
    with pytest.raises(OperationError, match=r"there is no deployment 'x' on record. See: lokki-cli rollback FLOW --l"):
        target([A, B], B.template, "x")
    with pytest.raises(OperationError, match="there is no earlier deployment on record"):
        target([A], A.template, None)
