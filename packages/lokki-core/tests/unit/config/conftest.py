from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from lokki.config import LokkiConfig, load_config


class Project:
    """A home folder and a flow's folder on disk, and the configuration they make."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.folder = root / "work" / "project"
        self.global_file = self.home / ".lokki" / "lokki.toml"
        self.local_file = self.folder / "lokki.toml"
        self.global_file.parent.mkdir(parents=True)
        self.folder.mkdir(parents=True)

    def load(
        self,
        local: str | None = None,
        *,
        everywhere: str | None = None,
        env: Mapping[str, str] | None = None,
        overrides: Mapping[str, object] | None = None,
    ) -> LokkiConfig:
        """Load with `local` and `everywhere` as the texts of the local and the global lokki.toml; None: no change."""
        if local is not None:
            self.local_file.write_text(local, encoding="utf-8")
        if everywhere is not None:
            self.global_file.write_text(everywhere, encoding="utf-8")
        return load_config(str(self.folder), overrides=overrides, env=env or {}, home=str(self.home))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    return Project(tmp_path)
