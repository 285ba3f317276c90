"""Flow B: a function instead of a file, one call at once, one after COMMIT."""

from __future__ import annotations

from world import World


def _run(world: World) -> int:
    return world.run("run", world.job(), "--param", "since=2026-01-01")


def test_a_run_saves_what_the_function_gave(flow_b: World) -> None:
    assert _run(flow_b) == 0
    assert flow_b.invocations == [{"since": "2026-01-01"}]
    assert [row[:3] for row in flow_b.resources()] == [
        ("L 2", "api", "Two {{ not a template }}"),
        ("L/1", "api", "One"),
    ]
    assert [row[:3] for row in flow_b.versions()] == [("L 2", 1, "draft"), ("L/1", 1, "draft")]


def test_the_call_at_once_has_an_encoded_path_and_its_key_in_the_body(flow_b: World) -> None:
    flow_b.answer = lambda payload: {"items": [{"code": "L/1", "source": "api", "name": "One"}]}
    assert _run(flow_b) == 0
    (method, _, body, key), (_, path, version, other) = flow_b.calls
    (resource,) = flow_b.resources()
    assert (method, key) == ("PUT", "")
    assert body["resource_id"] == resource[3]
    assert body["request_id"].startswith("announce:api:L/1:")
    assert (path, version) == ("/api/versions", {"resource_id": resource[3], "version_number": 1})
    assert other == f"version:{resource[3]}:1"


def test_a_second_run_repeats_the_call_at_once_with_the_same_key_and_nothing_else(flow_b: World) -> None:
    flow_b.answer = lambda payload: {"items": [{"code": "1", "source": "api", "name": "One"}]}
    assert _run(flow_b) == 0
    before = flow_b.resources(), flow_b.versions(), flow_b.outbox()
    assert _run(flow_b) == 0
    assert (flow_b.resources(), flow_b.versions(), flow_b.outbox()) == before
    first, _, again = flow_b.calls
    assert first == again


def test_a_refused_call_at_once_rolls_back(flow_b: World) -> None:
    flow_b.status = lambda number: 400
    assert _run(flow_b) == 1
    assert (flow_b.resources(), flow_b.versions(), flow_b.outbox()) == ([], [], [])


def test_a_database_failure_rolls_back_and_a_second_run_repeats_the_call_with_its_key(flow_b: World) -> None:
    flow_b.answer = lambda payload: {"items": [{"code": "1", "source": "api", "name": "One"}]}
    flow_b.database.run("ALTER TABLE portl_outbox ADD CONSTRAINT refused CHECK (dedup_key NOT LIKE 'version:%')")
    assert _run(flow_b) == 1
    assert (flow_b.resources(), flow_b.versions(), flow_b.outbox()) == ([], [], [])
    flow_b.database.run("ALTER TABLE portl_outbox DROP CONSTRAINT refused")
    assert _run(flow_b) == 0
    keys = [body.get("request_id") for _, _, body, _ in flow_b.calls]
    assert keys[0] == keys[1] is not None
    assert len(flow_b.versions()) == 1


def test_an_empty_answer_is_an_empty_batch(flow_b: World) -> None:
    flow_b.answer = lambda payload: {"items": []}
    assert _run(flow_b) == 0
    assert (flow_b.resources(), flow_b.calls) == ([], [])


def test_a_parameter_that_is_missing_is_told(flow_b: World) -> None:
    assert flow_b.run("run", flow_b.job()) == 2
