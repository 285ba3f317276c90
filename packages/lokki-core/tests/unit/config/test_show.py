"""What people and programs see of a configuration."""

from __future__ import annotations

import json

import pytest
from lokki.config import LokkiConfig
from lokki.config.redact import HIDDEN, is_secret_name, without_password
from lokki.config.schema import KEYS
from lokki.config.show import describe, render, to_dict

from .conftest import Project

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db"
SECRETS: dict[str, object] = {
    "lambda.env": {"API_TOKEN": "hunter2", "EMPTY_KEY": "", "URL": "postgres://me:hunter2@db/x", "MODE": "full"},
    "batch.env": {"db_password": "hunter2"},
    "aws.tags": {"Key": "visible"},
    "aws.endpoint": "http://me:hunter2@localhost",
    "aws.policies": [{"Effect": "Allow", "Action": ["a"], "Resource": "http://me:hunter2@x"}],
    "secrets.secret_arns": {"DB_PASSWORD": ARN},
    "include.paths": ["a", "b"],
}


def test_every_key_is_described_in_order() -> None:
    rows = describe(LokkiConfig())
    assert [key for key, _, _ in rows] == list(KEYS)
    assert {origin for _, _, origin in rows} == {"default"}
    values = {key: value for key, value, _ in rows}
    assert values["local.workers"] == "none"
    assert values["lambda.timeout"] == "900"
    assert values["logging.show_timestamps"] == "true"
    assert values["aws.region"] == '"us-east-1"'
    assert values["lambda.env"] == "{}"
    assert values["include.paths"] == "[]"


def test_entries_have_rows_and_origins_of_their_own(project: Project) -> None:
    config = project.load("[lambda.env]\nB = '2'", everywhere="[lambda.env]\nA = '1'")
    assert [row for row in describe(config) if row[0].startswith("lambda.env")] == [
        ("lambda.env.A", '"1"', f"file {project.global_file}"),
        ("lambda.env.B", '"2"', f"file {project.local_file}"),
    ]


def test_secrets_are_hidden_and_arns_are_not() -> None:
    config = LokkiConfig(SECRETS, {f"{path}.x": "option" for path in SECRETS})
    values = {key: value for key, value, _ in describe(LokkiConfig(SECRETS, dict.fromkeys(_entries(), "option")))}
    assert values["lambda.env.API_TOKEN"] == values["batch.env.db_password"] == f'"{HIDDEN}"'
    assert values["lambda.env.EMPTY_KEY"] == '""'
    assert values["lambda.env.URL"] == f'"postgres://me:{HIDDEN}@db/x"'
    assert values["lambda.env.MODE"] == '"full"'
    assert values["aws.tags.Key"] == '"visible"'
    assert values["aws.endpoint"] == f'"http://me:{HIDDEN}@localhost"'
    assert values["secrets.secret_arns.DB_PASSWORD"] == f'"{ARN}"'
    assert values["include.paths"] == '["a", "b"]'
    assert "hunter2" not in json.dumps(to_dict(config))
    assert "hunter2" not in repr(config)


def _entries() -> list[str]:
    return [f"{path}.{name}" for path, value in SECRETS.items() if isinstance(value, dict) for name in value]


def test_a_dict_for_json_has_the_tables_of_a_file() -> None:
    config = LokkiConfig(SECRETS | {"lambda.vpc.subnets": ("s1",)})
    shown = to_dict(config)
    assert list(shown) == ["build_dir", "aws", "lambda", "batch", "build", "local", "logging", "secrets", "include"]
    assert json.loads(json.dumps(shown)) == shown
    assert to_dict(config)["include"] == {"paths": ["a", "b"]}
    plain = to_dict(config, hide=False)
    assert plain["batch"] == {**_table(shown, "batch"), "env": {"db_password": "hunter2"}}
    assert _table(plain, "lambda")["vpc"] == {"subnets": ["s1"], "security_groups": []}
    assert _table(plain, "aws")["policies"] == SECRETS["aws.policies"]


def _table(tree: dict[str, object], name: str) -> dict[str, object]:
    found = tree[name]
    assert isinstance(found, dict)
    return found


def test_rendered_lines_are_aligned() -> None:
    lines = render(LokkiConfig()).splitlines()
    assert len(lines) == len(KEYS)
    assert lines[0] == 'build_dir                   "lokki-build"  default'
    assert {line.index("  default") + 2 for line in lines if line.endswith('"image"        default')} == {43}
    assert all(line.endswith("default") and len(line) <= 80 for line in lines)


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_what_does_not_fit_goes_below(project: Project, width: int) -> None:
    globs = [f"data/some-folder-{number}/*.csv" for number in range(8)]
    config = project.load(
        f"[include]\npaths = {json.dumps(globs)}\n[lambda]\ntimeout = 5", env={"LOKKI_LOG_LEVEL": "DEBUG"}
    )
    text = render(config, width)
    longest = max(len(str(project.local_file)) + 4, width)
    assert all(len(line) <= longest for line in text.splitlines())
    assert " ".join(text.split()).count(f"file {project.local_file}") == 2
    assert json.dumps(globs) in " ".join(text.split())
    assert all(key in text for key in KEYS)
    assert not text.endswith("\n")


def test_an_origin_too_long_for_its_line_stands_alone_below(project: Project) -> None:
    project.load("build_dir = 'b'")
    first, second, *_ = render(project.load(), 60).splitlines()
    assert first.split() == ["build_dir", '"b"']
    assert second == f"    file {project.local_file}" or len(second) > 60 or second == "    file"


@pytest.mark.parametrize(
    "name",
    [
        "API_TOKEN",
        "aws_secret_access_key",
        "DB_PASSWORD",
        "PGPASSWD",
        "DB_PASS",
        "SSH_KEY",
        "GOOGLE_CREDENTIALS",
        "AUTH",
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["LOG_LEVEL", "PORT", "AUTHOR", "BYPASS_CACHE", "REGION", "SPINNER"])
def test_names_of_no_secrets(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://u:p@h/db", f"postgres://u:{HIDDEN}@h/db"),
        ("redis://:p@h", f"redis://:{HIDDEN}@h"),
        ("https://u:p@ss@h/x", f"https://u:{HIDDEN}@h/x"),
        ("a http://u:p@h and http://v:q@i", f"a http://u:{HIDDEN}@h and http://v:{HIDDEN}@i"),
        ("http://localhost:4566", "http://localhost:4566"),
        ("https://u@h:80/x", "https://u@h:80/x"),
        ("me@example.com", "me@example.com"),
    ],
)
def test_passwords_in_urls(text: str, shown: str) -> None:
    assert without_password(text) == shown
