"""Older spellings: the version-1 lokki.yml and keys that were renamed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from lokki.errors import ConfigError, MissingPackageError

from .conftest import Project

V1 = """
artifact_bucket: my-bucket
roles:
  pipeline: arn:p
  lambda: arn:l
  batch: arn:b
lambda_env:
  LOG_LEVEL: INFO
ecr_repo_prefix: registry/project
build_dir: out
lambda_defaults:
  timeout: 60
  memory: 1024
  image_tag: latest
"""


def yml(project: Project, text: str, *, everywhere: bool = False) -> Path:
    path = (project.global_file if everywhere else project.local_file).with_name("lokki.yml")
    path.write_text(text, encoding="utf-8")
    return path


def test_every_key_of_version_1(project: Project) -> None:
    path = yml(project, V1)
    config = project.load()
    assert config.aws.artifact_bucket == "my-bucket"
    assert config.aws.image_repository == "registry/project"
    assert (config.aws.roles.pipeline, config.aws.roles.lambda_, config.aws.roles.batch) == ("arn:p", "arn:l", "arn:b")
    assert config.build_dir == "out"
    assert config.lambda_.env == {"LOG_LEVEL": "INFO"}
    assert (config.lambda_.timeout, config.lambda_.memory, config.lambda_.image_tag) == (60, 1024, "latest")
    assert config.origin("lambda.timeout") == f"file {path}"
    assert config.warnings == ()


def test_a_global_yml_lies_below_a_local_toml(project: Project) -> None:
    yml(project, V1, everywhere=True)
    config = project.load("[lambda]\nmemory = 256\n[lambda.env]\nA = '1'")
    assert (config.lambda_.timeout, config.lambda_.memory) == (60, 256)
    assert config.lambda_.env == {"LOG_LEVEL": "INFO", "A": "1"}


def test_toml_wins_over_yml_beside_it_with_a_warning(project: Project) -> None:
    local, everywhere = yml(project, "not: [valid"), yml(project, V1, everywhere=True)
    config = project.load("build_dir = 'new'", everywhere="")
    assert config.build_dir == "new"
    assert config.aws.artifact_bucket == ""
    assert len(config.warnings) == 2
    assert str(everywhere) in config.warnings[0]
    assert config.warnings[1].startswith(f"{local} is ignored because lokki.toml lies beside it")


@pytest.mark.parametrize("text", ["", "# nothing\n", "roles:\nbuild_dir:\nlambda_defaults:\n  timeout:\n"])
def test_what_is_left_empty_is_not_set(project: Project, text: str) -> None:
    yml(project, text)
    config = project.load()
    assert (config.build_dir, config.lambda_.timeout, config.origin("build_dir")) == ("lokki-build", 900, "default")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "artefact_bucket: b",
            r"artefact_bucket \(from file .*\): is not a known key\. Did you mean artifact_bucket\?",
        ),
        ("lambda_defaults: {timout: 1}", r"lambda_defaults\.timout .* Did you mean lambda_defaults\.timeout\?"),
        ("aws: {region: x}", r"aws \(.*\): is not a known key\. Newer keys are read from lokki\.toml\."),
        ("roles: arn", r"roles \(from file .*lokki\.yml\): must be a table\."),
        ("1: 2", r"1 \(from file .*\): is not a known key\. Known here: "),
        ("lambda_env: {PORT: 8080}", r"lambda\.env\.PORT \(from file .*\): must be a text, not a number\. Write it in"),
        ("lambda_env: {NOTHING: }", r"lambda\.env\.NOTHING .*must be a text, not nothing"),
        ("lambda_defaults: {timeout: 10000}", r"lambda\.timeout .*lokki\.yml\): must be at least 1 and at most 900"),
        ("- a\n- b", r"lokki\.yml: must hold keys and values at its top"),
        ("a: [1,\nb: 2", r"lokki\.yml:\d+:\d+: is not valid YAML: "),
        ("a: 1\n\tb: 2", r"lokki\.yml:2:1: is not valid YAML: "),
        ("a: \x01", r"lokki\.yml: is not valid YAML: "),
        ("when: 2024-13-45", r"lokki\.yml: is not valid YAML: month must be"),
        ("a: !!python/object/apply:os.getcwd []", r"lokki\.yml:1:4: is not valid YAML: could not determine"),
    ],
)
def test_mistakes(project: Project, text: str, message: str) -> None:
    yml(project, text)
    with pytest.raises(ConfigError, match=message):
        project.load()


def test_without_pyyaml_the_extra_is_named(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    yml(project, V1)
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MissingPackageError, match=r"lokki\.yml needs the package lokki-core\[yaml\]"):
        project.load()
    assert project.load("build_dir = 'toml'").build_dir == "toml"


def test_a_renamed_key_is_read_with_a_warning(project: Project) -> None:
    config = project.load("[aws]\necr_repo_prefix = 'registry/x'")
    assert config.aws.image_repository == "registry/x"
    assert config.origin("aws.image_repository") == f"file {project.local_file}"
    assert config.warnings == (
        f"{project.local_file}: aws.ecr_repo_prefix is now called aws.image_repository and should be renamed.",
    )


def test_beside_its_new_name_a_renamed_key_is_ignored(project: Project) -> None:
    config = project.load("[aws]\necr_repo_prefix = 'old'\nimage_repository = 'new'")
    assert config.aws.image_repository == "new"
    assert "ignored beside it" in config.warnings[0]
