"""Settings that are put into a lokki.toml, which stays what it was otherwise."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lokki_cli.errors import OperationError
from lokki_cli.ops import configfile

SETTINGS = {"artifact_bucket": "our-bucket", "image_repository": "reg/lokki"}


def written(path: Path, before: str | None) -> str:
    file = path / "lokki.toml"
    if before is not None:
        file.write_text(before)
    configfile.write(file, SETTINGS)
    return file.read_text()


def test_a_new_file(tmp_path: Path) -> None:
    text = '[aws]\nartifact_bucket = "our-bucket"\nimage_repository = "reg/lokki"\n'
    assert written(tmp_path, None) == text
    assert "\n".join(configfile.lines(SETTINGS)) + "\n" == text


def test_a_file_without_the_table(tmp_path: Path) -> None:
    assert written(tmp_path, "build_dir = 'x'") == (
        'build_dir = \'x\'\n\n[aws]\nartifact_bucket = "our-bucket"\nimage_repository = "reg/lokki"\n'
    )


def test_a_table_that_is_there(tmp_path: Path) -> None:
    before = '# ours\n[aws] # where\nregion = "eu-west-1"\n[aws.tags]\na = "b"\n'
    assert written(tmp_path, before) == (
        '# ours\n[aws] # where\nartifact_bucket = "our-bucket"\nimage_repository = "reg/lokki"\n'
        'region = "eu-west-1"\n[aws.tags]\na = "b"\n'
    )


def test_what_is_set_already_stays(tmp_path: Path) -> None:
    first = written(tmp_path, None)
    assert written(tmp_path, None) == first


def test_what_is_set_otherwise_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OperationError, match=r"aws.artifact_bucket is 'mine' already, not 'our-bucket'\. Edit it\."):
        written(tmp_path, "[aws]\nartifact_bucket = 'mine'\n")


@pytest.mark.parametrize("before", ["aws = { region = 'x' }\n", "aws.region = 'x'\n"])
def test_a_table_in_an_unusual_spelling_is_left_to_its_author(tmp_path: Path, before: str) -> None:
    with pytest.raises(OperationError, match=r"the settings could not be added\. Add them by hand\."):
        written(tmp_path, before)
    assert (tmp_path / "lokki.toml").read_text() == before


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(OperationError, match="it is no TOML"):
        written(tmp_path, "[aws")
    (tmp_path / "lokki.toml").write_bytes(b"\xff")
    with pytest.raises(OperationError, match="it cannot be read"):
        written(tmp_path, None)
    with pytest.raises(OperationError, match="it cannot be written"):
        configfile.write(tmp_path / "no" / "lokki.toml", SETTINGS)


@given(st.dictionaries(st.sampled_from(["region", "endpoint", "x"]), st.text(max_size=9)), st.booleans())
def test_everything_else_stays(present: dict[str, str], with_table: bool) -> None:
    """Whatever was in the file reads back as it was."""
    import json
    from tempfile import TemporaryDirectory

    body = "".join(f"{key} = {json.dumps(value)}\n" for key, value in present.items())
    text = f"[aws]\n{body}[local]\nworkers = 3\n" if with_table else "[local]\nworkers = 3\n"
    try:
        before = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # JSON knows escapes that TOML does not
    with TemporaryDirectory() as folder:
        after = tomllib.loads(written(Path(folder), text))
    assert after["local"] == before["local"]
    assert after["aws"] == {**before.get("aws", {}), **SETTINGS}


def test_which_file_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    inner = tmp_path / "flows" / "birds"
    inner.mkdir(parents=True)
    assert configfile.place(inner) == inner / "lokki.toml"
    (tmp_path / "lokki.toml").touch()
    assert configfile.place(inner) == tmp_path / "lokki.toml"
    (tmp_path / "flows" / "lokki.yml").touch()
    assert configfile.place(inner) is None
