"""Which files are read, what wins, and where each value came from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from lokki import environment
from lokki.config import LokkiConfig, Option, load_config
from lokki.errors import ConfigError

from .conftest import Project


def test_each_source_wins_over_the_one_before(project: Project) -> None:
    region = "[aws]\nregion = '{}'"
    assert project.load().aws.region == "us-east-1"
    assert project.load(everywhere=region.format("eu-west-1")).aws.region == "eu-west-1"
    assert project.load(region.format("eu-west-2")).aws.region == "eu-west-2"
    variable = {"LOKKI_AWS_REGION": "eu-west-3"}
    assert project.load(env=variable).aws.region == "eu-west-3"
    assert project.load(env=variable, overrides={"aws.region": "eu-west-4"}).aws.region == "eu-west-4"


def test_tables_merge_and_lists_replace(project: Project) -> None:
    config = project.load(
        "[lambda]\nenv = {B = '2', C = '2'}\nvpc.subnets = ['s2']\n[aws.roles]\nbatch = 'arn:b'",
        everywhere="[lambda]\nenv = {A = '1', B = '1'}\nvpc.subnets = ['s0', 's1']\n[aws.roles]\nlambda = 'arn:l'",
    )
    assert config.lambda_.env == {"A": "1", "B": "2", "C": "2"}
    assert config.lambda_.vpc.subnets == ("s2",)
    assert (config.aws.roles.lambda_, config.aws.roles.batch) == ("arn:l", "arn:b")


def test_each_value_knows_its_origin(project: Project) -> None:
    config = project.load(
        "[lambda]\ntimeout = 60\n[lambda.env]\nB = '2'\n[batch.env]",
        everywhere="[lambda]\ntimeout = 50\nmemory = 256\n[lambda.env]\nA = '1'\nB = '1'\n[batch.env]\nX = '1'",
        env={"LOKKI_ARTIFACT_BUCKET": "bucket"},
        overrides={"aws.region": Option("eu-west-1", "--region"), "local.workers": 2, "build_dir": None},
    )
    everywhere, local = f"file {project.global_file}", f"file {project.local_file}"
    assert config.origin("aws.artifact_bucket") == "env LOKKI_ARTIFACT_BUCKET"
    assert config.origin("aws.region") == "option --region"
    assert config.origin("local.workers") == "option"
    assert config.origin("build_dir") == "default"
    assert config.origin("lambda.memory") == everywhere
    assert config.origin("lambda.timeout") == local
    assert config.origin("lambda.env") == f"{everywhere}, {local}"
    assert config.origin("lambda.env.A") == everywhere
    assert config.origin("lambda.env.B") == local
    assert config.origin("batch.env") == everywhere
    assert config.origin("secrets.secret_arns") == "default"


def test_the_origin_of_what_is_no_key_is_an_error() -> None:
    with pytest.raises(
        ConfigError, match=r"aws\.artifact_bukcet: is not a known key\. Did you mean aws.artifact_bucket"
    ):
        LokkiConfig().origin("aws.artifact_bukcet")


def test_an_empty_variable_counts_as_not_set(project: Project) -> None:
    config = project.load("build_dir = 'out'", env={"LOKKI_BUILD_DIR": ""})
    assert config.build_dir == "out"


def test_an_empty_option_unsets(project: Project) -> None:
    config = project.load("aws.image_repository = 'r'", overrides={"aws.image_repository": Option("", "--repository")})
    assert config.aws.image_repository == ""
    assert config.origin("aws.image_repository") == "option --repository"


def test_the_newer_of_two_variables_wins(project: Project) -> None:
    both = {"LOKKI_ECR_REPO_PREFIX": "old", "LOKKI_IMAGE_REPOSITORY": "new"}
    assert project.load(env=both).aws.image_repository == "new"
    config = project.load(env=both | {"LOKKI_IMAGE_REPOSITORY": ""})
    assert config.aws.image_repository == "old"
    assert config.origin("aws.image_repository") == "env LOKKI_ECR_REPO_PREFIX"


def test_the_nearest_file_is_found_from_the_flows_folder(project: Project) -> None:
    deep = project.folder / "flows" / "birds"
    deep.mkdir(parents=True)
    project.load("build_dir = 'near'")
    (project.folder.parent / "lokki.toml").write_text("build_dir = 'far'\n[local]\nworkers = 2")
    config = load_config(str(deep), env={}, home=str(project.home))
    assert (config.build_dir, config.local.workers) == ("near", None)


def test_the_working_directory_is_the_last_resort(project: Project) -> None:
    Path("lokki.toml").write_text("build_dir = 'here'")
    config = project.load()
    assert config.build_dir == "here"
    assert config.origin("build_dir") == f"file {Path.cwd() / 'lokki.toml'}"
    assert project.load("build_dir = 'there'").build_dir == "there"


def test_without_a_directory_the_working_directory_is_searched(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.folder / "sub").mkdir()
    monkeypatch.chdir(project.folder / "sub")
    project.load("build_dir = 'up'")
    assert load_config(env={}, home=str(project.home)).build_dir == "up"


def test_a_global_file_met_on_the_way_is_not_the_local_one(project: Project) -> None:
    project.load(everywhere="build_dir = 'global'")
    (project.home / "lokki.toml").write_text("build_dir = 'home'")
    inside = str(project.global_file.parent)
    config = load_config(inside, env={}, home=str(project.home))
    assert config.origin("build_dir") == f"file {project.home / 'lokki.toml'}"
    (project.home / "lokki.toml").unlink()
    (project.global_file.parent / "lokki.yml").write_text("")
    config = load_config(inside, env={}, home=str(project.home))
    assert config.origin("build_dir") == f"file {project.global_file}"
    assert len(config.warnings) == 1


def test_a_link_to_the_global_file_is_read_once(project: Project) -> None:
    project.load(everywhere="aws.ecr_repo_prefix = 'r'")
    project.local_file.symlink_to(project.global_file)
    assert len(project.load().warnings) == 1


def test_the_home_folder_is_that_of_the_environment(project: Project) -> None:
    project.load(everywhere="build_dir = 'global'")
    assert load_config("/", env={"HOME": str(project.home)}).build_dir == "global"
    assert load_config("/", env={"HOME": str(project.folder)}).build_dir == "lokki-build"


def test_the_process_is_asked_when_nothing_is_passed(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in environment.variables() if name.startswith("LOKKI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(project.home))
    monkeypatch.setenv("LOKKI_BUILD_DIR", "mine")
    project.load(everywhere="local.workers = 3")
    config = load_config()
    assert (config.build_dir, config.local.workers) == ("mine", 3)


def test_a_deleted_working_directory_is_no_reason_to_fail(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = project.folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert load_config(env={}, home=str(project.home)) == LokkiConfig()
    project.load("build_dir = 'out'")
    assert project.load().build_dir == "out"


def test_a_byte_order_mark_is_skipped(project: Project) -> None:
    project.local_file.write_bytes(b"\xef\xbb\xbfbuild_dir = 'caf\xc3\xa9'\r\n")
    assert project.load().build_dir == "café"


HELLO = """
import os, sys
import lokki
before = set(sys.modules)
from lokki.config import load_config
os.chdir(os.sep)
load_config(env={}, home="/nowhere")
print(" ".join(sorted(set(sys.modules) - before)))
"""


def test_a_plain_run_imports_next_to_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", HELLO], capture_output=True, text=True, check=True)
    heavy = {"tomllib", "yaml", "difflib", "pathlib", "logging", "lokki.config.check", "lokki.config.files"}
    assert not heavy & set(done.stdout.split())
    assert "lokki.config.load" in done.stdout
