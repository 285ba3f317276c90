"""Flow A: CSV, function, upsert, versions, two calls after COMMIT."""

from __future__ import annotations

import pytest
from world import World


def _announced(world: World) -> list[str]:
    return [body["code"] for _, path, body, _ in world.calls if path.endswith("/changed")]


def test_a_first_run_saves_everything_and_makes_both_calls_in_order(flow_a: World) -> None:
    assert flow_a.run("run", flow_a.job()) == 0
    assert [row[:3] for row in flow_a.resources()] == [
        ("R-001", "shop", "Ash table"),
        ("R-002", "shop", "Desk, small"),
        ("R-003", "outlet", "Oak chair"),
    ]
    assert [row[:3] for row in flow_a.versions()] == [(code, 1, "draft") for code in ("R-001", "R-002", "R-003")]
    dates = {payload["code"]: payload["attributes"]["valid_from"] for payload in flow_a.invocations}
    assert dates == {"R-001": "2026-03-01", "R-002": "2026-03-02", "R-003": "2026-03-03"}
    by_resource: dict[int, list[str]] = {}
    for _, path, body, _ in flow_a.calls:
        by_resource.setdefault(body["resource_id"], []).append(path)
    assert list(by_resource.values()) == [["/api/resources/changed", "/api/versions"]] * 3


def test_the_first_call_carries_values_of_file_function_and_database(flow_a: World) -> None:
    assert flow_a.run("run", flow_a.job()) == 0
    ids = {code: number for code, _, _, number in flow_a.resources()}
    bodies = {body["code"]: body for _, path, body, _ in flow_a.calls if path.endswith("/changed")}
    assert bodies["R-002"] == {
        "resource_id": ids["R-002"],
        "created": True,
        "code": "R-002",
        "labels": ["R-002", "csv"],
    }
    keys = {key for _, _, _, key in flow_a.calls}
    assert len(keys) == 6
    md5 = {code: md5 for code, _, _, md5 in flow_a.versions()}
    assert f"announce:shop:R-002:{md5['R-002']}" in keys
    assert f"version:{ids['R-002']}:1:{md5['R-002']}" in keys


def test_an_immediate_second_run_makes_no_row_and_no_call(flow_a: World) -> None:
    assert flow_a.run("run", flow_a.job()) == 0
    before = flow_a.resources(), flow_a.outbox(), len(flow_a.calls)
    versions = [row[:3] for row in flow_a.versions()]
    assert flow_a.run("run", flow_a.job()) == 0
    assert (flow_a.resources(), flow_a.outbox(), len(flow_a.calls)) == before
    assert [row[:3] for row in flow_a.versions()] == versions


def test_a_published_version_gets_a_successor_and_a_draft_is_updated(flow_a: World) -> None:
    assert flow_a.run("run", flow_a.job()) == 0
    flow_a.database.run(
        "UPDATE resources_versions SET status = 'published' WHERE resource_id = "
        "(SELECT id FROM resources WHERE code = 'R-002')"
    )
    csv = flow_a.folder / "data" / "resources.csv"
    csv.write_text(csv.read_text().replace("120.00", "125.00").replace("89.50", "99.50"))
    assert flow_a.run("run", flow_a.job()) == 0
    assert [row[:3] for row in flow_a.versions()] == [
        ("R-001", 1, "draft"),
        ("R-002", 1, "published"),
        ("R-002", 2, "draft"),
        ("R-003", 1, "draft"),
    ]
    assert sorted(_announced(flow_a)[3:]) == ["R-001", "R-002"]


GUARD = "item.latest.status == 'published' and item.latest.md5 != item.meta.md5"


def test_with_the_md5_guard_a_run_after_publishing_changes_nothing(flow_a: World) -> None:
    flow_a.edit("item.latest.status == 'published' }}", f"({GUARD}) }}}}")
    flow_a.edit("SELECT id, version_number, status\n", "SELECT id, version_number, status, md5\n")
    flow_a.edit(
        "        where: { id:", "        when: \"{{ item.latest.status != 'published' }}\"\n        where: { id:"
    )
    assert flow_a.run("run", flow_a.job()) == 0
    flow_a.database.run("UPDATE resources_versions SET status = 'published'")
    before = flow_a.versions(), flow_a.outbox(), len(flow_a.calls)
    assert flow_a.run("run", flow_a.job()) == 0
    assert (flow_a.versions(), flow_a.outbox(), len(flow_a.calls)) == before


def test_without_the_guard_a_run_after_publishing_makes_the_next_version(flow_a: World) -> None:
    assert flow_a.run("run", flow_a.job()) == 0
    flow_a.database.run("UPDATE resources_versions SET status = 'published'")
    assert flow_a.run("run", flow_a.job()) == 0
    assert [row[1] for row in flow_a.versions()] == [1, 2] * 3


@pytest.mark.parametrize(
    ("table", "check"),
    [
        ("resources", "name <> 'Oak chair'"),
        ("resources_versions", "version_number > 1"),
        ("portl_outbox", "dedup_key NOT LIKE 'version:%'"),
    ],
)
def test_a_failure_of_any_database_step_rolls_everything_back(
    flow_a: World, table: str, check: str, capsys: pytest.CaptureFixture[str]
) -> None:
    flow_a.database.run(f"ALTER TABLE {table} ADD CONSTRAINT refused CHECK ({check})")
    assert flow_a.run("run", flow_a.job()) == 1
    assert (flow_a.resources(), flow_a.versions(), flow_a.outbox(), flow_a.calls) == ([], [], [], [])
    assert "refused" in capsys.readouterr().err
    flow_a.database.run(f"ALTER TABLE {table} DROP CONSTRAINT refused")
    assert flow_a.run("run", flow_a.job()) == 0
    assert len(flow_a.versions()) == 3
    assert len(flow_a.calls) == 6


def test_a_failing_function_stops_the_job_before_the_transaction(
    flow_a: World, capsys: pytest.CaptureFixture[str]
) -> None:
    flow_a.edit("max_attempts: 4, backoff_ms: 250", "max_attempts: 1, backoff_ms: 1")
    flow_a.answer = lambda payload: 1 / 0
    assert flow_a.run("run", flow_a.job()) == 1
    assert "step 'enrich', item 0 (./data/resources.csv:2)" in capsys.readouterr().err


def test_deliveries_that_fail_stay_in_the_outbox_and_a_drain_makes_them(flow_a: World) -> None:
    flow_a.status = lambda number: 503
    assert flow_a.run("run", flow_a.job(), "--drain-wait", "0") == 4
    assert {state for _, state in flow_a.outbox()} == {"pending"}
    assert len(flow_a.versions()) == 3
    flow_a.status = lambda number: 200
    flow_a.database.run("UPDATE portl_outbox SET next_attempt_at = now()")
    assert flow_a.run("outbox", "drain", flow_a.job()) == 0
    assert {state for _, state in flow_a.outbox()} == {"delivered"}
