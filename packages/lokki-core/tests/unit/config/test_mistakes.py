"""What people are told about mistakes: where, what, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from lokki.errors import ConfigError

from .conftest import Project


def complaint(project: Project, local: str) -> str:
    with pytest.raises(ConfigError) as caught:
        project.load(local)
    return str(caught.value).replace(str(project.folder), "DIR")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[aws]\nartifact_bukcet = 'b'",
            "aws.artifact_bukcet (from file DIR/lokki.toml): is not a known key. Did you mean aws.artifact_bucket?",
        ),
        ("[lamda]\ntimeout = 1", "lamda (from file DIR/lokki.toml): is not a known key. Did you mean lambda?"),
        ("[awz]", "awz (from file DIR/lokki.toml): is not a known key. Did you mean aws?"),
        (
            "artifact_bucket = 'b'",
            "artifact_bucket (from file DIR/lokki.toml): is not a known key. Did you mean aws.artifact_bucket?",
        ),
        (
            "[aws]\nsubnets = []",
            (
                "aws.subnets (from file DIR/lokki.toml): is not a known key. "
                "Did you mean lambda.vpc.subnets or batch.subnets?"
            ),
        ),
        (
            "[build]\nzzz = 1",
            "build.zzz (from file DIR/lokki.toml): is not a known key. Known here: build.dependencies.",
        ),
        (
            '"aws.region" = "eu-west-1"',
            "aws.region (from file DIR/lokki.toml): is not a known key. Write it without quotes, or under its table.",
        ),
        (
            "aws = 5",
            (
                "aws (from file DIR/lokki.toml): must be a table. "
                "Known here: aws.artifact_bucket, aws.image_repository, "
                "aws.region, aws.endpoint, aws.environment, aws.kms_key, aws.failure_topic, aws.tags, aws.policies, "
                "aws.roles.pipeline, aws.roles.lambda, aws.roles.batch."
            ),
        ),
        (
            "[lambda]\ntimeout = 901",
            "lambda.timeout (from file DIR/lokki.toml): must be at least 1 and at most 900 seconds, not 901.",
        ),
        (
            "[lambda]\ntimeout = '60'",
            (
                'lambda.timeout (from file DIR/lokki.toml): must be a whole number of seconds, not the text "60". '
                "Write it without quotes."
            ),
        ),
        (
            "[lambda]\ntimeout = true",
            "lambda.timeout (from file DIR/lokki.toml): must be a whole number of seconds, not true.",
        ),
        (
            "[lambda]\npython = 3.12",
            (
                "lambda.python (from file DIR/lokki.toml): must be a text, not the number 3.12. "
                'Write it in quotes: "3.12".'
            ),
        ),
        (
            "build_dir = 1979-05-27",
            "build_dir (from file DIR/lokki.toml): must be a text, not a date.",
        ),
        (
            "build_dir = true",
            'build_dir (from file DIR/lokki.toml): must be a text, not true. Write it in quotes: "true".',
        ),
        (
            "[batch]\nsubnets = 'subnet-1'",
            (
                'batch.subnets (from file DIR/lokki.toml): must be a list of texts, not the text "subnet-1". '
                'Write it in brackets: ["subnet-1"].'
            ),
        ),
        (
            "[batch]\nsubnets = ['a', 1]",
            "batch.subnets[1] (from file DIR/lokki.toml): must be a text, not the number 1.",
        ),
        (
            "[lambda.env]\nTOKEN = 1234",
            "lambda.env.TOKEN (from file DIR/lokki.toml): must be a text, not a number. Write it in quotes.",
        ),
        (
            "[lambda]\nenv = 'TOKEN=hunter2'",
            "lambda.env (from file DIR/lokki.toml): must be a table of texts, not a text.",
        ),
        (
            "[aws.tags]\nteam = []",
            "aws.tags.team (from file DIR/lokki.toml): must be a text, not a list.",
        ),
        (
            "[aws]\npolicies = {}",
            (
                "aws.policies (from file DIR/lokki.toml): must be a list of IAM statements, not a table. "
                "Write each as [[aws.policies]]."
            ),
        ),
        (
            "[aws]\nendpoint = 'ftp://me:hunter2@host'",
            (
                "aws.endpoint (from file DIR/lokki.toml): must be a URL with http:// or https://, "
                'not "ftp://me:********@host".'
            ),
        ),
        (
            f"[aws]\nregion = '{'X' * 100}'",
            f'aws.region (from file DIR/lokki.toml): must be a region\'s name, as eu-west-1, not "{"X" * 60}…".',
        ),
        ("a = = 1", "DIR/lokki.toml:1:5: is not valid TOML: invalid value."),
        (
            "build_dir = 'x'\n[aws",
            "DIR/lokki.toml:2:5: is not valid TOML: expected ']' at the end of a table declaration.",
        ),
        (
            "build_dir = 'x'\nbuild_dir = 'y'\n",
            "DIR/lokki.toml:2:16: is not valid TOML: cannot overwrite a value.",
        ),
    ],
)
def test_one_mistake(project: Project, text: str, message: str) -> None:
    assert complaint(project, text) == message


def test_the_error_names_key_origin_and_hint(project: Project) -> None:
    with pytest.raises(ConfigError) as caught:
        project.load(env={"LOKKI_ARTIFACT_BUCKET": "s3://b"})
    error = caught.value
    assert (error.key, error.origin, error.exit_code) == ("aws.artifact_bucket", "env LOKKI_ARTIFACT_BUCKET", 2)
    assert str(error).startswith("aws.artifact_bucket (from env LOKKI_ARTIFACT_BUCKET): must be a bucket's name")


def test_all_mistakes_at_once(project: Project) -> None:
    with pytest.raises(ConfigError) as caught:
        project.load(
            "[aws]\nregoin = 'x'\n[lambda]\nmemory = 1\n[lambda.env]\nA = 1\nB = 2",
            everywhere="[loging]\nlevel = 'INFO'",
            env={"LOKKI_STORE_TYPE": "disk"},
            overrides={"local.workers": "many", "nothing.at.all": 1},
        )
    first, *others = str(caught.value).splitlines()
    assert first == "configuration: 8 mistakes:"
    assert [line.split(" (from ")[0] for line in others] == [
        "  loging",
        "  aws.regoin",
        "  lambda.memory",
        "  lambda.env.A",
        "  lambda.env.B",
        "  local.store_type",
        "  local.workers",
        "  nothing",
    ]
    assert '(from option): must be a whole number, not the text "many".' in others[6]


def test_two_broken_files_and_a_wrong_variable_are_one_error(project: Project) -> None:
    with pytest.raises(ConfigError) as caught:
        project.load("[", everywhere="]", env={"LOKKI_LOG_LEVEL": "LOUD"})
    assert str(project.local_file) in str(caught.value)
    assert str(project.global_file) in str(caught.value)
    assert "LOKKI_LOG_LEVEL" in str(caught.value)


def test_a_scalar_that_replaces_a_table_is_blamed_on_its_own_file(project: Project) -> None:
    with pytest.raises(ConfigError, match=f"lambda .from file {project.local_file}.: must be a table"):
        project.load("lambda = 1", everywhere="[lambda]\ntimeout = 5")


def test_an_entry_is_blamed_on_the_file_it_stands_in(project: Project) -> None:
    with pytest.raises(ConfigError, match=rf"lambda\.env\.A .from file {project.global_file}\): must be a text"):
        project.load("[lambda.env]\nB = '2'", everywhere="[lambda.env]\nA = 1")


def test_a_folder_called_lokki_toml(project: Project) -> None:
    project.local_file.mkdir()
    with pytest.raises(ConfigError, match=r"lokki\.toml: is a folder, not a file\. Rename or remove it\."):
        project.load()


def test_a_link_to_nowhere(project: Project) -> None:
    project.local_file.symlink_to(project.folder / "nowhere")
    with pytest.raises(ConfigError, match=r"lokki\.toml: cannot be read: No such file or directory\."):
        project.load()


def test_a_file_that_is_not_utf8(project: Project) -> None:
    project.local_file.write_bytes("# ok\nbuild_dir = 'café'".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"lokki\.toml:2: is not UTF-8 text\. Save the file as UTF-8\."):
        project.load()


def test_a_file_nested_beyond_reason(project: Project) -> None:
    with pytest.raises(ConfigError, match=r"lokki\.toml: is not valid TOML: nested too deeply"):
        project.load("a = " + "[" * 100_000)


def test_a_path_is_named_in_full(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.folder)
    Path("lokki.toml").write_text("x = 1")
    assert complaint(project, "x = 1").startswith("x (from file DIR/lokki.toml)")
