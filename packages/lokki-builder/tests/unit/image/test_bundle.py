"""Build contexts and zips: what is in them, and what their hashes depend on."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from lokki.graph import FlowGraph
from lokki_builder.errors import PackagingError
from lokki_builder.image.base import base_image, pinned, wheel_platform
from lokki_builder.image.bundle import Bundle, flow_document, make_bundle, wants_secrets
from lokki_builder.image.digest import tree_digest
from lokki_builder.image.zip import make_zip, merge
from lokki_builder.request import Dependencies, FlowFiles, Installed

from ..cfn.flows import line_flow, only_batch_flow, request
from ..cfn.variants import SECRET

LOCK = Dependencies("lock", "numpy==2.0.0 \\\n    --hash=sha256:aa\nlokki-core==0.1.0 \\\n    --hash=sha256:bb\n")
SECRETS: dict[str, object] = {"secrets.secret_arns": {"TOKEN": SECRET}}
HOST: dict[str, object] = {"build.dependencies": "host"}
ZIP: dict[str, object] = {"lambda.package_type": "zip"}


def dockerfile_of(bundle: Bundle) -> str:
    return bundle.files["Dockerfile"].decode()


def test_the_smallest_context() -> None:
    bundle = make_bundle(request(line_flow))
    assert sorted(bundle.files) == ["Dockerfile", "flow/some_flow.py", "lokki-flow.json"]
    assert dockerfile_of(bundle) == (
        "ARG BASE_IMAGE=lokki-runtime:0.1.0-py3.12\n"
        "\n"
        "FROM ${BASE_IMAGE} AS flow\n"
        "USER root\n"
        "COPY flow/ /var/task/\n"
        "COPY lokki-flow.json /var/task/\n"
        "RUN find /var/task -exec touch -h -d @946684800 {} + && { python -m compileall -q -q --invalidation-mode"
        " unchecked-hash /var/task; true; } && find /var/task -exec touch -h -d @946684800 {} +\n"
        "\n"
        "FROM ${BASE_IMAGE}\n"
        'LABEL io.lokki.flow="line-flow"\n'
        'LABEL org.opencontainers.image.title="line-flow"\n'
        "COPY --from=flow /var/task/ /var/task/\n"
        "RUN python -m lokki_runtime check\n"
    )


def test_what_the_runtime_is_told() -> None:
    asked = request(line_flow)
    told = json.loads(flow_document(asked))
    graph = asked.resolved.graph
    assert told["shape"] == graph.shape_hash()
    assert FlowGraph.from_dict(told["graph"]).shape_hash() == graph.shape_hash()
    assert {key: told[key] for key in ("wire", "flow", "module", "file", "function")} == {
        "wire": 1,
        "flow": "line-flow",
        "module": "some_flow",
        "file": "some_flow.py",
        "function": "line_flow",
    }


def test_locked_dependencies_are_installed_by_hash_in_a_stage_that_is_left_behind() -> None:
    bundle = make_bundle(request(line_flow, dependencies=LOCK))
    assert bundle.files["requirements.txt"] == b"numpy==2.0.0 \\\n    --hash=sha256:aa\n"
    text = dockerfile_of(bundle)
    assert "uv pip install --no-cache" in text
    assert "--require-hashes --target /opt/python -r requirements.txt" in text
    assert text.index("AS packages") < text.index("COPY --from=packages /opt/python/ /opt/python/")
    assert text.endswith("RUN python -m lokki_runtime check\n")


def test_dependencies_without_a_lock_have_no_hashes() -> None:
    bundle = make_bundle(request(line_flow, dependencies=Dependencies("project", "numpy>=2\n")))
    assert "--require-hashes" not in dockerfile_of(bundle)


def test_packages_of_the_host_are_copied_and_nothing_is_fetched() -> None:
    installed = Installed({"numpy/__init__.py": b"1"}, {"boto3/__init__.py": b"2"})
    bundle = make_bundle(request(line_flow, HOST | SECRETS, dependencies=LOCK, installed=installed))
    text = dockerfile_of(bundle)
    assert "COPY packages/ /opt/python/" in text
    assert "COPY secrets/ /opt/secrets/" in text
    assert "install" not in text
    assert bundle.files["packages/numpy/__init__.py"] == b"1"


def test_a_lock_whose_packages_are_for_other_platforms_makes_no_layer() -> None:
    text = dockerfile_of(make_bundle(request(line_flow, HOST, dependencies=LOCK)))
    assert "AS packages" not in text


def test_secrets_bring_what_fetches_them_unless_nobody_needs_it() -> None:
    assert b"boto3==" in make_bundle(request(line_flow, SECRETS)).files["requirements-secrets.txt"]
    own = Dependencies("lock", "boto3==1.0\n")
    queue = {"batch.job_queue": "work"}
    for asked in (
        request(line_flow),
        request(line_flow, SECRETS, dependencies=own),
        request(line_flow, SECRETS | ZIP),
        request(only_batch_flow, SECRETS | queue),
    ):
        assert not wants_secrets(asked)


def test_editing_a_file_of_the_flow_changes_its_layer_and_no_other() -> None:
    for values in ({}, ZIP):
        before = make_bundle(request(line_flow, values, dependencies=LOCK))
        after = make_bundle(request(line_flow, values, dependencies=LOCK, files={"some_flow.py": b"# edited\n"}))
        assert before.layers["dependencies"] == after.layers["dependencies"]
        assert before.layers["flow"] != after.layers["flow"]
        assert before.content_hash != after.content_hash


@pytest.mark.parametrize(
    "other",
    [
        {"values": {"lambda.python": "3.13"}},
        {"values": {"lambda.architecture": "arm64"}},
        {"values": {"lambda.base_image": "mine:1"}},
        {"base_digest": "sha256:" + "0" * 64},
        {"dependencies": LOCK},
    ],
)
def test_everything_packages_depend_on_changes_their_layer_and_not_the_flows(other: dict[str, Any]) -> None:
    before, after = make_bundle(request(line_flow)), make_bundle(request(line_flow, **other))
    assert before.layers["dependencies"] != after.layers["dependencies"]
    assert before.layers["flow"] == after.layers["flow"]
    assert before.content_hash != after.content_hash


def test_settings_of_the_template_leave_the_code_alone() -> None:
    before = make_bundle(request(line_flow))
    assert make_bundle(request(line_flow, {"lambda.memory": 1024, "aws.tags": {"a": "b"}})) == before


def test_the_base_image() -> None:
    assert base_image(request(line_flow, {"lambda.python": "3.13"}).config) == "lokki-runtime:0.1.0-py3.13"
    assert base_image(request(line_flow, {"lambda.base_image": "mine:1"}).config) == "mine:1"
    assert pinned("host:5000/a/b:1", "sha256:00") == "host:5000/a/b@sha256:00"
    assert pinned("b", "sha256:00") == "b@sha256:00"
    assert pinned("b@sha256:11", "sha256:00") == "b@sha256:11"
    assert pinned("b:1", "") == "b:1"


def test_platforms_of_wheels() -> None:
    assert wheel_platform("3.12", "x86_64", managed=True) == "manylinux_2_28_x86_64"
    assert wheel_platform("3.11", "arm64", managed=True) == "manylinux_2_17_aarch64"
    assert wheel_platform("3.11", "arm64", managed=False) == "manylinux_2_28_aarch64"


def test_a_zip_holds_the_same_tree() -> None:
    installed = Installed({"lokki/__init__.py": b"", "numpy/x.so": b"x"}, bytecode={"__pycache__/some_flow.pyc": b"c"})
    asked = request(line_flow, ZIP, installed=installed)
    bundle = make_bundle(asked)
    assert list(bundle.files) == ["function.zip"]
    with zipfile.ZipFile(io.BytesIO(bundle.files["function.zip"])) as archive:
        assert archive.namelist() == [
            "__pycache__/some_flow.pyc",
            "lokki-flow.json",
            "lokki/__init__.py",
            "numpy/x.so",
            "some_flow.py",
        ]
        assert archive.read("lokki-flow.json") == flow_document(asked)
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_zip_needs_the_runtime() -> None:
    with pytest.raises(PackagingError, match="needs lokki-runtime"):
        make_bundle(request(line_flow, ZIP, installed=Installed({"": b""})).__class__(**_bare()))


def _bare() -> dict[str, Any]:
    asked = request(line_flow, ZIP)
    return {name: getattr(asked, name) for name in ("resolved", "config", "flow")}


def test_a_zip_that_is_too_large_is_a_finding() -> None:
    large = Installed({"big": bytes(251 * 1024 * 1024)})
    (finding,) = make_bundle(request(line_flow, ZIP, installed=large)).findings
    assert "262,144,000 bytes" in finding


def test_two_files_of_one_name_are_refused() -> None:
    with pytest.raises(PackagingError, match=r"some_flow\.py: an installed package and the flow both"):
        make_bundle(request(line_flow, ZIP, installed=Installed({"some_flow.py": b"other"})))
    assert merge(("a", {"x": b"1"}), ("b", {"x": b"1"})) == {"x": b"1"}


@pytest.mark.parametrize("values", [{}, ZIP])
def test_lokkis_own_file_is_not_the_users(values: dict[str, object]) -> None:
    with pytest.raises(PackagingError, match=r"lokki-flow\.json"):
        make_bundle(request(line_flow, values, files={"some_flow.py": b"", "lokki-flow.json": b"{}"}))


def test_modes_are_kept_and_count() -> None:
    files = {"run.sh": b"#!/bin/sh\n"}
    executable = frozenset(["run.sh"])
    assert tree_digest(files) != tree_digest(files, executable=executable)
    with zipfile.ZipFile(io.BytesIO(make_zip(files, executable))) as archive:
        assert archive.infolist()[0].external_attr >> 16 == 0o100755
    flow = FlowFiles("some_flow", "some_flow.py", {"some_flow.py": b"", **files}, executable)
    bare = request(line_flow)
    bundle = make_bundle(type(bare)(bare.resolved, bare.config, flow))
    assert bundle.executable == {"flow/run.sh"}
